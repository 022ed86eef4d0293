//! What runs cost in calls (design section 5).

use std::collections::BTreeMap;
use std::time::Duration;

use simulation::world::{Ask, EAST, World, call};

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
