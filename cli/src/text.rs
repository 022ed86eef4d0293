//! Reports and meshes for people.

use std::fmt::Write as _;

use anstyle::Style;
use jiff::Timestamp;
use sync_core::mesh::Mesh;
use sync_core::names::{AsgName, SecurityGroupId};
use sync_core::report::{
    Action, Change, GroupReport, Report, RowStatus, Severity, TargetReport, TargetStatus, Why,
};

use crate::screen::{BAD, GOOD, HEADING, OTHERS, WAITS, paint};

/// A valid mesh document, in a few lines.
pub(crate) fn mesh(mesh: &Mesh) -> String {
    let mut out = format!("mesh {} is valid\n", mesh.name);
    let allow: Vec<String> = mesh.allow.iter().map(|allow| allow.traffic.to_string()).collect();
    line(&mut out, format_args!("  allow   {}", allow.join(", ")));
    for member in &mesh.members {
        let groups: Vec<&str> = member.auto_scaling_groups.iter().map(AsgName::as_str).collect();
        let targets = member.targets();
        let targets: Vec<&str> = targets.iter().map(SecurityGroupId::as_str).collect();
        line(
            &mut out,
            format_args!(
                "  member  {} in {}: {} -> {}",
                member.name,
                member.region,
                groups.join(", "),
                targets.join(", ")
            ),
        );
    }
    out
}

/// A report.
pub(crate) fn report(report: &Report) -> String {
    let mut out = String::new();
    let what = if report.dry_run { "plan" } else { "apply" };
    line(&mut out, format_args!("{what} for mesh {}", report.mesh));
    for group in &report.groups {
        line(&mut out, format_args!("  {}: {} {}", group.member, group.asg, size(group)));
    }
    for target in &report.targets {
        write_target(&mut out, target, report.dry_run);
    }
    if !report.findings.is_empty() {
        line(&mut out, format_args!("\nfindings"));
    }
    for finding in &report.findings {
        let severity = format!("{:?}", finding.severity).to_lowercase();
        let severity = match finding.severity {
            Severity::Info => severity,
            Severity::Warning => paint(WAITS, severity),
            Severity::Error => paint(BAD, severity),
        };
        line(&mut out, format_args!("  {severity}: {}: {}", finding.subject, finding.detail));
    }
    line(&mut out, format_args!("\n{}", summary(report)));
    out
}

/// How many are in a group; what could not be seen is not nobody (promise 2).
fn size(group: &GroupReport) -> String {
    match (group.row, group.instances) {
        (RowStatus::Unknown, _) => "could not be observed".to_owned(),
        (_, 1) => "has 1 instance".to_owned(),
        (_, count) => format!("has {count} instances"),
    }
}

fn write_target(out: &mut String, target: &TargetReport, dry_run: bool) {
    let status = status(target.status, dry_run);
    let name = paint(HEADING, &target.security_group);
    line(out, format_args!("\n{name} in {}: {status}", target.region));
    if target.status != TargetStatus::Unreachable {
        let (kept, foreign) = (target.kept, target.foreign);
        let rules = if kept == 1 { "rule" } else { "rules" };
        line(out, format_args!("  {kept} {rules} in place, {foreign} of others"));
    }
    for change in &target.changes {
        let (mark, style) = mark(change.action);
        let mark = paint(style, format_args!("{mark} {}", change.permission));
        line(out, format_args!("  {mark}  {}", reason(change, dry_run)));
    }
    if let Some(error) = &target.error {
        line(out, format_args!("  {} {error}", paint(BAD, "error:")));
    }
}

fn mark(action: Action) -> (char, Style) {
    match action {
        Action::Add => ('+', GOOD),
        Action::Revoke => ('-', BAD),
        Action::Held | Action::OverQuota => ('!', WAITS),
        Action::Frozen => ('?', WAITS),
        Action::Foreign => ('~', OTHERS),
    }
}

