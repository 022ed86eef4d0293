//! `facts/aws.md` against these tests: every line has its test or its reason, and every
//! error code is in a table.

use std::collections::BTreeSet;

use crate::codes;

const FACTS: &str = include_str!("../../docs/facts/aws.md");
const TABLE: &str = include_str!("README.md");

/// Codes whose tests are beside those of the call that has them.
const ELSEWHERE: &[&str] = &[
    "ConditionalCheckFailedException", // mirror_write, mirror_shapes
    "NoSuchResourceException",         // operator
    "ResourceContentionFault",         // codes, as it is written: ResourceContention
];

/// Codes that no call of ours comes back with, and why.
const NEVER: &[(&str, &str)] = &[
    ("DryRunOperation", "DryRun is never sent"),
    ("TransactionCanceledException", "no transaction is made"),
];

/// Words that end like a code and are none.
const NO_CODES: &[&str] = &[
    "ClientRequestToken",
    "ClientToken",
    "EnclosingOperation",
    "Error",
    "LifecycleActionToken",
    "NextToken",
];

/// How codes end.
const ENDS: &[&str] = &[
    "Blocked",
    "Combination",
    "Duplicate",
    "Error",
    "Exception",
    "Exceeded",
    "Expired",
    "Failure",
    "Fault",
    "Internal",
    "Malformed",
    "MissingParameter",
    "NotFound",
    "Operation",
    "Required",
    "TagAccess",
    "Throttling",
    "Token",
    "Unavailable",
    "Value",
    "Verification",
    "Violation",
];

/// The lines of the sections about the services that we call.
fn lines() -> impl Iterator<Item = &'static str> {
    let sections = FACTS.split("\n## ").filter(|section| {
        ["1. ", "3. ", "4. ", "5. "].iter().any(|number| section.starts_with(number))
    });
    sections.flat_map(str::lines).filter(|line| line.starts_with("- "))
}

/// The table's rows: the words of a fact, and what holds it.
fn rows() -> Vec<(&'static str, &'static str)> {
    let (_, table) = TABLE.split_once("| fact | held by |\n| --- | --- |\n").expect("the table");
    let cells = |row: &'static str| row.trim_matches('|').split_once(" | ").expect("two cells");
    table.lines().map(cells).map(|(fact, held)| (fact.trim(), held.trim())).collect()
}

/// The codes in a line. `X.Duplicate / .NotFound` is two.
fn codes_in(line: &str) -> Vec<String> {
    let mut codes: Vec<String> = Vec::new();
    for word in line.split(|c: char| !c.is_ascii_alphanumeric() && c != '.') {
        let word = word.trim_end_matches('.');
        let first = codes.last().and_then(|code| code.split_once('.')).map(|(first, _)| first);
        let code = match (word.strip_prefix('.'), first) {
            (Some(rest), Some(first)) => format!("{first}.{rest}"),
            _ => word.to_owned(),
        };
        let named = code.starts_with(|c: char| c.is_ascii_uppercase());
        let ends = ENDS.iter().any(|end| code.ends_with(end));
        // `NotFound` alone is short for one of them.
        if named && ends && !["NotFound", "Duplicate"].contains(&code.as_str()) {
            codes.push(code);
        }
    }
    codes
}

#[test]
fn every_line_of_the_facts_has_its_test_or_its_reason() {
    let rows = rows();
    for line in lines() {
        let found: Vec<_> = rows.iter().filter(|(fact, _)| line.contains(fact)).collect();
        assert_eq!(found.len(), 1, "rows for `{line}`: {found:?}");
    }
    for (fact, _) in rows {
        let count = lines().filter(|line| line.contains(fact)).count();
        assert_eq!(count, 1, "lines with `{fact}`");
    }
}

#[test]
fn every_test_that_the_table_names_is_there() {
    for (fact, held) in rows() {
        let mut tests = 0;
        for name in held.split('`').skip(1).step_by(2) {
            let Some((file, test)) = name.split_once("::") else { continue };
            let path = format!("{}/{file}.rs", env!("CARGO_MANIFEST_DIR"));
            let source = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
            let (before, _) = source
                .split_once(&format!("fn {test}()"))
                .unwrap_or_else(|| panic!("{fact}: no test {name}"));
            let attributes = before.rsplit("\n}\n").next().unwrap_or(before);
            assert!(attributes.contains("test]"), "{fact}: {name} is no test");
            tests += 1;
        }
        assert!(tests > 0 || held.starts_with("not ours: "), "{fact}: neither test nor reason");
    }
}

#[test]
fn every_error_code_of_the_facts_is_in_a_table() {
    let mut known: BTreeSet<&str> = codes::tested().chain(ELSEWHERE.iter().copied()).collect();
    known.extend(NEVER.iter().map(|(code, _)| *code).chain(NO_CODES.iter().copied()));
    let found: BTreeSet<String> = lines().flat_map(codes_in).collect();
    let missing: Vec<_> = found.iter().filter(|code| !known.contains(code.as_str())).collect();
    assert!(missing.is_empty(), "no table has {missing:?}");
    assert!(found.len() > 35, "the codes are read: {found:?}");
    let never = NEVER.iter().map(|(code, _)| code).chain(NO_CODES).chain(ELSEWHERE);
    let gone: Vec<_> = never.filter(|code| !found.contains(**code)).collect();
    assert!(gone.iter().all(|code| **code == "Error"), "no fact has {gone:?}");
}

#[test]
fn codes_are_found_in_every_way_the_facts_write_them() {
    for (line, codes) in [
        ("- InvalidPermission.Duplicate / .NotFound / .Malformed (no CIDR).", 3),
        ("- X: InvalidSecurityGroupRuleId.Malformed/.NotFound.", 2),
        ("- AuthFailure, OptInRequired, Blocked, PendingVerification.", 4),
        ("- HTTP 400 InvalidPermission.Duplicate, naming `one`", 1),
        ("- a Duplicate, and NotFound in a revoke", 0),
    ] {
        assert_eq!(codes_in(line).len(), codes, "{line}: {:?}", codes_in(line));
    }
}
