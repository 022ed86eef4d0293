//! Histories by chance: members scale, refresh, stop and move; events are lost, late
//! and doubled; runs overlap, calls fail, hang and come late, and processes die. The
//! promises are watched at every call. Then faults stop, and two periods of true-ups
//! must make every target exact.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use simulation::script::{Action, Played, Script, play, play_telling, shrink, shrink_while};
use simulation::world::Tally;

/// How many seeds are played, unless `SGSYNC_SEEDS` says otherwise.
const SEEDS: u64 = 2000;

/// How many failing seeds are enough to stop.
const FAILURES: usize = 10;

/// The text of an environment variable, which only tests may read here.
#[allow(clippy::disallowed_methods, reason = "a soak is asked for by the environment")]
fn asked(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Plays seeds on every core, each in a runtime of its own, until one fails.
fn play_all(from: u64, count: u64) -> (Tally, BTreeSet<u64>) {
    let (next, failed) = (AtomicU64::new(from), Mutex::new(BTreeSet::new()));
    let total = Mutex::new(Tally::default());
    let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut tally = Tally::default();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    let enough = failed.lock().expect("nobody panics with it").len() >= FAILURES;
                    if enough || seed >= from + count {
                        break;
                    }
                    let played = play(&Script::of(seed));
                    tally.add(&played.tally);
                    if !played.violations.is_empty() {
                        failed.lock().expect("nobody panics with it").insert(seed);
                    }
                }
                total.lock().expect("nobody panics with it").add(&tally);
            });
        }
    });
    (total.into_inner().expect("it is whole"), failed.into_inner().expect("it is whole"))
}

#[test]
fn promises_hold_in_every_seed() {
    let number = |name: &str| asked(name).and_then(|text| text.parse().ok());
    let count = number("SGSYNC_SEEDS").unwrap_or(SEEDS);
    let from = number("SGSYNC_FIRST_SEED").unwrap_or(0);
    let (tally, failed) = play_all(from, count);
    // Past the test's own output, which nobody sees when all is well.
    let _ = write!(std::io::stderr(), "{tally}");
    for seed in &failed {
        let first = play(&Script::of(*seed)).violations.into_iter().next();
        println!("seed {seed}: {}", first.unwrap_or_default());
    }
    if let Some(seed) = failed.first() {
        let script = Script::of(*seed);
        let small = shrink(&script, &play(&script));
        let played = play_telling(&small);
        let why = played.violations.join("\n");
        panic!(
            "{} of {count} seeds broke a promise: {failed:?}\n\n{}\nThe smallest script of seed \
             {seed}:\n\n{small}\n{why}",
            failed.len(),
            played.story,
        );
    }
    assert!(count < SEEDS || from > 0 || unused(&tally).is_empty(), "{:?}", unused(&tally));
}

/// Words of steps, faults, runs and events that no history has used.
fn unused(tally: &Tally) -> Vec<&'static str> {
    let mut words = Action::words();
    words.retain(|word| !tally.steps.contains_key(word));
    let faults = [
        "fail-before",
        "fail-after",
        "hang",
        "hang-after",
        "kill-before",
        "kill-after",
        "kill-by-timer",
        "slow",
        "late",
        "lag",
        "hide",
    ];
    words.extend(faults.into_iter().filter(|word| !tally.faults.contains_key(word)));
    let runs = ["hook", "batch-of-hooks", "change", "true-up", "operator", "cut-off"];
    words.extend(runs.into_iter().filter(|word| !tally.runs.contains_key(word)));
    let events = ["once", "twice", "late", "lost"];
    words.extend(events.into_iter().filter(|word| !tally.events.contains_key(word)));
    words
}

/// Plays the script in the file that `SGSYNC_SCRIPT` names, and tells its story.
#[test]
fn replay() {
    let Some(path) = asked("SGSYNC_SCRIPT") else { return };
    let text = std::fs::read_to_string(&path).expect("the script can be read");
    let played = play_telling(&Script::parse(&text).expect("it is a script"));
    println!("{}", played.story);
    assert!(played.violations.is_empty(), "{}", played.violations.join("\n"));
}

