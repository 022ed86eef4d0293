//! Links: which addresses of a row a target should admit.

use serde_json::json;

use super::*;
use crate::mesh::{Base, Mesh};
use crate::ports::Item;
use crate::row::Rows;

const MESH: &str = r#"
name = "orders-db"
allow = [{protocol = "tcp", ports = 7000}]
link = [{from = ["us-east-1"], to = ["us-west-2"], kinds = ["private-ipv4", "ipv4-prefix"]}]
[[member]]
region = "us-east-1"
auto_scaling_groups = ["blue"]
security_groups = ["sg-00000001"]
[[member]]
region = "us-west-2"
auto_scaling_groups = ["blue"]
security_groups = ["sg-00000002"]
"#;

fn item(mesh: &Mesh, member: &str, instances: &serde_json::Value) -> Item {
    let item = json!({"member": member, "asg": "blue", "schema": 1, "version": 1, "writer": "w",
        "observed_at": "2026-11-20T08:15:04Z", "instances": instances, "document": mesh.hash});
    serde_json::from_value(item).expect("an item")
}

fn wanted(mesh: &Mesh, place: usize, items: &[Item]) -> Desired {
    desired(mesh, &mesh.members[place], &Rows::read(items, mesh), &Base::default())
}

#[test]
fn each_target_admits_the_addresses_of_its_link() {
    let mesh = Mesh::parse(MESH).expect("a mesh");
    let held = json!({"i-1": ["54.0.0.1/32", "10.0.0.1/32", "10.0.0.16/28"]});
    let items = [
        item(&mesh, "us-east-1", &held),
        item(&mesh, "us-west-2", &json!({"i-2": ["54.0.0.2/32"]})),
    ];
    for (place, expected) in [
        (0, &["tcp 7000 54.0.0.1/32", "tcp 7000 54.0.0.2/32"] as &[&str]),
        (1, &["tcp 7000 10.0.0.1/32", "tcp 7000 10.0.0.16/28", "tcp 7000 54.0.0.2/32"]),
    ] {
        let desired = wanted(&mesh, place, &items);
        let wanted: Vec<_> = desired.wanted.keys().map(ToString::to_string).collect();
        assert_eq!(wanted, expected);
        let plan = planned(&desired, &[], &policy());
        assert_eq!(plan.add.len(), expected.len(), "the check lets a prefix pass as it is");
    }
}

#[test]
fn promise_7_a_row_with_an_address_that_no_link_admits_is_rejected() {
    let mesh = Mesh::parse(MESH).expect("a mesh");
    for cidr in ["2600::1/128", "10.0.0.0/27", "10.0.0.16/29", "10.0.0.0/8"] {
        let rows = Rows::read(&[item(&mesh, "us-east-1", &json!({"i-1": [cidr]}))], &mesh);
        assert!(rows.row(&mesh.row_keys().next().expect("a key")).is_none(), "{cidr}");
    }
    // Nobody admits a private address of the other member.
    let rows = Rows::read(&[item(&mesh, "us-west-2", &json!({"i-1": ["10.0.0.1/32"]}))], &mesh);
    assert!(rows.row(&mesh.row_keys().nth(1).expect("a key")).is_none());
}

#[test]
fn an_address_of_two_members_stays_open_while_anyone_wants_it() {
    let text = MESH.replace("link =", "addresses.kinds = [\"private-ipv4\"]\n#");
    let mesh = Mesh::parse(&text).expect("a mesh");
    let overlapping = json!({"i-1": ["10.0.0.1/32"]});
    let east = item(&mesh, "us-east-1", &overlapping);
    let west = item(&mesh, "us-west-2", &overlapping);
    let [no_east, no_west] =
        ["us-east-1", "us-west-2"].map(|member| item(&mesh, member, &json!({})));
    let both = wanted(&mesh, 1, &[east, west.clone()]);
    let plan = planned(&both, &[], &policy());
    assert_eq!(plan.add.len(), 1, "a permission is there once");
    assert_eq!(plan.add[0].origin.member, member("us-east-1"));
    let permission = plan.add[0].permission;
    let actual = [rule(permission, Some("us-east-1"))];
    let mut policy = policy();
    policy.departed.insert((member("us-east-1"), permission.cidr));
    let one = wanted(&mesh, 1, &[no_east.clone(), west]);
    assert!(planned(&one, &actual, &policy).is_empty(), "the other one still wants it");
    let none = wanted(&mesh, 1, &[no_east, no_west]);
    assert_eq!(planned(&none, &actual, &policy).revoke.len(), 1);
}
