use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::names::RuleId;
use crate::permission::{MEMBER_TAG, MESH_TAG, Protocol, Source, Traffic};

mod compact;
mod full;
mod laws;
mod learned;
mod links;
mod pages;
mod refused;
mod wanted;

const LIMIT: u32 = 8;

fn mesh() -> MeshName {
    MeshName::parse("orders-db").expect("a name")
}

fn policy() -> Policy {
    Policy {
        mesh: mesh(),
        guard: Guard { max_removals: 2, max_removal_percent: 50 },
        rules_per_group: LIMIT,
        compact: Compact::Off,
        departed: BTreeSet::new(),
        allow_removals: false,
    }
}

fn permission(port: u16, host: u8) -> Permission {
    Permission {
        traffic: Traffic::ports(Protocol::Tcp, port, port),
        cidr: format!("54.0.0.{host}/32").parse().expect("a cidr"),
    }
}

fn v6(host: u8) -> Permission {
    Permission {
        traffic: Traffic::ports(Protocol::Tcp, 7000, 7000),
        cidr: format!("2600::{host:x}/128").parse().expect("a cidr"),
    }
}

fn member(name: &str) -> MemberName {
    MemberName::new(name)
}

fn rule(permission: Permission, owner: Option<&str>) -> Rule {
    let tags = match owner {
        Some(owner) => BTreeMap::from([
            (MESH_TAG.to_owned(), "orders-db".to_owned()),
            (MEMBER_TAG.to_owned(), owner.to_owned()),
        ]),
        None => BTreeMap::new(),
    };
    Rule {
        id: RuleId::new(format!("sgr-{permission}")),
        traffic: permission.traffic,
        source: Source::Cidr(permission.cidr),
        description: None,
        tags,
    }
}

fn origin(member: &MemberName, host: u8) -> Origin {
    let place = usize::from(member.as_str() != "east");
    let instance = InstanceId::new(format!("i-{host:03}"));
    Origin { place, member: member.clone(), asg: "orders".into(), instance }
}

/// East's instances have hosts below 100, west's from 100.
fn wanting(ports: &[u16], hosts: &[u8]) -> Desired {
    let whose = |host| member(if host < 100 { "east" } else { "west" });
    Desired {
        wanted: hosts
            .iter()
            .flat_map(|host| ports.iter().map(move |port| (*port, *host)))
            .map(|(port, host)| (permission(port, host), origin(&whose(host), host)))
            .collect(),
        unknown: BTreeSet::new(),
        contested: BTreeSet::new(),
        members: BTreeSet::from([member("east"), member("west")]),
    }
}

fn owned(ports: &[u16], hosts: &[u8]) -> Vec<Rule> {
    let desired = wanting(ports, hosts);
    desired.wanted.iter().map(|(p, o)| rule(*p, Some(o.member.as_str()))).collect()
}

fn planned(desired: &Desired, actual: &[Rule], policy: &Policy) -> Plan {
    let plan = plan(desired, actual, policy);
    assert_eq!(check(&plan, desired, actual, policy), Ok(()));
    plan
}

fn hosts<'a>(removals: impl IntoIterator<Item = &'a Removal>) -> Vec<String> {
    removals.into_iter().map(|r| r.rule.rule().source.to_string()).collect()
}

#[test]
fn missing_is_added_present_is_kept_left_over_is_revoked() {
    let plan = planned(&wanting(&[7000], &[1, 2]), &owned(&[7000], &[2, 3]), &policy());
    assert_eq!(plan.add.iter().map(|a| a.permission).collect::<Vec<_>>(), [permission(7000, 1)]);
    assert_eq!(plan.keep, BTreeSet::from([permission(7000, 2)]));
    assert_eq!(hosts(&plan.revoke), ["54.0.0.3/32"]);
    assert!(plan.make_room.is_empty());
}

#[test]
fn in_sync_is_an_empty_plan() {
    assert!(planned(&wanting(&[7000], &[1, 2]), &owned(&[7000], &[1, 2]), &policy()).is_empty());
}

#[test]
fn a_plan_is_empty_only_if_nothing_is_to_be_called() {
    let actual = owned(&[7000], &[1, 2]);
    let plan = planned(&wanting(&[7000], &[2, 3]), &actual, &policy());
    let Plan { add, revoke, .. } = plan.clone();
    let room = Plan { make_room: revoke.clone(), ..Plan::default() };
    assert!(!room.is_empty());
    assert!(!Plan { add, ..Plan::default() }.is_empty());
    assert!(!Plan { revoke, ..Plan::default() }.is_empty());
    assert_eq!((plan.removals().count(), room.removals().count()), (1, 1));
    let told = Plan { held: room.make_room, foreign: actual, ..Plan::default() };
    assert!(told.is_empty());
}

#[test]
fn promise_1_foreign_rules_are_never_revoked_whatever_they_open() {
    let mut actual: Vec<Rule> = [22, 7000, 7001].map(|port| rule(permission(port, 9), None)).into();
    actual[2].tags.insert(MESH_TAG.to_owned(), "another-mesh".to_owned());
    let plan = planned(&wanting(&[7000], &[9]), &actual, &policy());
    assert!(plan.is_empty());
    assert_eq!(plan.foreign.len(), 3);
    assert_eq!(plan.foreign_satisfied, BTreeSet::from([permission(7000, 9)]));
}

#[test]
fn promise_2_an_unknown_member_freezes_its_rules_and_only_those() {
    let mut desired = wanting(&[7000], &[]);
    desired.unknown.insert(member("west"));
    let plan = planned(&desired, &owned(&[7000], &[1, 101]), &policy());
    assert_eq!(hosts(&plan.revoke), ["54.0.0.1/32"]);
    assert_eq!(hosts(&plan.frozen), ["54.0.0.101/32"]);
}

