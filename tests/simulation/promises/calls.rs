//! What runs cost in calls (design section 5): exactly which, in which region. A call more
//! is a call that somebody has to want.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use simulation::world::{Ask, EAST, REGIONS, World, call};
use sync_core::events::{Hook, Transition};
use sync_core::report::HookResult;

use super::{nobody, results};

type Counts = BTreeMap<(String, &'static str), usize>;

const LOOK: [(&str, usize); 2] = [(call::RULES, 1), (call::ROWS, 1)];
const OBSERVE: [(&str, usize); 2] = [(call::GROUPS, 1), (call::INSTANCES, 1)];

fn counted(world: &World) -> Counts {
    let mut counts = Counts::new();
    for record in &world.state().calls {
        *counts.entry((record.place.to_string(), record.name)).or_insert(0) += 1;
    }
    counts
}

/// These calls in the home's region, and those in each of the first `members` regions.
fn budget(
    members: usize,
    home: &[(&'static str, usize)],
    each: &[&[(&'static str, usize)]],
) -> Counts {
    let mut counts = Counts::new();
    let mut add = |place: &str, (name, count): (&'static str, usize)| {
        *counts.entry((place.to_owned(), name)).or_insert(0) += count;
    };
    for calls in home {
        add(EAST, *calls);
    }
    for place in &REGIONS[..members] {
        each.iter().copied().flatten().for_each(|calls| add(place, *calls));
    }
    counts
}

/// What a hook costs: each region is looked at twice, told, and changed by one call.
fn hooks(members: usize, count: usize, change: &'static str) -> Counts {
    let home = [OBSERVE.as_slice(), &[(call::COMPLETE, count)]].concat();
    budget(members, &home, &[&LOOK, &LOOK, &[(call::PUT, 1), (change, 1)]])
}

/// A mesh of so many members in balance, with room for all; the first has `home` instances.
pub async fn settled(members: usize, home: usize) -> World {
    let world = World::new(members, "[limits]\nrules_per_group = 1000");
    {
        let mut state = world.state();
        state.places.values_mut().flat_map(|place| place.groups.values_mut()).for_each(|group| {
            group.quota = 1000;
        });
        let more =
            (4..12).flat_map(|net| (1..=250).map(move |host| IpAddr::from([54, 0, net, host])));
        state.free.extend(more);
    }
    let others = REGIONS[1..members].iter().map(|region| (*region, 2));
    world.populated(&[(EAST, home)].into_iter().chain(others).collect::<Vec<_>>()).await
}

pub fn launches(world: &World, count: usize) -> Vec<Hook> {
    (0..count).map(|_| world.launch(EAST)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_launch_takes_fifteen_calls_however_large_the_group() {
    for size in [0, 1, 9, 50, 900] {
        let world = settled(2, size).await;
        let launch = world.launch(EAST);
        world.run(Ask::hooks(EAST, &[launch])).await;
        assert_eq!(counted(&world), hooks(2, 1, call::AUTHORIZE), "{size} instances");
        assert_eq!(world.calls().len(), 15);
    }
}

#[tokio::test(start_paused = true)]
async fn a_launch_takes_six_calls_more_for_each_member() {
    for members in [2, 3, 5] {
        let world = settled(members, 9).await;
        let launch = world.launch(EAST);
        world.run(Ask::hooks(EAST, &[launch])).await;
        assert_eq!(counted(&world), hooks(members, 1, call::AUTHORIZE), "{members} members");
        assert_eq!(world.calls().len(), 3 + 6 * members);
    }
}

#[tokio::test(start_paused = true)]
async fn a_terminate_takes_fifteen_calls() {
    for size in [1, 50] {
        let world = settled(2, size).await;
        let id = world.state().place(&EAST.into()).members().into_keys().next().expect("one");
        let terminate = world.terminate(EAST, &id);
        let report = world.run(Ask::hooks(EAST, &[terminate])).await;
        assert_eq!(results(&report), [HookResult::Continue]);
        assert_eq!(counted(&world), hooks(2, 1, call::REVOKE), "{size} instances");
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_of_ten_takes_the_calls_of_one_and_nine_completions() {
    let world = settled(2, 50).await;
    let ten = launches(&world, 10);
    world.run(Ask::hooks(EAST, &ten)).await;
    assert_eq!(counted(&world), hooks(2, 10, call::AUTHORIZE));
    assert_eq!(world.calls().len(), 24);
}

#[tokio::test(start_paused = true)]
async fn a_true_up_with_nothing_to_do_observes_and_looks_once() {
    for members in [2, 3, 5] {
        let world = settled(members, 9).await;
        world.run(Ask::true_up(EAST)).await;
        assert_eq!(counted(&world), budget(members, &OBSERVE, &[&LOOK]), "{members} members");
    }
}

#[tokio::test(start_paused = true)]
async fn a_heartbeat_is_one_row_more_in_each_region() {
    let world = settled(2, 9).await;
    tokio::time::sleep(Duration::from_mins(11)).await;
    world.run(Ask::true_up(EAST)).await;
    assert_eq!(counted(&world), budget(2, &OBSERVE, &[&LOOK, &[(call::PUT, 1)]]));
    world.forget();
    world.run(Ask::true_up(EAST)).await;
    assert_eq!(counted(&world), budget(2, &OBSERVE, &[&LOOK]));
}

/// Three batches at once: one wins the row, the others see what it has done.
#[tokio::test(start_paused = true)]
async fn twenty_five_launches_at_once_take_no_more_than_eighty_calls() {
    let mut most = (0, 0);
    for seed in 0..200 {
        let world = settled(2, 0).await;
        world.state().seed = seed;
        let hooks = launches(&world, 25);
        let runs: Vec<_> = hooks
            .chunks(10)
            .map(|batch| (world.clone(), Ask::hooks(EAST, batch)))
            .map(|(world, ask)| tokio::spawn(async move { world.run(ask).await }))
            .collect();
        for run in runs {
            let answers = results(&run.await.expect("the run ends"));
            assert!(answers.iter().all(|answer| *answer == HookResult::Continue), "{answers:?}");
        }
        world.expect_exact();
        most = most.max((world.calls().len(), seed));
    }
    assert!(most.0 <= 80, "{} calls with seed {}", most.0, most.1);
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
