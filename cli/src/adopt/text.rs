//! An adoption for people.

use std::fmt::Write as _;

use super::{Adoption, Line, Target};
use crate::hints;
use crate::screen::{BAD, HEADING, OTHERS, WAITS, paint};

/// What was adopted, or would be, and what is left alone.
pub(super) fn adoption(adoption: &Adoption) -> String {
    let mut out = format!("adopt for mesh {}\n", adoption.mesh);
    for target in &adoption.targets {
        write_target(&mut out, target);
    }
    let done = adoption.targets.iter().flat_map(|target| &target.adopt).filter(|l| l.adopted);
    let summary = match (adoption.dry_run, adoption.left(), done.count()) {
        (_, 0, 0) if !adoption.all_known() => "nothing to adopt in what could be seen".to_owned(),
        (_, 0, 0) => "nothing to adopt".to_owned(),
        (true, left, _) => format!("to adopt: {left}; run `sgsync adopt --yes` to do it"),
        (false, 0, done) => format!("adopted: {done}"),
        (false, left, done) => format!("adopted: {done}, not adopted: {left}"),
    };
    let _ = writeln!(out, "\n{summary}");
    out + &hints::next(adoption.failures())
}

fn write_target(out: &mut String, target: &Target) {
    let mut line = |text: std::fmt::Arguments<'_>| {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{text}");
    };
    line(format_args!("\n{} in {}", paint(HEADING, &target.security_group), target.region));
    for rule in &target.adopt {
        let mark = paint(OTHERS, format_args!("~ {}  {}", rule.id, rule.permission));
        line(format_args!("  {mark}  {}", purpose(rule)));
    }
    for rule in &target.unwanted {
        let mark = paint(WAITS, format_args!("? {}  {}", rule.id, rule.permission));
        line(format_args!(
            "  {mark}  left alone: nobody wants it; --rule {} takes it over, to be revoked",
            rule.id
        ));
    }
    if target.others > 0 {
        let rules = if target.others == 1 { "rule" } else { "rules" };
        line(format_args!("  {} other {rules} left alone", target.others));
    }
    if let Some(error) = &target.error {
        line(format_args!("  {} {error}", paint(BAD, "error:")));
    }
    if !target.unknown.is_empty() {
        line(format_args!(
            "  {} its table has no row of {}, so what they want is not known; run `sgsync apply`, \
             then adopt",
            paint(BAD, "error:"),
            target.unknown.join(", ")
        ));
    }
}

fn purpose(rule: &Line) -> String {
    match &rule.member {
        Some(member) => format!("wanted for {member}"),
        None => "nobody wants it: the next apply revokes it".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use sync_core::names::MeshName;

    use super::*;

    fn rule(id: &str, last: u8, member: Option<&str>, adopted: bool) -> Line {
        Line {
            id: id.into(),
            permission: format!("tcp 7000-7001 198.51.100.{last}/32"),
            member: member.map(str::to_owned),
            adopted,
        }
    }

    fn sample(dry_run: bool) -> Adoption {
        let target = Target {
            member: "us-east-1".to_owned(),
            region: "us-east-1".to_owned(),
            security_group: "sg-0123456789abcdef0".to_owned(),
            adopt: vec![
                rule("sgr-1", 7, Some("us-west-2"), !dry_run),
                rule("sgr-2", 8, None, !dry_run),
            ],
            unwanted: vec![rule("sgr-3", 9, None, false)],
            others: 1,
            unknown: Vec::new(),
            error: None,
        };
        let mesh = MeshName::parse("orders-db").expect("a name");
        Adoption { mesh, dry_run, targets: vec![target] }
    }

    fn shown(sample: &Adoption) -> String {
        anstream::adapter::strip_str(&adoption(sample)).to_string()
    }

    #[test]
    fn a_listing_says_what_would_be_adopted_and_what_is_left_alone() {
        insta::assert_snapshot!(shown(&sample(true)), @r"
        adopt for mesh orders-db

        sg-0123456789abcdef0 in us-east-1
          ~ sgr-1  tcp 7000-7001 198.51.100.7/32  wanted for us-west-2
          ~ sgr-2  tcp 7000-7001 198.51.100.8/32  nobody wants it: the next apply revokes it
          ? sgr-3  tcp 7000-7001 198.51.100.9/32  left alone: nobody wants it; --rule sgr-3 takes it over, to be revoked
          1 other rule left alone

        to adopt: 2; run `sgsync adopt --yes` to do it
        ");
        assert_eq!(sample(true).exit_code(), crate::PENDING);
    }

    #[test]
    fn what_was_adopted_and_what_is_not_known_is_said() {
        insta::assert_snapshot!(adoption(&sample(false)).lines().last().expect("a line"), @"adopted: 2");
        assert_eq!(sample(false).exit_code(), crate::OK);
        let mut unknown = sample(false);
        unknown.targets[0].unknown = vec!["us-west-2/orders".to_owned()];
        assert_eq!(unknown.exit_code(), crate::ERROR);
        unknown.targets[0].adopt.clear();
        let said = shown(&unknown);
        assert!(said.contains("error: its table has no row of us-west-2/orders"), "{said}");
        assert!(said.ends_with("nothing to adopt in what could be seen\n"), "{said}");
    }
}
