use std::collections::BTreeMap;

use sync_aws::HookSettings;
use sync_core::row::{MemberRow, Rows, Version};

use super::*;

fn mesh() -> Mesh {
    Mesh::parse(
        r#"
        name = "orders-db"
        [[allow]]
        protocol = "tcp"
        ports = "7000"
        [[member]]
        region = "us-east-1"
        auto_scaling_groups = ["orders"]
        security_groups = ["sg-0123456789abcdef0"]
        "#,
    )
    .expect("a mesh")
}

fn hook(name: &str, transition: &str, heartbeat: i32) -> HookSettings {
    let transition = format!("autoscaling:EC2_INSTANCE_{transition}");
    HookSettings { name: format!("sgsync-orders-db-{name}"), transition, heartbeat }
}

fn survey(hooks: Vec<HookSettings>, largest: i32) -> Survey {
    let group = SecurityGroupId::new("sg-0123456789abcdef0");
    Survey {
        security_groups: Ok([group.clone()].into()),
        max_sizes: Ok([("orders".into(), largest)].into()),
        hooks: [("orders".into(), Ok(hooks))].into(),
        may_change: [(group, Ok(()))].into(),
    }
}

fn row(document: &str) -> Rows {
    let mesh = mesh();
    let key = mesh.row_keys().next().expect("a key");
    let now = "2026-11-20T08:15:04Z".parse().expect("a time");
    let version = Version::next(None, now);
    let row = MemberRow::new(key, version, now, BTreeMap::new(), "us".to_owned(), document.into());
    Rows::read(&[row.to_item()], &mesh)
}

fn seen(rows: Rows) -> Seen {
    let nothing = || Ok(BTreeMap::new());
    Seen {
        rules: Ok(BTreeMap::new()),
        rows: Ok(rows),
        groups: nothing(),
        instances: Ok(BTreeMap::new()),
    }
}

fn checked(seen: &Seen, survey: &Survey) -> String {
    let mesh = mesh();
    let mut findings = Vec::new();
    check(&mesh, &mesh.members[0], seen, survey, &mut findings);
    headroom(&mesh, &World::new(), &[("us-east-1".into(), survey.clone())].into(), &mut findings);
    anstream::adapter::strip_str(&shown(&mesh, &findings)).to_string()
}

#[test]
fn what_is_as_it_should_be_is_said_too() {
    let hooks = vec![hook("launch", "LAUNCHING", 300), hook("terminate", "TERMINATING", 300)];
    let same = row(mesh().hash.as_str());
    insta::assert_snapshot!(checked(&seen(same), &survey(hooks, 48)));
}

#[test]
fn everything_that_is_wrong_is_named_with_what_to_do() {
    let hooks = vec![hook("launch", "TERMINATING", 15)];
    let mut bad = survey(hooks, 61);
    let denied = CallError {
        call: "ec2:AuthorizeSecurityGroupIngress",
        kind: Failure::Denied,
        code: "UnauthorizedOperation".to_owned(),
        message: "no".to_owned(),
        request_id: None,
    };
    bad.may_change = [("sg-0123456789abcdef0".into(), Err(denied))].into();
    insta::assert_snapshot!(checked(&seen(row("0123")), &bad));
}

#[test]
fn what_is_not_there_is_named() {
    let nothing = Survey {
        security_groups: Ok(BTreeSet::new()),
        max_sizes: Ok(BTreeMap::new()),
        hooks: BTreeMap::new(),
        may_change: BTreeMap::new(),
    };
    insta::assert_snapshot!(checked(&seen(Rows::read(&[], &mesh())), &nothing));
}

#[test]
fn the_functions_timeout_is_the_stacks() {
    let template = include_str!("../../../sam/template.yaml");
    let hooks = template.split("FunctionName: !Sub sgsync-${MeshName}-hooks").nth(1);
    let timeout = hooks.and_then(|text| text.split("Timeout: ").nth(1)).expect("a timeout");
    assert!(timeout.starts_with(&format!("{FUNCTION_TIMEOUT}\n")), "{timeout:.20}");
}

#[test]
fn a_spread_has_the_room_of_all_its_groups() {
    let of = |spread: bool| {
        let mut mesh = mesh();
        mesh.members[0].security_groups.push(SecurityGroupId::new("sg-00000001"));
        mesh.members[0].spread = spread;
        let mut findings = Vec::new();
        let surveys = [("us-east-1".into(), survey(Vec::new(), 80))].into();
        headroom(&mesh, &World::new(), &surveys, &mut findings);
        findings.remove(0)
    };
    let (apart, spread) = (of(false), of(true));
    assert_eq!((apart.level, spread.level), (Level::Error, Level::Ok));
    assert!(spread.detail.starts_with("needs 80 of 120 rules"), "{}", spread.detail);
}
