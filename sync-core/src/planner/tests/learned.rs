//! Ports that are learned from a target's own rules.

use super::*;
use crate::mesh::{Base, Mesh};
use crate::row::Rows;

const MESH: &str = r#"
name = "orders-db"
allow = [{ports = "self-reference"}]
[[member]]
region = "us-east-1"
auto_scaling_groups = ["blue"]
security_groups = ["sg-00000001"]
"#;

const ITEM: &str = r#"{"member": "us-east-1", "asg": "blue", "schema": 1, "version": 1,
    "writer": "w", "observed_at": "2026-11-20T08:15:04Z", "instances": {"i-1": ["54.0.0.1/32"]}}"#;

fn base(id: &str, port: u16, group: &str, mesh: Option<&str>) -> Rule {
    Rule {
        id: id.into(),
        traffic: Traffic::ports(Protocol::Tcp, port, port),
        source: Source::Group(group.to_owned()),
        description: None,
        tags: mesh.map(|mesh| (MESH_TAG.to_owned(), mesh.to_owned())).into_iter().collect(),
    }
}

/// What is desired of a group with these rules, and the plan for it.
fn planned(rules: &[Rule]) -> (Desired, Plan) {
    let mesh = Mesh::parse(MESH).expect("a mesh");
    let mut item: crate::ports::Item = serde_json::from_str(ITEM).expect("an item");
    item.insert("document".to_owned(), mesh.hash.to_string().into());
    let target = &mesh.members[0];
    let learned = learned(&mesh, &target.security_groups[0], rules);
    let desired = desired(&mesh, target, &Rows::read(&[item], &mesh), &Base::of_group(learned));
    let plan = planned_and_checked(&desired, rules, &policy());
    (desired, plan)
}

fn planned_and_checked(desired: &Desired, rules: &[Rule], policy: &Policy) -> Plan {
    let plan = plan(desired, rules, policy);
    assert_eq!(check(&plan, desired, rules, policy), Ok(()));
    plan
}

fn added(plan: &Plan) -> Vec<String> {
    plan.add.iter().map(|addition| addition.permission.to_string()).collect()
}

fn ours(port: u16) -> Rule {
    rule(permission(port, 1), Some("us-east-1"))
}

#[test]
fn what_others_rules_open_to_the_group_itself_is_opened_to_the_members() {
    let (_, plan) =
        planned(&[base("sgr-1", 22, "sg-00000001", None), base("sgr-2", 53, "sg-00000002", None)]);
    assert_eq!(added(&plan), ["tcp 22 54.0.0.1/32"]);
}

#[test]
fn an_edit_of_the_groups_own_rule_is_followed() {
    let rules = [base("sgr-1", 23, "sg-00000001", Some("theirs")), ours(22)];
    let (_, plan) = planned(&rules);
    assert_eq!(added(&plan), ["tcp 23 54.0.0.1/32"]);
    assert_eq!(plan.revoke.len(), 1);
}

#[test]
fn promise_2_where_nothing_can_be_learned_nothing_is_revoked() {
    for rules in
        [vec![ours(22)], vec![ours(22), base("sgr-1", 22, "sg-00000001", Some("orders-db"))]]
    {
        let (desired, plan) = planned(&rules);
        assert_eq!(desired.unknown, desired.members);
        let still = plan.frozen.iter().any(|frozen| frozen.rule.rule().id == ours(22).id);
        assert!(plan.add.is_empty() && still, "{plan:#?}");
    }
}
