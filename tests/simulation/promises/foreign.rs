//! Promise 1: foreign rules are untouchable.

use simulation::world::{Ask, EAST, WEST, World};
use sync_core::permission::Rule;
use sync_core::report::FindingKind;

use super::expect_finding;

fn foreign_rules(world: &World, member: &str) -> Vec<Rule> {
    let rules = world.rules(member).into_iter();
    rules.filter(|rule| rule.id.as_str().contains("foreign")).collect()
}

fn plant(world: &World, member: &str) -> Vec<Rule> {
    for (from, to, source) in [
        (22, 22, "203.0.113.9/32"),
        (7000, 7001, "203.0.113.9/32"),
        (7000, 7001, "0.0.0.0/0"),
        (0, 65535, "54.0.1.1/32"),
        (7000, 7000, "54.0.1.1/32"),
        (9042, 9042, "sg-0aaaaaaaaaaaaaaaa"),
        (7000, 7001, "sg-0aaaaaaaaaaaaaaaa"),
        (443, 443, "2001:db8::/32"),
    ] {
        world.foreign(member, from, to, source);
    }
    // Another mesh's rule, of the same shape as ours.
    let theirs = world.foreign(member, 7000, 7001, "203.0.113.77/32");
    world.retag(member, &theirs, "orders-db-2");
    foreign_rules(world, member)
}

#[tokio::test(start_paused = true)]
async fn promise_1_foreign_rules_on_any_port_survive_everything() {
    let world = World::settled(3, 2).await;
    let planted = [plant(&world, EAST), plant(&world, WEST)];
    for _ in 0..4 {
        let launch = world.launch(EAST);
        world.run(Ask::hooks(EAST, std::slice::from_ref(&launch))).await;
        let terminate = world.terminate(EAST, &launch.instance);
        world.run(Ask::hooks(EAST, &[terminate])).await;
        world.finish(EAST, &launch.instance);
    }
    world.true_up_everywhere().await;
    world.run(Ask { allow_removals: true, ..Ask::true_up(EAST) }).await;
    world.run(Ask { allow_removals: true, ..Ask::operator() }).await;
    assert_eq!([foreign_rules(&world, EAST), foreign_rules(&world, WEST)], planted);
    world.expect_exact();
}

#[tokio::test(start_paused = true)]
async fn promise_1_a_foreign_rule_that_grants_the_same_is_used_and_never_revoked() {
    let world = World::settled(0, 1).await;
    let launch = world.launch(EAST);
    let address = world.state().place(&EAST.into()).addresses(&launch.instance);
    let address = address.first().expect("it has one").to_string();
    let id = world.foreign(WEST, 7000, 7001, &address);
    let report = world.run(Ask::hooks(EAST, std::slice::from_ref(&launch))).await;
    expect_finding(&report, FindingKind::ForeignRule);
    let terminate = world.terminate(EAST, &launch.instance);
    world.run(Ask::hooks(EAST, &[terminate])).await;
    world.finish(EAST, &launch.instance);
    world.true_up_everywhere().await;
    assert!(world.rules(WEST).iter().any(|rule| rule.id == id));
    world.expect_exact();
}
