//! An explanation for people.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::{Because, Explanation, Instance, Target};
use crate::hints;
use crate::screen::{BAD, GOOD, HEADING, WAITS, paint};
use crate::text::ago;

/// The answer to "is it admitted where, by what, because of what, or why not".
pub(super) fn explanation(explained: &Explanation, now: Timestamp) -> String {
    let mut out = String::new();
    let mut line = |text: String| {
        let _ = writeln!(out, "{text}");
    };
    line(format!("{} in mesh {}", paint(HEADING, &explained.asked), explained.mesh));
    for instance in &explained.instances {
        line(format!("  {}", who(instance)));
    }
    for reason in &explained.why_not {
        line(format!("  {} {reason}", paint(WAITS, "!")));
    }
    for target in &explained.targets {
        line(String::new());
        for text in about_target(target, now) {
            line(text);
        }
    }
    for error in &explained.errors {
        line(format!("\n{} {error}", paint(BAD, "error:")));
    }
    out + &hints::next(explained.errors.iter().map(String::as_str))
}

fn who(instance: &Instance) -> String {
    let asg = instance.asg.as_ref().map_or_else(String::new, |asg| format!("/{asg}"));
    let states: Vec<&str> =
        [&instance.lifecycle, &instance.state].into_iter().flatten().map(String::as_str).collect();
    let states = if states.is_empty() { "not shown by EC2".to_owned() } else { states.join(", ") };
    let addresses: Vec<String> = instance.addresses.iter().map(ToString::to_string).collect();
    let has = if addresses.is_empty() {
        "no address that the mesh admits".to_owned()
    } else {
        addresses.join(", ")
    };
    format!("{} of {}{asg} ({states}): {has}", instance.instance, instance.member)
}

fn about_target(target: &Target, now: Timestamp) -> Vec<String> {
    let verdict = match (target.admitted, target.wanted.is_empty(), target.by.is_empty()) {
        (true, false, _) => paint(GOOD, "admitted"),
        (true, true, _) => paint(WAITS, "admitted, and the mesh does not want it"),
        (false, _, false) => paint(BAD, "not all of it admitted"),
        (false, false, true) => paint(BAD, "not admitted, and the mesh wants it"),
        (false, true, true) => "not admitted".to_owned(),
    };
    let name = paint(HEADING, &target.security_group);
    let mut lines = vec![format!("{name} in {}: {verdict}", target.region)];
    for rule in &target.by {
        let whose = if rule.owned { "the mesh's" } else { "somebody else's" };
        lines.push(format!("  {} by {}, {whose}", rule.permission, rule.rule));
    }
    lines.extend(target.because.iter().map(|because| row(because, now)));
    lines.extend(target.notes.iter().map(|note| format!("  {} {note}", paint(WAITS, "!"))));
    lines
}

fn row(because: &Because, now: Timestamp) -> String {
    format!(
        "  because the row {}/{} has {}: version {}, observed {} ({}) by {}",
        because.member,
        because.asg,
        because.instance,
        because.row_version,
        because.observed_at,
        ago(now, because.observed_at),
        because.writer
    )
}
