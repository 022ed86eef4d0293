//! Promise 6: a peer outage never blocks local scaling.

use std::time::Duration;

use simulation::world::{Ask, EAST, Fault, FaultRule, WEST, World, call};
use sync_core::events::Hook;
use sync_core::ports::Failure;
use sync_core::report::{FindingKind, HookResult, Report, TargetStatus};
use tokio::time::Instant;

use super::{expect_finding, found, results};

/// A launch and a termination in the east, in time, whatever the west does.
async fn scale(world: &World, what: &str) {
    for launches in [true, false] {
        let hook = if launches {
            world.launch(EAST)
        } else {
            let leaving = world.state().place(&EAST.into()).members().into_keys().next();
            world.terminate(EAST, &leaving.expect("somebody is there"))
        };
        let begun = Instant::now();
        let report = world.run(Ask::hooks(EAST, &[hook])).await;
        let answered = begun.elapsed();
        assert_eq!(results(&report), [HookResult::Continue], "{what}");
        assert!(answered < Duration::from_secs(6), "{what}: {answered:?}");
        let missed = report.findings.iter().any(|finding| {
            [FindingKind::PeerUnreachable, FindingKind::TargetFailed].contains(&finding.kind)
        });
        assert!(missed, "{what}: {:#?}", report.findings);
    }
    world.expect_unbroken();
}

#[tokio::test(start_paused = true)]
async fn promise_6_a_peer_that_fails_in_any_way_does_not_keep_the_home_waiting() {
    for fault in [
        Fault::Hang,
        Fault::HangAfter,
        Fault::Before(Failure::NoAnswer),
        Fault::Before(Failure::Denied),
        Fault::Before(Failure::Throttled),
        Fault::Before(Failure::Unavailable),
        Fault::After(Failure::NoAnswer),
        Fault::Slow(Duration::from_secs(20)),
    ] {
        for name in [None, Some(call::RULES), Some(call::ROWS), Some(call::PUT)] {
            let world = World::settled(3, 2).await;
            let rule = FaultRule { call: name, ..FaultRule::all(fault).at(WEST) };
            world.fault(rule);
            scale(&world, &format!("{fault:?} {name:?}")).await;
            world.heal();
            world.run(Ask::true_up(EAST)).await;
            world.expect_exact();
        }
    }
}

/// The trust policy may have changed, or the account may have left: a person has to know
/// which role to look at.
#[tokio::test(start_paused = true)]
async fn promise_6_a_role_that_is_denied_is_a_peer_that_is_away_and_is_named() {
    let role = "arn:aws:iam::210987654321:role/sgsync/orders-db-us-west-2";
    let more = format!("role_arn = \"{role}\"");
    let world = World::new(2, &more).populated(&[(EAST, 2), (WEST, 2)]).await;
    world.fault(FaultRule::all(Fault::Before(Failure::Denied)).at(WEST));
    let hook = world.launch(EAST);
    let report = world.run(Ask::hooks(EAST, &[hook])).await;
    assert_eq!(results(&report), [HookResult::Continue]);
    let mut findings = report.findings.iter();
    let away = findings.find(|finding| finding.kind == FindingKind::PeerUnreachable);
    let away = away.expect("the peer is away");
    assert!(away.subject == WEST && away.detail.contains(role), "{away:?}");
    world.heal();
    world.run(Ask::true_up(EAST)).await;
    world.expect_exact();
}

#[tokio::test(start_paused = true)]
async fn promise_6_a_peer_whose_group_cannot_be_changed_does_not_keep_the_home_waiting() {
    for fault in [Fault::Hang, Fault::Before(Failure::Denied), Fault::Before(Failure::Throttled)] {
        let world = World::settled(3, 2).await;
        world.fault(FaultRule::all(fault).at(WEST).on(call::AUTHORIZE));
        world.fault(FaultRule::all(fault).at(WEST).on(call::REVOKE));
        scale(&world, &format!("{fault:?}")).await;
        world.heal();
        world.run(Ask::true_up(EAST)).await;
        world.expect_exact();
    }
}

#[tokio::test(start_paused = true)]
async fn promise_6_the_peer_heals_itself_once_it_has_the_row() {
    let world = World::settled(3, 2).await;
    world.fault(FaultRule::all(Fault::Hang).at(WEST).on(call::AUTHORIZE));
    let launch = world.launch(EAST);
    let report = world.run(Ask::hooks(EAST, &[launch])).await;
    expect_finding(&report, FindingKind::PeerUnreachable);
    world.heal();
    world.run(Ask::true_up(WEST)).await;
    world.expect_exact();
}

