//! What a target should admit, from a mesh document and the rows of a mirror.

use serde_json::json;

use super::*;
use crate::mesh::{Base, Mesh};
use crate::ports::Item;
use crate::row::Rows;

const MESH: &str = r#"
name = "orders-db"
allow = [
    {protocol = "tcp", ports = 7000},
    {protocol = "udp", ports = 53, from = ["us-east-1"], to = ["us-west-2"]},
    {protocol = "icmpv6", from = ["us-west-2"]},
]
addresses = {kinds = ["public-ipv4", "ipv6"]}
[[member]]
region = "us-east-1"
auto_scaling_groups = ["blue", "green"]
security_groups = ["sg-00000001"]
[[member]]
region = "us-west-2"
auto_scaling_groups = ["blue"]
security_groups = ["sg-00000002"]
"#;

fn mesh() -> Mesh {
    Mesh::parse(MESH).expect("a mesh")
}

fn item(member: &str, asg: &str, instances: &serde_json::Value) -> Item {
    let item = json!({"member": member, "asg": asg, "schema": 1, "version": 1, "writer": "w",
        "observed_at": "2026-11-20T08:15:04Z", "instances": instances, "document": mesh().hash});
    serde_json::from_value(item).expect("an item")
}

/// What the member at this place should admit.
fn wanted(place: usize, items: &[Item]) -> Desired {
    let mesh = mesh();
    desired(&mesh, &mesh.members[place], &Rows::read(items, &mesh), &Base::default())
}

/// Each permission with the instance that wants it.
fn shown(desired: &Desired) -> Vec<String> {
    let line = |(permission, origin): (&Permission, &Origin)| {
        format!(
            "{permission}: {} {}/{} {}",
            origin.place, origin.member, origin.asg, origin.instance
        )
    };
    desired.wanted.iter().map(line).collect()
}

#[test]
fn every_row_counts_as_far_as_the_document_lets_its_member_in() {
    let items = [
        item("us-east-1", "blue", &json!({"i-1": ["54.0.0.1/32"]})),
        item("us-east-1", "green", &json!({"i-2": []})),
        item("us-west-2", "blue", &json!({"i-3": ["54.0.0.3/32", "2600::3/128"]})),
    ];
    let to_east = wanted(0, &items);
    assert_eq!(
        shown(&to_east),
        [
            "tcp 7000 54.0.0.1/32: 0 us-east-1/blue i-1",
            "tcp 7000 54.0.0.3/32: 1 us-west-2/blue i-3",
            "tcp 7000 2600::3/128: 1 us-west-2/blue i-3",
            "icmpv6 2600::3/128: 1 us-west-2/blue i-3",
        ]
    );
    assert_eq!(to_east.unknown, BTreeSet::new());
    assert_eq!(to_east.members, BTreeSet::from([member("us-east-1"), member("us-west-2")]));
    let to_west = shown(&wanted(1, &items));
    assert!(
        to_west.contains(&"udp 53 54.0.0.1/32: 0 us-east-1/blue i-1".to_owned()),
        "{to_west:?}"
    );
    assert_eq!(to_west.len(), 5);
}

#[test]
fn promise_2_a_member_is_unknown_if_any_of_its_rows_is_missing_or_not_believed() {
    let east = |asg, address: &str| item("us-east-1", asg, &json!({"i-1": [address]}));
    let missing = wanted(1, &[east("blue", "54.0.0.1/32")]);
    assert_eq!(missing.unknown, BTreeSet::from([member("us-east-1"), member("us-west-2")]));
    assert_eq!(missing.wanted.len(), 2, "what is known is wanted all the same");
    let wide = [
        east("blue", "0.0.0.0/0"),
        east("green", "54.0.0.1/32"),
        item("us-west-2", "blue", &json!({})),
    ];
    let wide = wanted(1, &wide);
    assert_eq!(wide.unknown, BTreeSet::from([member("us-east-1")]));
    assert_eq!(wide.wanted.len(), 2);
}

#[test]
fn promise_2_a_row_of_another_document_makes_its_member_unknown_and_live_addresses_contested() {
    let mut items = [
        item("us-east-1", "blue", &json!({"i-1": ["54.0.0.1/32"]})),
        item("us-east-1", "green", &json!({})),
        item("us-west-2", "blue", &json!({"i-3": ["54.0.0.3/32"]})),
    ];
    assert_eq!(wanted(1, &items).contested, BTreeSet::new());
    items[2].insert("document".to_owned(), json!("another"));
    let differ = wanted(1, &items);
    assert_eq!(differ.unknown, BTreeSet::from([member("us-west-2")]));
    let both = ["54.0.0.1/32", "54.0.0.3/32"].map(|cidr| cidr.parse().expect("a cidr"));
    assert_eq!(differ.contested, BTreeSet::from(both));
}

#[test]
fn an_address_that_two_rows_have_is_the_first_ones() {
    let both = [
        item("us-west-2", "blue", &json!({"i-3": ["54.0.0.1/32"]})),
        item("us-east-1", "green", &json!({"i-2": ["54.0.0.1/32"]})),
        item("us-east-1", "blue", &json!({})),
    ];
    assert_eq!(shown(&wanted(0, &both)), ["tcp 7000 54.0.0.1/32: 0 us-east-1/green i-2"]);
}
