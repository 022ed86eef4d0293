//! Promise 2: unknown is not empty.

use std::collections::BTreeMap;

use serde_json::json;
use simulation::world::{Ask, EAST, Fault, FaultRule, WEST, World, call};
use sync_core::ports::Failure;
use sync_core::report::{FindingKind, Report, RowStatus, TargetStatus};

use super::expect_finding;

/// The rules of both members, to compare.
fn rules(world: &World) -> [Vec<String>; 2] {
    [EAST, WEST].map(|member| world.rules(member).iter().map(ToString::to_string).collect())
}

/// A true-up of the east finds this, and nothing is removed anywhere.
async fn expect_no_removal(world: &World, kind: FindingKind) -> Report {
    let before = rules(world);
    let report = world.run(Ask { allow_removals: true, ..Ask::true_up(EAST) }).await;
    expect_finding(&report, kind);
    assert_eq!(rules(world), before, "{kind:?}");
    assert!(!world.calls().contains(&call::REVOKE));
    world.expect_unbroken();
    report
}

#[tokio::test(start_paused = true)]
async fn promise_2_a_group_that_is_not_found_removes_nothing() {
    let world = World::settled(3, 2).await;
    world.state().place(&EAST.into()).asgs.clear();
    let report = expect_no_removal(&world, FindingKind::GroupMissing).await;
    assert_eq!(report.groups[0].row, RowStatus::Unknown);
}

