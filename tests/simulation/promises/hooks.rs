//! Promise 3: admit before CONTINUE, revoke before CONTINUE; and the hook table of
//! design section 7. That no hook is completed before its time is watched by the
//! world itself, at the moment of every completion.

use std::collections::BTreeMap;
use std::time::Duration;

use simulation::world::{Ask, EAST, Fault, FaultRule, WEST, World, call};
use sync_core::ports::Failure;
use sync_core::report::{FindingKind, HookResult, RowStatus};

use super::order::set_quota;
use super::{expect_finding, results};

const CONTINUE: HookResult = HookResult::Continue;

#[tokio::test(start_paused = true)]
async fn promise_3_a_launch_goes_on_only_when_both_groups_admit() {
    for (east, west) in [(0, 0), (1, 0), (3, 2), (9, 9), (25, 25)] {
        let world = World::settled(east, west).await;
        let launch = world.launch(EAST);
        let report = world.run(Ask::hooks(EAST, &[launch])).await;
        assert_eq!(results(&report), [CONTINUE]);
        world.expect_exact();
    }
}

#[tokio::test(start_paused = true)]
async fn promise_3_a_termination_goes_on_only_when_both_groups_are_rid_of_it() {
    let world = World::settled(3, 2).await;
    let leaving = world.in_service(EAST, 2);
    world.true_up_everywhere().await;
    for id in leaving {
        let hook = world.terminate(EAST, &id);
        let report = world.run(Ask::hooks(EAST, &[hook])).await;
        assert_eq!(results(&report), [CONTINUE]);
        world.expect_exact();
    }
}

#[tokio::test(start_paused = true)]
async fn promise_3_a_batch_of_hooks_is_one_run() {
    let world = World::settled(3, 2).await;
    let mut hooks: Vec<_> = (0..4).map(|_| world.launch(EAST)).collect();
    let leaving = world.state().place(&EAST.into()).members().into_keys().next();
    hooks.push(world.terminate(EAST, &leaving.expect("somebody is there")));
    let report = world.run(Ask::hooks(EAST, &hooks)).await;
    assert_eq!(results(&report), [CONTINUE; 5]);
    assert_eq!(world.calls().iter().filter(|name| **name == call::GROUPS).count(), 1);
    world.expect_exact();
}

#[tokio::test(start_paused = true)]
async fn promise_3_a_rule_seen_before_its_row_was_written_is_no_confirmation() {
    // The address was somebody else's a moment ago, and its rule is still there.
    let world = World::new(2, "").with_addresses(4).populated(&[(EAST, 2), (WEST, 2)]).await;
    let old = world.state().place(&EAST.into()).members().into_keys().next().expect("somebody");
    world.finish(EAST, &old);
    let launch = world.launch(EAST);
    let report = world.run(Ask::hooks(EAST, &[launch])).await;
    assert_eq!(results(&report), [CONTINUE]);
    let state = world.state();
    let calls: Vec<_> = state.calls.iter().filter(|c| c.place.as_str() == WEST).collect();
    let put = calls.iter().position(|c| c.name == call::PUT).expect("the row is put");
    let looks = calls[put..].iter().filter(|c| c.name == call::RULES).count();
    assert!(looks >= 1, "the rules are read again after the row is there");
}

#[tokio::test(start_paused = true)]
async fn promise_3_without_the_own_mirror_a_rule_that_is_there_is_confirmation_at_home() {
    // The same, where nobody can be told in the own mirror who has the address now.
    let world = World::new(2, "").with_addresses(4).populated(&[(EAST, 2), (WEST, 2)]).await;
    let old = world.state().place(&EAST.into()).members().into_keys().next().expect("somebody");
    world.finish(EAST, &old);
    let launch = world.launch(EAST);
    let down = Fault::Before(Failure::Unavailable);
    world.fault(FaultRule::all(down).at(EAST).on(call::PUT));
    let report = world.run(Ask::hooks(EAST, &[launch])).await;
    assert_eq!(results(&report), [CONTINUE], "{:#?}", report.findings);
    assert_eq!(report.groups[0].row, RowStatus::Unavailable);
    world.expect_unbroken();
}

