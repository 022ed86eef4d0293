//! Promises 3 and 5 where an older view of the group is still at work: three histories
//! that the model found (`docs/protocol.md`), played with the real reconcile loop.

use std::time::Duration;

use simulation::world::{Ask, EAST, Fault, FaultRule, RunId, WEST, World, call};
use sync_core::cidr::Cidr;
use sync_core::events::Hook;
use sync_core::permission::Rule;
use sync_core::ports::Failure;
use sync_core::report::{HookResult, MirrorStatus, Report};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::results;

const TICK: Duration = Duration::from_millis(100);

/// A run that is on its way, some of whose calls take longer.
fn begin(world: &World, ask: Ask, slow: &[FaultRule]) -> JoinHandle<Report> {
    let run = world.prepare(&ask);
    for rule in slow {
        world.fault(rule.clone().of(run));
    }
    let world = world.clone();
    tokio::spawn(async move { carry_out(&world, run, ask).await })
}

async fn carry_out(world: &World, run: RunId, ask: Ask) -> Report {
    world.carry_out(run, ask).await.expect("the run comes to an end")
}

/// This call takes so many ticks longer, once, after sparing `skip`.
fn slow(place: &str, name: &'static str, skip: usize, ticks: u32) -> FaultRule {
    FaultRule::all(Fault::Slow(TICK * ticks)).at(place).on(name).window(skip, 1)
}

/// The address of the instance of this hook.
fn address(world: &World, hook: &Hook) -> Cidr {
    let held = world.state().place(&EAST.into()).addresses(&hook.instance);
    held.first().copied().expect("it has an address")
}

fn admits(world: &World, place: &str, cidr: Cidr) -> bool {
    world.rules(place).iter().filter_map(Rule::permission).any(|rule| rule.cidr == cidr)
}

/// What was observed later counts, also if it says the same as the row.
#[tokio::test(start_paused = true)]
async fn promise_3_an_older_view_is_not_written_over_a_newer_one_that_changed_nothing() {
    let world = World::settled(2, 2).await;
    let launch = world.launch(EAST);
    let first = Ask::hooks(EAST, std::slice::from_ref(&launch));
    let first = begin(&world, first, &[slow(EAST, call::PUT, 0, 20)]);
    sleep(TICK * 5).await;
    let held = address(&world, &launch);
    let terminate = world.terminate(EAST, &launch.instance);
    let report = world.run(Ask::hooks(EAST, std::slice::from_ref(&terminate))).await;
    assert_eq!(results(&report), [HookResult::Continue]);
    world.finish(EAST, &launch.instance);
    first.await.expect("the first run ends");
    assert!(!admits(&world, EAST, held), "{}", world.story());
    assert!(!admits(&world, WEST, held), "{}", world.story());
    world.expect_exact();
}

/// A mirror that says the same in an older version does not say what the row says.
#[tokio::test(start_paused = true)]
async fn promise_3_an_older_row_with_the_same_instances_is_not_taken_for_the_own_one() {
    let world = World::settled(2, 2).await;
    let launch = world.launch(EAST);
    let first = Ask::hooks(EAST, std::slice::from_ref(&launch));
    let first = begin(&world, first, &[slow(WEST, call::PUT, 0, 15)]);
    sleep(TICK * 5).await;
    let held = address(&world, &launch);
    let terminate = world.terminate(EAST, &launch.instance);
    let second = Ask::hooks(EAST, std::slice::from_ref(&terminate));
    let second = begin(&world, second, &[slow(WEST, call::PUT, 0, 25)]);
    let report = second.await.expect("the second run ends");
    assert_eq!(results(&report), [HookResult::Continue]);
    first.await.expect("the first run ends");
    world.finish(EAST, &launch.instance);
    assert!(!admits(&world, WEST, held), "{}", world.story());
    world.expect_exact();
}

/// The same, where no hook asks for a second look.
#[tokio::test(start_paused = true)]
async fn promise_5_a_true_up_that_brings_a_newer_row_looks_again() {
    let world = World::settled(2, 2).await;
    let launch = world.launch(EAST);
    let first = Ask::hooks(EAST, std::slice::from_ref(&launch));
    let first = begin(&world, first, &[slow(WEST, call::PUT, 0, 15)]);
    sleep(TICK * 5).await;
    let held = address(&world, &launch);
    world.finish(EAST, &launch.instance);
    let true_up = begin(&world, Ask::true_up(EAST), &[slow(WEST, call::PUT, 0, 25)]);
    true_up.await.expect("the true-up ends");
    first.await.expect("the first run ends");
    assert!(!admits(&world, WEST, held), "{}", world.story());
    world.expect_exact();
}

