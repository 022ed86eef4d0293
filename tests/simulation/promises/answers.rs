//! What AWS answers to a change counts more than what reads show: they lag, and others
//! change the same groups meanwhile.

use std::net::IpAddr;
use std::time::Duration;

use simulation::world::{Ask, EAST, Fault, FaultRule, WEST, World, call};
use sync_core::events::Hook;
use sync_core::ports::Failure;
use sync_core::report::{FindingKind, HookResult, Report, TargetStatus};

use super::{expect_finding, found, results};

/// How often this was called in a region.
fn count(world: &World, place: &str, name: &str) -> usize {
    let state = world.state();
    state.calls.iter().filter(|c| c.place.as_str() == place && c.name == name).count()
}

/// A run during which a person puts the same permissions there, one every `pause`.
async fn with_a_person(world: &World, ask: Ask, hooks: &[Hook], pause: u64) -> Report {
    let (there, hooks) = (world.clone(), hooks.to_vec());
    let person = async move {
        for hook in hooks {
            tokio::time::sleep(Duration::from_millis(pause)).await;
            let held: Vec<IpAddr> = {
                let mut state = there.state();
                let view = &state.place(&EAST.into()).instances[&hook.instance];
                view.public_ipv4.iter().copied().collect()
            };
            there.foreign(EAST, 7000, 7001, &format!("{}/32", held[0]));
        }
    };
    tokio::join!(world.run(ask), person).0
}

#[tokio::test(start_paused = true)]
async fn rules_that_reads_do_not_show_yet_are_waited_for_then_asked_for_one_by_one() {
    for (ask, change) in [("launch", call::AUTHORIZE), ("terminate", call::REVOKE)] {
        let world = World::settled(3, 2).await;
        let hook = if ask == "launch" {
            world.launch(EAST)
        } else {
            let id = world.state().place(&EAST.into()).members().into_keys().next();
            world.terminate(EAST, &id.expect("somebody is there"))
        };
        tokio::time::sleep(Duration::from_mins(3)).await;
        let lag = Fault::Lag(Duration::from_mins(2));
        world.fault(FaultRule::all(lag).at(EAST).on(call::RULES));
        let report = world.run(Ask::hooks(EAST, &[hook])).await;
        assert_eq!(results(&report), [HookResult::Continue]);
        assert!(!found(&report, FindingKind::NotSettled), "{:#?}", report.findings);
        // The look at the start, two that only lag, the one that asks, and one to be sure.
        assert_eq!(count(&world, EAST, call::RULES), 5, "{}", world.story());
        assert_eq!(count(&world, EAST, change), 2, "{}", world.story());
        world.expect_exact();
    }
}

#[tokio::test(start_paused = true)]
async fn a_permission_that_is_there_and_not_shown_is_found_out_with_the_second_call() {
    let world = World::settled(3, 2).await;
    tokio::time::sleep(Duration::from_mins(3)).await;
    let launch = world.launch(EAST);
    world.run(Ask::hooks(EAST, std::slice::from_ref(&launch))).await;
    world.forget();
    let lag = Fault::Lag(Duration::from_mins(2));
    world.fault(FaultRule::all(lag).at(EAST).on(call::RULES));
    let report = world.run(Ask::true_up(EAST)).await;
    assert!(!found(&report, FindingKind::TargetFailed), "{:#?}", report.findings);
    assert_eq!(report.targets[0].status, TargetStatus::InSync);
    assert_eq!(count(&world, EAST, call::AUTHORIZE), 2, "{}", world.story());
    world.expect_exact();
}

/// What a true-up does whose reads show 30 rules as they were before a batch of hooks changed them.
async fn true_up_on_old_reads(world: &World, hooks: &[Hook]) -> Report {
    tokio::time::sleep(Duration::from_mins(3)).await;
    world.run(Ask::hooks(EAST, hooks)).await;
    world.forget();
    let lag = Fault::Lag(Duration::from_mins(2));
    world.fault(FaultRule::all(lag).at(EAST).on(call::RULES));
    let report = world.run(Ask::true_up(EAST)).await;
    world.heal();
    tokio::time::sleep(Duration::from_mins(3)).await;
    report
}

/// The first target failed, and it is said that 20 rules are left.
fn expect_left(report: &Report) {
    assert_eq!(report.targets[0].status, TargetStatus::Failed, "{:#?}", report.findings);
    let failed = report.findings.iter().find(|f| f.kind == FindingKind::TargetFailed);
    let said = format!("{:?}", failed.expect("it is said"));
    assert!(said.contains("20 rules are left for the next run"), "{said}");
}

/// Rules that nobody waits for do not use up the calls that EC2 allows a region one by one.
#[tokio::test(start_paused = true)]
async fn no_more_than_ten_rules_are_added_one_by_one_unless_a_hook_waits() {
    let world = World::settled(3, 2).await;
    let launches: Vec<_> = (0..30).map(|_| world.launch(EAST)).collect();
    let report = true_up_on_old_reads(&world, &launches).await;
    // The batch, and ten alone; the rest is for the next run.
    assert_eq!(count(&world, EAST, call::AUTHORIZE), 11, "{}", world.story());
    expect_left(&report);
    world.run(Ask::true_up(EAST)).await;
    world.expect_exact();
}

#[tokio::test(start_paused = true)]
async fn no_more_than_ten_rules_are_revoked_one_by_one_unless_a_hook_waits() {
    let world = World::settled(30, 2).await;
    let ids: Vec<_> = world.state().place(&EAST.into()).members().into_keys().collect();
    let ends: Vec<_> = ids.iter().map(|id| world.terminate(EAST, id)).collect();
    let report = true_up_on_old_reads(&world, &ends).await;
    assert_eq!(count(&world, EAST, call::REVOKE), 11, "{}", world.story());
    expect_left(&report);
    world.run(Ask::true_up(EAST)).await;
    world.expect_exact();
}

