//! The mesh document as people write it, rightly and in every wrong way.

use std::collections::BTreeSet;
use std::time::Duration;

use super::*;
use crate::permission::Protocol;

mod edges;
mod laws;
mod links;

/// The document of design section 3.
const SHORT: &str = r#"
name = "orders-db"

[[allow]]
protocol = "tcp"
ports = "7000-7001"

[[member]]
region = "us-east-1"
auto_scaling_groups = ["orders-us-east-1"]
security_groups = ["sg-0123456789abcdef0"]

[[member]]
region = "us-west-2"
auto_scaling_groups = ["orders-us-west-2"]
security_groups = ["sg-0fedcba9876543210"]
"#;

/// Every key there is.
const LONG: &str = r#"
name = "orders-db"
foreign = "report"

[[allow]]
protocol = "tcp"
ports = 9042
from = ["east-blue"]
to = ["us-west-2", "east-blue"]

[[allow]]
protocol = 50

[[allow]]
protocol = "icmpv6"

[[member]]
name = "east-blue"
region = "us-east-1"
auto_scaling_groups = ["orders blue", "orders green"]
security_groups = ["sg-01234567"]
table = "orders.mirror_1"
account = "012345678901"
role_arn = "arn:aws:iam::012345678901:role/sgsync/peer"
external_id = "our-mesh"

[[member]]
region = "us-west-2"
security_groups = ["sg-0fedcba9876543210"]

[addresses]
kinds = ["private-ipv4", "ipv6"]

[guard]
max_removals = 0
max_removal_percent = 100

[limits]
rules_per_group = 100
peer_budget_ms = 2500
stale_after_minutes = 45

[hooks]
on_launch_failure = "continue"
"#;

fn mesh(text: &str) -> Mesh {
    Mesh::parse(text).expect("a valid document")
}

/// The problems of a document, one line each.
fn problems(text: &str) -> String {
    Mesh::parse(text).expect_err("an invalid document").to_string()
}

/// The problems of the short document after a replacement.
fn problems_after(old: &str, new: &str) -> String {
    assert!(SHORT.contains(old), "{old}");
    problems(&SHORT.replacen(old, new, 1))
}

#[test]
fn what_is_left_out_has_the_stated_default() {
    let mesh = mesh(SHORT);
    assert_eq!(mesh.name.as_str(), "orders-db");
    assert_eq!(mesh.kinds, BTreeSet::from([AddressKind::PublicIpv4]));
    assert_eq!(mesh.guard, Guard { max_removals: 10, max_removal_percent: 50 });
    assert_eq!(mesh.limits.rules_per_group, 60);
    assert_eq!(mesh.limits.peer_budget, Duration::from_secs(4));
    assert_eq!(mesh.limits.stale_after, Duration::from_mins(20));
    assert_eq!(mesh.on_launch_failure, OnLaunchFailure::Abandon);
    let traffic = Traffic::ports(Protocol::Tcp, 7000, 7001);
    assert_eq!(mesh.allow, [Allow { traffic: Allowed::These(traffic), from: None, to: None }]);
    let expected = Member {
        name: "us-west-2".into(),
        region: "us-west-2".into(),
        auto_scaling_groups: vec!["orders-us-west-2".into()],
        security_groups: vec!["sg-0fedcba9876543210".into()],
        prefix_lists: Vec::new(),
        spread: false,
        table: "sgsync-orders-db".to_owned(),
        account: None,
        role: None,
    };
    assert_eq!(mesh.members[1], expected);
}

#[test]
fn what_is_given_is_taken() {
    let mesh = mesh(LONG);
    assert_eq!(mesh.kinds, BTreeSet::from([AddressKind::PrivateIpv4, AddressKind::Ipv6]));
    assert_eq!(mesh.guard, Guard { max_removals: 0, max_removal_percent: 100 });
    assert_eq!(mesh.limits.rules_per_group, 100);
    assert_eq!(mesh.limits.peer_budget, Duration::from_millis(2500));
    assert_eq!(mesh.limits.stale_after, Duration::from_mins(45));
    assert_eq!(mesh.on_launch_failure, OnLaunchFailure::Continue);
    let these = |place: usize| mesh.allow[place].traffic;
    assert_eq!(these(0), Allowed::These(Traffic::ports(Protocol::Tcp, 9042, 9042)));
    assert_eq!(mesh.allow[0].from, Some(BTreeSet::from(["east-blue".into()])));
    assert_eq!(these(1), Allowed::These(Traffic::new(Protocol::Number(50), None, None)));
    assert_eq!(these(2), Allowed::These(Traffic::new(Protocol::Icmpv6, None, None)));
    let east = &mesh.members[0];
    assert_eq!(east.table, "orders.mirror_1");
    assert_eq!(east.account, Some("012345678901".into()));
    let role = east.role.as_ref().expect("a role");
    assert_eq!(role.arn, "arn:aws:iam::012345678901:role/sgsync/peer");
    assert_eq!(role.account, "012345678901".into());
    assert_eq!(role.external_id.as_deref(), Some("our-mesh"));
    assert!(mesh.members[1].auto_scaling_groups.is_empty(), "a member may be a target only");
}

