//! What a report says of its run (design section 8).

use std::time::Duration;

use simulation::world::{Ask, EAST, Fault, FaultRule, WEST, World, call, mesh};
use sync_core::permission::Rule;
use sync_core::ports::Failure;
use sync_core::report::{FindingKind, MirrorStatus, Report, TargetStatus};

use super::{document, found};

/// What the findings of this kind say.
fn details(report: &Report, kind: FindingKind) -> Vec<&str> {
    let those = report.findings.iter().filter(|finding| finding.kind == kind);
    those.map(|finding| finding.detail.as_str()).collect()
}

fn statuses(report: &Report) -> Vec<TargetStatus> {
    report.targets.iter().map(|target| target.status).collect()
}

/// What became of the mirrors; the own one is told of with the groups.
fn mirrors(report: &Report) -> Vec<(&str, MirrorStatus)> {
    report.mirrors.iter().map(|mirror| (mirror.member.as_str(), mirror.row)).collect()
}

fn used(report: &Report) -> Vec<Option<u64>> {
    report.targets.iter().map(|target| target.quota_used_percent).collect()
}

fn dry(ask: Ask) -> Ask {
    Ask { dry_run: true, ..ask }
}

/// A person removes the rule of one instance from the west's group: that rule.
fn lose_one(world: &World) -> Rule {
    let lost = world.rules(WEST).into_iter().next().expect("a rule");
    world.delete_rules(WEST, |rule| rule.id == lost.id);
    lost
}

