//! Promise 5: every run starts from live state. Any run may be killed after any
//! call, repeated, delayed, reordered, or overlap any other.

use std::time::Duration;

use simulation::world::{Ask, EAST, Fault, FaultRule, WEST, World, call};
use sync_core::events::Hook;
use sync_core::names::InstanceId;
use sync_core::report::{FindingKind, HookResult};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::found;

/// Somebody of the east.
fn somebody(world: &World) -> InstanceId {
    world.state().place(&EAST.into()).members().into_keys().next().expect("somebody is there")
}

/// What a run that is killed was asked for.
fn change(world: &World, what: &str) -> Ask {
    match what {
        "launch" => Ask::hooks(EAST, &[world.launch(EAST)]),
        "terminate" => Ask::hooks(EAST, &[world.terminate(EAST, &somebody(world))]),
        _ => {
            world.finish(EAST, &somebody(world));
            world.in_service(EAST, 1);
            world.delete_rules(WEST, |rule| rule.id.as_str().ends_with('2'));
            Ask::true_up(EAST)
        }
    }
}

/// Kills one run at its k-th call, for every k until a run gets through; then a
/// true-up in each region. Says how many calls there were.
async fn kill_at_every_call(what: &str, fault: Fault) -> usize {
    for k in 0.. {
        let world = World::settled(3, 2).await;
        let ask = change(&world, what);
        let run = world.prepare(&ask);
        world.fault(FaultRule::all(fault).of(run).window(k, 1));
        let survived = world.carry_out(run, ask.clone()).await.is_some();
        world.heal();
        world.true_up_everywhere().await;
        world.expect_exact();
        // The queue delivers the hook again.
        let again = world.run(ask).await;
        assert_eq!(again.unanswered().count(), 0, "{what} {fault:?} {k}");
        world.expect_exact();
        assert!(world.state().places.values().all(|place| place.waiting.is_empty()));
        if survived {
            return k;
        }
    }
    unreachable!("some run survives")
}

