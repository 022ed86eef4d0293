//! Ports that are learned from what each target opens to itself (decision 32).

use simulation::world::{Ask, EAST, Fault, FaultRule, WEST, World, call};
use sync_core::ports::Failure;
use sync_core::report::{FindingKind, HookResult, TargetStatus};

use super::{expect_finding, found, results};

fn learning() -> World {
    let members = [(EAST, 0), (WEST, 1)].map(|(region, place)| {
        format!(
            "[[member]]\nregion = \"{region}\"\nauto_scaling_groups = [\"orders-{region}\"]\n\
             security_groups = [\"sg-{place:017x}\"]\n"
        )
    });
    let allow = "name = \"orders-db\"\n[[allow]]\nports = \"self-reference\"\n";
    World::of(&format!("{allow}{}", members.concat()))
}

/// The ports on which a member's target admits addresses.
fn ports(world: &World, member: &str) -> Vec<String> {
    let rules = world.rules(member);
    let hosts = rules.iter().filter(|rule| rule.permission().is_some());
    let mut ports: Vec<_> = hosts.map(|rule| rule.traffic.to_string()).collect();
    ports.sort();
    ports.dedup();
    ports
}

/// What a target opens to itself is taken away, all of it.
fn take_base(world: &World, member: &str) {
    world.delete_rules(member, |rule| rule.permission().is_none());
}

#[tokio::test(start_paused = true)]
async fn one_edit_of_a_targets_own_rule_is_followed_by_all_that_it_admits() {
    let world = learning().populated(&[(EAST, 2), (WEST, 1)]).await;
    assert_eq!(ports(&world, EAST), ["tcp 7000"]);
    assert!(world.state().edits_base(&EAST.into(), 1));
    let report = world.run(Ask::true_up(WEST)).await;
    assert_eq!(ports(&world, EAST), ["tcp 7000", "tcp 9042"], "any member's run follows");
    assert_eq!(ports(&world, WEST), ["tcp 7000"]);
    assert!(!found(&report, FindingKind::ForeignRule), "the base is where it should be");
    assert!(world.state().edits_base(&EAST.into(), 0));
    world.run(Ask::true_up(EAST)).await;
    assert_eq!(ports(&world, EAST), ["tcp 9042"]);
    world.expect_exact();
}

#[tokio::test(start_paused = true)]
async fn promise_2_nothing_is_closed_where_nothing_can_be_learned() {
    let world = learning().populated(&[(EAST, 1), (WEST, 1)]).await;
    take_base(&world, EAST);
    let gone = world.state().places[&WEST.into()].members().into_keys().next().expect("somebody");
    let report = world.run(Ask::true_up(EAST)).await;
    expect_finding(&report, FindingKind::NoSelfReference);
    assert_eq!(ports(&world, EAST), ["tcp 7000"], "unknown is not empty");
    // Who is certain to be gone is let in no longer.
    let hook = world.terminate(WEST, &gone);
    let report = world.run(Ask::hooks(WEST, &[hook])).await;
    assert_eq!(results(&report), [HookResult::Continue]);
    assert_eq!(world.rules(EAST).len(), 1);
    world.expect_unbroken();
}

#[tokio::test(start_paused = true)]
async fn promise_3_a_launch_waits_where_nothing_can_be_learned_at_home() {
    let world = learning().populated(&[(EAST, 1), (WEST, 1)]).await;
    take_base(&world, EAST);
    let launch = world.launch(EAST);
    let report = world.run(Ask::hooks(EAST, std::slice::from_ref(&launch))).await;
    assert_eq!(results(&report), [HookResult::Retry]);
    assert!(world.state().edits_base(&EAST.into(), 1));
    let report = world.run(Ask::hooks(EAST, &[launch])).await;
    assert_eq!(results(&report), [HookResult::Continue]);
    assert_eq!(ports(&world, EAST), ["tcp 9042"]);
    world.expect_exact();
    // At a peer's that is the peer's fault, which holds nobody up (promise 6).
    take_base(&world, WEST);
    let launch = world.launch(EAST);
    let report = world.run(Ask::hooks(EAST, &[launch])).await;
    assert_eq!(results(&report), [HookResult::Continue]);
    expect_finding(&report, FindingKind::NoSelfReference);
}

#[tokio::test(start_paused = true)]
async fn promise_2_nothing_is_closed_where_the_target_cannot_be_read() {
    let world = learning().populated(&[(EAST, 1), (WEST, 1)]).await;
    let denied = FaultRule::all(Fault::Before(Failure::Denied)).at(EAST);
    world.fault(FaultRule { call: Some(call::RULES), ..denied });
    let report = world.run(Ask::true_up(WEST)).await;
    let east = report.targets.iter().find(|target| target.member.as_str() == EAST);
    assert_eq!(east.map(|target| target.status), Some(TargetStatus::Unreachable));
    assert_eq!(ports(&world, EAST), ["tcp 7000"]);
    world.expect_exact();
}