/// For whom a change is, and why, in a few words.
fn reason(change: &Change, dry_run: bool) -> String {
    let who = match (&change.instance, &change.member, &change.asg) {
        (Some(instance), Some(member), Some(asg)) => format!("{instance} of {member}/{asg}"),
        (Some(instance), Some(member), None) => format!("{instance} of {member}"),
        (Some(instance), None, _) => instance.to_string(),
        (None, Some(member), _) => format!("of {member}"),
        (None, None, _) => "of no member that it names".to_owned(),
    };
    let why = match change.why {
        Why::InGroup => None,
        Why::Missing if dry_run => Some("is missing although it was wanted before".to_owned()),
        Why::Missing => Some("was missing although it was wanted before".to_owned()),
        Why::Departed => Some("the instance is leaving".to_owned()),
        Why::NoLongerDesired => Some("no row wants it any more".to_owned()),
        Why::MemberRemoved => Some("the document names no such member".to_owned()),
        Why::Superseded => Some("other rules open all of it".to_owned()),
        Why::Split => Some("the block splits; other rules open what stays".to_owned()),
    };
    let rule = change.rule.as_ref().map(|rule| match change.action {
        Action::Foreign => {
            format!("granted by {rule}, which is not the mesh's: see `sgsync adopt`")
        }
        _ => rule.to_string(),
    });
    let fate = match change.action {
        Action::Held => Some("held: removed only with --allow-removals"),
        Action::OverQuota => Some("left out: the group is full"),
        Action::Frozen => Some("kept: its member is not fully known"),
        Action::Add | Action::Revoke | Action::Foreign => None,
    };
    let why = why.filter(|_| change.action != Action::Foreign);
    let parts = [Some(who), why, rule, fate.map(str::to_owned)];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn status(status: TargetStatus, dry_run: bool) -> String {
    match status {
        TargetStatus::InSync => paint(GOOD, "in sync"),
        TargetStatus::Changed if dry_run => paint(WAITS, "changes pending"),
        TargetStatus::Changed => paint(GOOD, "changed"),
        TargetStatus::Held => paint(WAITS, "removals held"),
        TargetStatus::Partial => {
            paint(BAD, if dry_run { "not all can be done" } else { "partly done" })
        }
        TargetStatus::Unreachable => paint(BAD, "unreachable"),
        TargetStatus::Failed => paint(BAD, "failed"),
    }
}

fn summary(report: &Report) -> String {
    let count = |list: fn(&TargetReport) -> &Vec<String>| -> usize {
        report.targets.iter().map(|target| list(target).len()).sum()
    };
    let (added, revoked) = (count(|t| &t.added), count(|t| &t.revoked));
    let held = count(|t| &t.held);
    let mut out = match (report.dry_run, added + revoked) {
        (_, 0) if report.has_errors() => "nothing to change in what could be seen".to_owned(),
        (_, 0) => "nothing to change".to_owned(),
        (true, _) => format!("to add: {added}, to revoke: {revoked}; run `sgsync apply` to do it"),
        (false, _) => format!("added: {added}, revoked: {revoked}"),
    };
    if held > 0 {
        let _ = write!(out, "; held: {held}, `sgsync apply --allow-removals` removes them");
    }
    if report.has_errors() {
        out += "; not everything is as it should be, see the findings";
    }
    out
}

/// How long ago something was, in a word or two.
pub(crate) fn ago(now: Timestamp, then: Timestamp) -> String {
    let seconds = now.duration_since(then).as_secs();
    match seconds {
        ..0 => "in the future".to_owned(),
        0..120 => format!("{seconds} s ago"),
        120..7200 => format!("{} min ago", seconds / 60),
        7200..172_800 => format!("{} h ago", seconds / 3600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{text}");
}

#[cfg(test)]
mod tests {
    use sync_core::names::MeshName;
    use sync_core::report::{Finding, FindingKind, Trigger};

    use super::*;

    fn target(region: &str, status: TargetStatus) -> TargetReport {
        TargetReport {
            member: region.into(),
            region: region.into(),
            security_group: "sg-0123456789abcdef0".into(),
            status,
            added: Vec::new(),
            revoked: Vec::new(),
            held: Vec::new(),
            over_quota: Vec::new(),
            frozen: Vec::new(),
            kept: 0,
            foreign: 1,
            quota_used_percent: None,
            error: None,
            changes: Vec::new(),
        }
    }

    fn group(region: &str, instances: usize, row: RowStatus) -> GroupReport {
        GroupReport { member: region.into(), asg: "orders".into(), instances, version: None, row }
    }

    fn sample(dry_run: bool, groups: Vec<GroupReport>, targets: Vec<TargetReport>) -> Report {
        Report {
            mesh: MeshName::parse("orders-db").expect("a name"),
            member: "all".to_owned(),
            trigger: Trigger::Operator,
            dry_run,
            run_id: "run".to_owned(),
            duration_ms: 1,
            groups,
            mirrors: Vec::new(),
            targets,
            hooks: Vec::new(),
            findings: Vec::new(),
        }
    }

    fn rule(last: u8) -> String {
        format!("tcp 7000-7001 198.51.100.{last}/32")
    }

    fn change(action: Action, last: u8, why: Why) -> Change {
        let there = !matches!(action, Action::Add | Action::OverQuota);
        Change {
            action,
            permission: rule(last),
            member: Some("us-west-2".into()),
            asg: (!there).then(|| "orders".into()),
            instance: Some(format!("i-{last}").as_str().into()),
            rule: there.then(|| format!("sgr-{last}").as_str().into()),
            why,
        }
    }

    fn shown(sample: &Report) -> String {
        anstream::adapter::strip_str(&report(sample)).to_string()
    }

    #[test]
    fn a_plan_says_what_would_be_done_for_whom_and_why() {
        let pending = TargetReport {
            added: vec![rule(7), rule(6)],
            revoked: vec![rule(8)],
            kept: 2,
            changes: vec![
                change(Action::Add, 7, Why::InGroup),
                change(Action::Add, 6, Why::Missing),
                change(Action::Revoke, 8, Why::NoLongerDesired),
                change(Action::Foreign, 5, Why::InGroup),
            ],
            ..target("us-east-1", TargetStatus::Changed)
        };
        let synced = TargetReport { kept: 2, ..target("us-west-2", TargetStatus::InSync) };
        let groups = vec![
            group("us-east-1", 1, RowStatus::Written),
            group("us-west-2", 0, RowStatus::Written),
        ];
        insta::assert_snapshot!(shown(&sample(true, groups, vec![pending, synced])));
    }

    #[test]
    fn what_was_held_or_left_out_says_why() {
        let held = TargetReport {
            held: vec![rule(8), rule(9)],
            over_quota: vec![rule(7)],
            frozen: vec![rule(6)],
            changes: vec![
                change(Action::Held, 8, Why::NoLongerDesired),
                change(Action::Held, 9, Why::MemberRemoved),
                change(Action::OverQuota, 7, Why::InGroup),
                change(Action::Frozen, 6, Why::NoLongerDesired),
            ],
            ..target("us-east-1", TargetStatus::Partial)
        };
        let findings =
            vec![Finding::new(FindingKind::QuotaNear, "sg-0123", "60 of 60 rules are used")];
        let held = Report { findings, ..sample(false, Vec::new(), vec![held]) };
        insta::assert_snapshot!(shown(&held));
    }

    #[test]
    fn what_could_not_be_seen_is_not_shown_as_empty() {
        let away = TargetReport {
            error: Some("ec2:DescribeSecurityGroupRules: NoAnswer".to_owned()),
            ..target("us-west-2", TargetStatus::Unreachable)
        };
        let groups = vec![group("us-west-2", 0, RowStatus::Unknown)];
        insta::assert_snapshot!(shown(&sample(true, groups, vec![away])));
    }

    #[test]
    fn marks_are_coloured_until_a_file_takes_them() {
        let one = TargetReport {
            changes: vec![change(Action::Add, 7, Why::InGroup)],
            ..target("us-east-1", TargetStatus::Changed)
        };
        let text = report(&sample(true, Vec::new(), vec![one]));
        assert!(text.contains("\u{1b}[32m+ tcp 7000-7001 198.51.100.7/32\u{1b}[0m"), "{text:?}");
    }
}