#[tokio::test(start_paused = true)]
async fn promise_3_a_rule_that_goes_between_look_and_answer_is_put_back_first() {
    // A run that saw the last holder leave is about to revoke the address's rule. A
    // launch gets the address, and finds that rule in its first look.
    let world = World::new(2, "").with_addresses(4).populated(&[(EAST, 2), (WEST, 2)]).await;
    let old = world.state().place(&EAST.into()).members().into_keys().next().expect("somebody");
    world.finish(EAST, &old);
    let cleaning = Ask::true_up(EAST);
    let cleaner = world.prepare(&cleaning);
    let slow = |millis| FaultRule::all(Fault::Slow(Duration::from_millis(millis))).at(WEST);
    world.fault(slow(1500).of(cleaner).on(call::REVOKE));
    let launching = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let launch = Ask::hooks(EAST, &[world.launch(EAST)]);
        let launcher = world.prepare(&launch);
        world.fault(slow(2000).of(launcher).on(call::PUT));
        world.carry_out(launcher, launch).await
    };
    let (tidied, launched) = tokio::join!(world.carry_out(cleaner, cleaning), launching);
    let revoked = tidied.expect("a report").targets.iter().any(|t| !t.revoked.is_empty());
    assert!(revoked, "the old rule was revoked meanwhile");
    assert_eq!(results(&launched.expect("a report")), [CONTINUE]);
    let calls = world.state().calls.clone();
    let added = calls.iter().rposition(|c| c.name == call::AUTHORIZE && c.place.as_str() == WEST);
    let answered = calls.iter().position(|c| c.name == call::COMPLETE);
    assert!(added.is_some() && added < answered, "the rule is there again before the answer");
    world.expect_unbroken();
    world.expect_exact();
}

#[tokio::test(start_paused = true)]
async fn promise_3_an_instance_that_auto_scaling_does_not_list_yet_is_not_let_go_on() {
    let world = World::settled(2, 2).await;
    let launch = world.launch(EAST);
    let listed = std::mem::take(&mut world.state().place(&EAST.into()).asgs);
    let nobody = listed.keys().map(|asg| (asg.clone(), BTreeMap::default())).collect();
    world.state().place(&EAST.into()).asgs = nobody;
    let report = world.run(Ask::hooks(EAST, std::slice::from_ref(&launch))).await;
    assert_eq!(results(&report), [HookResult::Retry]);
    assert!(!world.calls().contains(&call::COMPLETE));
    world.state().place(&EAST.into()).asgs = listed;
    assert_eq!(results(&world.run(Ask::hooks(EAST, &[launch])).await), [CONTINUE]);
    world.expect_exact();
}

#[tokio::test(start_paused = true)]
async fn promise_3_at_the_quota_no_unadmitted_instance_goes_on() {
    for full in [EAST, WEST] {
        let world = World::settled(30, 29).await;
        let launches = [world.launch(EAST), world.launch(EAST)];
        world.state().place(&full.into()).groups.values_mut().for_each(|group| group.quota = 60);
        let report = world.run(Ask::hooks(EAST, &launches)).await;
        assert_eq!(results(&report), [CONTINUE, HookResult::Abandon]);
        expect_finding(&report, FindingKind::OverQuota);
        expect_finding(&report, FindingKind::HookCompromised);
        world.expect_unbroken();
    }
}

#[tokio::test(start_paused = true)]
async fn promise_3_a_group_that_is_smaller_than_the_document_says_lets_no_one_on() {
    for on_failure in ["abandon", "continue"] {
        let hooks = format!("[hooks]\non_launch_failure = \"{on_failure}\"\n");
        let world = World::new(2, &hooks).populated(&[(EAST, 3), (WEST, 2)]).await;
        set_quota(&world, 6);
        let launches = [world.launch(EAST), world.launch(EAST)];
        let report = world.run(Ask::hooks(EAST, &launches)).await;
        let second = if on_failure == "abandon" { HookResult::Abandon } else { CONTINUE };
        assert_eq!(results(&report), [CONTINUE, second]);
        expect_finding(&report, FindingKind::OverQuota);
        expect_finding(&report, FindingKind::HookCompromised);
        world.expect_unbroken();
    }
}

#[tokio::test(start_paused = true)]
async fn promise_3_a_full_peer_abandons_too() {
    let world = World::settled(3, 2).await;
    for group in world.state().place(&WEST.into()).groups.values_mut() {
        group.quota = 5;
    }
    let launch = world.launch(EAST);
    let report = world.run(Ask::hooks(EAST, &[launch])).await;
    assert_eq!(results(&report), [HookResult::Abandon]);
    world.expect_unbroken();
}