#[tokio::test(start_paused = true)]
async fn promise_6_a_peer_without_its_group_is_a_finding() {
    let world = World::settled(3, 2).await;
    world.state().place(&WEST.into()).groups.clear();
    let launch = world.launch(EAST);
    let report = world.run(Ask::hooks(EAST, &[launch])).await;
    assert_eq!(results(&report), [HookResult::Continue]);
    expect_finding(&report, FindingKind::PeerUnreachable);
}

#[tokio::test(start_paused = true)]
async fn promise_6_a_peer_whose_budget_ends_half_way_is_still_in_the_report() {
    let world = World::settled(2, 2).await;
    world.fault(FaultRule::all(Fault::Hang).at(WEST).on(call::AUTHORIZE));
    let launch = world.launch(EAST);
    let report = world.run(Ask::hooks(EAST, &[launch])).await;
    let west = report.targets.iter().find(|target| target.member.as_str() == WEST);
    let west = west.expect("the peer's target");
    assert_eq!((west.status, west.kept), (TargetStatus::Unreachable, 4));
    expect_finding(&report, FindingKind::PeerUnreachable);
}

/// A launch has the address of somebody who is gone, whose rule is still there: only a
/// look that sees the new row confirms it. And the west's mirror keeps forgetting that,
/// for so long. The own mirror may be away.
async fn while_the_west_forgets(forgets: Duration, away: bool) -> (World, Hook, Report) {
    let world = World::new(2, "").with_addresses(4).populated(&[(EAST, 2), (WEST, 2)]).await;
    let old = world.state().place(&EAST.into()).members().into_keys().next().expect("somebody");
    world.finish(EAST, &old);
    let launch = world.launch(EAST);
    if away {
        let down = Fault::Before(Failure::Unavailable);
        world.fault(FaultRule::all(down).at(EAST).on(call::PUT));
    }
    let (there, before) = (world.clone(), world.state().place(&WEST.into()).table.clone());
    let busy = tokio::spawn(tokio::time::timeout(forgets, async move {
        loop {
            tokio::time::sleep(Duration::from_millis(5)).await;
            there.state().place(&WEST.into()).table.clone_from(&before);
        }
    }));
    let report = world.run(Ask::hooks(EAST, std::slice::from_ref(&launch))).await;
    busy.abort();
    (world, launch, report)
}

#[tokio::test(start_paused = true)]
async fn promise_6_a_peer_that_keeps_changing_is_not_taken_for_one_that_does_not_answer() {
    for away in [false, true] {
        let (world, launch, report) = while_the_west_forgets(Duration::MAX, away).await;
        assert_eq!(results(&report), [HookResult::Retry], "{:#?}", report.findings);
        assert!(!found(&report, FindingKind::PeerUnreachable), "{:#?}", report.findings);
        expect_finding(&report, FindingKind::NotSettled);
        world.heal();
        assert_eq!(results(&world.run(Ask::hooks(EAST, &[launch])).await), [HookResult::Continue]);
        world.expect_exact();
    }
}

#[tokio::test(start_paused = true)]
async fn promise_6_a_peer_that_keeps_changing_is_looked_at_within_its_budget() {
    let (world, _, report) = while_the_west_forgets(Duration::from_millis(1500), false).await;
    assert_eq!(results(&report), [HookResult::Continue], "{:#?}", report.findings);
    assert!(report.findings.is_empty(), "{:#?}", report.findings);
    world.expect_exact();
}

#[tokio::test(start_paused = true)]
async fn promise_6_a_peer_whose_mirror_cannot_be_read_is_left_as_it_is() {
    let world = World::settled(3, 2).await;
    let fails = Fault::Before(Failure::Unavailable);
    world.fault(FaultRule::all(fails).at(WEST).on(call::ROWS));
    let launch = world.launch(EAST);
    let report = world.run(Ask::hooks(EAST, &[launch])).await;
    assert_eq!(results(&report), [HookResult::Continue]);
    expect_finding(&report, FindingKind::PeerUnreachable);
    let state = world.state();
    let changes = state.calls.iter().filter(|c| c.place.as_str() == WEST);
    assert_eq!(changes.filter(|c| call::WRITES.contains(&c.name)).count(), 0);
}

#[tokio::test(start_paused = true)]
async fn promise_6_a_peer_whose_mirror_cannot_be_read_again_counts_as_unreachable() {
    let world = World::settled(3, 2).await;
    let fails = Fault::Before(Failure::Unavailable);
    world.fault(FaultRule::all(fails).at(WEST).on(call::ROWS).window(1, 99));
    let launch = world.launch(EAST);
    let report = world.run(Ask::hooks(EAST, &[launch])).await;
    assert_eq!(results(&report), [HookResult::Continue]);
    expect_finding(&report, FindingKind::PeerUnreachable);
    assert!(!found(&report, FindingKind::NotSettled), "{:#?}", report.findings);
}
