//! What holds for every document, and for every text that is none.

use std::fmt::Write as _;

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;

/// A member: its groups' names, how many security groups it has at least, and whether it has a name.
type Seed = (BTreeSet<String>, usize, bool);

fn member((at, (asgs, groups, named)): (usize, Seed)) -> Json {
    let groups = groups.max(usize::from(asgs.is_empty()));
    let ids: Vec<String> = (0..groups).map(|group| format!("sg-{at:04x}{group:04x}")).collect();
    let region = format!("us-east-{}", at + 1);
    let mut member = json!({"region": region, "auto_scaling_groups": asgs, "security_groups": ids});
    if named {
        member["name"] = json!(format!("Member_{at}"));
    }
    member
}

/// The entry's place is its lowest port or its protocol, lest two say the same.
fn allow((at, (protocol, width)): (usize, (u8, usize))) -> Json {
    match protocol {
        0 => json!({"protocol": 100 + at, "from": ["us-east-1"]}),
        1 => json!({"protocol": (120 + at).to_string()}),
        2 => json!({"protocol": "6", "ports": at, "to": ["us-east-1"]}),
        _ => json!({"protocol": "udp", "ports": format!("{at}-{}", at + width)}),
    }
}

/// A valid document, as JSON.
fn valid() -> impl Strategy<Value = Json> {
    let seed = (prop::collection::btree_set("[ -9;-~é]{1,20}", 0..4), 0..4_usize, any::<bool>());
    (
        "[a-z0-9-]{1,48}",
        prop::collection::vec(seed, 1..6),
        prop::collection::vec((0..4_u8, 0..60_000_usize), 1..6),
        prop::option::of((0..=100_u32, 1..=1000_u32)),
    )
        .prop_map(|(name, mut members, entries, settings)| {
            members[0].2 = false;
            let members: Vec<Json> = members.into_iter().enumerate().map(member).collect();
            let entries: Vec<Json> = entries.into_iter().enumerate().map(allow).collect();
            let mut document = json!({"name": name, "member": members, "allow": entries});
            if let Some((percent, rules)) = settings {
                document["guard"] = json!({"max_removal_percent": percent});
                document["limits"] = json!({"rules_per_group": rules});
            }
            document
        })
}

/// A JSON value as TOML writes it in line. Their texts are escaped alike.
fn toml(value: &Json) -> String {
    match value {
        Json::Object(table) => {
            let entries: Vec<String> =
                table.iter().map(|(key, value)| format!("{key} = {}", toml(value))).collect();
            format!("{{{}}}", entries.join(", "))
        }
        Json::Array(list) => {
            let items: Vec<String> = list.iter().map(toml).collect();
            format!("[{}]", items.join(", "))
        }
        plain => plain.to_string(),
    }
}

proptest! {
    #[test]
    fn a_valid_document_is_one_mesh_in_toml_and_in_json(document in valid()) {
        let mut text = String::new();
        for (key, value) in document.as_object().expect("a table") {
            writeln!(text, "{key} = {}", toml(value)).expect("a line");
        }
        let from_toml = Mesh::parse(&text);
        prop_assert!(from_toml.is_ok(), "{text}\n{from_toml:?}");
        prop_assert_eq!(from_toml, Mesh::parse(&document.to_string()));
    }

    #[test]
    fn no_text_panics_and_every_refusal_has_a_reason(text in any::<String>()) {
        if let Err(invalid) = Mesh::parse(&text) {
            prop_assert!(!invalid.problems.is_empty());
        }
    }

    #[test]
    fn no_change_to_a_document_panics(at in any::<prop::sample::Index>(), new in "[\\PC\n]{0,6}", cut in 0..40_usize) {
        let mut chars: Vec<char> = LONG.chars().collect();
        let start = at.index(chars.len());
        let end = (start + cut).min(chars.len());
        chars.splice(start..end, new.chars());
        if let Err(invalid) = Mesh::parse(&chars.into_iter().collect::<String>()) {
            prop_assert!(!invalid.problems.is_empty());
        }
    }
}

#[test]
fn text_made_to_exhaust_the_reader_is_refused_in_time() {
    let repeated = |piece: &str| piece.repeat(256 * 1024 / piece.len());
    for piece in [
        "[",
        "{\"a\":",
        "a.",
        "[[a]]\n",
        "a = 1 1\n",
        "[a.",
        "'",
        "\"",
        "\n",
        "a={a=",
        "x\n",
        "a=[1]\n",
    ] {
        let invalid = Mesh::parse(&repeated(piece)).expect_err(piece);
        assert!(!invalid.problems.is_empty(), "{piece}");
    }
}