#[tokio::test(start_paused = true)]
async fn what_somebody_else_added_meanwhile_is_left_out_and_the_rest_is_one_call() {
    let world = World::settled(3, 2).await;
    let launches = [world.launch(EAST), world.launch(EAST), world.launch(EAST)];
    let ask = Ask::hooks(EAST, &launches);
    let slow = Fault::Slow(Duration::from_millis(500));
    world.fault(FaultRule::all(slow).at(EAST).on(call::AUTHORIZE));
    let report = with_a_person(&world, ask, &launches[..1], 300).await;
    assert_eq!(results(&report), [HookResult::Continue; 3]);
    assert_eq!(count(&world, EAST, call::AUTHORIZE), 2, "{}", world.story());
    world.expect_unbroken();
}

#[tokio::test(start_paused = true)]
async fn where_somebody_else_keeps_being_first_every_permission_is_asked_for_alone() {
    let world = World::settled(3, 2).await;
    let launches: Vec<_> = (0..12).map(|_| world.launch(EAST)).collect();
    let ask = Ask::hooks(EAST, &launches);
    let slow = Fault::Slow(Duration::from_millis(400));
    world.fault(FaultRule::all(slow).at(EAST).on(call::AUTHORIZE));
    let report = with_a_person(&world, ask, &launches, 300).await;
    assert_eq!(results(&report), [HookResult::Continue; 12], "{:#?}", report.findings);
    assert!(!found(&report, FindingKind::TargetFailed), "{:#?}", report.findings);
    world.expect_unbroken();
}

#[tokio::test(start_paused = true)]
async fn a_call_that_a_new_plan_may_mend_is_made_again_whatever_became_of_the_others() {
    let udp = "[[allow]]\nprotocol = \"udp\"\nports = \"7000\"\n";
    for first in [Failure::Throttled, Failure::Duplicate] {
        let second =
            if first == Failure::Duplicate { Failure::Throttled } else { Failure::Duplicate };
        let world = World::new(2, udp).populated(&[(EAST, 2), (WEST, 2)]).await;
        let launch = world.launch(EAST);
        let fails = |failure| FaultRule::all(Fault::Before(failure)).at(EAST).on(call::AUTHORIZE);
        world.fault(fails(first).window(0, 1));
        world.fault(fails(second).window(0, 1));
        let report = world.run(Ask::hooks(EAST, &[launch])).await;
        assert_eq!(results(&report), [HookResult::Continue], "{}", world.story());
        world.expect_exact();
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_whose_mirror_cannot_be_read_anew_is_not_changed_on_an_old_view_of_it() {
    let world = World::settled(3, 2).await;
    let launch = world.launch(EAST);
    let fails = |failure| FaultRule::all(Fault::Before(failure)).at(WEST);
    world.fault(fails(Failure::Duplicate).on(call::AUTHORIZE).window(0, 1));
    world.fault(fails(Failure::Unavailable).on(call::ROWS).window(1, 99));
    let report = world.run(Ask::hooks(EAST, &[launch])).await;
    assert_eq!(results(&report), [HookResult::Continue]);
    expect_finding(&report, FindingKind::TargetFailed);
    assert_eq!(count(&world, WEST, call::AUTHORIZE), 1, "{}", world.story());
    world.heal();
    world.run(Ask::true_up(EAST)).await;
    world.expect_exact();
}

#[tokio::test(start_paused = true)]
async fn an_error_of_a_single_permission_is_neither_a_full_group_nor_a_rule_that_is_gone() {
    for (what, call) in [("launch", call::AUTHORIZE), ("terminate", call::REVOKE)] {
        let world = World::settled(3, 2).await;
        let hook = if what == "launch" {
            world.launch(EAST)
        } else {
            let id = world.state().place(&EAST.into()).members().into_keys().next();
            world.terminate(EAST, &id.expect("somebody is there"))
        };
        let first = if what == "launch" { Failure::Duplicate } else { Failure::NotFound };
        let fails = |failure| FaultRule::all(Fault::Before(failure)).at(EAST).on(call);
        world.fault(fails(first).window(0, 1));
        world.fault(fails(Failure::Throttled));
        let report = world.run(Ask::hooks(EAST, std::slice::from_ref(&hook))).await;
        assert_eq!(results(&report), [HookResult::Retry], "{what}: {:#?}", report.findings);
        expect_finding(&report, FindingKind::TargetFailed);
        assert!(!found(&report, FindingKind::OverQuota), "{what}: {:#?}", report.findings);
        world.heal();
        world.run(Ask::hooks(EAST, &[hook])).await;
        world.expect_exact();
    }
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_a_person_removed_meanwhile_does_not_keep_the_others() {
    let world = World::settled(5, 2).await;
    let leaving: Vec<_> = world.state().place(&EAST.into()).members().into_keys().take(3).collect();
    let hooks: Vec<_> = leaving.iter().map(|id| world.terminate(EAST, id)).collect();
    let held = world.state().place(&EAST.into()).addresses(&leaving[0]);
    let slow = Fault::Slow(Duration::from_millis(500));
    world.fault(FaultRule::all(slow).at(EAST).on(call::REVOKE));
    let there = world.clone();
    let person = async move {
        tokio::time::sleep(Duration::from_millis(300)).await;
        there.delete_rules(EAST, |rule| {
            rule.permission().is_some_and(|permission| held.contains(&permission.cidr))
        });
    };
    let (report, ()) = tokio::join!(world.run(Ask::hooks(EAST, &hooks)), person);
    assert_eq!(results(&report), [HookResult::Continue; 3]);
    world.expect_exact();
}