#[test]
fn a_document_that_is_wrong_in_every_way_says_all_of_it() {
    insta::assert_snapshot!(problems(include_str!("tests/wrong.toml")));
}

#[test]
fn keys_and_sections_that_are_missing_are_named() {
    insta::assert_snapshot!(problems("{}"));
    insta::assert_snapshot!(problems("name = 'x'\nallow = []\nmember = {}\nguard = 1"));
}

#[test]
fn json_says_the_same_as_toml() {
    let text = r#"{"name": "x", "name": "y", "colour": null, "allow": [{"protocol": true, "ports": 70000}],
        "guard": {"max_removals": 1.5, "max_removal_percent": 99999999999999999999},
        "member": [{"region": "us-east-1", "account": 123456789012, "security_groups": [null, {}]}]}"#;
    insta::assert_snapshot!(problems(text));
}

#[test]
fn errors_of_syntax_say_which_reading_failed_and_where() {
    for (text, expected) in [
        ("{\"name\": \"x\",\n  oops}", "not JSON (it begins with `{`): line 2, column 3: "),
        ("{\"name\": \"x\"", "not JSON (it begins with `{`): line 1, column 12: EOF"),
        ("{} trailing", "not JSON (it begins with `{`): line 1, column 4: trailing"),
        ("name = \"x\"\nallow = [[\n", "not TOML: line "),
        ("# é\nname = 'x' é", "not TOML: line 2, column 12: "),
        ("name = 'x'\nname = 'y'", "not TOML: line 2, column 1: duplicate key"),
        ("name: x", "not TOML: line 1, column "),
        ("", "the document is empty"),
        (" \u{feff}\n", "not TOML: line 1, column "),
        ("\u{feff} \n\t", "the document is empty"),
    ] {
        let problems = problems(text);
        assert!(problems.contains(expected), "{text:?}: {problems}");
    }
    assert!(problems("a = 1 1\nb = 2 2\nc = 3 3").lines().count() > 3, "all errors, not the first");
}

#[test]
fn a_byte_order_mark_is_no_error() {
    assert_eq!(mesh(&format!("\u{feff}{SHORT}")), mesh(SHORT));
}

#[test]
fn size_is_bounded_before_anything_is_read() {
    let text = format!("{SHORT}\n#{}", "x".repeat(256 * 1024));
    assert!(problems(&text).contains("at most 262144 are read"));
}

#[test]
fn groups_of_one_name_are_two_groups_in_two_accounts() {
    let east = r#"region = "us-east-1""#;
    let again = |account: &str| {
        format!(
            "{SHORT}\n[[member]]\nname = 'b'\n{east}\n{account}\ntable = 'mirror-b'\nauto_scaling_groups = ['orders-us-east-1']"
        )
    };
    let known =
        |text: String, account| text.replacen(east, &format!("{east}\naccount = '{account}'"), 1);
    let [one, two] = ["123456789012", "210987654321"];
    mesh(&known(again(&format!("account = '{one}'")), two));
    for text in [again(""), again("account = '123456789012'"), known(again(""), one)] {
        let expected = "member[2].auto_scaling_groups[0]: `orders-us-east-1` in us-east-1 \
                        is already at member[0].auto_scaling_groups[0]";
        assert!(problems(&text).contains(expected), "{text}");
    }
}

#[test]
fn each_rule_alone_is_enough_to_refuse() {
    for (old, new, expected) in [
        ("orders-db", "Orders", "name: `Orders` is not a mesh name"),
        ("sg-0fedcba9876543210", "sg-0123456789abcdef0", "member[1].security_groups[0]: "),
        ("ports = \"7000-7001\"", "", "allow[0].ports: is missing"),
        ("ports = \"7000-7001\"", "ports = -1", "allow[0].ports: `-1` is not a port"),
        ("\"tcp\"", "\"icmp\"", "allow[0].ports: icmp has no ports"),
        ("\"tcp\"", "-1", "for every protocol write `all`"),
        ("ports =", "from = ['mars']\nports =", "members are `us-east-1`, `us-west-2`"),
        ("ports =", "from = []\nports =", "allow[0].from: is empty"),
        ("name =", "foreign = \"revoke\"\nname =", "foreign: `revoke` is not known here"),
        ("name =", "addresses.kinds = []\nname =", "addresses.kinds: is empty"),
    ] {
        let problems = problems_after(old, new);
        assert!(problems.contains(expected), "{problems}");
        assert!(problems.starts_with("the mesh document has 1 problem:\n"), "{problems}");
    }
}