/// Scripts that broke a promise once, as they were found.
const FOUND: [(&str, &str); 25] = [
    (
        "one-group-of-a-spread-looks-alone",
        include_str!("scripts/one-group-of-a-spread-looks-alone.txt"),
    ),
    ("shown-and-then-in-no-answer", include_str!("scripts/shown-and-then-in-no-answer.txt")),
    (
        "a-row-lost-before-ports-were-learned",
        include_str!("scripts/a-row-lost-before-ports-were-learned.txt"),
    ),
    (
        "a-public-address-for-a-private-one",
        include_str!("scripts/a-public-address-for-a-private-one.txt"),
    ),
    ("a-block-beside-its-part", include_str!("scripts/a-block-beside-its-part.txt")),
    (
        "room-that-a-run-does-not-know-of",
        include_str!("scripts/room-that-a-run-does-not-know-of.txt"),
    ),
    ("a-block-that-cannot-split", include_str!("scripts/a-block-that-cannot-split.txt")),
    ("a-block-that-finds-no-room", include_str!("scripts/a-block-that-finds-no-room.txt")),
    ("back-to-the-warm-pool", include_str!("scripts/back-to-the-warm-pool.txt")),
    ("into-the-warm-pool", include_str!("scripts/into-the-warm-pool.txt")),
    ("back-from-standby", include_str!("scripts/back-from-standby.txt")),
    ("to-the-pool-unseen", include_str!("scripts/to-the-pool-unseen.txt")),
    ("pending-without-a-row", include_str!("scripts/pending-without-a-row.txt")),
    ("a-row-lost-under-a-run", include_str!("scripts/a-row-lost-under-a-run.txt")),
    ("left-by-a-peers-row-alone", include_str!("scripts/left-by-a-peers-row-alone.txt")),
    ("an-old-address-told-late", include_str!("scripts/an-old-address-told-late.txt")),
    ("another-groups-row-is-lost", include_str!("scripts/another-groups-row-is-lost.txt")),
    ("gone-from-every-answer", include_str!("scripts/gone-from-every-answer.txt")),
    (
        "a-new-rule-while-its-mirror-is-away",
        include_str!("scripts/a-new-rule-while-its-mirror-is-away.txt"),
    ),
    ("told-by-a-second-look", include_str!("scripts/told-by-a-second-look.txt")),
    ("told-by-another-regions-mirror", include_str!("scripts/told-by-another-regions-mirror.txt")),
    (
        "an-unwritten-row-over-a-whole-one",
        include_str!("scripts/an-unwritten-row-over-a-whole-one.txt"),
    ),
    (
        "an-address-hidden-from-the-second-answer",
        include_str!("scripts/an-address-hidden-from-the-second-answer.txt"),
    ),
    (
        "a-leaving-instance-that-nobody-tells-of",
        include_str!("scripts/a-leaving-instance-that-nobody-tells-of.txt"),
    ),
    ("an-older-row-into-a-lost-table", include_str!("scripts/an-older-row-into-a-lost-table.txt")),
];

#[test]
fn promises_hold_in_every_script_that_once_broke_one() {
    for (name, text) in FOUND {
        let played = play(&Script::parse(text).expect(name));
        assert!(played.violations.is_empty(), "{name}: {:?}", played.violations);
    }
}

/// A stand-in for a broken promise: something that the shrinker must not lose, and that
/// needs one step and one mishap.
fn is_bad(played: &Played) -> bool {
    played.tally.steps.contains_key("detach") && played.tally.faults.contains_key("kill-after")
}

#[test]
fn a_failing_script_is_made_small_and_plays_the_same_again() {
    let mut bad = (0..).map(Script::of).filter(|script| script.rates.calls >= 100);
    let (script, played) = bad
        .find_map(|script| Some((play(&script), script)).filter(|(played, _)| is_bad(played)))
        .map(|(played, script)| (script, played))
        .expect("some seed does both");
    let small = shrink_while(&script, &played, &is_bad);
    assert!(small.steps.len() + small.mishaps.calls.len() <= 5, "{small}");
    assert!(small.mishaps.events.is_empty() && small.mishaps.kills.is_empty(), "{small}");
    let read = Script::parse(&small.to_string()).expect("it is a script");
    let (first, again) = (play(&small), play_telling(&read));
    assert!(is_bad(&again), "{small}");
    assert_eq!((first.digest, first.tally), (again.digest, again.tally));
    assert!(again.story.contains("KillAfter"), "{}", again.story);
}

#[test]
fn the_same_seed_is_the_same_history() {
    for seed in [3, 17, 40, 41, 42] {
        let first = play(&Script::of(seed));
        // Whatever this thread drew before.
        fastrand::seed(seed ^ 7);
        let again = std::thread::spawn(move || play(&Script::of(seed))).join().expect("it ends");
        assert_eq!(first.digest, again.digest, "seed {seed}");
        assert_eq!(first.tally, again.tally, "seed {seed}");
    }
}

#[test]
fn a_script_is_read_as_it_was_written() {
    for seed in 0..200 {
        let mut script = Script::of(seed);
        if seed.is_multiple_of(10) {
            script.mishaps = play(&script).happened;
        }
        let text = script.to_string();
        assert_eq!(Script::parse(&text).as_ref(), Ok(&script), "{text}");
    }
    assert!(Script::parse("step 1 nonsense").is_err());
}
