//! Reports and meshes for people.

use std::fmt::Write as _;

use sync_core::mesh::Mesh;
use sync_core::names::{AsgName, SecurityGroupId};
use sync_core::report::{Report, TargetReport, TargetStatus};

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
        let (name, count) = (&group.asg, group.instances);
        let instances = if count == 1 { "instance" } else { "instances" };
        line(&mut out, format_args!("  {}: {name} has {count} {instances}", group.member));
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

fn write_target(out: &mut String, target: &TargetReport, dry_run: bool) {
    let status = status(target.status, dry_run);
    line(out, format_args!("\n{} in {}: {status}", target.security_group, target.region));
    line(out, format_args!("  {} kept, {} of others", target.kept, target.foreign));
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
        (_, 0) => "nothing to change".to_owned(),
        (true, _) => format!("to add: {added}, to revoke: {revoked}; run `sgsync apply` to do it"),
        (false, _) => format!("added: {added}, revoked: {revoked}"),
    };
    if held > 0 {
        let _ = write!(out, "; held: {held}, `sgsync apply --allow-removals` removes them");
    }
    out
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{text}");
}
