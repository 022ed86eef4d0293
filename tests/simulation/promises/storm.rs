//! A storm of launches against what EC2 takes of changes (`docs/scale.md`).

use std::collections::VecDeque;
use std::time::Duration;

use simulation::world::{Ask, EAST, Fault, FaultRule, REGIONS, World, call};
use sync_core::events::Hook;
use sync_core::report::HookResult;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::calls::{launches, settled};

/// The stack's: runs at once, hooks a run, its time, how soon and how often a message comes again.
const AT_ONCE: usize = 5;
const BATCH: usize = 10;
const TIME: Duration = Duration::from_secs(15);
const AGAIN: Duration = Duration::from_secs(90);
const RECEIVES: usize = 5;

/// A hook's message: when it may be handed out, and how often it was.
type Waiting = (Instant, usize, Hook);

/// Hands hooks out in batches until all are answered; how many runs, and how long it took.
async fn weather(world: &World, hooks: Vec<Hook>) -> (usize, Duration) {
    let begun = Instant::now();
    let mut queue: VecDeque<Waiting> = hooks.into_iter().map(|hook| (begun, 0, hook)).collect();
    let (mut at_work, mut runs, mut last) = (JoinSet::new(), 0, begun);
    loop {
        while at_work.len() < AT_ONCE && queue.front().is_some_and(|(at, ..)| *at <= Instant::now())
        {
            let ready = queue.iter().take_while(|(at, ..)| *at <= Instant::now()).count();
            let taken: Vec<Waiting> = queue.drain(..ready.min(BATCH)).collect();
            let hooks: Vec<_> = taken.iter().map(|(.., hook)| hook.clone()).collect();
            let (world, ask) = (world.clone(), Ask { time: TIME, ..Ask::hooks(EAST, &hooks) });
            runs += 1;
            at_work.spawn(async move { (world.run(ask).await, taken) });
        }
        let Some(done) = at_work.join_next().await else {
            let Some((at, ..)) = queue.front() else { return (runs, last - begun) };
            sleep_until(*at).await;
            continue;
        };
        let (report, taken) = done.expect("the run ends");
        for ((_, times, hook), answered) in taken.into_iter().zip(report.hooks) {
            match answered.result {
                HookResult::Retry => {
                    assert!(times + 1 < RECEIVES, "{hook:?} is a dead letter");
                    queue.push_back((Instant::now() + AGAIN, times + 1, hook));
                }
                result => {
                    assert_eq!(result, HookResult::Continue, "{hook:?}");
                    last = Instant::now();
                }
            }
        }
    }
}

/// What a storm of 500 launches comes to: runs, time, and each region's calls.
struct Storm {
    runs: usize,
    time: Duration,
    most: usize,
    lowest: u64,
    throttled: usize,
}

async fn storm(name: &str, seed: u64, faults: &[FaultRule]) -> Storm {
    let world = settled(2, 0).await;
    world.state().seed = seed;
    world.throttle();
    for rule in faults {
        world.fault(rule.clone());
    }
    let hooks = launches(&world, 500);
    let (runs, time) = weather(&world, hooks).await;
    let buckets = world.state().buckets.clone();
    world.heal();
    world.state().buckets.clear();
    world.true_up_everywhere().await;
    world.expect_exact();
    assert!(REGIONS[..2].iter().all(|region| world.rules(region).len() == 502));
    let storm = Storm {
        runs,
        time,
        most: buckets.values().map(|bucket| bucket.taken).max().unwrap_or(0),
        lowest: buckets.values().map(|bucket| bucket.lowest).min().unwrap_or(0),
        throttled: buckets.values().map(|bucket| bucket.throttled).sum(),
    };
    let Storm { runs, time, most, lowest, throttled } = &storm;
    println!(
        "{name}, seed {seed}: {runs} runs, {time:.1?}, at most {most} changes in a region, \
         {lowest} left, {throttled} throttled"
    );
    storm
}

#[tokio::test(start_paused = true)]
async fn five_hundred_launches_stay_within_what_ec2_takes() {
    for seed in 0..2 {
        let storm = storm("batches of ten", seed, &[]).await;
        assert_eq!((storm.runs, storm.throttled), (50, 0));
        assert!(storm.most <= 25, "{} of the 50 calls that EC2 takes at once", storm.most);
        assert!(storm.time < Duration::from_secs(30), "{:?}", storm.time);
    }
}

/// Reads that lag make a run ask for what is there, and in the end rule by rule.
#[tokio::test(start_paused = true)]
async fn a_storm_with_lagging_reads_ends_long_before_its_hooks_do() {
    let lagging = FaultRule::all(Fault::Lag(Duration::from_secs(3))).on(call::RULES);
    let storm = storm("reads 3 s old", 1, &[lagging]).await;
    assert!(storm.time < Duration::from_mins(5), "{:?}", storm.time);
}
