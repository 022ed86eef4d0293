//! What an invocation's time is spent on: most of it on the work, the rest on answers.

use std::time::Duration;

use simulation::world::{Ask, EAST, Fault, FaultRule, WEST, World, call};
use sync_core::report::HookResult;

use super::results;

/// A launch in an invocation that has only this long.
fn hurried(world: &World, time: Duration) -> Ask {
    Ask { time, ..Ask::hooks(EAST, &[world.launch(EAST)]) }
}

#[tokio::test(start_paused = true)]
async fn an_invocation_with_little_time_uses_it() {
    let world = World::settled(3, 2).await;
    let report = world.run(hurried(&world, Duration::from_secs(2))).await;
    assert_eq!(results(&report), [HookResult::Continue]);
    world.expect_exact();
}

#[tokio::test(start_paused = true)]
async fn what_the_work_leaves_is_enough_to_answer() {
    // The peer takes all the time there is for work, three seconds of four; the answer
    // then takes half a second of the last one.
    let world = World::settled(3, 2).await;
    world.fault(FaultRule::all(Fault::Hang).at(WEST));
    let slow = Fault::Slow(Duration::from_millis(500));
    world.fault(FaultRule::all(slow).on(call::COMPLETE));
    let report = world.run(hurried(&world, Duration::from_secs(4))).await;
    assert_eq!(results(&report), [HookResult::Continue]);
    world.expect_unbroken();
}
