//! What must hold.

use stateright::Property;

use crate::bounds::{Bounds, Slot};
use crate::model::{Model, State};
use crate::run::{Own, Run, Step};
use crate::world::{Instance, Member, Phase, all_addresses};

/// A live, admitted address is never revoked by a run that could see it.
pub const LIVE: &str = "no live address is revoked by a run that could see it";
/// Rows never go backwards.
pub const FORWARD: &str = "rows never go backwards";
/// What CONTINUE means for a launch.
pub const ADMITTED: &str =
    "whoever got CONTINUE is admitted, unless a run that revoked it is still at work";
/// What CONTINUE means for a termination.
pub const REVOKED: &str =
    "whoever was let go is revoked, unless a run that added it is still at work";
/// Runs that came to their end leave every target exact.
pub const EXACT: &str = "nothing stale and nothing missing when runs are done";
/// After anything at all, one true-up per member leaves every target exact.
pub const HEALED: &str = "nothing stale and nothing missing after one more true-up per member";
/// No run is stopped by its own limits.
pub const BOUNDED: &str = "no run uses up its looks or its plans";

/// The names of everything that must hold.
#[must_use]
pub fn promises() -> Vec<&'static str> {
    Model::all_properties().iter().map(|property| property.name).collect()
}

/// The names of what must happen somewhere, or the model shows nothing.
#[must_use]
pub fn coverage() -> Vec<&'static str> {
    Model::coverage().iter().map(|property| property.name).collect()
}

impl Model {
    pub(crate) fn all_properties() -> Vec<Property<Self>> {
        vec![
            Property::always(LIVE, |_, state: &State| !state.revoked_live),
            Property::always(FORWARD, |_, state: &State| !state.backwards),
            Property::always(ADMITTED, Self::admitted_hold),
            Property::always(REVOKED, Self::released_hold),
            Property::always(EXACT, Self::exact_when_quiet),
            Property::always(HEALED, Self::exact_when_healed),
            Property::always(BOUNDED, |_, state: &State| !state.spent),
        ]
    }

    fn faultless(&self, state: &State) -> bool {
        state.faults == self.bounds.faults
    }

    fn admitted_hold(&self, state: &State) -> bool {
        let holds = |instance: Instance, place: Member| {
            let at = state.truth.address(instance);
            state.places[place.index()].rules[at.index()].is_some()
                || state.runs.iter().any(|run| run.regions[place.index()].revoked.has(at))
        };
        let live = |i: &Instance| state.truth.phase[i.index()] == Phase::Live;
        let mut admitted = state.admitted.iter().filter(live);
        !self.faultless(state) || admitted.all(|i| self.bounds.targets().all(|p| holds(i, p)))
    }

    fn released_hold(&self, state: &State) -> bool {
        let holds = |instance: Instance, place: Member| {
            let at = state.truth.address(instance);
            let mut others = Instance::all().filter(|other| {
                state.truth.phase[other.index()] != Phase::Absent
                    && !state.released.has(*other)
                    && state.truth.address(*other) == at
            });
            // Somebody else has had the address since, or has it.
            others.next().is_some()
                || state.places[place.index()].rules[at.index()].is_none()
                || state.runs.iter().any(|run| run.regions[place.index()].added.has(at))
        };
        let mut released = state.released.iter();
        !self.faultless(state) || released.all(|i| self.bounds.targets().all(|p| holds(i, p)))
    }

    /// Whether every target admits whom it should, and every mirror says who that is.
    pub(crate) fn is_exact(&self, state: &State) -> bool {
        self.bounds.targets().all(|place| {
            let here = &state.places[place.index()];
            let rules = all_addresses().all(|at| {
                here.rules[at.index()].is_some() == state.truth.live_holder(at).is_some()
            });
            let rows = Member::ALL.into_iter().all(|member| {
                let live = state.truth.in_phase(member, Phase::Live);
                here.rows[member.index()].instances == live
            });
            rules && rows
        })
    }

    fn exact_when_quiet(&self, state: &State) -> bool {
        !self.must_be_exact(state) || self.is_exact(state)
    }

    /// Whether no run is at work, none has failed, and the row of each member was
    /// written after its last change.
    fn must_be_exact(&self, state: &State) -> bool {
        let recorded = |member: Member| {
            let row = state.places[member.index()].rows[member.index()];
            row.changes == state.truth.changes(member)
        };
        let known = |member: Member| recorded(member) || state.noticed[member.index()];
        state.is_quiet() && self.faultless(state) && Member::ALL.into_iter().all(known)
    }

    fn exact_when_healed(&self, state: &State) -> bool {
        if !state.is_quiet() || state.backwards || state.revoked_live {
            return true;
        }
        let closed = |first: Member, then: Member| {
            let runs = Default::default();
            let mut state = State { runs, events: 0, faults: 0, ..state.clone() };
            let closing = self.closing([first, then]);
            for run in [0, 1] {
                while let Some(action) = closing.only_call(&state, run) {
                    closing.apply(&mut state, action);
                }
            }
            closing.is_exact(&state)
        };
        closed(Member::A, Member::B) && closed(Member::B, Member::A)
    }

    /// Only a true-up of each member, in this order.
    fn closing(&self, order: [Member; 2]) -> Self {
        let bounds = Bounds {
            runs: order.map(Slot::TrueUp).into(),
            aged: false,
            symmetric: false,
            faults: 0,
            ..self.bounds.clone()
        };
        Self { protocol: self.protocol, bounds }
    }

    pub(crate) fn coverage() -> Vec<Property<Self>> {
        vec![
            Property::sometimes("an address is reused by the other member", |_, state: &State| {
                let of = |member, phase| state.truth.addresses(state.truth.in_phase(member, phase));
                let (gone, live) = (of(Member::A, Phase::Gone), of(Member::B, Phase::Live));
                gone.iter().any(|at| live.has(at))
            }),
            Property::sometimes(
                "all events have happened, and runs must be exact",
                |m: &Self, state: &State| {
                    state.events == 0 && m.bounds.events > 0 && m.must_be_exact(state)
                },
            ),
            Property::sometimes(
                "runs are done, and leave something to heal",
                |m: &Self, state: &State| state.is_quiet() && !m.is_exact(state),
            ),
            Property::sometimes(
                "a run reads its row again: another one wrote first",
                |m: &Self, state: &State| {
                    let again = |(run, Run { own, .. }): (usize, &Run)| {
                        *own == Own::Version && m.bounds.targets.contains(&m.member(run))
                    };
                    state.runs[..m.bounds.runs.len()].iter().enumerate().any(again)
                },
            ),
            Property::sometimes("a peer's mirror has a newer row already", |_, state: &State| {
                Self::some_region(state, |step, _| step == Step::Reread)
            }),
            Property::sometimes("a rule is there already, or gone already", |_, state: &State| {
                Self::some_region(state, |_, round| round > 0)
            }),
            Property::sometimes(
                "an admitted instance is shut out for a moment",
                |m: &Self, state: &State| {
                    let mut live = state.admitted.iter();
                    live.any(|i| {
                        let at = state.truth.address(i);
                        let out =
                            |place: Member| state.places[place.index()].rules[at.index()].is_none();
                        state.truth.phase[i.index()] == Phase::Live && m.bounds.targets().any(out)
                    })
                },
            ),
        ]
    }

    fn some_region(state: &State, what: impl Fn(Step, u8) -> bool) -> bool {
        let mut regions = state.runs.iter().flat_map(|run| &run.regions);
        regions.any(|region| what(region.step, region.look.round))
    }
}
