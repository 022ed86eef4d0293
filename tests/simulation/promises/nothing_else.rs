//! Promise 7: nothing opens that the mesh did not ask for. Every Authorize is watched
//! by the world itself; here every mirror is poisoned in every way at once.

use std::time::Duration;

use serde_json::{Value, json};
use simulation::world::{Ask, EAST, Fault, FaultRule, WEST, World, call};
use sync_core::ports::Failure;
use sync_core::report::FindingKind;

use super::expect_finding;

fn hostile() -> Vec<(&'static str, Value)> {
    let instances = [
        json!({ "i-1": ["0.0.0.0/0"] }),
        json!({ "i-1": ["203.0.113.0/24"] }),
        json!({ "i-1": ["203.0.113.7/31"] }),
        json!({ "i-1": ["10.0.0.1/32"] }),
        json!({ "i-1": ["100.64.0.1/32"] }),
        json!({ "i-1": ["127.0.0.1/32"] }),
        json!({ "i-1": ["169.254.169.254/32"] }),
        json!({ "i-1": ["224.0.0.1/32"] }),
        json!({ "i-1": ["::/0"] }),
        json!({ "i-1": ["2600:1f18::1/128"] }),
        json!({ "i-1": ["203.0.113.7"] }),
        json!({ "i-1": "203.0.113.7/32" }),
        json!({ "i-1": [["203.0.113.7/32"]] }),
        json!({ "i-1": ["203.0.113.7/32", "0.0.0.0/0"] }),
        json!([["i-1", ["203.0.113.7/32"]]]),
        json!({ "i-1": [{ "B": "x" }] }),
    ];
    let mut all: Vec<_> = instances.into_iter().map(|value| ("instances", value)).collect();
    all.push(("schema", json!(2)));
    all.push(("schema", json!("1")));
    all.push(("member", json!("us-gone-1")));
    all.push(("asg", json!("orders-of-nobody")));
    all
}

#[tokio::test(start_paused = true)]
async fn promise_7_no_hostile_row_opens_anything_or_closes_anything() {
    for (path, value) in hostile() {
        let world = World::settled(3, 2).await;
        let before = world.rules(EAST);
        world.poison(EAST, WEST, "instances", &json!({ "i-1": ["203.0.113.7/32"] }));
        world.poison(EAST, WEST, path, &value);
        let report = world.run(Ask { allow_removals: true, ..Ask::true_up(EAST) }).await;
        expect_finding(&report, FindingKind::RowRejected);
        assert_eq!(world.rules(EAST), before, "{path} {value}");
        assert!(!world.calls().contains(&call::AUTHORIZE), "{path} {value}");
        world.expect_unbroken();
    }
}

#[tokio::test(start_paused = true)]
async fn promise_7_a_hostile_row_does_not_keep_others_out() {
    let world = World::settled(3, 2).await;
    for place in [EAST, WEST] {
        world.poison(place, WEST, "instances", &json!({ "i-1": ["0.0.0.0/0"] }));
    }
    let launch = world.launch(EAST);
    let report = world.run(Ask::hooks(EAST, &[launch])).await;
    assert_eq!(report.unanswered().count(), 0);
    expect_finding(&report, FindingKind::RowRejected);
    world.expect_exact();
}

#[tokio::test(start_paused = true)]
async fn promise_7_only_who_is_let_in_by_the_document_is_let_in() {
    let more =
        "[[allow]]\nprotocol = \"udp\"\nports = 53\nfrom = [\"us-east-1\"]\nto = [\"us-west-2\"]\n";
    let world = World::new(3, more).populated(&[(EAST, 2), (WEST, 2)]).await;
    let udp = |member| {
        let rules = world.rules(member);
        rules.iter().filter(|rule| rule.to_string().starts_with("udp 53 ")).count()
    };
    assert_eq!([udp(EAST), udp(WEST)], [0, 2]);
}

#[tokio::test(start_paused = true)]
async fn promise_7_a_dry_run_changes_nothing() {
    let world = World::settled(3, 2).await;
    let gone = world.state().place(&EAST.into()).members().into_keys().next();
    world.finish(EAST, &gone.expect("somebody is there"));
    world.in_service(EAST, 1);
    let launch = world.launch(EAST);
    for ask in [Ask::true_up(EAST), Ask::operator(), Ask::hooks(EAST, &[launch])] {
        let report = world.run(Ask { dry_run: true, ..ask }).await;
        assert!(report.dry_run && report.has_changes(), "{report:#?}");
        assert_eq!(report.targets[0].added.len(), 2);
        assert_eq!(report.targets[0].revoked.len(), 1);
    }
    assert!(world.calls().iter().all(|name| !call::WRITES.contains(name)));
    assert!(world.state().audit.is_empty());
}

#[tokio::test(start_paused = true)]
async fn promise_7_what_an_earlier_look_at_a_mirror_said_opens_nothing() {
    // A slow run has read that an instance is there. It leaves meanwhile, and then the
    // mirror cannot be read any more: somebody else may have its address by now.
    let world = World::settled(1, 2).await;
    let leaver = world.state().place(&WEST.into()).members().into_keys().next().expect("somebody");
    let looking = Ask::true_up(EAST);
    let looker = world.prepare(&looking);
    let slow = FaultRule::all(Fault::Slow(Duration::from_secs(3)));
    world.fault(slow.at(EAST).of(looker).on(call::GROUPS));
    let away = FaultRule::all(Fault::Before(Failure::Throttled));
    world.fault(away.at(EAST).of(looker).on(call::ROWS).window(1, 99));
    let leaving = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let hook = world.terminate(WEST, &leaver);
        world.run(Ask::hooks(WEST, &[hook])).await;
        world.finish(WEST, &leaver);
    };
    let (report, ()) = tokio::join!(world.carry_out(looker, looking), leaving);
    expect_finding(&report.expect("a report"), FindingKind::MirrorUnavailable);
    assert!(!world.calls().contains(&call::AUTHORIZE), "{}", world.story());
    world.expect_unbroken();
    world.heal();
    world.true_up_everywhere().await;
    world.expect_exact();
}
