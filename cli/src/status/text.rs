//! The status screen.

use std::fmt::Write as _;

use sync_core::names::MemberName;

use super::{Row, Status, Target};
use crate::hints;
use crate::screen::{BAD, GOOD, HEADING, WAITS, paint};
use crate::text::ago;

/// The screen.
pub(super) fn status(status: &Status) -> String {
    let mut out = format!("{} at {}\n", paint(HEADING, &status.mesh), status.at);
    let mut block = |heading: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            let _ = writeln!(out, "\n{}", paint(HEADING, heading));
        }
        for line in lines {
            let _ = writeln!(out, "  {line}");
        }
    };
    block("rows", status.rows.iter().map(|row| self::row(row, status)).collect());
    block("targets", status.targets.iter().map(target).collect());
    let waiting = status.waiting.iter().map(|one| {
        format!("{} {}/{} is {}", one.instance, one.member, one.asg, paint(WAITS, &one.state))
    });
    block("waiting for a hook's answer", waiting.collect());
    let dead = status.dead_letters.iter().filter_map(|queue| match queue.messages {
        Some(0) => None,
        Some(1) => Some(format!("{}: {} in {}", queue.member, paint(BAD, 1), queue.queue)),
        Some(count) => Some(format!("{}: {} in {}", queue.member, paint(BAD, count), queue.queue)),
        None => Some(format!("{}: no queue {}: is the stack there?", queue.member, queue.queue)),
    });
    block("dead letters", dead.collect());
    block("could not be seen", status.errors.iter().map(|error| paint(BAD, error)).collect());
    let _ = writeln!(out, "\n{}", summary(status));
    out += &hints::next(status.errors.iter().map(String::as_str));
    if status.dead_letters.iter().any(|queue| queue.messages.is_some_and(|count| count > 0)) {
        let _ = writeln!(
            out,
            "{} what became a dead letter, and what to do about it: docs/operations.md",
            paint(WAITS, "next:")
        );
    }
    out
}

fn row(row: &Row, status: &Status) -> String {
    let name = format!("{}/{}", row.member, row.asg);
    let mut parts = Vec::new();
    if let (Some(instances), Some(version), Some(at)) =
        (row.instances, row.version, row.observed_at)
    {
        let instances = counted(instances, "instance");
        parts.push(format!("{instances}, version {version}, {}", ago(status.at, at)));
    }
    if let (Some(listed), Some(instances)) = (row.listed, row.instances)
        && listed != instances
    {
        parts.push(format!("Auto Scaling lists {listed}"));
    }
    if row.stale {
        parts.push(paint(WAITS, "stale: its true-up does not run"));
    }
    if row.same_document == Some(false) {
        parts.push(paint(WAITS, "written under another mesh document"));
    }
    if !row.other_in.is_empty() {
        let others: Vec<&str> = row.other_in.iter().map(MemberName::as_str).collect();
        parts.push(paint(WAITS, format!("not the same in {}", others.join(", "))));
    }
    parts.extend(row.problem.iter().map(|problem| paint(BAD, problem)));
    if parts.is_empty() {
        parts.push(paint(BAD, "could not be read"));
    }
    format!("{name}: {}", parts.join("; "))
}

fn target(target: &Target) -> String {
    let mut parts =
        vec![if target.in_sync { paint(GOOD, "in sync") } else { paint(WAITS, "not in sync") }];
    parts.push(format!("{} owned", target.owned));
    parts.push(format!("{} of others", target.foreign));
    let full = format!("{}% of the quota", target.quota_used_percent);
    parts.push(if target.quota_used_percent > 80 { paint(WAITS, full) } else { full });
    for (count, what) in [
        (target.to_add, "to add"),
        (target.to_revoke, "to revoke"),
        (target.held, "held by the guard"),
        (target.frozen, "kept, for a member that is not fully known"),
        (target.over_quota, "left out, the group is full"),
    ] {
        if count > 0 {
            parts.push(paint(WAITS, format!("{count} {what}")));
        }
    }
    format!("{} in {}: {}", target.security_group, target.region, parts.join(", "))
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

fn summary(status: &Status) -> String {
    match status.exit_code() {
        crate::OK => paint(GOOD, "everything is in sync"),
        crate::HELD => "the guard holds removals: see `sgsync plan`".to_owned(),
        crate::PENDING => "changes are pending: see `sgsync plan`".to_owned(),
        _ => "not everything could be seen".to_owned(),
    }
}
