//! A run's observation: read the row's version, ask Auto Scaling, ask EC2, write the
//! row over the version that was read (`sync-core/src/reconcile/own.rs`).

use crate::model::{Model, State};
use crate::pieces::{next_version, observe};
use crate::run::{Brief, Own, Seen};
use crate::world::{Instance, Phase, Row, Set};

impl Model {
    /// The next call of a run's observation.
    pub(crate) fn observe_step(&self, state: &mut State, run: usize) {
        match state.runs[run].own {
            Own::Version => {
                let member = self.member(run);
                let old = state.places[member.index()].rows[member.index()].into();
                state.runs[run].own = Own::List { old };
            }
            Own::List { old } => self.list(state, run, old),
            Own::Show { .. } => self.show(state, run),
            Own::Put { over, seen } => self.put(state, run, over, seen),
            Own::Idle | Own::Waits | Own::Seen(_) | Own::Finished => {}
        }
    }

    fn list(&self, state: &mut State, run: usize, old: Brief) {
        let member = self.member(run);
        let leaving = state.truth.in_phase(member, Phase::Leaving);
        let listed = state.truth.in_phase(member, Phase::Live).and(leaving);
        let changes = state.truth.changes(member);
        state.runs[run].own = Own::Show { old, listed, leaving, changes };
        if !self.bounds.split {
            self.show(state, run);
        }
    }

    fn show(&self, state: &mut State, run: usize) {
        let Own::Show { old, listed, leaving, changes } = state.runs[run].own else { return };
        let member = self.member(run);
        let dead = state.truth.in_phase(member, Phase::Gone);
        let (instances, departed) = observe(listed, leaving, old.instances, dead);
        let refreshed = self.bounds.refresh && self.bounds.slot(run).kinds().0;
        let left = left(state, run, instances, departed);
        let unrecorded = self.protocol.departures && !left.without(old.instances).is_empty();
        let unchanged = instances == old.instances && !refreshed && !unrecorded;
        let version = if unchanged { old.version } else { next_version(old.version) };
        let seen =
            Seen { row: Row { version, instances, changes }, departed, changes, over: old.version };
        state.runs[run].own =
            if unchanged { Own::Seen(seen) } else { Own::Put { over: old.version, seen } };
    }

    fn put(&self, state: &mut State, run: usize, over: u8, seen: Seen) {
        let member = self.member(run);
        let stored = &mut state.places[member.index()].rows[member.index()];
        if stored.version != over && self.protocol.versioned {
            state.runs[run].own = Own::Version;
            return;
        }
        state.backwards |= goes_backwards(*stored, seen.row);
        *stored = seen.row;
        state.runs[run].own = Own::Seen(seen);
    }
}

/// Whom a run knows to have left: seen by itself, or by its hook.
fn left(
    state: &State,
    run: usize,
    instances: Set<Instance>,
    departed: Set<Instance>,
) -> Set<Instance> {
    let ended = state.runs[run].hook.filter(|hook| !hook.launch);
    let ended: Set<Instance> = ended.map(|hook| hook.instance).into_iter().collect();
    departed.and(ended.without(instances))
}

/// Whether a row is older than the one that it is written over.
pub(crate) fn goes_backwards(stored: Row, new: Row) -> bool {
    new.version <= stored.version || new.changes < stored.changes
}
