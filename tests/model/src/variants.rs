//! Variants of the protocol that leave one step out: what breaks without it.

use stateright::{Checker, HasDiscoveries, Model as _};

use crate::bounds::Slot::{Lifecycle, TrueUp};
use crate::bounds::{Bounds, Last, Order, Protocol};
use crate::check::{EXACT, LIVE, REVOKED};
use crate::model::{Action, Model, State};
use crate::world::Member::{A, B};

/// A protocol that leaves something out, or promises too much.
#[derive(Clone, Debug)]
pub struct Variant {
    /// The name of its history in `docs/protocol.md`.
    pub name: &'static str,
    /// The model.
    pub model: Model,
    /// The property that does not hold in it.
    pub property: &'static str,
}

/// A history: each state with what happened next in it.
pub type History = Vec<(State, Option<Action>)>;

impl Variant {
    fn new(name: &'static str, protocol: Protocol, bounds: Bounds, property: &'static str) -> Self {
        let bounds = Bounds { symmetric: false, ..bounds };
        Self { name, model: Model { protocol, bounds }, property }
    }

    /// The shortest history that breaks the property; none if it holds.
    #[must_use]
    pub fn counterexample(&self) -> Option<History> {
        let mut shortest: Option<History> = None;
        loop {
            // The checker keeps the last history it meets, not the shortest: search
            // again below the one that was found, until there is none.
            let depth = shortest.as_ref().map_or(usize::MAX, Vec::len);
            let found = HasDiscoveries::AnyOf([self.property].into());
            let checker = self.model.clone().checker().finish_when(found).target_max_depth(depth);
            let checker = checker.spawn_bfs().join();
            match checker.discovery(self.property) {
                Some(path) => shortest = Some(path.into_vec()),
                None => return shortest,
            }
        }
    }
}

/// Leaving out any of these breaks the protocol.
#[must_use]
pub fn naive() -> Vec<Variant> {
    let real = Protocol::REAL;
    let launch = Bounds { events: 1, ..Bounds::new(&[Lifecycle(A), TrueUp(A)], &[B]) };
    let other = Bounds { events: 1, ..Bounds::new(&[Lifecycle(A), TrueUp(B)], &[B]) };
    let come_and_go = Bounds::new(&[Lifecycle(A), Lifecycle(A)], &[B]);
    vec![
        Variant::new("no-version", Protocol { versioned: false, ..real }, launch, LIVE),
        Variant::new(
            "desired-before-actual",
            Protocol { look: Order::RowsFirst, ..real },
            other.clone(),
            LIVE,
        ),
        Variant::new("rule-before-row", Protocol { row_first: false, ..real }, other, LIVE),
        Variant::new(
            "versions-only",
            Protocol { last_look: Last::Versions, ..real },
            come_and_go,
            EXACT,
        ),
    ]
}

/// The protocol as it was built before it was modelled.
#[must_use]
pub fn found() -> Vec<Variant> {
    let real = Protocol::REAL;
    let two = Bounds::new(&[Lifecycle(A), Lifecycle(A)], &[B]);
    let true_up = Bounds::new(&[Lifecycle(A), TrueUp(A)], &[B]);
    let three = Bounds::new(&[Lifecycle(A), Lifecycle(A), TrueUp(A)], &[A]);
    vec![
        Variant::new("departure-not-written", Protocol { departures: false, ..real }, two, REVOKED),
        Variant::new("same-instances", Protocol { right_before: false, ..real }, true_up, EXACT),
        Variant::new("first-look", Protocol { first_look: true, ..real }, three, REVOKED),
    ]
}

/// What the protocol leaves to the next true-up: the real one, asked for too much.
#[must_use]
pub fn left_over() -> Variant {
    let bounds = Bounds::new(&[Lifecycle(A), TrueUp(A)], &[A]);
    let bounds = Bounds { sudden: true, unrecorded: true, ..bounds };
    Variant::new("sudden-death", Protocol::REAL, bounds, EXACT)
}