#[tokio::test(start_paused = true)]
async fn a_target_is_said_to_be_changed_where_something_was_or_would_be() {
    let world = World::settled(3, 2).await;
    for ask in [Ask::true_up(EAST), dry(Ask::true_up(EAST))] {
        let report = world.run(ask).await;
        assert_eq!(statuses(&report), [TargetStatus::InSync; 2]);
        assert_eq!(mirrors(&report), [(WEST, MirrorStatus::Unchanged)]);
    }
    let new = world.in_service(EAST, 1);
    for ask in [dry(Ask::true_up(EAST)), Ask::true_up(EAST)] {
        assert_eq!(statuses(&world.run(ask).await), [TargetStatus::Changed; 2]);
    }
    world.finish(EAST, &new[0]);
    let report = world.run(Ask::true_up(EAST)).await;
    assert_eq!(statuses(&report), [TargetStatus::Changed; 2]);
    assert_eq!(mirrors(&report), [(WEST, MirrorStatus::Written)]);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_failed_half_way_is_partial() {
    for (call, status) in
        [(call::AUTHORIZE, TargetStatus::Failed), (call::REVOKE, TargetStatus::Partial)]
    {
        let world = World::settled(3, 2).await;
        let gone = world.state().place(&EAST.into()).members().into_keys().next();
        world.finish(EAST, &gone.expect("somebody is there"));
        world.in_service(EAST, 1);
        let denied = |call| FaultRule::all(Fault::Before(Failure::Denied)).at(EAST).on(call);
        world.fault(denied(call::REVOKE));
        world.fault(denied(call));
        let report = world.run(Ask::true_up(EAST)).await;
        assert_eq!(statuses(&report), [status, TargetStatus::Changed]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_group_is_said_to_be_nearly_full_from_more_than_four_fifths_on() {
    for (west, near) in [(18, None), (19, Some("49 of 60 rules are used"))] {
        let world = World::settled(30, west).await;
        let report = world.run(Ask::true_up(EAST)).await;
        let said = details(&report, FindingKind::QuotaNear);
        assert_eq!(said, near.into_iter().chain(near).collect::<Vec<_>>(), "{west}");
    }
}

#[tokio::test(start_paused = true)]
async fn how_full_a_group_is_counts_what_the_plan_adds_and_removes() {
    for kinds in ["\"public-ipv4\"", "\"ipv6\""] {
        let more = format!("[addresses]\nkinds = [{kinds}]\n");
        let world = World::new(2, &more).populated(&[(EAST, 3), (WEST, 2)]).await;
        // Five of sixty, then seven, then six: rounded up.
        assert_eq!(used(&world.run(Ask::true_up(EAST)).await), [Some(9); 2], "{kinds}");
        world.in_service(EAST, 2);
        assert_eq!(used(&world.run(dry(Ask::true_up(EAST))).await), [Some(12); 2], "{kinds}");
        let gone = world.state().place(&EAST.into()).members().into_keys().next();
        world.finish(EAST, &gone.expect("somebody is there"));
        assert_eq!(used(&world.run(dry(Ask::true_up(EAST))).await), [Some(10); 2], "{kinds}");
    }
}

#[tokio::test(start_paused = true)]
async fn drift_is_what_a_true_up_found_missing_and_put_back() {
    for ask in [Ask::true_up(EAST), Ask::operator(), dry(Ask::true_up(EAST))] {
        let world = World::settled(3, 2).await;
        let lost = lose_one(&world).permission().expect("one of ours");
        let missing = format!("was missing: {lost}");
        let report = world.run(dry(ask.clone())).await;
        assert_eq!(details(&report, FindingKind::Drift), [missing.as_str()]);
        // Nobody is missed who has only come.
        world.in_service(EAST, 1);
        let report = world.run(ask).await;
        assert_eq!(details(&report, FindingKind::Drift), [missing.as_str()]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_not_put_back_or_found_by_the_way_is_no_drift() {
    let world = World::settled(3, 2).await;
    lose_one(&world);
    world.fault(FaultRule::all(Fault::Before(Failure::Denied)).on(call::AUTHORIZE));
    let report = world.run(Ask::true_up(EAST)).await;
    assert!(found(&report, FindingKind::TargetFailed));
    assert!(!found(&report, FindingKind::Drift), "{:#?}", report.findings);
    world.heal();
    let launch = world.launch(EAST);
    let report = world.run(Ask::hooks(EAST, &[launch])).await;
    assert!(report.targets.iter().any(|target| target.added.len() == 2), "put back, too");
    assert!(!found(&report, FindingKind::Drift), "{:#?}", report.findings);
}

#[tokio::test(start_paused = true)]
async fn a_mirror_that_could_not_be_read_is_not_said_to_have_no_rows() {
    let world = World::settled(3, 2).await;
    let down = Fault::Before(Failure::Unavailable);
    world.fault(FaultRule::all(down).at(EAST).on(call::ROWS));
    let report = world.run(Ask::true_up(EAST)).await;
    assert!(found(&report, FindingKind::MirrorUnavailable));
    assert!(!found(&report, FindingKind::RowMissing), "{:#?}", report.findings);
}

#[tokio::test(start_paused = true)]
async fn an_old_row_is_said_to_be_as_old_as_it_is() {
    for (minutes, said) in [(20, None), (25, Some("last observed 25 minutes ago"))] {
        let world = World::settled(3, 2).await;
        tokio::time::sleep(Duration::from_secs(minutes * 60 - 1)).await;
        let report = world.run(Ask::true_up(EAST)).await;
        let said = said.into_iter().chain(said);
        let said: Vec<_> =
            said.map(|text| text.replace("25", &(minutes - 1).to_string())).collect();
        assert_eq!(details(&report, FindingKind::PeerStale), said);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_held_is_said_with_what_lets_it_go() {
    let world = World::settled(12, 2).await;
    world.clear_group(EAST);
    let report = world.run(Ask::true_up(EAST)).await;
    for said in details(&report, FindingKind::HeldRemovals) {
        assert!(said.starts_with("not removed until `sgsync apply --allow-removals`: "), "{said}");
        assert_eq!(said.matches("/32").count(), 12, "{said}");
    }
    let world = World::new(3, "").populated(&[(EAST, 2), (WEST, 2)]).await;
    world.in_service("eu-west-1", 1);
    world.true_up_everywhere().await;
    let report = world.run(Ask::true_up(EAST).under(&mesh(2, ""))).await;
    let said = details(&report, FindingKind::HeldRemovals);
    assert_eq!(said.len(), 2, "{said:?}");
    for said in said {
        assert!(said.starts_with("of members that the document here does not name: "), "{said}");
        assert_eq!(said.matches("/32").count(), 1, "{said}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_left_without_a_rule_that_was_seen_is_said_once_per_target() {
    let both = "protocol = \"tcp\"\nports = \"7000-7001\"";
    let one_way = "protocol = \"udp\"\nports = 53\nto = [\"us-west-2\"]";
    for (allow, lags, expected) in [(both, true, 1), (both, false, 0), (one_way, true, 0)] {
        let world = World::of(&document(allow, 1));
        let world = world.populated(&[(EAST, 3), (WEST, 2)]).await;
        tokio::time::sleep(Duration::from_mins(3)).await;
        let launch = world.launch(EAST);
        world.run(Ask::hooks(EAST, std::slice::from_ref(&launch))).await;
        let terminate = world.terminate(EAST, &launch.instance);
        if lags {
            let lag = Fault::Lag(Duration::from_mins(2));
            world.fault(FaultRule::all(lag).at(EAST).on(call::RULES));
        }
        let asks = [dry(Ask::true_up(EAST)), Ask::hooks(EAST, &[terminate])];
        for (ask, expected) in asks.into_iter().zip([0, expected]) {
            let report = world.run(ask).await;
            let said = details(&report, FindingKind::DepartedUnseen);
            assert_eq!(said.len(), expected, "{said:?}");
        }
    }
}
