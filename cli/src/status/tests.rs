use sync_core::ports::{CallError, Failure};

use super::*;
use crate::world::sample::{at, mesh, rule, seen, stored};

fn shown(status: &Status) -> String {
    anstream::adapter::strip_str(&text::status(status)).to_string()
}

fn dead(count: Option<u64>) -> DeadLetters {
    [("us-east-1".into(), Ok(count)), ("us-west-2".into(), Ok(Some(0)))].into()
}

#[test]
fn a_mesh_in_sync_fits_on_a_few_lines() {
    let mesh = mesh();
    let rows = [stored(&mesh, 0, 7, 10), stored(&mesh, 1, 8, 12)];
    let rules = || vec![rule(7, true), rule(8, true), rule(9, false)];
    let world: World = [
        ("us-east-1".into(), seen(&mesh, 0, &rows, rules(), "InService")),
        ("us-west-2".into(), seen(&mesh, 1, &rows, rules(), "InService")),
    ]
    .into();
    let status = status(&mesh, &world, &dead(Some(0)), at(13));
    insta::assert_snapshot!(shown(&status));
    assert_eq!(status.exit_code(), OK);
}

#[test]
fn whatever_is_not_as_it_should_be_is_said() {
    let mesh = mesh();
    let rows = [stored(&mesh, 0, 7, 10), stored(&mesh, 1, 8, 40)];
    let older = [stored(&mesh, 0, 6, 9), stored(&mesh, 1, 8, 40)];
    let world: World = [
        (
            "us-east-1".into(),
            seen(&mesh, 0, &rows, vec![rule(7, true), rule(5, true)], "Pending:Wait"),
        ),
        ("us-west-2".into(), seen(&mesh, 1, &older, vec![rule(8, true)], "InService")),
    ]
    .into();
    let status = status(&mesh, &world, &dead(Some(2)), at(41));
    insta::assert_snapshot!(shown(&status));
    assert_eq!(status.exit_code(), PENDING);
}

#[test]
fn how_full_a_spread_is_is_said_of_all_its_groups_together() {
    let mut mesh = mesh();
    mesh.limits.rules_per_group = 2;
    mesh.members[0].security_groups.push("sg-00000001".into());
    let rows = [stored(&mesh, 0, 7, 10), stored(&mesh, 1, 8, 12)];
    let mut seen = seen(&mesh, 0, &rows, vec![rule(7, true), rule(8, true)], "InService");
    if let Ok(rules) = &mut seen.rules {
        rules.insert("sg-00000001".into(), Vec::new().into());
    }
    let world: World = [("us-east-1".into(), seen)].into();
    let mut of = |spread: bool| {
        mesh.members[0].spread = spread;
        let targets = status(&mesh, &world, &dead(Some(0)), at(13)).targets;
        let shown = targets.iter().map(|target| (target.quota_used_percent, target.to_add));
        shown.collect::<Vec<_>>()
    };
    // Apart, the group that is empty lacks both; spread, nobody lacks anything.
    assert_eq!(of(false), [(0, 2), (100, 0)]);
    assert_eq!(of(true), [(50, 0), (50, 0)]);
}

#[test]
fn what_could_not_be_seen_is_not_called_in_sync() {
    let mesh = mesh();
    let rows = [stored(&mesh, 0, 7, 10)];
    let mut away = seen(&mesh, 1, &rows, Vec::new(), "InService");
    let error = CallError {
        call: "dynamodb:BatchGetItem",
        kind: Failure::NoAnswer,
        code: "Timeout".to_owned(),
        message: "no answer".to_owned(),
        request_id: None,
    };
    away.rows = Err(error.clone());
    away.rules = Err(CallError { call: "ec2:DescribeSecurityGroupRules", ..error });
    let world: World = [
        ("us-east-1".into(), seen(&mesh, 0, &rows, vec![rule(7, true)], "InService")),
        ("us-west-2".into(), away),
    ]
    .into();
    let status = status(&mesh, &world, &dead(None), at(13));
    insta::assert_snapshot!(shown(&status));
    assert_eq!(status.exit_code(), ERROR);
}
