//! Rules spread over several groups that instances have together: the same promises, of all
//! of them as of one.

use std::collections::BTreeSet;
use std::time::Duration;

use simulation::world::{Ask, EAST, Fault, FaultRule, WEST, World, call};
use sync_core::names::{MemberName, RuleId, SecurityGroupId};
use sync_core::report::{FindingKind, HookResult};

use super::{found, results};

/// Two members of two groups each, of four rules.
fn spread() -> World {
    World::of(
        r#"
name = "orders-db"
allow = [{protocol = "tcp", ports = "7000-7001"}]
limits = {rules_per_group = 4}
[[member]]
region = "us-east-1"
auto_scaling_groups = ["orders-us-east-1"]
security_groups = ["sg-00000001", "sg-00000002"]
spread = true
[[member]]
region = "us-west-2"
auto_scaling_groups = ["orders-us-west-2"]
security_groups = ["sg-00000003", "sg-00000004"]
spread = true
"#,
    )
}

/// Every rule of a member's groups.
fn rules(world: &World, member: &str) -> BTreeSet<(SecurityGroupId, RuleId)> {
    let state = world.state();
    let groups = state.places[&MemberName::new(member)].groups.iter();
    groups.flat_map(|(id, group)| group.rules().map(|rule| (id.clone(), rule.id.clone()))).collect()
}

#[tokio::test(start_paused = true)]
async fn promise_3_more_are_admitted_than_one_group_holds_and_who_finds_no_room_is_named() {
    let world = spread().populated(&[(EAST, 5), (WEST, 2)]).await;
    let hook = world.launch(WEST);
    assert_eq!(results(&world.run(Ask::hooks(WEST, &[hook])).await), [HookResult::Continue]);
    for member in [EAST, WEST] {
        assert_eq!(rules(&world, member).len(), 8, "both are full");
    }
    let hook = world.launch(WEST);
    let instance = hook.instance.clone();
    let report = world.run(Ask::hooks(WEST, &[hook])).await;
    assert_eq!(results(&report), [HookResult::Abandon]);
    let of_it = |target: &&sync_core::report::TargetReport| !target.over_quota.is_empty();
    assert_eq!(report.targets.iter().filter(of_it).count(), 2, "one in each region: {instance}");
    assert!(found(&report, FindingKind::OverQuota));
    world.expect_unbroken();
}

#[tokio::test(start_paused = true)]
async fn promise_4_one_more_moves_nobody_and_one_less_neither() {
    let world = spread().populated(&[(EAST, 3), (WEST, 3)]).await;
    let before = [EAST, WEST].map(|member| rules(&world, member));
    let hook = world.launch(EAST);
    let leaver = hook.instance.clone();
    assert_eq!(results(&world.run(Ask::hooks(EAST, &[hook])).await), [HookResult::Continue]);
    for (member, before) in [EAST, WEST].into_iter().zip(&before) {
        let after = rules(&world, member);
        assert!(after.is_superset(before), "{member}");
        assert_eq!(after.len(), before.len() + 1, "{member}");
    }
    world.set_state(EAST, &leaver, "InService");
    let hook = world.terminate(EAST, &leaver);
    assert_eq!(results(&world.run(Ask::hooks(EAST, &[hook])).await), [HookResult::Continue]);
    assert_eq!([EAST, WEST].map(|member| rules(&world, member)), before);
    world.expect_exact();
}

#[tokio::test(start_paused = true)]
async fn promise_4_nothing_goes_in_any_group_before_everything_is_added_in_all() {
    let world = spread().populated(&[(EAST, 4)]).await;
    let leavers: Vec<_> = world.state().places[&EAST.into()].members().into_keys().collect();
    for id in &leavers {
        world.detach(EAST, id);
    }
    world.in_service(EAST, 4);
    world.forget();
    // The first of two calls is slow: the other group is done long before.
    world.fault(
        FaultRule::all(Fault::Slow(Duration::from_secs(1))).on(call::AUTHORIZE).window(0, 1),
    );
    world.run(Ask::true_up(EAST)).await;
    for place in [EAST, WEST] {
        let state = world.state();
        let calls = state.calls.iter().filter(|call| call.place == place.into());
        let changes = calls
            .map(|call| call.name)
            .filter(|name| [call::AUTHORIZE, call::REVOKE].contains(name));
        let changes: Vec<_> = changes.collect();
        assert_eq!(
            changes,
            [call::AUTHORIZE, call::AUTHORIZE, call::REVOKE, call::REVOKE],
            "{place}"
        );
    }
    world.expect_exact();
}

#[tokio::test(start_paused = true)]
async fn what_two_runs_opened_twice_is_closed_once_and_nobody_is_shut_out() {
    let world = spread().populated(&[(EAST, 1)]).await;
    let twice = {
        let mut state = world.state();
        let groups = &mut state.place(&WEST.into()).groups;
        let rule = groups.values().find_map(|group| group.rules().next().cloned());
        let mut rule = rule.expect("one is there");
        rule.id = "sgr-twice".into();
        let other = groups.values_mut().find(|group| group.rules().next().is_none());
        let other = other.expect("one has none");
        other.insert_ours(rule.clone());
        rule
    };
    assert!(twice.permission().is_some() && !world.state().differences().is_empty());
    world.run(Ask::true_up(WEST)).await;
    assert_eq!(rules(&world, WEST).len(), 1);
    world.expect_exact();
}
