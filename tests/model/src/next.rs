//! What can happen next.

use std::collections::BTreeSet;

use crate::bounds::Slot;
use crate::model::{Action, Model, Part, State};
use crate::pieces::wanted;
use crate::run::{Hook, Own, Step};
use crate::world::{Address, Instance, Member, Phase};

impl Model {
    /// Everything that can happen next.
    pub(crate) fn enabled(&self, state: &State, actions: &mut Vec<Action>) {
        if state.revoked_live || state.spent {
            return; // Found; what comes of it is no news.
        }
        self.events(state, actions);
        for run in 0..self.bounds.runs.len() {
            match state.runs[run].own {
                Own::Finished => {}
                Own::Idle => self.starts(state, run, actions),
                _ => self.calls(state, run, actions),
            }
        }
    }

    fn events(&self, state: &State, actions: &mut Vec<Action>) {
        if state.events == 0 || self.is_closing(state) {
            return;
        }
        for member in Member::ALL {
            let absent = |i: &Instance| state.truth.phase[i.index()] == Phase::Absent;
            if let Some(next) = Instance::of(member).find(absent) {
                let free = Address::first(self.bounds.addresses);
                let free = free.filter(|address| state.truth.is_free(*address));
                actions.extend(free.map(|address| Action::Launch(next, address)));
            }
        }
        for instance in Instance::all() {
            match state.truth.phase[instance.index()] {
                Phase::Live => actions.push(Action::Terminate(instance)),
                Phase::Leaving => {}
                Phase::Absent | Phase::Gone => continue,
            }
            if self.bounds.sudden {
                actions.push(Action::Die(instance));
            }
        }
    }

    /// Whether the last true-ups have begun.
    fn is_closing(&self, state: &State) -> bool {
        let last = |(run, slot): (usize, &Slot)| {
            matches!(slot, Slot::LastTrueUp(_)) && state.runs[run].own != Own::Idle
        };
        self.bounds.runs.iter().enumerate().any(last)
    }

    fn starts(&self, state: &State, run: usize, actions: &mut Vec<Action>) {
        let slot = self.bounds.slot(run);
        let closing = self.is_closing(state);
        let may_start = match slot {
            Slot::LastTrueUp(_) => closing || state.is_quiet(),
            Slot::Lifecycle(_) | Slot::TrueUp(_) | Slot::Any(_) => !closing,
        };
        if !may_start {
            return;
        }
        for hook in Self::hooks(state, slot) {
            for part in self.first_parts(run) {
                actions.push(Action::Start { run, hook, aged: false, part });
                if self.bounds.aged {
                    actions.push(Action::Start { run, hook, aged: true, part });
                }
            }
        }
    }

    /// What a run can be there for: any hook there has been, however late, also one that
    /// another run has; or none. A launch hook that nobody waits for any more makes a
    /// run that does what a true-up does.
    fn hooks(state: &State, slot: Slot) -> Vec<Option<Hook>> {
        let (mut none, some) = slot.kinds();
        let mut hooks = Vec::new();
        for instance in Instance::of(slot.member()).filter(|_| some) {
            match state.truth.phase[instance.index()] {
                Phase::Absent => {}
                Phase::Live if !state.admitted.has(instance) => {
                    hooks.push(Some(Hook { instance, launch: true }));
                }
                Phase::Live => none = true,
                Phase::Leaving | Phase::Gone => {
                    none = true;
                    hooks.push(Some(Hook { instance, launch: false }));
                }
            }
        }
        hooks.extend(none.then_some(None));
        hooks
    }

    /// Where a run's first call can be.
    fn first_parts(&self, run: usize) -> Vec<Part> {
        let member = self.member(run);
        let mut parts: Vec<_> = self.bounds.targets().map(Part::In).collect();
        if !self.bounds.targets.contains(&member) {
            parts.push(Part::Own);
        }
        parts
    }

    fn calls(&self, state: &State, run: usize, actions: &mut Vec<Action>) {
        let call = |part, batch| Action::Call { run, part, batch };
        let mut changes_something = false;
        match state.runs[run].own {
            Own::Version | Own::List { .. } | Own::Show { .. } => {
                actions.push(call(Part::Own, Member::A));
            }
            Own::Put { .. } => {
                changes_something = true;
                actions.push(call(Part::Own, Member::A));
            }
            Own::Idle | Own::Waits | Own::Seen(_) | Own::Finished => {}
        }
        for place in self.bounds.targets() {
            let step = state.runs[run].regions[place.index()].step;
            match step {
                Step::Rules | Step::Rows | Step::Versions | Step::Reread => {
                    actions.push(call(Part::In(place), Member::A));
                }
                Step::Add => {
                    let batches = Self::batches(state, run, place);
                    actions.extend(batches.into_iter().map(|b| call(Part::In(place), b)));
                }
                Step::Tell | Step::Revoke => actions.push(call(Part::In(place), Member::A)),
                Step::Off | Step::Ready | Step::Settled | Step::Done => {}
            }
            if matches!(step, Step::Add | Step::Tell | Step::Revoke) {
                changes_something = true;
                if state.faults > 0 && place != self.member(run) {
                    actions.push(Action::GiveUp(run, place));
                }
            }
        }
        if self.may_answer(state, run) {
            changes_something = true;
            actions.push(call(Part::Answer, Member::A));
        }
        // Dying before a call that only reads comes to the same as dying before the
        // next one that changes something, or at the end.
        if state.faults > 0 && changes_something {
            actions.push(Action::Crash(run));
        }
    }

    /// The members for whom an Authorize is due: one call each, in any order. One by
    /// one, they are all in one queue.
    fn batches(state: &State, run: usize, place: Member) -> BTreeSet<Member> {
        let look = &state.runs[run].regions[place.index()].look;
        if look.one_by_one {
            return BTreeSet::from([Member::A]);
        }
        let wanted = wanted(&look.rows, &state.truth);
        let due = look.to_add.iter().filter_map(|at| wanted[at.index()]);
        due.map(Instance::member).collect()
    }

    /// The next call of the only run there is, if it is not over.
    pub(crate) fn only_call(&self, state: &State, run: usize) -> Option<Action> {
        let mut actions = Vec::new();
        match state.runs[run].own {
            Own::Finished => {}
            Own::Idle => self.starts(state, run, &mut actions),
            _ => self.calls(state, run, &mut actions),
        }
        actions.first().copied()
    }
}
