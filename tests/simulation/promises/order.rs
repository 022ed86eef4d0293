//! Promise 4: add before revoke.

use simulation::world::{Ask, EAST, Fault, FaultRule, WEST, World, call};
use sync_core::ports::Failure;
use sync_core::report::{FindingKind, HookResult};

use super::{expect_finding, results};

/// The rule changes made in a region, in order.
fn changes(world: &World, member: &str) -> Vec<&'static str> {
    let state = world.state();
    let here = state.calls.iter().filter(|c| c.place.as_str() == member && c.failure.is_none());
    here.map(|c| c.name).filter(|name| [call::AUTHORIZE, call::REVOKE].contains(name)).collect()
}

/// One instance gone, another come, in one observation.
fn replace_one(world: &World) {
    let old = world.in_service(EAST, 0);
    drop(old);
    let gone = world.state().place(&EAST.into()).members().into_keys().next();
    world.finish(EAST, &gone.expect("somebody is there"));
    world.in_service(EAST, 1);
}

#[tokio::test(start_paused = true)]
async fn promise_4_adds_come_before_removals_in_every_target() {
    let world = World::settled(3, 2).await;
    replace_one(&world);
    world.run(Ask::true_up(EAST)).await;
    for member in [EAST, WEST] {
        assert_eq!(changes(&world, member), [call::AUTHORIZE, call::REVOKE]);
    }
    world.expect_exact();
}

#[tokio::test(start_paused = true)]
async fn promise_4_where_adds_fail_the_old_rules_of_the_living_stay() {
    let world = World::settled(3, 2).await;
    let detached = world.state().place(&EAST.into()).members().into_keys().next();
    world.detach(EAST, &detached.expect("somebody is there"));
    world.in_service(EAST, 1);
    world.fault(FaultRule::all(Fault::Before(Failure::Denied)).on(call::AUTHORIZE));
    let report = world.run(Ask::true_up(EAST)).await;
    expect_finding(&report, FindingKind::TargetFailed);
    assert!(!world.calls().contains(&call::REVOKE));
    world.heal();
    world.true_up_everywhere().await;
    world.expect_exact();
}

#[tokio::test(start_paused = true)]
async fn promise_4_where_adds_fail_a_departing_instance_is_revoked_all_the_same() {
    let world = World::settled(3, 2).await;
    world.in_service(EAST, 1);
    let leaving = world.state().place(&EAST.into()).members().into_keys().next();
    let hook = world.terminate(EAST, &leaving.expect("somebody is there"));
    world.fault(FaultRule::all(Fault::Before(Failure::Unavailable)).on(call::AUTHORIZE));
    let report = world.run(Ask::hooks(EAST, &[hook])).await;
    assert_eq!(results(&report), [HookResult::Continue]);
    world.expect_unbroken();
}

#[tokio::test(start_paused = true)]
async fn promise_4_a_full_group_lets_the_confirmed_dead_go_first() {
    let world =
        World::new(2, "[limits]\nrules_per_group = 5\n").populated(&[(EAST, 3), (WEST, 2)]).await;
    set_quota(&world, 5);
    replace_one(&world);
    let report = world.run(Ask::true_up(EAST)).await;
    for member in [EAST, WEST] {
        assert_eq!(changes(&world, member), [call::REVOKE, call::AUTHORIZE], "{report:#?}");
    }
    world.expect_exact();
}

/// AWS's limit, whatever the document says.
pub fn set_quota(world: &World, quota: usize) {
    for place in world.state().places.values_mut() {
        place.groups.values_mut().for_each(|group| group.quota = quota);
    }
}
