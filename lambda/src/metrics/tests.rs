use sync_core::events::Transition;
use sync_core::names::MeshName;
use sync_core::report::{HookReport, TargetReport, TargetStatus, Trigger};

use super::*;

fn target(held: usize, quota_used_percent: Option<u64>) -> TargetReport {
    TargetReport {
        member: "us-east-1".into(),
        region: "us-east-1".into(),
        security_group: "sg-0123456789abcdef0".into(),
        status: TargetStatus::Held,
        added: Vec::new(),
        revoked: Vec::new(),
        held: vec!["tcp 7000 198.51.100.7/32".to_owned(); held],
        over_quota: Vec::new(),
        frozen: Vec::new(),
        kept: 0,
        foreign: 0,
        quota_used_percent,
        error: None,
        changes: Vec::new(),
    }
}

fn report(targets: Vec<TargetReport>) -> Report {
    let hook =
        |result| HookReport { instance: "i-1".into(), transition: Transition::Launch, result };
    Report {
        mesh: MeshName::parse("orders-db").expect("a name"),
        member: "us-east-1".to_owned(),
        trigger: Trigger::Lifecycle,
        dry_run: false,
        run_id: "run".to_owned(),
        duration_ms: 1,
        groups: Vec::new(),
        mirrors: Vec::new(),
        targets,
        hooks: vec![
            hook(HookResult::Abandon),
            hook(HookResult::Retry),
            hook(HookResult::Retry),
            hook(HookResult::Continue),
        ],
        findings: vec![
            Finding::new(FindingKind::PeerStale, "us-west-2", "last observed 21 minutes ago"),
            Finding::new(FindingKind::RowMissing, "eu-west-1", "no row yet"),
        ],
    }
}

#[test]
fn a_run_is_one_line_in_the_embedded_metric_format() {
    let report = report(vec![target(2, Some(81)), target(1, Some(40)), target(0, None)]);
    let count = |name| json!({ "Name": name, "Unit": "Count" });
    let metrics = [
        count("PeersStale"),
        count("RemovalsHeld"),
        count("Failures"),
        json!({ "Name": "QuotaUsedPercent", "Unit": "Percent" }),
        count("HooksAbandoned"),
        count("HooksRetried"),
        count("Findings"),
    ];
    let expected = json!({
        "_aws": {
            "Timestamp": 1_795_342_075_000_i64,
            "CloudWatchMetrics": [{
                "Namespace": "sgsync",
                "Dimensions": [["mesh", "member"]],
                "Metrics": metrics,
            }],
        },
        "mesh": "orders-db",
        "member": "us-east-1",
        "PeersStale": 1,
        "RemovalsHeld": 3,
        "Failures": 0,
        "QuotaUsedPercent": 81,
        "HooksAbandoned": 1,
        "HooksRetried": 2,
        "Findings": 1,
    });
    let line = line(&report, 1_795_342_075_000);
    assert_eq!(line, expected);
    assert!(!line.to_string().contains('\n'), "one line");
}

#[test]
fn every_metric_that_is_announced_has_a_value_and_the_other_way_round() {
    for targets in [Vec::new(), vec![target(0, None)], vec![target(0, Some(0))]] {
        let line = line(&report(targets), 0);
        let announced = line["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().expect("a list");
        let values = line.as_object().expect("an object").len() - 1 - DIMENSIONS.len();
        assert_eq!(announced.len(), values);
        assert!(
            announced
                .iter()
                .all(|metric| { line[metric["Name"].as_str().expect("a name")].is_number() })
        );
    }
}

#[test]
fn a_group_that_nobody_could_read_is_no_data_point() {
    assert!(line(&report(vec![target(0, None)]), 0).get("QuotaUsedPercent").is_none());
}

/// Whatever the kind: denied, gone, unavailable, not believed.
#[test]
fn what_could_not_be_done_or_seen_is_a_failure_and_nothing_else_is() {
    for (kind, expected) in [
        (FindingKind::TargetFailed, 1),
        (FindingKind::GroupMissing, 1),
        (FindingKind::MirrorUnavailable, 1),
        (FindingKind::RowRejected, 1),
        (FindingKind::HeldRemovals, 0),
        (FindingKind::Drift, 0),
        (FindingKind::PeerUnreachable, 0),
        (FindingKind::RowMissing, 0),
    ] {
        let findings = vec![Finding::new(kind, "sg-0123456789abcdef0", "detail")];
        let line = line(&Report { findings, ..report(Vec::new()) }, 0);
        assert_eq!(line["Failures"], expected, "{kind:?}");
    }
}

/// Rows of the table in the operations guide: name and unit.
#[test]
fn the_operations_guide_lists_every_metric_and_no_other() {
    let guide = include_str!("../../../docs/operations.md");
    let section = guide.split("\n## Metrics\n").nth(1).expect("a section");
    let section = section.split("\n## ").next().expect("its text");
    let written: Vec<(&str, &str)> = section
        .lines()
        .filter_map(|line| {
            let mut cells = line.split('|').map(str::trim).skip(1);
            let name = cells.next()?.strip_prefix('`')?.strip_suffix('`')?;
            Some((name, cells.next()?))
        })
        .collect();
    let known: Vec<_> = METRICS.iter().map(|metric| (metric.name, metric.unit)).collect();
    assert_eq!(written, known);
    assert!(section.contains(&format!("namespace `{NAMESPACE}`")));
    for dimension in DIMENSIONS {
        assert!(section.contains(&format!("`{dimension}`")));
    }
}
