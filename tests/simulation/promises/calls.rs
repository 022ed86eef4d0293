//! What runs cost in calls (design section 5).

use std::collections::BTreeMap;
use std::time::Duration;

use simulation::world::{Ask, EAST, World, call};
use sync_core::events::{Hook, Transition};

use super::nobody;

fn counted(world: &World) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for name in world.calls() {
        *counts.entry(name).or_insert(0) += 1;
    }
    counts
}

#[tokio::test(start_paused = true)]
async fn a_launch_takes_fifteen_calls_however_large_the_group() {
    for size in [0, 1, 9, 27] {
        let world = World::settled(size, size).await;
        let launch = world.launch(EAST);
        world.run(Ask::hooks(EAST, &[launch])).await;
        let expected = BTreeMap::from([
            (call::GROUPS, 1),
            (call::INSTANCES, 1),
            (call::COMPLETE, 1),
            (call::RULES, 4),
            (call::ROWS, 4),
            (call::PUT, 2),
            (call::AUTHORIZE, 2),
        ]);
        assert_eq!(counted(&world), expected, "{size} instances each");
        assert_eq!(world.calls().len(), 15);
    }
}

#[tokio::test(start_paused = true)]
async fn a_true_up_with_nothing_to_do_takes_six_calls_and_eight_with_a_heartbeat() {
    let world = World::settled(9, 9).await;
    world.run(Ask::true_up(EAST)).await;
    assert_eq!(world.calls().len(), 6);
    world.forget();
    tokio::time::sleep(Duration::from_mins(11)).await;
    world.run(Ask::true_up(EAST)).await;
    assert_eq!(world.calls().len(), 8);
    world.forget();
    world.run(Ask::true_up(EAST)).await;
    assert_eq!(world.calls().len(), 6);
}

/// How often the east's group was asked for, and the east's row written, in one run.
async fn asked_and_written(world: &World, hook: &Hook) -> (usize, usize) {
    world.forget();
    world.run(Ask::hooks(EAST, std::slice::from_ref(hook))).await;
    let state = world.state();
    let count =
        |name| state.calls.iter().filter(|c| c.place.as_str() == EAST && c.name == name).count();
    (count(call::GROUPS), count(call::PUT))
}

#[tokio::test(start_paused = true)]
async fn who_cannot_become_ready_is_not_waited_for() {
    let world = World::settled(3, 2).await;
    let launch = world.launch(EAST);
    // The launch's event, late or repeated: it leaves, or is in the warm pool.
    for state in ["Terminating:Wait", "Warmed:Pending:Wait", "Warmed:Stopped"] {
        world.set_state(EAST, &launch.instance, state);
        assert_eq!(asked_and_written(&world, &launch).await.0, 1, "{state}");
    }
    world.set_state(EAST, &launch.instance, "Pending");
    assert!(asked_and_written(&world, &launch).await.0 > 1, "it will be ready in a moment");
    // It was in the cluster, and EC2 shows that it is dead.
    world.set_state(EAST, &launch.instance, "InService");
    world.run(Ask::true_up(EAST)).await;
    {
        let mut state = world.state();
        let east = state.place(&EAST.into());
        let view = east.instances.get_mut(&launch.instance).expect("it is there");
        view.state = "shutting-down".to_owned();
        east.asgs.values_mut().for_each(|states| drop(states.remove(&launch.instance)));
    }
    assert_eq!(asked_and_written(&world, &launch).await.0, 1);
}

#[tokio::test(start_paused = true)]
async fn that_somebody_left_whom_no_row_names_is_written_down() {
    // Another run may have seen it alive, and not have written that yet.
    let world = World::settled(3, 2).await;
    let launch = Hook { instance: nobody(), ..world.launch(EAST) };
    world.run(Ask::true_up(EAST)).await;
    assert_eq!(asked_and_written(&world, &launch).await.1, 0);
    let terminate = Hook { transition: Transition::Terminate, ..launch };
    assert_eq!(asked_and_written(&world, &terminate).await, (1, 1));
}
