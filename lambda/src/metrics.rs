//! What CloudWatch counts: one line in the embedded metric format for every run
//! (`facts/aws.md`, section 6). `docs/operations.md` says what each metric means.

use serde_json::{Value, json};
use sync_core::report::{Finding, FindingKind, HookResult, Report, Severity};

/// The namespace of every metric.
pub(crate) const NAMESPACE: &str = "sgsync";

/// The dimensions of every metric, all of them together.
pub(crate) const DIMENSIONS: [&str; 2] = ["mesh", "member"];

/// A metric: its name, its unit, and how to read it off a report. None is no data point.
pub(crate) struct Metric {
    /// The name, in CloudWatch's spelling.
    pub name: &'static str,
    /// The unit, in CloudWatch's spelling.
    pub unit: &'static str,
    /// Its value in one run.
    value: fn(&Report) -> Option<usize>,
}

/// Every metric.
pub(crate) const METRICS: [Metric; 7] = [
    Metric {
        name: "PeersStale",
        unit: "Count",
        value: |report| Some(of_kind(report, FindingKind::PeerStale)),
    },
    Metric {
        name: "RemovalsHeld",
        unit: "Count",
        value: |report| Some(report.targets.iter().map(|target| target.held.len()).sum()),
    },
    Metric { name: "Failures", unit: "Count", value: |report| Some(failures(report)) },
    Metric {
        name: "QuotaUsedPercent",
        unit: "Percent",
        value: |report| {
            let used = report.targets.iter().filter_map(|target| target.quota_used_percent);
            used.max().and_then(|percent| usize::try_from(percent).ok())
        },
    },
    Metric {
        name: "HooksAbandoned",
        unit: "Count",
        value: |report| Some(answered(report, HookResult::Abandon)),
    },
    Metric {
        name: "HooksRetried",
        unit: "Count",
        value: |report| Some(answered(report, HookResult::Retry)),
    },
    Metric {
        name: "Findings",
        unit: "Count",
        value: |report| {
            let findings = report.findings.iter();
            Some(findings.filter(|finding| finding.severity != Severity::Info).count())
        },
    },
];

/// What could not be done or seen. A true-up whose targets fail ends well for Lambda, so
/// nothing else would tell. Held removals are no failure, and have a metric of their own.
fn failures(report: &Report) -> usize {
    let failed = |finding: &&Finding| {
        finding.severity == Severity::Error && finding.kind != FindingKind::HeldRemovals
    };
    report.findings.iter().filter(failed).count()
}

fn of_kind(report: &Report, kind: FindingKind) -> usize {
    report.findings.iter().filter(|finding| finding.kind == kind).count()
}

fn answered(report: &Report, result: HookResult) -> usize {
    report.hooks.iter().filter(|hook| hook.result == result).count()
}

/// Writes a run's metrics to the log, from where CloudWatch takes them.
pub(crate) fn log(report: &Report, now_ms: i64) {
    println!("{}", line(report, now_ms));
}

/// The line. `now_ms` is the time in milliseconds since 1970.
fn line(report: &Report, now_ms: i64) -> Value {
    let mut line = json!({ DIMENSIONS[0]: report.mesh, DIMENSIONS[1]: report.member });
    let mut named = Vec::new();
    for metric in &METRICS {
        if let Some(value) = (metric.value)(report) {
            line[metric.name] = json!(value);
            named.push(json!({ "Name": metric.name, "Unit": metric.unit }));
        }
    }
    line["_aws"] = json!({
        "Timestamp": now_ms,
        "CloudWatchMetrics": [
            { "Namespace": NAMESPACE, "Dimensions": [DIMENSIONS], "Metrics": named }
        ],
    });
    line
}

#[cfg(test)]
mod tests;
