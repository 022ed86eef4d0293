//! Regions get a new mesh document at different times. Until all have it, no region
//! takes away what another one's document opens.

use std::collections::BTreeSet;

use simulation::world::{Ask, EAST, IRELAND, WEST, World, mesh};
use sync_core::events::Hook;
use sync_core::mesh::Mesh;
use sync_core::names::RuleId;
use sync_core::permission::{MEMBER_TAG, Rule};
use sync_core::report::{FindingKind, HookResult, Report};

use super::{expect_finding, found, results};

const MORE_PORTS: &str = "[[allow]]\nprotocol = \"udp\"\nports = \"9000\"\n";

fn revoked(report: &Report) -> usize {
    report.targets.iter().map(|target| target.revoked.len()).sum()
}

fn ids(world: &World, member: &str, which: impl Fn(&Rule) -> bool) -> BTreeSet<RuleId> {
    world.rules(member).into_iter().filter(which).map(|rule| rule.id).collect()
}

/// A world of three in which the last one has joined, and the old document of two.
async fn joined() -> (World, Mesh) {
    let old = mesh(2, "");
    let world = World::new(3, "");
    for member in [EAST, WEST, IRELAND] {
        world.in_service(member, 2);
    }
    for member in [EAST, WEST] {
        world.run(Ask::true_up(member).under(&old)).await;
    }
    (world, old)
}

#[tokio::test(start_paused = true)]
async fn promise_2_a_region_with_the_old_document_keeps_who_has_joined() {
    let (world, old) = joined().await;
    world.run(Ask::true_up(IRELAND)).await;
    let theirs = |rule: &Rule| rule.tags.get(MEMBER_TAG).is_some_and(|member| member == IRELAND);
    let before = ids(&world, WEST, theirs);
    assert_eq!(before.len(), 2);
    for _ in 0..3 {
        let report = world.run(Ask::true_up(WEST).under(&old)).await;
        assert_eq!(revoked(&report), 0);
        expect_finding(&report, FindingKind::HeldRemovals);
    }
    assert_eq!(ids(&world, WEST, theirs), before);
    world.true_up_everywhere().await;
    let report = world.run(Ask::true_up(WEST)).await;
    assert!(!found(&report, FindingKind::HeldRemovals));
    world.expect_exact();
}

#[tokio::test(start_paused = true)]
async fn promise_2_a_region_with_the_old_document_keeps_ports_that_a_peer_has_opened() {
    let world = World::new(2, MORE_PORTS);
    let old = mesh(2, "");
    for member in [EAST, WEST] {
        world.in_service(member, 2);
        world.run(Ask::true_up(member).under(&old)).await;
    }
    world.run(Ask::true_up(EAST)).await;
    let rules = |_: &Rule| true;
    let before = ids(&world, WEST, rules);
    assert_eq!(before.len(), 8, "two instances of each member, on both ports");
    let report = world.run(Ask::true_up(WEST).under(&old)).await;
    expect_finding(&report, FindingKind::DocumentMismatch);
    assert_eq!(ids(&world, WEST, rules), before);
    let gone = world.state().place(&WEST.into()).members().into_keys().next().expect("somebody");
    world.finish(WEST, &gone);
    let report = world.run(Ask::true_up(WEST).under(&old)).await;
    assert_eq!(revoked(&report), 4, "whoever is gone goes, in both regions, on both ports");
    world.true_up_everywhere().await;
    world.true_up_everywhere().await;
    world.expect_exact();
}

#[tokio::test(start_paused = true)]
async fn a_member_of_another_document_still_removes_its_own_instances() {
    let (world, old) = joined().await;
    world.run(Ask::true_up(IRELAND)).await;
    let leaving = world.state().place(&WEST.into()).members().into_keys().next();
    let hook: Hook = world.terminate(WEST, &leaving.expect("somebody is there"));
    let report = world.run(Ask::hooks(WEST, &[hook]).under(&old)).await;
    assert_eq!(results(&report), [HookResult::Continue]);
    assert_eq!(revoked(&report), 2, "in both regions of the old document");
    world.expect_unbroken();
}

#[tokio::test(start_paused = true)]
async fn promise_2_who_has_left_the_document_goes_when_a_person_allows_it() {
    let world = World::new(3, "").populated(&[(EAST, 2), (WEST, 2), (IRELAND, 2)]).await;
    let new = mesh(2, "");
    for member in [EAST, WEST] {
        let report = world.run(Ask::true_up(member).under(&new)).await;
        assert_eq!(revoked(&report), 0);
        expect_finding(&report, FindingKind::HeldRemovals);
    }
    let allowed = Ask { allow_removals: true, ..Ask::operator().under(&new) };
    assert_eq!(revoked(&world.run(allowed).await), 4, "two instances, in each of two regions");
}
