//! Blocks in place of single addresses: exact, and never at the cost of somebody who lives.

use std::collections::BTreeSet;

use simulation::world::{Ask, EAST, Fault, FaultRule, WEST, World, call};
use sync_core::names::InstanceId;
use sync_core::ports::Failure;
use sync_core::report::{FindingKind, HookResult};

use super::order::set_quota;
use super::{expect_finding, found, results};

const ALWAYS: &str = "[limits]\ncompact = \"always\"";

fn sources(world: &World, member: &str) -> BTreeSet<String> {
    world.rules(member).iter().map(|rule| rule.source.to_string()).collect()
}

/// Eight instances in the east, on 54.0.1.1 to 54.0.1.8.
async fn eight(more: &str) -> (World, Vec<InstanceId>) {
    let world = World::new(2, more);
    let ids = world.in_service(EAST, 8);
    (world.populated(&[]).await, ids)
}

fn of_ids(of: &BTreeSet<String>, expected: &[&str]) {
    assert_eq!(of, &expected.iter().map(|text| (*text).to_owned()).collect());
}

#[tokio::test(start_paused = true)]
async fn promise_7_neighbours_share_a_rule_and_nobody_else_is_in_it() {
    let (world, _) = eight(ALWAYS).await;
    let expected = ["54.0.1.1/32", "54.0.1.2/31", "54.0.1.4/30", "54.0.1.8/32"];
    of_ids(&sources(&world, EAST), &expected);
    of_ids(&sources(&world, WEST), &expected);
    let report = world.run(Ask::true_up(EAST)).await;
    expect_finding(&report, FindingKind::Compacted);
    assert!(!found(&report, FindingKind::Drift), "{:?}", report.findings);
    assert!(!world.calls().contains(&call::AUTHORIZE), "nothing is left to do");
}

#[tokio::test(start_paused = true)]
async fn promise_3_who_leaves_a_block_is_out_before_the_answer_and_the_others_stay() {
    let (world, ids) = eight(ALWAYS).await;
    let hook = world.terminate(EAST, &ids[5]);
    let report = world.run(Ask::hooks(EAST, &[hook])).await;
    assert_eq!(results(&report), [HookResult::Continue]);
    let left = ["54.0.1.1/32", "54.0.1.2/31", "54.0.1.4/31", "54.0.1.7/32", "54.0.1.8/32"];
    of_ids(&sources(&world, EAST), &left);
    of_ids(&sources(&world, WEST), &left);
    world.expect_exact();
    let launch = world.launch(EAST);
    assert_eq!(results(&world.run(Ask::hooks(EAST, &[launch])).await), [HookResult::Continue]);
    world.true_up_everywhere().await;
    world.expect_exact();
}

#[tokio::test(start_paused = true)]
async fn promise_4_where_the_parts_cannot_be_opened_the_block_stays() {
    let (world, ids) = eight(ALWAYS).await;
    let hook = world.terminate(EAST, &ids[5]);
    let refused = FaultRule::all(Fault::Before(Failure::Throttled)).on(call::AUTHORIZE);
    world.fault(refused.at(EAST));
    let report = world.run(Ask::hooks(EAST, std::slice::from_ref(&hook))).await;
    assert_eq!(results(&report), [HookResult::Retry]);
    assert!(sources(&world, EAST).contains("54.0.1.4/30"), "three of four live there");
    world.heal();
    assert_eq!(results(&world.run(Ask::hooks(EAST, &[hook])).await), [HookResult::Continue]);
    world.expect_exact();
}

#[tokio::test(start_paused = true)]
async fn promise_4_a_block_without_room_to_split_stays_and_the_hook_says_so() {
    let (world, ids) = eight(ALWAYS).await;
    set_quota(&world, 5);
    for member in [EAST, WEST] {
        world.foreign(member, 22, 22, "203.0.113.9/32");
    }
    let hook = world.terminate(EAST, &ids[5]);
    let report = world.run(Ask::hooks(EAST, &[hook])).await;
    assert_eq!(results(&report), [HookResult::Continue]);
    expect_finding(&report, FindingKind::HookCompromised);
    expect_finding(&report, FindingKind::OverQuota);
    assert!(sources(&world, EAST).contains("54.0.1.4/30"), "three of four live there");
}

#[tokio::test(start_paused = true)]
async fn when_needed_a_full_group_takes_more_by_blocks() {
    let more = "[limits]\nrules_per_group = 9\ncompact = \"when-needed\"";
    let (world, _) = eight(more).await;
    assert_eq!(sources(&world, EAST).len(), 8, "they fit");
    for _ in 0..6 {
        let launch = world.launch(EAST);
        let report = world.run(Ask::hooks(EAST, &[launch])).await;
        assert_eq!(results(&report), [HookResult::Continue]);
        assert!(!found(&report, FindingKind::OverQuota), "{:?}", report.findings);
        world.expect_exact();
    }
    assert!(sources(&world, EAST).len() < 9, "fourteen addresses");
}
