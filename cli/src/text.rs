//! Reports and meshes for people.

use std::fmt::Write as _;

use sync_core::mesh::Mesh;
use sync_core::names::{AsgName, SecurityGroupId};
use sync_core::report::{GroupReport, Report, RowStatus, TargetReport, TargetStatus};

/// A valid mesh document, in a few lines.
pub(crate) fn mesh(mesh: &Mesh) -> String {
    let mut out = format!("mesh {} is valid\n", mesh.name);
    let allow: Vec<String> = mesh.allow.iter().map(|allow| allow.traffic.to_string()).collect();
    line(&mut out, format_args!("  allow   {}", allow.join(", ")));
    for member in &mesh.members {
        let groups: Vec<&str> = member.auto_scaling_groups.iter().map(AsgName::as_str).collect();
        let targets: Vec<&str> =
            member.security_groups.iter().map(SecurityGroupId::as_str).collect();
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
    line(out, format_args!("\n{} in {}: {status}", target.security_group, target.region));
    if target.status != TargetStatus::Unreachable {
        let (kept, foreign) = (target.kept, target.foreign);
        let rules = if kept == 1 { "rule" } else { "rules" };
        line(out, format_args!("  {kept} {rules} in place, {foreign} of others"));
    }
    let lists = [
        ("+", &target.added, ""),
        ("-", &target.revoked, ""),
        ("!", &target.held, "  held: more removals than the guard allows"),
        ("!", &target.over_quota, "  left out: the group is full"),
        ("?", &target.frozen, "  kept: its member is not fully known"),
    ];
    for (mark, permissions, why) in lists {
        for permission in permissions {
            line(out, format_args!("  {mark} {permission}{why}"));
        }
    }
    if let Some(error) = &target.error {
        line(out, format_args!("  error: {error}"));
    }
}

fn status(status: TargetStatus, dry_run: bool) -> &'static str {
    match status {
        TargetStatus::InSync => "in sync",
        TargetStatus::Changed if dry_run => "changes pending",
        TargetStatus::Changed => "changed",
        TargetStatus::Held => "removals held",
        TargetStatus::Partial => "partly done",
        TargetStatus::Unreachable => "unreachable",
        TargetStatus::Failed => "failed",
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

    #[test]
    fn a_plan_says_what_would_be_done() {
        let pending = TargetReport {
            added: vec![rule(7)],
            revoked: vec![rule(8)],
            kept: 1,
            ..target("us-east-1", TargetStatus::Changed)
        };
        let synced = TargetReport { kept: 2, ..target("us-west-2", TargetStatus::InSync) };
        let groups = vec![
            group("us-east-1", 1, RowStatus::Written),
            group("us-west-2", 0, RowStatus::Written),
        ];
        insta::assert_snapshot!(report(&sample(true, groups, vec![pending, synced])), @r"
        plan for mesh orders-db
          us-east-1: orders has 1 instance
          us-west-2: orders has 0 instances

        sg-0123456789abcdef0 in us-east-1: changes pending
          1 rule in place, 1 of others
          + tcp 7000-7001 198.51.100.7/32
          - tcp 7000-7001 198.51.100.8/32

        sg-0123456789abcdef0 in us-west-2: in sync
          2 rules in place, 1 of others

        to add: 1, to revoke: 1; run `sgsync apply` to do it
        ");
    }

    #[test]
    fn what_was_held_or_left_out_says_why() {
        let held = TargetReport {
            held: vec![rule(8), rule(9)],
            over_quota: vec![rule(7)],
            frozen: vec![rule(6)],
            ..target("us-east-1", TargetStatus::Partial)
        };
        let findings =
            vec![Finding::new(FindingKind::QuotaNear, "sg-0123", "60 of 60 rules are used")];
        let held = Report { findings, ..sample(false, Vec::new(), vec![held]) };
        insta::assert_snapshot!(report(&held), @r"
        apply for mesh orders-db

        sg-0123456789abcdef0 in us-east-1: partly done
          0 rules in place, 1 of others
          ! tcp 7000-7001 198.51.100.8/32  held: more removals than the guard allows
          ! tcp 7000-7001 198.51.100.9/32  held: more removals than the guard allows
          ! tcp 7000-7001 198.51.100.7/32  left out: the group is full
          ? tcp 7000-7001 198.51.100.6/32  kept: its member is not fully known

        findings
          warning: sg-0123: 60 of 60 rules are used

        nothing to change; held: 2, `sgsync apply --allow-removals` removes them
        ");
    }

    #[test]
    fn what_could_not_be_seen_is_not_shown_as_empty() {
        let away = TargetReport {
            error: Some("ec2:DescribeSecurityGroupRules: NoAnswer".to_owned()),
            ..target("us-west-2", TargetStatus::Unreachable)
        };
        let groups = vec![group("us-west-2", 0, RowStatus::Unknown)];
        insta::assert_snapshot!(report(&sample(true, groups, vec![away])), @r"
        plan for mesh orders-db
          us-west-2: orders could not be observed

        sg-0123456789abcdef0 in us-west-2: unreachable
          error: ec2:DescribeSecurityGroupRules: NoAnswer

        nothing to change in what could be seen; not everything is as it should be, see the findings
        ");
    }
}
