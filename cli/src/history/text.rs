//! A history for people.

use std::fmt::Write as _;

use super::History;
use super::line::Change;
use crate::hints;
use crate::screen::{BAD, GOOD, HEADING, OTHERS, paint};

/// The changes, newest first, two lines each.
pub(super) fn history(history: &History) -> String {
    let asked = history.asked.as_deref().unwrap_or("every change");
    let mut out = format!("{} in mesh {}, newest first\n", paint(HEADING, asked), history.mesh);
    for change in &history.changes {
        let _ = write!(out, "\n{}", one(change));
    }
    let count = history.changes.len();
    let since = history.since.strftime("%F %TZ");
    let _ = match (history.more, count) {
        (true, _) => writeln!(out, "\nthe newest {count}; --limit shows more"),
        (false, 0) => writeln!(
            out,
            "\nnothing in the functions' logs since {since}; --since looks further back"
        ),
        (false, 1) => writeln!(out, "\n1 change since {since}; --since looks further back"),
        (false, _) => writeln!(out, "\n{count} changes since {since}; --since looks further back"),
    };
    out += "what people changed is not in these logs: `sgsync apply` wrote it where it ran, and \
            CloudTrail has all of it\n";
    for error in &history.errors {
        let _ = writeln!(out, "{} {error}", paint(BAD, "error:"));
    }
    out + &hints::next(history.errors.iter().map(String::as_str))
}

/// What was done to what; then for whom, by whom and why.
fn one(change: &Change) -> String {
    let action = change.get("action").unwrap_or("unknown change");
    let (mark, style) = match action {
        "authorize" => ("+", GOOD),
        "revoke" | "forget" => ("-", BAD),
        _ => ("~", OTHERS),
    };
    let what: Vec<&str> = [Some(action), change.get("permission")].into_iter().flatten().collect();
    let mut first = format!(
        "{}  {}",
        change.at.strftime("%F %TZ"),
        paint(style, format_args!("{mark} {}", what.join(" ")))
    );
    if let Some(target) = change.get("target") {
        let _ = write!(first, " in {target}");
    }
    if let (Some(before), Some(after)) = (change.get("before"), change.get("after")) {
        let _ = write!(first, ": {before} -> {after}");
    }
    let by = change.get("who").unwrap_or(&change.log_group);
    let why = [
        change.get("instance").map(|instance| format!("for {instance}")),
        change.get("trigger").map(|trigger| format!("trigger {trigger}")),
        Some(format!("by {by}")),
        change.get("aws_request_id").map(|id| format!("AWS request {id}")),
    ];
    let why: Vec<String> = why.into_iter().flatten().collect();
    format!("{first}\n    {}\n", why.join(", "))
}