#[test]
fn promise_2_a_rule_without_its_member_tag_is_frozen_while_anyone_is_unknown() {
    let mut desired = wanting(&[7000], &[]);
    desired.unknown.insert(member("west"));
    let mut actual = owned(&[7000], &[1]);
    actual[0].tags.remove(MEMBER_TAG);
    assert_eq!(planned(&desired, &actual, &policy()).frozen.len(), 1);
}

#[test]
fn promise_2_a_port_that_another_document_may_want_stays_open_for_a_live_address() {
    let mut desired = wanting(&[7000], &[1]);
    let actual = owned(&[7000, 7001], &[1, 2]);
    desired.contested =
        actual.iter().take(1).filter_map(Rule::permission).map(|p| p.cidr).collect();
    let plan = planned(&desired, &actual, &policy());
    assert_eq!(hosts(plan.frozen.iter()), ["54.0.0.1/32"], "on the other port");
    assert_eq!(hosts(plan.revoke.iter()), ["54.0.0.2/32"; 2], "the dead one goes");
}

#[test]
fn what_this_run_saw_leave_goes_even_if_its_member_is_unknown_but_only_its_own() {
    let mut desired = wanting(&[7000], &[]);
    desired.unknown.extend([member("east"), member("west")]);
    let address: Cidr = "54.0.0.1/32".parse().expect("a cidr");
    let mut policy = policy();
    policy.departed.insert((member("east"), address));
    assert_eq!(planned(&desired, &owned(&[7000], &[1]), &policy).revoke.len(), 1);
    let theirs = [rule(permission(7000, 1), Some("west"))];
    assert_eq!(planned(&desired, &theirs, &policy).frozen.len(), 1);
}

#[test]
fn the_guard_holds_when_number_and_percent_are_both_exceeded() {
    for (there, left, held) in [(4, 2, 0), (4, 1, 3), (8, 5, 0), (8, 4, 0), (8, 3, 5)] {
        let hosts: Vec<u8> = (1..=there).collect();
        let desired = wanting(&[7000], &hosts[..left]);
        let plan = planned(&desired, &owned(&[7000], &hosts), &policy());
        assert_eq!(plan.held.len(), held, "{there} to {left}");
        assert_eq!(plan.revoke.len(), usize::from(there) - left - held, "{there} to {left}");
    }
}

#[test]
fn the_guard_lets_adds_and_seen_departures_through() {
    let mut policy = policy();
    policy.departed.insert((member("east"), "54.0.0.1/32".parse().expect("a cidr")));
    let actual = owned(&[7000], &[1, 2, 3, 4]);
    let plan = planned(&wanting(&[7000], &[9]), &actual, &policy);
    assert_eq!((plan.add.len(), plan.revoke.len(), plan.held.len()), (1, 1, 3));
    policy.allow_removals = true;
    assert_eq!(planned(&wanting(&[7000], &[9]), &actual, &policy).revoke.len(), 4);
}

#[test]
fn promise_2_rules_of_a_member_that_the_document_does_not_name_wait_for_a_person() {
    let mut actual: Vec<Rule> =
        [1, 2].map(|host| rule(permission(7000, host), Some("south"))).into();
    actual.extend(owned(&[7000], &[3]));
    let mut policy = policy();
    let plan = planned(&wanting(&[7000], &[]), &actual, &policy);
    assert!(plan.held.iter().all(|r| r.why == NotWanted::MemberRemoved));
    assert_eq!((plan.held.len(), plan.revoke.len()), (2, 1), "what else is stale goes");
    policy.allow_removals = true;
    assert_eq!(planned(&wanting(&[7000], &[]), &actual, &policy).revoke.len(), 3);
}

#[test]
fn the_check_refuses_to_revoke_a_member_that_the_document_does_not_name() {
    let actual = [rule(permission(7000, 1), Some("south"))];
    let allowed = Policy { allow_removals: true, ..policy() };
    let desired = wanting(&[7000], &[]);
    let plan = plan(&desired, &actual, &allowed);
    assert_eq!(check(&plan, &desired, &actual, &allowed), Ok(()));
    let found = check(&plan, &desired, &actual, &policy()).expect_err("a violation");
    assert!(matches!(found[0], Violation::RevokesUnnamed(_)), "{found:?}");
}

#[test]
fn a_plan_that_breaks_a_promise_does_not_pass_the_check() {
    let desired = wanting(&[7000], &[1]);
    let foreign_tagged_late = owned(&[7000], &[2]);
    let mut plan = plan(&desired, &foreign_tagged_late, &policy());
    // The rule turns out to be foreign, wanted, or not there at all.
    let mut foreign = foreign_tagged_late.clone();
    foreign[0].tags.clear();
    let found = check(&plan, &desired, &foreign, &policy()).expect_err("a violation");
    assert!(matches!(found[0], Violation::RevokesForeign(_)), "{found:?}");
    let both = wanting(&[7000], &[1, 2]);
    let found = check(&plan, &both, &foreign_tagged_late, &policy()).expect_err("a violation");
    assert!(matches!(found[0], Violation::RevokesWanted(_)), "{found:?}");
    let found = check(&plan, &desired, &[], &policy()).expect_err("a violation");
    assert!(matches!(found[0], Violation::RevokesNothing(_)), "{found:?}");
    plan.add.clear();
    let found = check(&plan, &desired, &foreign_tagged_late, &policy()).expect_err("a violation");
    assert_eq!(found, [Violation::LeavesOut(permission(7000, 1))]);
    plan.revoke.clear();
    let found = check(&plan, &desired, &foreign_tagged_late, &policy()).expect_err("a violation");
    assert!(matches!(found[1], Violation::LeavesStale(_)), "{found:?}");
}
