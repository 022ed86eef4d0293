//! A small random simulation: members scale, events come twice, late or never, runs
//! overlap, calls fail and processes die; promises 1, 2, 3 and 7 are watched at every
//! write. Then faults stop, and two rounds of true-ups must make every target exact.

use std::time::Duration;

use simulation::world::{Ask, Chaos, EAST, IRELAND, WEST, World};
use sync_core::events::{Hook, Transition};
use sync_core::report::HookResult;
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// How many seeds are played.
const SEEDS: u64 = 100;

/// Things that happen in one seed before faults stop.
const STEPS: usize = 30;

/// How often the queue delivers a message before it gives up.
const DELIVERIES: usize = 5;

#[test]
fn promises_hold_in_every_seed() {
    for seed in 0..SEEDS {
        play(seed);
    }
}

/// Says which seed it was, and what happened in it, if something panics.
struct Seed(u64, World);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}seed {} failed", self.1.story(), self.0);
        }
    }
}

fn play(seed: u64) {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(async {
        let members = 2 + usize::from(seed.is_multiple_of(3));
        // So few rules that the guard would hold half of the removals.
        let guard = "[guard]\nmax_removal_percent = 100\n";
        let world = World::new(members, guard).with_addresses(12);
        let members = &[EAST, WEST, IRELAND][..members];
        let each: Vec<_> = members.iter().map(|member| (*member, 2)).collect();
        let world = world.populated(&each).await;
        let _named = Seed(seed, world.clone());
        for (member, address) in [(EAST, "54.0.0.9/32"), (WEST, "203.0.113.9/32")] {
            world.foreign(member, 22, 22, address);
            world.foreign(member, 7000, 7001, address);
        }
        fastrand::seed(seed);
        let rng = fastrand::Rng::with_seed(seed);
        let per_mille = fastrand::choice([0, 20, 60, 150]).unwrap_or_default();
        world.state().chaos = Some(Chaos { rng, per_mille });
        let mut tasks = JoinSet::new();
        for _ in 0..STEPS {
            step(&world, members, &mut tasks);
            sleep(Duration::from_millis(fastrand::u64(0..4000))).await;
        }
        world.heal();
        tasks.join_all().await;
        calm_down(&world, members).await;
        world.expect_exact();
        for member in [EAST, WEST] {
            let rules = world.rules(member);
            let foreign = rules.iter().filter(|rule| rule.id.as_str().contains("foreign"));
            assert_eq!(foreign.count(), 2);
        }
    });
}

/// Something happens.
fn step(world: &World, members: &[&'static str], tasks: &mut JoinSet<()>) {
    let member = members[fastrand::usize(..members.len())];
    let somebody = || {
        let mut state = world.state();
        let place = state.place(&member.into());
        let in_service: Vec<_> = place.members().into_keys().collect();
        in_service.get(fastrand::usize(..in_service.len().max(1))).cloned()
    };
    match fastrand::u8(0..10) {
        0..=3 if !world.state().free.is_empty() => {
            let hook = world.launch(member);
            deliver(world, member, &hook, tasks);
        }
        4..=6 => {
            if let Some(id) = somebody() {
                let hook = world.terminate(member, &id);
                deliver(world, member, &hook, tasks);
            }
        }
        7 => {
            if let Some(id) = somebody() {
                world.detach(member, &id);
            }
        }
        8 => expire(world, member),
        _ => {
            let ask = if fastrand::u8(0..8) == 0 { Ask::operator() } else { Ask::true_up(member) };
            let world = world.clone();
            tasks.spawn(async move {
                let run = world.prepare(&ask);
                world.carry_out(run, ask).await;
            });
        }
    }
}

/// A hook's event is delivered: once or twice, at some time, or never; and again
/// while its run dies or does not answer.
fn deliver(world: &World, member: &'static str, hook: &Hook, tasks: &mut JoinSet<()>) {
    let times = [0, 1, 1, 1, 1, 1, 2, 2][fastrand::usize(..8)];
    for _ in 0..times {
        let (world, hook) = (world.clone(), hook.clone());
        tasks.spawn(async move {
            for _ in 0..DELIVERIES {
                sleep(Duration::from_millis(fastrand::u64(0..3000))).await;
                let ask = Ask::hooks(member, std::slice::from_ref(&hook));
                let run = world.prepare(&ask);
                let report = world.carry_out(run, ask).await;
                if report.is_some_and(|report| report.unanswered().count() == 0) {
                    break;
                }
                sleep(Duration::from_secs(fastrand::u64(5..20))).await;
            }
            sleep(Duration::from_millis(fastrand::u64(500..8000))).await;
            expire_proceeding(&world, member);
        });
    }
}

/// A hook that nobody answered for too long is given up.
fn expire(world: &World, member: &str) {
    let waiting = world.state().place(&member.into()).waiting.first().cloned();
    if let Some((id, transition)) = waiting {
        world.set_state(member, &id, "Terminating:Proceed");
        world.state().place(&member.into()).waiting.remove(&(id, transition));
        expire_proceeding(world, member);
    }
}

/// Instances whose hooks are answered go, and their addresses with them.
fn expire_proceeding(world: &World, member: &str) {
    let leaving: Vec<_> = {
        let mut state = world.state();
        let listed = state.place(&member.into()).asgs.values().flatten();
        let going = listed.filter(|(_, state)| state.as_str() == "Terminating:Proceed");
        going.map(|(id, _)| id.clone()).collect()
    };
    for id in leaving {
        world.finish(member, &id);
    }
}

/// Every hook is answered or given up, and true-ups run twice in every region.
async fn calm_down(world: &World, members: &[&str]) {
    for member in members {
        while !world.state().place(&(*member).into()).waiting.is_empty() {
            expire(world, member);
        }
        expire_proceeding(world, member);
    }
    sleep(Duration::from_mins(2)).await;
    world.true_up_everywhere().await;
    world.true_up_everywhere().await;
}

/// What the simulation relies on.
#[tokio::test(start_paused = true)]
async fn hooks_are_answered_in_a_calm_simulation() {
    let world = World::settled(1, 1).await;
    let hook = world.launch(EAST);
    assert_eq!(hook.transition, Transition::Launch);
    let report = world.run(Ask::hooks(EAST, &[hook])).await;
    assert_eq!(report.hooks[0].result, HookResult::Continue);
}
