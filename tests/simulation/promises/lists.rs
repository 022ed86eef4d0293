//! Prefix lists as targets: the same promises, with entries in place of rules (decision 34).

use std::collections::BTreeSet;

use simulation::world::{Ask, EAST, Fault, FaultRule, WEST, World, call};
use sync_core::ingress::PrefixList;
use sync_core::names::{MemberName, SecurityGroupId};
use sync_core::permission::{Rule, Source};
use sync_core::ports::Failure;
use sync_core::report::{FindingKind, HookResult};

use super::{found, results};

const IPV4: &str = "pl-00000004";

/// A member with a group and a list of each family, and one with a list alone; two ports, and
/// as much room as this.
fn listed(room: usize) -> World {
    World::of(&format!(
        r#"
name = "orders-db"
allow = [{{protocol = "tcp", ports = "7000-7001"}}, {{protocol = "tcp", ports = 9042}}]
limits = {{rules_per_group = {room}}}
addresses = {{kinds = ["public-ipv4", "ipv6"]}}
[[member]]
region = "us-east-1"
auto_scaling_groups = ["orders-us-east-1"]
security_groups = ["sg-00000001"]
prefix_lists = ["{IPV4}", "pl-00000006"]
[[member]]
region = "us-west-2"
auto_scaling_groups = ["orders-us-west-2"]
prefix_lists = ["pl-00000014"]
"#
    ))
}

fn entries(world: &World, member: &str, list: &str) -> Vec<Rule> {
    let state = world.state();
    let group = &state.places[&MemberName::new(member)].groups[&SecurityGroupId::new(list)];
    group.rules().cloned().collect()
}

fn sources(rules: &[Rule]) -> BTreeSet<String> {
    rules.iter().map(|rule| rule.source.to_string()).collect()
}

#[tokio::test(start_paused = true)]
async fn promise_3_a_launch_goes_on_when_its_address_is_once_in_every_list_of_its_family() {
    let world = listed(60).populated(&[(EAST, 2), (WEST, 1)]).await;
    let hook = world.launch(WEST);
    assert_eq!(results(&world.run(Ask::hooks(WEST, &[hook])).await), [HookResult::Continue]);
    let ipv4 = entries(&world, EAST, IPV4);
    assert_eq!((ipv4.len(), sources(&ipv4).len()), (4, 4), "each address once, not once a port");
    assert_eq!(sources(&entries(&world, WEST, "pl-00000014")), sources(&ipv4));
    let ipv6 = entries(&world, EAST, "pl-00000006");
    assert!(ipv6.iter().all(|rule| rule.source.to_string().contains("::")), "{ipv6:?}");
    assert_eq!(ipv6.len(), 4);
    assert_eq!(entries(&world, EAST, "sg-00000001").len(), 16, "two ports, two families");
    world.expect_exact();
}

#[tokio::test(start_paused = true)]
async fn promise_3_a_launch_waits_for_a_list_that_does_not_answer() {
    let world = listed(60).populated(&[(EAST, 1), (WEST, 1)]).await;
    let fault = FaultRule::all(Fault::Before(Failure::Unavailable)).at(EAST);
    world.state().faults.push(FaultRule { call: Some(call::AUTHORIZE), ..fault });
    let hook = world.launch(EAST);
    assert_eq!(results(&world.run(Ask::hooks(EAST, &[hook])).await), [HookResult::Retry]);
    world.expect_unbroken();
}

#[tokio::test(start_paused = true)]
async fn promise_1_peoples_entries_stay_and_count_as_room() {
    let world = listed(60);
    let list = SecurityGroupId::new("pl-00000014");
    world.state().resize(&WEST.into(), &list, PrefixList { ipv4: true, max_entries: 3 });
    let theirs = Rule {
        id: "sgr-theirs".into(),
        traffic: sync_core::permission::Traffic::EVERYTHING,
        source: Source::Cidr("192.0.2.0/24".parse().expect("a block")),
        description: Some("office".to_owned()),
        tags: [].into(),
    };
    {
        let mut state = world.state();
        let groups = &mut state.place(&WEST.into()).groups;
        groups.get_mut(&list).expect("the list is there").insert(theirs.clone());
    }
    let world = world.populated(&[(WEST, 2)]).await;
    let hook = world.launch(WEST);
    let report = world.run(Ask::hooks(WEST, &[hook])).await;
    assert_eq!(results(&report), [HookResult::Abandon], "it has no room");
    let of_it = |target: &&sync_core::report::TargetReport| target.security_group == list;
    let target = report.targets.iter().find(of_it).expect("the list is reported");
    assert_eq!((target.over_quota.len(), target.foreign), (1, 1));
    assert!(found(&report, FindingKind::OverQuota));
    assert!(entries(&world, WEST, list.as_str()).contains(&theirs));
    world.expect_unbroken();
}

#[tokio::test(start_paused = true)]
async fn a_list_has_room_of_its_own_whatever_a_group_has() {
    let world = listed(40);
    let list = PrefixList { ipv4: true, max_entries: 2 };
    world.state().resize(&WEST.into(), &SecurityGroupId::new("pl-00000014"), list);
    let world = world.populated(&[(EAST, 1), (WEST, 1)]).await;
    let report = world.run(Ask::true_up(WEST)).await;
    let used = |id: &str| {
        let mut targets = report.targets.iter();
        targets.find(|t| t.security_group.as_str() == id).and_then(|t| t.quota_used_percent)
    };
    assert_eq!((used("pl-00000014"), used(IPV4)), (Some(100), Some(5)));
    let hook = world.launch(EAST);
    let report = world.run(Ask::hooks(EAST, &[hook])).await;
    assert_eq!(results(&report), [HookResult::Abandon]);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_cannot_be_read_fails_alone() {
    let world = listed(60).populated(&[(EAST, 1), (WEST, 1)]).await;
    world.state().lose_list(&EAST.into(), &SecurityGroupId::new(IPV4));
    let hook = world.launch(WEST);
    let report = world.run(Ask::hooks(WEST, &[hook])).await;
    let failed = report.targets.iter().filter(|target| target.error.is_some());
    let failed: Vec<_> = failed.map(|target| target.security_group.as_str()).collect();
    assert_eq!(failed, [IPV4]);
    assert!(found(&report, FindingKind::TargetFailed));
    assert_eq!(entries(&world, EAST, "sg-00000001").len(), 12, "the group beside it has them");
    assert_eq!(results(&report), [HookResult::Continue], "a peer holds nobody up");
    let hook = world.launch(EAST);
    let report = world.run(Ask::hooks(EAST, &[hook])).await;
    assert_eq!(results(&report), [HookResult::Abandon], "nobody can let it in here");
}