/// Rules that were read before the row was there prove nothing.
#[tokio::test(start_paused = true)]
async fn promise_3_rules_read_before_the_row_was_there_do_not_let_an_instance_go() {
    let world = World::settled(2, 2).await;
    let launch = world.launch(EAST);
    let first = Ask::hooks(EAST, std::slice::from_ref(&launch));
    let first = begin(&world, first, &[slow(EAST, call::AUTHORIZE, 0, 4)]);
    sleep(TICK).await;
    let held = address(&world, &launch);
    let terminate = world.terminate(EAST, &launch.instance);
    // Its row comes after the first run's last look, its own next look late.
    let lagging = [slow(EAST, call::PUT, 0, 6), slow(EAST, call::RULES, 1, 9)];
    let true_up = begin(&world, Ask::true_up(EAST), &lagging);
    let second = Ask::hooks(EAST, std::slice::from_ref(&terminate));
    let second = begin(&world, second, &[slow(EAST, call::ROWS, 0, 8)]);
    let report = second.await.expect("the second run ends");
    let admitted = admits(&world, EAST, held);
    let answered = results(&report) == [HookResult::Continue];
    let story = world.story();
    true_up.await.expect("the true-up ends");
    first.await.expect("the first run ends");
    assert!(!(answered && admitted), "let go while admitted: {story}");
    world.run(Ask::hooks(EAST, std::slice::from_ref(&terminate))).await;
    world.finish(EAST, &launch.instance);
    world.true_up_everywhere().await;
    world.expect_exact();
}

/// Most often the other run is ahead in every mirror: its row is taken, and nothing is
/// observed anew.
#[tokio::test(start_paused = true)]
async fn promise_5_a_run_that_finds_a_newer_row_at_a_peer_plans_with_that() {
    let world = World::settled(2, 2).await;
    let first = Ask::hooks(EAST, &[world.launch(EAST)]);
    let first = begin(&world, first, &[slow(WEST, call::PUT, 0, 15)]);
    sleep(TICK * 5).await;
    let launch = world.launch(EAST);
    let report = world.run(Ask::hooks(EAST, &[launch])).await;
    assert_eq!(results(&report), [HookResult::Continue]);
    world.forget();
    let report = first.await.expect("the first run ends");
    assert_eq!(results(&report), [HookResult::Continue]);
    assert_eq!(report.mirrors[0].row, MirrorStatus::Newer);
    assert!(report.findings.is_empty(), "{:#?}", report.findings);
    assert!(!world.calls().contains(&call::INSTANCES), "{}", world.story());
    world.expect_exact();
}

/// A run without the own mirror tells a peer of somebody who leaves meanwhile: the peer's
/// row is the newer one by then, and that it is kept is no reason to let the instance go.
/// Where the own mirror can still be read, it is overtaken and put right.
#[tokio::test(start_paused = true)]
async fn promise_3_a_leaving_instance_that_a_peer_was_told_of_meanwhile_is_not_let_go() {
    for reads in [true, false] {
        let world = World::settled(2, 2).await;
        let launch = world.launch(EAST);
        let held = address(&world, &launch);
        let away = |name| FaultRule::all(Fault::Before(Failure::Unavailable)).at(EAST).on(name);
        let first = Ask::hooks(EAST, std::slice::from_ref(&launch));
        let first = begin(&world, first, &[away(call::PUT), slow(WEST, call::PUT, 0, 15)]);
        sleep(TICK * 5).await;
        let terminate = world.terminate(EAST, &launch.instance);
        // Its second look at the west comes when the first run has admitted the instance there.
        let second = Ask::hooks(EAST, std::slice::from_ref(&terminate));
        let mut faults = vec![slow(WEST, call::RULES, 1, 20)];
        faults.extend((!reads).then(|| away(call::ROWS).window(1, usize::MAX)));
        let report = begin(&world, second, &faults).await.expect("the second run ends");
        let expected = if reads { HookResult::Continue } else { HookResult::Retry };
        assert_eq!(results(&report), [expected], "{}", world.story());
        assert_eq!(admits(&world, WEST, held), !reads, "{}", world.story());
        first.await.expect("the first run ends");
        world.heal();
        world.run(Ask::hooks(EAST, &[terminate])).await;
        world.finish(EAST, &launch.instance);
        world.expect_unbroken();
        world.true_up_everywhere().await;
        world.expect_exact();
    }
}
