//! Promise 3: hooks that have to wait, by what is seen of their instance, and by the
//! worst of several targets.

use simulation::world::{Ask, EAST, Fault, FaultRule, WEST, World, call};
use sync_core::events::Hook;
use sync_core::names::InstanceId;
use sync_core::ports::Failure;
use sync_core::report::{FindingKind, HookResult, Report};

use super::{document, expect_finding, results};

const TCP: &str = "protocol = \"tcp\"\nports = \"7000-7001\"";

fn somebody(world: &World) -> InstanceId {
    world.state().place(&EAST.into()).members().into_keys().next().expect("somebody is there")
}

/// This hook is not answered yet.
async fn expect_waits(world: &World, hook: &Hook, what: &str) -> Report {
    let report = world.run(Ask::hooks(EAST, std::slice::from_ref(hook))).await;
    assert_eq!(results(&report), [HookResult::Retry], "{what}: {:#?}", report.findings);
    assert!(!world.calls().contains(&call::COMPLETE), "{what}");
    expect_finding(&report, FindingKind::HookUnanswered);
    report
}

#[tokio::test(start_paused = true)]
async fn promise_3_a_launch_waits_in_states_in_which_nobody_is_admitted_yet() {
    for state in ["Pending", "Levitating:Wait"] {
        let world = World::settled(3, 2).await;
        let launch = world.launch(EAST);
        world.set_state(EAST, &launch.instance, state);
        expect_waits(&world, &launch, state).await;
        world.set_state(EAST, &launch.instance, "Pending:Wait");
        let report = world.run(Ask::hooks(EAST, &[launch])).await;
        assert_eq!(results(&report), [HookResult::Continue], "{state}");
        world.expect_exact();
    }
}

#[tokio::test(start_paused = true)]
async fn promise_3_a_launch_waits_while_its_instance_is_stopped_and_has_no_address() {
    let world = World::settled(3, 2).await;
    let launch = world.launch(EAST);
    world.take_address(EAST, &launch.instance);
    let stop = |state: &str| {
        let mut world = world.state();
        let view = world.place(&EAST.into()).instances.get_mut(&launch.instance);
        view.expect("it is there").state = state.to_owned();
    };
    stop("stopped");
    let report = expect_waits(&world, &launch, "stopped").await;
    let why = report.findings.iter().find(|f| f.kind == FindingKind::HookUnanswered);
    assert_eq!(why.map(|f| f.detail.as_str()), Some("EC2 shows no public-ipv4 address of it yet"));
}

#[tokio::test(start_paused = true)]
async fn promise_3_a_termination_waits_while_auto_scaling_shows_a_member() {
    let world = World::settled(3, 2).await;
    let id = somebody(&world);
    let terminate = world.terminate(EAST, &id);
    for state in ["InService", "Terminating:Retained", "Standby"] {
        world.set_state(EAST, &id, state);
        expect_waits(&world, &terminate, state).await;
        assert!(!world.calls().contains(&call::REVOKE), "{state}");
    }
    world.set_state(EAST, &id, "Terminating:Wait");
    let report = world.run(Ask::hooks(EAST, &[terminate])).await;
    assert_eq!(results(&report), [HookResult::Continue]);
    world.expect_exact();
}

#[tokio::test(start_paused = true)]
async fn promise_3_a_termination_waits_while_the_guard_holds_its_rules() {
    // Neither Auto Scaling nor EC2 shows anybody: not seen to leave, so not exempt.
    let world = World::settled(12, 2).await;
    let id = somebody(&world);
    let terminate = world.terminate(EAST, &id);
    world.finish(EAST, &id);
    world.clear_group(EAST);
    let report = expect_waits(&world, &terminate, "held").await;
    expect_finding(&report, FindingKind::HeldRemovals);
    let allowed = Ask { allow_removals: true, ..Ask::hooks(EAST, &[terminate]) };
    assert_eq!(world.run(allowed).await.unanswered().count(), 0);
    world.expect_exact();
}

#[tokio::test(start_paused = true)]
async fn promise_3_the_worst_target_of_a_region_decides() {
    use Failure::{Denied, Throttled};
    const FULL: &str = "a security group of us-east-1 is full";
    for (first, second, full, result, why) in [
        (Some(Throttled), None, None, HookResult::Retry, "the world says Throttled"),
        (None, Some(Throttled), None, HookResult::Retry, "the world says Throttled"),
        (Some(Denied), None, None, HookResult::Abandon, "the world says Denied"),
        (None, Some(Denied), None, HookResult::Abandon, "the world says Denied"),
        (Some(Denied), Some(Throttled), None, HookResult::Abandon, "the world says Denied"),
        (Some(Throttled), Some(Denied), None, HookResult::Abandon, "the world says Denied"),
        // Trying again makes no room; and who may not change a group learns of that first.
        (None, None, Some(0), HookResult::Abandon, FULL),
        (None, None, Some(1), HookResult::Abandon, FULL),
        (None, Some(Throttled), Some(0), HookResult::Abandon, FULL),
        (Some(Throttled), None, Some(1), HookResult::Abandon, FULL),
        (None, Some(Denied), Some(0), HookResult::Abandon, "the world says Denied"),
        (Some(Denied), None, Some(1), HookResult::Abandon, "the world says Denied"),
    ] {
        let world = World::of(&document(TCP, 2)).populated(&[(EAST, 3), (WEST, 2)]).await;
        let launch = world.launch(EAST);
        for (place, failure) in [first, second].into_iter().enumerate() {
            let Some(failure) = failure else { continue };
            let rule = FaultRule::all(Fault::Before(failure)).at(EAST).on(call::AUTHORIZE);
            let after = if first.is_some() { 0 } else { place };
            world.fault(rule.window(after, 1));
        }
        if let Some(place) = full {
            let mut state = world.state();
            let mut groups = state.place(&EAST.into()).groups.values_mut();
            groups.nth(place).expect("a target").quota = 5;
        }
        let report = world.run(Ask::hooks(EAST, &[launch])).await;
        let what = format!("{first:?} {second:?} {full:?}: {}", world.story());
        assert_eq!(results(&report), [result], "{what}");
        let kinds = [FindingKind::HookUnanswered, FindingKind::HookCompromised];
        let said = report.findings.iter().find(|finding| kinds.contains(&finding.kind));
        assert!(said.is_some_and(|finding| finding.detail.contains(why)), "{what} {said:?}");
        world.expect_unbroken();
    }
}
