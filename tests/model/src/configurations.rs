//! The bounds within which the protocol is explored, exhaustively.

use crate::bounds::Bounds;
use crate::bounds::Slot::{self, Any, LastTrueUp, Lifecycle, TrueUp};
use crate::world::Member::{self, A, B};

/// One exploration.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// What it is called.
    pub name: &'static str,
    /// Its bounds.
    pub bounds: Bounds,
}

impl Bounds {
    /// These runs, and one target region. One instance of A has address x, another
    /// address is free, and everything else is off.
    #[must_use]
    pub fn new(runs: &[Slot], targets: &[Member]) -> Self {
        Self {
            runs: runs.to_vec(),
            targets: targets.to_vec(),
            events: 2,
            sudden: false,
            addresses: 2,
            settled: [1, 0],
            faults: 0,
            split: false,
            aged: false,
            refresh: false,
            unrecorded: false,
            symmetric: true,
        }
    }
}

impl Configuration {
    /// What is in it, in the columns of the page's table.
    #[must_use]
    pub fn words(&self) -> String {
        let Bounds { runs, targets, events, faults, sudden, split, aged, refresh, .. } =
            &self.bounds;
        let of = |slot: &Slot| runs.iter().filter(|other| *other == slot).count();
        let mut slots = runs.clone();
        slots.dedup();
        let runs: Vec<_> = slots.iter().map(|slot| slot.words(of(slot))).collect();
        let regions: Vec<_> = targets.iter().map(|place| format!("{place:?}")).collect();
        let also = [
            (*sudden, "sudden deaths"),
            (*split, "things happen between Auto Scaling's answer and EC2's"),
            (*aged, "first looks that are too old"),
            (*refresh, "rows refreshed"),
        ];
        let also: Vec<_> = also.iter().filter(|(on, _)| *on).map(|(_, what)| *what).collect();
        let (runs, regions) = (runs.join(", "), regions.join(" and "));
        format!("{runs} | {regions} | {events} | {faults} | {}", also.join(", "))
    }
}

impl Slot {
    fn words(self, count: usize) -> String {
        let plural = if count == 1 { "" } else { "s" };
        let member = self.member();
        match self {
            Any(_) => format!("{count} run{plural} of {member:?}"),
            Lifecycle(_) => format!("{count} lifecycle run{plural} of {member:?}"),
            TrueUp(_) => format!("{count} true-up{plural} of {member:?}"),
            LastTrueUp(_) => format!("then {count} true-up{plural} of {member:?}"),
        }
    }
}

fn of(name: &'static str, bounds: Bounds) -> Configuration {
    Configuration { name, bounds }
}

/// What `cargo test` explores.
#[must_use]
pub fn short() -> Vec<Configuration> {
    let alone = [Any(A), Any(A), Any(A)];
    let watched = [Any(A), Any(A), TrueUp(B)];
    let pair = [Any(A), Any(A)];
    let each = [Any(A), Any(B)];
    let both = [Any(A), Any(A), Any(B), Any(B)];
    let closing = [Any(A), Any(B), LastTrueUp(A), LastTrueUp(B)];
    let sudden = |bounds: Bounds| Bounds { sudden: true, ..bounds };
    let failing = |faults, bounds: Bounds| Bounds { faults, ..sudden(bounds) };
    let at_home = |runs: &[Slot]| Bounds::new(runs, &[A]);
    let at_peer = |runs: &[Slot]| Bounds::new(runs, &[B]);
    vec![
        of("three of A, at home", at_home(&alone)),
        of("three of A, at the peer", at_peer(&alone)),
        of("two of A beside B, at home", at_home(&watched)),
        of("two of A beside B, at the peer", at_peer(&watched)),
        of("failures at home", failing(1, at_home(&alone))),
        of("failures at the peer", Bounds { events: 3, ..failing(2, at_peer(&pair)) }),
        of("two of each", Bounds { events: 1, ..at_peer(&both) }),
        of("failures of A beside B", failing(1, at_peer(&watched))),
        of("failures with B", Bounds { events: 3, ..failing(2, at_peer(&each)) }),
        of("true-ups side by side after failures", failing(1, at_peer(&closing))),
        of("every read apart, at home", apart(at_home(&pair))),
        of("every read apart, at the peer", apart(at_peer(&pair))),
        of("both regions", Bounds { faults: 1, ..Bounds::new(&each, &[A, B]) }),
    ]
}

/// Everything that can be off is on.
fn apart(bounds: Bounds) -> Bounds {
    Bounds { events: 2, sudden: true, split: true, aged: true, refresh: true, ..bounds }
}

/// What is explored when somebody has the time.
#[must_use]
pub fn long() -> Vec<Configuration> {
    let each = [Any(A), Any(A), Any(B), Any(B)];
    let five = [Any(A), Any(A), TrueUp(A), Any(B), Any(B)];
    let watched = [Any(A), Any(A), Any(A), TrueUp(B)];
    vec![
        of("two and a true-up of A, two of B", Bounds { events: 1, ..Bounds::new(&five, &[B]) }),
        of("two of each, two events", Bounds::new(&each, &[B])),
        of("three of A beside B, at home", Bounds { events: 1, ..Bounds::new(&watched, &[A]) }),
        of("three of A beside B, at the peer", Bounds { events: 1, ..Bounds::new(&watched, &[B]) }),
    ]
}
