use sync_aws::DeadLetters;
use sync_core::cidr::Cidr;
use sync_core::permission::{Permission, Protocol, Rule, Source, Traffic};
use sync_core::ports::{CallError, Failure};

use super::*;
use crate::world::sample::{at, cidr, mesh, rule, seen, stored};

fn dead(count: Option<u64>) -> DeadLetters {
    [("us-east-1".into(), Ok(count)), ("us-west-2".into(), Ok(Some(0)))].into()
}

fn shown_at(mesh: &Mesh, world: &World, dead: &DeadLetters, now: Timestamp) -> Snapshot {
    snapshot(mesh, world, &status::status(mesh, world, dead, now), now)
}

fn said(snapshot: &Snapshot) -> Vec<(Severity, String)> {
    let said =
        snapshot.findings.iter().map(|f| (f.severity, format!("{}: {}", f.subject, f.detail)));
    said.collect()
}

#[test]
fn a_mesh_in_sync_is_live_and_has_no_findings() {
    let mesh = mesh();
    let rows = [stored(&mesh, 0, 7, 10), stored(&mesh, 1, 8, 12)];
    let rules = || vec![rule(8, true), rule(7, true)];
    let world: World = [
        ("us-east-1".into(), seen(&mesh, 0, &rows, rules(), "InService")),
        ("us-west-2".into(), seen(&mesh, 1, &rows, rules(), "InService")),
    ]
    .into();
    let snapshot = shown_at(&mesh, &world, &dead(Some(0)), at(13));
    assert_eq!(said(&snapshot), []);
    assert!(snapshot.members.iter().all(|member| member.health == Health::Live));
    assert_eq!(snapshot.reach.len(), 4);
    assert_eq!(snapshot.tool, format!("sgsync {}", env!("CARGO_PKG_VERSION")));
    insta::assert_json_snapshot!(snapshot.targets[0]);
}

#[test]
fn every_rule_says_why_it_is_there_or_is_not() {
    let mesh = mesh();
    let rows = [stored(&mesh, 0, 7, 10), stored(&mesh, 1, 8, 40)];
    let tcp =
        |port, last| Permission { traffic: Traffic::ports(Protocol::Tcp, port, port), cidr: last };
    let other = |id: &str, permission: Permission| Rule {
        id: id.into(),
        traffic: permission.traffic,
        source: Source::Cidr(permission.cidr),
        description: Some("<script>".to_owned()),
        ..rule(1, false)
    };
    let wide: Cidr = "10.0.0.0/8".parse().expect("a block");
    let rules = vec![
        rule(5, true),
        rule(7, true),
        other("sgr-others", tcp(22, wide)),
        other("sgr-same", tcp(7000, cidr(8))),
    ];
    let world: World = [
        ("us-east-1".into(), seen(&mesh, 0, &rows, rules, "Pending:Wait")),
        ("us-west-2".into(), seen(&mesh, 1, &rows[1..], vec![rule(6, true)], "InService")),
    ]
    .into();
    let snapshot = shown_at(&mesh, &world, &dead(Some(2)), at(41));
    insta::assert_json_snapshot!(snapshot);
}

#[test]
fn what_could_not_be_seen_is_not_shown_as_empty() {
    let mesh = mesh();
    let rows = [stored(&mesh, 0, 7, 10), stored(&mesh, 1, 8, 12)];
    let failure = || CallError {
        call: "ec2:DescribeSecurityGroupRules",
        kind: Failure::NoAnswer,
        code: "Timeout".to_owned(),
        message: "no answer".to_owned(),
        request_id: None,
    };
    let mut east = seen(&mesh, 0, &rows, vec![rule(7, true), rule(9, false)], "InService");
    east.rows = Err(failure());
    let mut west = seen(&mesh, 1, &rows, vec![rule(7, true)], "InService");
    west.rules = Err(failure());
    let world: World = [("us-east-1".into(), east), ("us-west-2".into(), west)].into();
    let snapshot = shown_at(&mesh, &world, &DeadLetters::new(), at(13));
    assert!(snapshot.members.iter().all(|member| member.health == Health::Unreachable));
    // Rules without rows: none is called wanted or unwanted; no rules: none is shown.
    let standings = snapshot.targets[0].rules.iter().flatten().map(|rule| rule.standing);
    assert_eq!(
        standings.collect::<Vec<_>>(),
        [::report::Standing::Frozen, ::report::Standing::Foreign]
    );
    assert_eq!((&snapshot.targets[1].rules, &snapshot.targets[1].quota), (&None, &None));
    assert_eq!(
        said(&snapshot).iter().filter(|(severity, _)| *severity == Severity::Error).count(),
        2
    );
}

#[test]
fn who_may_not_reach_whom_is_left_out() {
    let text = "name = \"m\"\n[[allow]]\nprotocol = \"tcp\"\nports = \"7000\"\nfrom = [\"a\"]\nto = [\"b\"]\n\
        [[allow]]\nprotocol = \"udp\"\nports = \"53\"\nto = [\"b\", \"c\"]\n\
        [[member]]\nname = \"a\"\nregion = \"us-east-1\"\nauto_scaling_groups = [\"g\"]\n\
        [[member]]\nname = \"b\"\nregion = \"us-west-2\"\nsecurity_groups = [\"sg-00000001\"]\n\
        [[member]]\nname = \"c\"\nregion = \"eu-west-1\"\nauto_scaling_groups = [\"g\"]\nsecurity_groups = [\"sg-00000002\"]\n";
    let mesh = Mesh::parse(text).expect("a mesh");
    let pairs: Vec<_> = reach(&mesh, &World::new())
        .into_iter()
        .map(|r| (r.from, r.to, r.traffic.join(", ")))
        .collect();
    let pair =
        |from: &str, to: &str, traffic: &str| (from.to_owned(), to.to_owned(), traffic.to_owned());
    assert_eq!(
        pairs,
        [
            pair("a", "b", "tcp 7000, udp 53"),
            pair("a", "c", "udp 53"),
            pair("c", "b", "udp 53"),
            pair("c", "c", "udp 53"),
        ]
    );
}
