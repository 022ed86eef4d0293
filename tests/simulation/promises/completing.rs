//! The answer itself: completing the lifecycle action of a hook.

use simulation::world::{Ask, EAST, Fault, FaultRule, World, call};
use sync_core::events::Hook;
use sync_core::ports::Failure;
use sync_core::report::{FindingKind, HookResult};

use super::{found, nobody, results};

/// A launch and a termination that wait to be answered.
async fn waiting() -> [(World, Hook); 2] {
    let (launching, leaving) = (World::settled(3, 2).await, World::settled(3, 2).await);
    let launch = launching.launch(EAST);
    let id = leaving.state().place(&EAST.into()).members().into_keys().next();
    let terminate = leaving.terminate(EAST, &id.expect("somebody is there"));
    [(launching, launch), (leaving, terminate)]
}

#[tokio::test(start_paused = true)]
async fn no_active_action_is_tried_again_while_the_instance_waits() {
    for (times, result) in
        [(2, HookResult::Continue), (3, HookResult::Continue), (4, HookResult::Retry)]
    {
        for (world, hook) in waiting().await {
            let race = FaultRule::all(Fault::Before(Failure::NoActiveAction)).on(call::COMPLETE);
            world.fault(race.window(0, times));
            let report = world.run(Ask::hooks(EAST, std::slice::from_ref(&hook))).await;
            assert_eq!(results(&report), [result], "{times} {hook:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_fails_otherwise_is_left_to_the_queue() {
    for (world, hook) in waiting().await {
        world.fault(FaultRule::all(Fault::Before(Failure::Throttled)).on(call::COMPLETE));
        let report = world.run(Ask::hooks(EAST, std::slice::from_ref(&hook))).await;
        assert_eq!(results(&report), [HookResult::Retry], "{hook:?}");
        let mut calls = world.calls();
        calls.retain(|name| [call::COMPLETE, call::STATE].contains(name));
        assert_eq!(calls, [call::COMPLETE], "{}", world.story());
    }
}

#[tokio::test(start_paused = true)]
async fn no_active_action_otherwise_means_that_it_is_done() {
    let world = World::settled(3, 2).await;
    let launch = world.launch(EAST);
    let hooks = [launch];
    assert_eq!(results(&world.run(Ask::hooks(EAST, &hooks)).await), [HookResult::Continue]);
    let again = world.run(Ask::hooks(EAST, &hooks)).await;
    assert_eq!(results(&again), [HookResult::Gone]);
    assert!(!found(&again, FindingKind::HookUnanswered));
    let hook = world.terminate(EAST, &hooks[0].instance);
    world.finish(EAST, &hooks[0].instance);
    assert_eq!(results(&world.run(Ask::hooks(EAST, &[hook])).await), [HookResult::Gone]);
    world.expect_exact();
    let unheard = Hook { instance: nobody(), ..hooks[0].clone() };
    assert_eq!(results(&world.run(Ask::hooks(EAST, &[unheard])).await), [HookResult::Gone]);
}