#[tokio::test(start_paused = true)]
async fn promise_2_an_observation_that_fails_removes_nothing() {
    for call in [call::GROUPS, call::INSTANCES] {
        for failure in [Failure::Throttled, Failure::Denied, Failure::Unavailable] {
            let world = World::settled(3, 2).await;
            let gone = world.in_service(EAST, 1);
            world.finish(EAST, &gone[0]);
            world.fault(FaultRule::all(Fault::Before(failure)).on(call));
            expect_no_removal(&world, FindingKind::GroupUnobserved).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn promise_2_an_observation_that_never_ends_removes_nothing() {
    for call in [call::GROUPS, call::INSTANCES, call::ROWS, call::PUT] {
        let world = World::settled(3, 2).await;
        world.in_service(EAST, 1);
        world.fault(FaultRule::all(Fault::Hang).at(EAST).on(call));
        expect_no_removal(&world, FindingKind::GroupUnobserved).await;
    }
}

#[tokio::test(start_paused = true)]
async fn promise_2_instances_that_auto_scaling_omits_stay_while_ec2_says_they_live() {
    let world = World::settled(3, 2).await;
    let before = rules(&world);
    world.state().place(&EAST.into()).asgs.values_mut().for_each(BTreeMap::clear);
    world.run(Ask::true_up(EAST)).await;
    assert_eq!(rules(&world), before);
}

#[tokio::test(start_paused = true)]
async fn promise_2_an_instance_that_ec2_does_not_show_yet_keeps_its_rules() {
    let world = World::settled(3, 2).await;
    world.state().place(&EAST.into()).instances.clear();
    let before = rules(&world);
    world.run(Ask::true_up(EAST)).await;
    assert_eq!(rules(&world), before);
}

#[tokio::test(start_paused = true)]
async fn promise_2_a_row_that_is_missing_removes_nothing() {
    let world = World::settled(3, 2).await;
    for member in [EAST, WEST] {
        let mut state = world.state();
        state.place(&member.into()).table.retain(|key, _| key.member.as_str() == EAST);
    }
    let report = expect_no_removal(&world, FindingKind::RowMissing).await;
    assert_eq!(report.targets[0].frozen.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn promise_2_a_run_that_remembers_nobody_removes_nobody() {
    // The own table was lost, and Auto Scaling's answer is incomplete: nothing says who
    // else has to be asked after.
    let world = World::settled(3, 2).await;
    world.state().place(&EAST.into()).table.clear();
    world.state().place(&EAST.into()).asgs.values_mut().for_each(BTreeMap::clear);
    let before = rules(&world);
    let report = world.run(Ask { allow_removals: true, ..Ask::true_up(EAST) }).await;
    assert_eq!(rules(&world), before);
    assert!(report.targets.iter().all(|target| target.frozen.len() >= 3), "{report:#?}");
}

#[tokio::test(start_paused = true)]
async fn promise_2_without_the_own_mirror_only_what_is_certain_is_removed() {
    for call in [call::ROWS, call::PUT] {
        for failure in [Failure::Unavailable, Failure::Denied] {
            let fault = Fault::Before(failure);
            let world = World::settled(3, 2).await;
            let gone = world.in_service(EAST, 1);
            world.detach(EAST, &gone[0]);
            let fresh = world.in_service(EAST, 1);
            world.fault(FaultRule::all(fault).at(EAST).on(call));
            let before = rules(&world);
            let report = world.run(Ask::true_up(EAST)).await;
            expect_finding(&report, FindingKind::MirrorUnavailable);
            let after = rules(&world);
            for (before, after) in before.iter().zip(&after) {
                assert!(before.iter().all(|rule| after.contains(rule)), "{call} {fault:?}");
            }
            world.heal();
            world.true_up_everywhere().await;
            world.expect_exact();
            drop(fresh);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn promise_2_a_row_that_is_not_believed_removes_and_adds_nothing() {
    for (what, path, value) in [
        ("a wide address block", "instances", json!({ "i-1": ["54.0.0.0/8"] })),
        ("a private address in a public mesh", "instances", json!({ "i-1": ["10.0.0.1/32"] })),
        ("an address of another family", "instances", json!({ "i-1": ["2600:1f18::1/128"] })),
        ("a text for a map", "instances", json!("none")),
        ("nothing at all", "instances", json!(null)),
        ("another schema", "schema", json!(2)),
        ("a version that is no number", "version", json!("7")),
        ("a version from the far future", "version", json!(9_000_000_000_000_000_000_u64)),
        ("an attribute too many", "more", json!(1)),
    ] {
        let world = World::settled(3, 2).await;
        world.poison(EAST, WEST, path, &value);
        let report = expect_no_removal(&world, FindingKind::RowRejected).await;
        assert_eq!(report.targets[0].frozen.len(), 2, "{what}");
        // Its own member puts it right.
        world.true_up_everywhere().await;
        world.expect_exact();
    }
}

#[tokio::test(start_paused = true)]
async fn promise_2_the_own_row_poisoned_is_written_anew() {
    for value in [json!({ "i-1": ["0.0.0.0/0"] }), json!([]), json!({ "i-1": "54.0.0.1/32" })] {
        for place in [EAST, WEST] {
            let world = World::settled(3, 2).await;
            world.poison(place, EAST, "instances", &value);
            world.run(Ask::true_up(EAST)).await;
            let report = world.run(Ask::true_up(EAST)).await;
            assert!(report.findings.is_empty(), "{:#?}", report.findings);
            assert!(report.targets.iter().all(|t| t.status == TargetStatus::InSync));
            world.expect_exact();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn promise_2_the_guard_holds_a_removal_of_most_until_somebody_allows_it() {
    let world = World::settled(12, 2).await;
    world.clear_group(EAST);
    let before = rules(&world);
    let report = world.run(Ask::true_up(EAST)).await;
    expect_finding(&report, FindingKind::HeldRemovals);
    assert_eq!(report.targets[0].held.len(), 12);
    assert!(report.targets.iter().all(|target| target.status == TargetStatus::Held));
    assert_eq!(rules(&world), before);
    // Adds go on meanwhile.
    let launch = world.launch(WEST);
    let report = world.run(Ask::hooks(WEST, &[launch])).await;
    assert_eq!(report.unanswered().count(), 0);
    world.expect_unbroken();
    world.run(Ask { allow_removals: true, ..Ask::true_up(EAST) }).await;
    world.expect_exact();
}

#[tokio::test(start_paused = true)]
async fn promise_2_rules_are_never_judged_by_rows_read_before_them() {
    // The west launches after the east's first look; from then on the east cannot read
    // its own mirror, and sees a rule whose row it does not know.
    let world = World::settled(3, 2).await;
    world.in_service(EAST, 1);
    let blind = Fault::Before(Failure::Unavailable);
    let ask = Ask::true_up(EAST);
    let run = world.prepare(&ask);
    world.fault(FaultRule::all(blind).of(run).at(EAST).on(call::ROWS).window(1, 99));
    let slow = Fault::Slow(std::time::Duration::from_millis(900));
    world.fault(FaultRule::all(slow).of(run).at(EAST).on(call::AUTHORIZE));
    let launch = world.launch(WEST);
    let west = async {
        tokio::time::sleep(std::time::Duration::from_millis(30)).await;
        world.run(Ask::hooks(WEST, &[launch])).await
    };
    let (report, _) = tokio::join!(world.carry_out(run, ask), west);
    expect_finding(&report.expect("the run ends"), FindingKind::NotSettled);
    world.expect_exact();
}