#[tokio::test(start_paused = true)]
async fn a_local_failure_that_may_pass_leaves_the_hook_waiting() {
    for failure in [Failure::Throttled, Failure::Unavailable, Failure::NoAnswer] {
        for call in [call::GROUPS, call::INSTANCES, call::RULES, call::AUTHORIZE, call::COMPLETE] {
            let world = World::settled(3, 2).await;
            let launch = world.launch(EAST);
            let hooks = std::slice::from_ref(&launch);
            world.fault(FaultRule::all(Fault::Before(failure)).at(EAST).on(call));
            let report = world.run(Ask::hooks(EAST, hooks)).await;
            assert_eq!(results(&report), [HookResult::Retry], "{call} {failure:?}");
            expect_finding(&report, FindingKind::HookUnanswered);
            world.heal();
            let report = world.run(Ask::hooks(EAST, hooks)).await;
            assert_eq!(results(&report), [CONTINUE], "{call} {failure:?}");
            world.expect_exact();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_local_failure_that_never_answers_leaves_the_hook_waiting_and_the_run_in_time() {
    for call in [call::GROUPS, call::INSTANCES, call::RULES, call::AUTHORIZE, call::COMPLETE] {
        let world = World::settled(3, 2).await;
        let launch = world.launch(EAST);
        world.fault(FaultRule::all(Fault::Hang).at(EAST).on(call));
        let report = world.run(Ask::hooks(EAST, &[launch])).await;
        assert_eq!(results(&report), [HookResult::Retry], "{call}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_local_failure_that_will_not_pass_gives_a_launch_up_and_lets_a_termination_go() {
    for call in [call::RULES, call::AUTHORIZE, call::REVOKE, call::GROUPS] {
        for failure in [Failure::Denied, Failure::NotFound] {
            // Auto Scaling shows no group rather than say NotFound, and a rule that
            // is not found is revoked.
            if [call::GROUPS, call::REVOKE].contains(&call) && failure == Failure::NotFound {
                continue;
            }
            let world = World::settled(3, 2).await;
            let launch = world.launch(EAST);
            let leaving = world.state().place(&EAST.into()).members().into_keys().next();
            let terminate = world.terminate(EAST, &leaving.expect("somebody is there"));
            world.fault(FaultRule::all(Fault::Before(failure)).at(EAST).on(call));
            let report = world.run(Ask::hooks(EAST, &[launch, terminate])).await;
            let launched = if call == call::REVOKE { CONTINUE } else { HookResult::Abandon };
            assert_eq!(results(&report), [launched, CONTINUE], "{call} {failure:?}");
            if call != call::AUTHORIZE {
                expect_finding(&report, FindingKind::HookCompromised);
            }
            world.expect_unbroken();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_launch_that_fails_for_good_goes_on_where_the_document_says_so() {
    let world = World::new(2, "[hooks]\non_launch_failure = \"continue\"\n");
    let launch = world.launch(EAST);
    world.fault(FaultRule::all(Fault::Before(Failure::Denied)).at(EAST).on(call::AUTHORIZE));
    let report = world.run(Ask::hooks(EAST, &[launch])).await;
    assert_eq!(results(&report), [CONTINUE]);
    expect_finding(&report, FindingKind::HookCompromised);
    world.expect_unbroken();
}

#[tokio::test(start_paused = true)]
async fn without_the_local_mirror_adds_and_certain_removals_still_happen() {
    for call in [call::ROWS, call::PUT] {
        for fault in [Fault::Before(Failure::Unavailable), Fault::Before(Failure::Denied)] {
            let world = World::settled(3, 2).await;
            let launch = world.launch(EAST);
            let leaving = world.state().place(&EAST.into()).members().into_keys().next();
            let terminate = world.terminate(EAST, &leaving.expect("somebody is there"));
            world.fault(FaultRule::all(fault).at(EAST).on(call));
            let report = world.run(Ask::hooks(EAST, &[launch, terminate])).await;
            assert_eq!(results(&report), [CONTINUE, CONTINUE], "{call} {fault:?}");
            assert_eq!(report.groups[0].row, RowStatus::Unavailable);
            expect_finding(&report, FindingKind::MirrorUnavailable);
            world.expect_exact();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_launch_without_an_address_goes_back_to_the_queue() {
    let world = World::settled(3, 2).await;
    let launch = world.launch(EAST);
    let address = world.take_address(EAST, &launch.instance);
    let hooks = [launch];
    let report = world.run(Ask::hooks(EAST, &hooks)).await;
    assert_eq!(results(&report), [HookResult::Retry]);
    expect_finding(&report, FindingKind::NoAddress);
    let why = report.findings.iter().find(|f| f.kind == FindingKind::HookUnanswered);
    let yet = "EC2 shows no public-ipv4 address of it yet";
    assert_eq!(why.map(|finding| finding.detail.as_str()), Some(yet));
    world.give_address(EAST, &hooks[0].instance, address);
    assert_eq!(results(&world.run(Ask::hooks(EAST, &hooks)).await), [CONTINUE]);
    world.expect_exact();
}

#[tokio::test(start_paused = true)]
async fn a_root_volume_replacement_keeps_the_address_and_answers_the_hook() {
    let world = World::settled(3, 2).await;
    let id = world.state().place(&EAST.into()).members().into_keys().next().expect("somebody");
    let hook = world.terminate(EAST, &id);
    world.set_state(EAST, &id, "ReplacingRootVolume:Wait");
    let report = world.run(Ask::hooks(EAST, &[hook])).await;
    assert_eq!(results(&report), [CONTINUE]);
    assert!(!world.calls().contains(&call::REVOKE));
    world.expect_exact();
}