#[tokio::test(start_paused = true)]
async fn promise_5_a_run_killed_at_any_call_leaves_nothing_that_a_true_up_does_not_heal() {
    for (what, least) in [("launch", 15), ("terminate", 15), ("true-up", 14)] {
        for fault in [Fault::KillBefore, Fault::KillAfter] {
            let calls = kill_at_every_call(what, fault).await;
            assert!(calls >= least, "{what}: {calls} calls");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn promise_5_the_peer_heals_what_a_killed_run_left_as_far_as_it_knows() {
    for k in 0..16 {
        let world = World::settled(3, 2).await;
        let ask = change(&world, "launch");
        let run = world.prepare(&ask);
        world.fault(FaultRule::all(Fault::KillAfter).of(run).window(k, 1));
        world.carry_out(run, ask).await;
        world.heal();
        world.run(Ask::true_up(WEST)).await;
        world.expect_unbroken();
        world.run(Ask::true_up(EAST)).await;
        world.expect_exact();
    }
}

#[tokio::test(start_paused = true)]
async fn promise_5_repeated_and_reordered_events_change_nothing() {
    let world = World::settled(3, 2).await;
    let launch = world.launch(EAST);
    let first = world.run(Ask::hooks(EAST, std::slice::from_ref(&launch))).await;
    assert_eq!(first.unanswered().count(), 0);
    let terminate = world.terminate(EAST, &launch.instance);
    // The launch's event again, late, when the instance leaves already.
    let late = world.run(Ask::hooks(EAST, std::slice::from_ref(&launch))).await;
    assert_eq!(late.hooks[0].result, HookResult::Gone);
    world.run(Ask::hooks(EAST, std::slice::from_ref(&terminate))).await;
    world.finish(EAST, &launch.instance);
    for hook in [&terminate, &launch, &terminate, &launch] {
        let again = world.run(Ask::hooks(EAST, std::slice::from_ref(hook))).await;
        assert_eq!(again.hooks[0].result, HookResult::Gone);
        world.expect_exact();
    }
}

/// Runs each of these as a process of its own, started a little apart.
async fn side_by_side(world: &World, asks: Vec<Ask>) -> Vec<HookResult> {
    let mut runs = JoinSet::new();
    for ask in asks {
        let world = world.clone();
        let delay = Duration::from_millis(fastrand::u64(0..300));
        runs.spawn(async move {
            sleep(delay).await;
            world.run(ask).await
        });
    }
    let reports = runs.join_all().await;
    reports.iter().flat_map(|report| &report.hooks).map(|hook| hook.result).collect()
}

fn in_processes(hooks: &[Hook], processes: usize) -> Vec<Ask> {
    let each = hooks.len().div_ceil(processes);
    hooks.chunks(each).map(|hooks| Ask::hooks(EAST, hooks)).collect()
}

#[tokio::test(start_paused = true)]
async fn promise_5_launches_in_many_processes_at_once_end_exact() {
    for seed in 0..20 {
        let world = World::settled(9, 9).await;
        fastrand::seed(seed);
        let hooks: Vec<_> = (0..25).map(|_| world.launch(EAST)).collect();
        let results = side_by_side(&world, in_processes(&hooks, 10)).await;
        assert_eq!(results, [HookResult::Continue; 25], "seed {seed}");
        world.expect_exact();
    }
}

#[tokio::test(start_paused = true)]
async fn promise_5_terminations_in_many_processes_at_once_end_exact() {
    for seed in 0..20 {
        let world = World::settled(20, 9).await;
        fastrand::seed(seed);
        let leaving: Vec<_> =
            world.state().place(&EAST.into()).members().into_keys().take(12).collect();
        let hooks: Vec<_> = leaving.iter().map(|id| world.terminate(EAST, id)).collect();
        let results = side_by_side(&world, in_processes(&hooks, 12)).await;
        assert_eq!(results, [HookResult::Continue; 12], "seed {seed}");
        world.expect_exact();
    }
}

#[tokio::test(start_paused = true)]
async fn promise_5_both_regions_at_once_end_exact() {
    for seed in 0..20 {
        let world = World::settled(6, 6).await;
        fastrand::seed(seed);
        let mut asks = vec![Ask::true_up(EAST), Ask::true_up(WEST)];
        for member in [EAST, WEST] {
            let leaving: Vec<_> =
                world.state().place(&member.into()).members().into_keys().take(2).collect();
            asks.extend(
                leaving.iter().map(|id| Ask::hooks(member, &[world.terminate(member, id)])),
            );
            asks.extend((0..3).map(|_| Ask::hooks(member, &[world.launch(member)])));
        }
        let results = side_by_side(&world, asks).await;
        assert_eq!(results, [HookResult::Continue; 10], "seed {seed}");
        world.expect_exact();
    }
}

#[tokio::test(start_paused = true)]
async fn promise_5_a_lost_reply_is_found_out() {
    for name in call::WRITES {
        for ask in ["launch", "terminate"] {
            for failure in
                [sync_core::ports::Failure::NoAnswer, sync_core::ports::Failure::Unavailable]
            {
                let world = World::settled(3, 2).await;
                let ask = change(&world, ask);
                world.fault(FaultRule::all(Fault::After(failure)).on(name).window(0, 1));
                world.run(ask.clone()).await;
                world.heal();
                let again = world.run(ask).await;
                assert_eq!(again.unanswered().count(), 0, "{name} {failure:?}");
                world.true_up_everywhere().await;
                world.expect_exact();
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn promise_5_what_a_peer_was_told_without_the_own_mirror_is_put_right_at_once() {
    for call in [call::ROWS, call::PUT] {
        let world = World::settled(3, 2).await;
        let launch = world.launch(EAST);
        let down = Fault::Before(sync_core::ports::Failure::Unavailable);
        world.fault(FaultRule::all(down).at(EAST).on(call));
        world.run(Ask::hooks(EAST, std::slice::from_ref(&launch))).await;
        world.heal();
        // The own row never knew the instance; the peer's does.
        let terminate = world.terminate(EAST, &launch.instance);
        let report = world.run(Ask::hooks(EAST, &[terminate])).await;
        assert_eq!(report.hooks[0].result, HookResult::Continue);
        world.expect_exact();
        world.finish(EAST, &launch.instance);
        world.run(Ask::true_up(WEST)).await;
        world.expect_exact();
    }
}

#[tokio::test(start_paused = true)]
async fn who_has_just_come_is_no_drift_however_long_it_took_to_see_them() {
    for slow in [call::GROUPS, call::INSTANCES, call::PUT] {
        let world = World::settled(3, 2).await;
        world.in_service(EAST, 1);
        let late = FaultRule::all(Fault::Slow(Duration::from_secs(2)));
        world.fault(late.at(EAST).on(slow));
        let report = world.run(Ask::true_up(EAST)).await;
        assert!(!found(&report, FindingKind::Drift), "{slow}: {:#?}", report.findings);
        world.expect_exact();
    }
}

#[tokio::test(start_paused = true)]
async fn promise_5_who_left_since_only_a_peer_was_told_of_it_is_put_right_by_a_true_up() {
    let world = World::settled(3, 2).await;
    let launch = world.launch(EAST);
    let down = Fault::Before(sync_core::ports::Failure::Unavailable);
    world.fault(FaultRule::all(down).at(EAST).on(call::PUT));
    world.run(Ask::hooks(EAST, std::slice::from_ref(&launch))).await;
    world.heal();
    // The own row says what it said before, and is the older one.
    world.finish(EAST, &launch.instance);
    world.run(Ask::true_up(EAST)).await;
    world.expect_exact();
}
