//! docs/configuration.md against the parser: the same keys, defaults and limits on both sides.
//!
//! The parser is asked from outside, by documents: what it says of an unknown key names the known
//! ones, what is beyond a range is refused and what is at its ends is not.

#![expect(clippy::expect_used, reason = "tests fail by panicking, and so may what they share")]

use sync_core::mesh::{Mesh, Problem};

const PAGE: &str = include_str!("../../docs/configuration.md");

/// Where each table of the page is in the document.
const TABLES: [(&str, Table); 8] = [
    ("At the top", Table::Top),
    ("`[[allow]]`", Table::Allow),
    ("`[[member]]`", Table::Member),
    ("`[addresses]`", Table::Section("addresses")),
    ("`[[link]]`", Table::Link),
    ("`[guard]`", Table::Section("guard")),
    ("`[limits]`", Table::Section("limits")),
    ("`[hooks]`", Table::Section("hooks")),
];

#[derive(Clone, Copy)]
enum Table {
    Top,
    Allow,
    Member,
    Link,
    Section(&'static str),
}

/// One line of a table of the page.
struct Row {
    key: &'static str,
    default: &'static str,
    takes: &'static str,
}

/// A small document with more in one of its tables, and less.
fn document(table: Table, more: &str, less: &str) -> String {
    let at = |here: bool, lines: &[&str]| {
        let lines = lines.iter().filter(|line| !(here && line.starts_with(&format!("{less} ="))));
        let mut text: String = lines.flat_map(|line| [*line, "\n"]).collect();
        if here {
            text += more;
            text += "\n";
        }
        text
    };
    let mut text = at(matches!(table, Table::Top), &["name = \"m\""]);
    if let Table::Section(name) = table {
        text.extend(["[", name, "]\n", more, "\n"]);
    }
    if matches!(table, Table::Link) {
        text += "[[link]]\n";
        text += &at(true, &["kinds = [\"public-ipv4\"]"]);
    }
    text += "[[allow]]\n";
    text += &at(matches!(table, Table::Allow), &["protocol = \"tcp\"", "ports = \"7000\""]);
    text += "[[member]]\n";
    let groups = ["auto_scaling_groups = [\"g\"]", "security_groups = [\"sg-00000000\"]"];
    let member = ["region = \"us-east-1\"", groups[0], groups[1]];
    text + &at(matches!(table, Table::Member), &member)
}

fn problems(table: Table, more: &str, less: &str) -> Vec<Problem> {
    Mesh::parse(&document(table, more, less))
        .err()
        .map(|invalid| invalid.problems)
        .unwrap_or_default()
}

fn rows(heading: &str) -> Vec<Row> {
    let section = PAGE.split(&format!("### {heading}\n")).nth(1).expect("a section");
    let section = section.split("\n##").next().expect("its text");
    let lines = section.lines().filter(|line| line.starts_with("| `"));
    let rows = lines.map(|line| {
        let cells: Vec<&str> = line.split(" | ").collect();
        assert_eq!(cells.len(), 4, "{line}");
        Row { key: cells[0].trim_matches(['|', ' ', '`']), default: cells[1], takes: cells[2] }
    });
    rows.collect()
}

fn every_row() -> impl Iterator<Item = (Table, Row)> {
    TABLES
        .into_iter()
        .flat_map(|(heading, table)| rows(heading).into_iter().map(move |row| (table, row)))
}

/// The texts in backticks.
fn code(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// `1 to 48 …` and `from 0 to 255`: the two numbers.
fn range(text: &str) -> Option<(u32, u32)> {
    let words: Vec<&str> = text.split([' ', ':']).collect();
    let place = words.iter().position(|word| *word == "to")?;
    Some((words[place.checked_sub(1)?].parse().ok()?, words.get(place + 1)?.parse().ok()?))
}

#[test]
fn the_page_has_the_keys_that_the_parser_knows() {
    for (heading, table) in TABLES {
        let found = problems(table, "qqqqqqqqqqqqqqqqqqqq = 1", "");
        let known =
            found.iter().find(|problem| problem.detail.starts_with("unknown key; known are"));
        let mut known = code(&known.expect("the known keys").detail);
        let mut on_the_page: Vec<_> = rows(heading).iter().map(|row| row.key).collect();
        known.sort_unstable();
        on_the_page.sort_unstable();
        assert_eq!(on_the_page, known, "{heading}");
    }
}

#[test]
fn a_default_is_what_the_key_means_when_it_is_left_out() {
    let without = Mesh::parse(&document(Table::Top, "", "")).expect("a mesh");
    let mut written = 0;
    for (table, Row { key, default, .. }) in every_row() {
        let missing = "is missing; ";
        let required =
            problems(table, "", key).iter().any(|problem| problem.detail.starts_with(missing));
        assert_eq!(
            default.starts_with("required"),
            required || ["allow", "member"].contains(&key),
            "{key}"
        );
        let [value] = code(default)[..] else { continue };
        if required || key == "account" || value == "[]" {
            continue;
        }
        let value = value.replace("<region>", "us-east-1").replace("<mesh>", "m");
        let mut with = Mesh::parse(&document(table, &format!("{key} = {value}"), "")).expect(key);
        assert_ne!(with.hash, without.hash, "{key} was not in the document");
        with.hash = without.hash.clone();
        assert_eq!(with, without, "{key}");
        written += 1;
    }
    assert_eq!(written, 12);
}

#[test]
fn a_list_of_groups_may_be_left_out_but_not_both() {
    for key in ["auto_scaling_groups", "security_groups"] {
        assert!(problems(Table::Member, "", key).is_empty(), "{key}");
        assert!(problems(Table::Member, &format!("{key} = []"), key).is_empty(), "{key}");
    }
    let neither =
        document(Table::Member, "security_groups = []", "security_groups").replace("[\"g\"]", "[]");
    assert!(Mesh::parse(&neither).is_err());
}

#[test]
fn numbers_go_as_far_as_the_page_says() {
    let mut ranges = 0;
    for (table, Row { key, takes, default }) in every_row() {
        let Some((first, last)) =
            range(takes).filter(|_| default.trim_matches('`').parse::<u32>().is_ok())
        else {
            continue;
        };
        let refused = |number: i64| !problems(table, &format!("{key} = {number}"), key).is_empty();
        let (first, last) = (i64::from(first), i64::from(last));
        let taken = [first - 1, first, last, last + 1].map(|number| !refused(number));
        assert_eq!(taken, [false, true, true, false], "{key}");
        ranges += 1;
    }
    assert_eq!(ranges, 5);
}

#[test]
fn a_spread_takes_as_many_groups_as_the_page_says() {
    let rows = rows("`[[member]]`");
    let row = rows.iter().find(|row| row.key == "spread").expect("a row");
    assert_eq!(code(row.takes), ["true", "false"]);
    for (groups, taken) in [(1, false), (2, true), (16, true), (17, false)] {
        let ids: Vec<String> = (0..groups).map(|id| format!("\"sg-{id:08x}\"")).collect();
        let more = format!("spread = true\nsecurity_groups = [{}]", ids.join(", "));
        let found = problems(Table::Member, &more, "security_groups");
        assert_eq!(found.is_empty(), taken, "{groups}: {found:?}");
    }
    let of_three = |rules: u32| {
        let ids = "security_groups = [\"sg-00000000\", \"sg-00000001\", \"sg-00000002\"]";
        let more = format!("spread = true\n{ids}");
        let text = document(Table::Member, &more, "security_groups");
        Mesh::parse(&format!("{text}[limits]\nrules_per_group = {rules}\n")).is_ok()
    };
    assert_eq!([333, 334].map(of_three), [true, false]);
}

#[test]
fn texts_are_as_long_as_the_page_says() {
    let mut texts = 0;
    for (table, Row { key, takes, .. }) in every_row() {
        let Some((first, last)) =
            range(takes).filter(|_| takes.contains(" of a-z") || takes.contains("letters"))
        else {
            continue;
        };
        // Says nothing without a role.
        let role = if key == "external_id" {
            "role_arn = \"arn:aws:iam::123456789012:role/r\"\n"
        } else {
            ""
        };
        let taken = [first - 1, first, last, last + 1].map(|length| {
            let text = "a".repeat(usize::try_from(length).expect("a length"));
            problems(table, &format!("{role}{key} = \"{text}\""), key).is_empty()
        });
        assert_eq!(taken, [false, true, true, false], "{key}");
        texts += 1;
    }
    assert_eq!(texts, 4);
    for (length, taken) in [(255, true), (256, false)] {
        let name = format!("auto_scaling_groups = [\"{}\"]", "g".repeat(length));
        assert_eq!(problems(Table::Member, &name, "auto_scaling_groups").is_empty(), taken);
    }
    for (length, taken) in [(7, false), (8, true), (9, false), (16, false), (17, true), (18, false)]
    {
        let id = format!("security_groups = [\"sg-{}\"]", "0".repeat(length));
        assert_eq!(problems(Table::Member, &id, "security_groups").is_empty(), taken);
    }
}

#[test]
fn words_are_those_that_the_page_lists() {
    let mut lists = 0;
    for (table, Row { key, takes, .. }) in every_row() {
        let in_list = key == "kinds";
        let value = if in_list { "[\"qqqqqqqqqqqqqqqq\"]" } else { "\"qqqqqqqqqqqqqqqq\"" };
        let found = problems(table, &format!("{key} = {value}"), key);
        let Some(known) =
            found.iter().find_map(|problem| problem.detail.split_once("known here; known are "))
        else {
            continue;
        };
        assert_eq!(code(takes), code(known.1), "{key}");
        lists += 1;
    }
    assert_eq!(lists, 5);
}

#[test]
fn protocols_and_ports_are_those_that_the_page_lists() {
    let takes =
        |key: &str| rows("`[[allow]]`").into_iter().find(|row| row.key == key).expect(key).takes;
    let protocol = |value: &str| {
        let more =
            format!("protocol = \"{value}\"\n[addresses]\nkinds = [\"public-ipv4\", \"ipv6\"]");
        // The addresses have to stand before the next table of the list: at the top.
        let text = document(Table::Top, "addresses = { kinds = [\"public-ipv4\", \"ipv6\"] }", "")
            .replace("protocol = \"tcp\"", more.lines().next().expect("a line"));
        let text = if ["tcp", "udp"].contains(&value) {
            text
        } else {
            text.replace("ports = \"7000\"\n", "")
        };
        Mesh::parse(&text).is_ok()
    };
    let listed = code(takes("protocol"));
    assert_eq!(listed.len(), 5);
    assert!(listed.into_iter().all(protocol));
    let (first, last) =
        range(takes("protocol").split("number").nth(1).expect("numbers")).expect("a range");
    assert!(protocol(&last.to_string()) && !protocol(&(last + 1).to_string()) && first == 0);
    let ports =
        |value: &str| problems(Table::Allow, &format!("ports = {value}"), "ports").is_empty();
    assert!(code(takes("ports")).into_iter().all(ports));
    let (_, last) = range(takes("ports")).expect("a range");
    assert!(ports(&format!("\"{last}\"")) && !ports(&format!("\"{}\"", last + 1)));
}

#[test]
fn a_document_is_as_long_as_the_page_says() {
    let most: usize = PAGE
        .split("at most ")
        .nth(1)
        .expect("a limit")
        .split(' ')
        .next()
        .expect("a number")
        .parse()
        .expect("bytes");
    let document = document(Table::Top, "", "");
    let padded = |length: usize| format!("{document}#{}", "x".repeat(length - document.len() - 1));
    assert!(Mesh::parse(&padded(most)).is_ok());
    assert!(Mesh::parse(&padded(most + 1)).is_err());
}
