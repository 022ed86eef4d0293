//! What the status screen says in colours, in sentences.

use ::report::{Finding, Severity};
use sync_core::names::MemberName;

use super::finding;
use crate::status::{DeadLetterQueue, Row, Status, Target};

/// From this part of a group's quota on it is time to ask for more, as the alarm has it.
const NEARLY_FULL_PERCENT: usize = 80;

/// What a person should know, the worst first.
pub(super) fn findings(status: &Status) -> Vec<Finding> {
    let unseen = status.errors.iter().map(|error| finding(Severity::Error, &status.mesh, &error));
    let waiting = status.waiting.iter().map(|one| {
        let subject = format!("{}/{} {}", one.member, one.asg, one.instance);
        finding(
            Severity::Info,
            &subject,
            &format_args!("waits for its hook's answer: {}", one.state),
        )
    });
    let mut findings: Vec<Finding> = unseen
        .chain(status.rows.iter().flat_map(of_row))
        .chain(status.targets.iter().flat_map(of_target))
        .chain(status.dead_letters.iter().filter_map(of_queue))
        .chain(waiting)
        .collect();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings
}

fn of_row(row: &Row) -> Vec<Finding> {
    let others: Vec<&str> = row.other_in.iter().map(MemberName::as_str).collect();
    let others = others.join(", ");
    let said = [
        row.problem.clone().map(|problem| (Severity::Error, problem)),
        row.stale.then(|| (Severity::Warning, "is stale: its true-up does not run".to_owned())),
        (row.same_document == Some(false))
            .then(|| (Severity::Warning, "was written under another mesh document".to_owned())),
        (!others.is_empty())
            .then(|| (Severity::Warning, format!("is not the same in the tables of {others}"))),
    ];
    let subject = format!("row {}/{}", row.member, row.asg);
    said.into_iter().flatten().map(|(severity, text)| finding(severity, &subject, &text)).collect()
}

fn of_target(target: &Target) -> Vec<Finding> {
    let used = target.quota_used_percent;
    let said = [
        (target.held, Severity::Error, "held by the guard until `sgsync apply --allow-removals`"),
        (target.over_quota, Severity::Error, "wanted and left out: the group is full"),
        (target.frozen, Severity::Warning, "kept, because a member is not fully known"),
        (target.to_add, Severity::Info, "wanted and not there, to be added by the next run"),
        (target.to_revoke, Severity::Info, "not wanted any more, to be revoked by the next run"),
    ];
    let counted =
        said.into_iter().filter(|(count, ..)| *count > 0).map(|(count, severity, what)| {
            let rules = if count == 1 { "rule is" } else { "rules are" };
            (severity, format!("{count} {rules} {what}"))
        });
    let full = (used > NEARLY_FULL_PERCENT).then(|| {
        let what = "ask AWS for a higher quota (L-0EA8095F), then raise `rules_per_group`";
        (Severity::Warning, format!("uses {used}% of its quota: {what}"))
    });
    let all = counted.chain(full);
    all.map(|(severity, text)| finding(severity, &target.security_group, &text)).collect()
}

fn of_queue(queue: &DeadLetterQueue) -> Option<Finding> {
    let (severity, text) = match queue.messages {
        Some(0) => return None,
        Some(count) => (Severity::Error, format!("dead letters of {}: {count}", queue.member)),
        None => (Severity::Warning, format!("{} has no such queue: no stack?", queue.member)),
    };
    Some(finding(severity, &queue.queue, &text))
}
