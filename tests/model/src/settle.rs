//! What a run does between its looks: answer the hook, look again, end
//! (`sync-core/src/reconcile/{settle,hooks}.rs`).

use crate::bounds::Last;
use crate::look::LOOKS;
use crate::model::{Model, State};
use crate::pieces::confirms;
use crate::run::{Hook, Look, Own, Region, Run, Stage, Step};
use crate::world::{Member, Phase};

impl Model {
    /// A look has been planned from and carried out.
    pub(crate) fn after_look(&self, state: &mut State, run: usize, place: Member) {
        let confirmed = confirmed(state, run, place);
        let region = state.region(run, place);
        region.confirmed = confirmed;
        let settled = !region.look_again;
        match region.stage {
            Stage::First if confirmed => self.settled(state, run, place),
            Stage::ForHook if confirmed || settled => self.settled(state, run, place),
            Stage::After if settled => *region = Region::done(),
            Stage::First => {
                (region.stage, region.looks) = (Stage::ForHook, 0);
                self.look_again(state, run, place);
            }
            Stage::ForHook | Stage::After => self.look_again(state, run, place),
        }
    }

    /// This region waits for the hook's answer.
    fn settled(&self, state: &mut State, run: usize, place: Member) {
        let region = state.region(run, place);
        region.step = Step::Settled;
        (region.stage, region.looks) = (Stage::First, 0);
        region.look = match self.protocol.last_look {
            Last::RulesAndRows => Look::default(),
            // Compares with what was planned from.
            Last::Versions => Look { rows: region.look.rows, ..Look::default() },
        };
    }

    /// Takes a fresh look, if there are any left.
    fn look_again(&self, state: &mut State, run: usize, place: Member) {
        let region = state.region(run, place);
        if region.looks == LOOKS {
            if region.stage == Stage::After {
                *region = Region::done();
            } else {
                self.settled(state, run, place);
            }
            state.spent = true;
            return;
        }
        region.looks += 1;
        match self.protocol.last_look {
            Last::RulesAndRows => self.start_look(state, run, place),
            Last::Versions => {
                let rows = region.look.rows;
                region.look = Look { rows, ..Look::default() };
                region.step = Step::Versions;
            }
        }
    }

    /// Whether an answer to this hook would change anything: it waits, or it is the
    /// first to be answered.
    pub(crate) fn waits(state: &State, hook: Hook) -> bool {
        let phase = state.truth.phase[hook.instance.index()];
        if hook.launch {
            phase == Phase::Live && !state.admitted.has(hook.instance)
        } else {
            phase == Phase::Leaving
        }
    }

    /// Goes on with what needs no call.
    pub(crate) fn progress(&self, state: &mut State, run: usize) {
        if state.runs[run].own.seen().is_none() {
            return;
        }
        for place in self.bounds.targets() {
            if state.runs[run].regions[place.index()].step == Step::Ready {
                self.begin(state, run, place);
            }
        }
        let waits = |step| matches!(step, Step::Settled | Step::Done);
        if !self.bounds.targets().all(|place| waits(state.region(run, place).step)) {
            return;
        }
        if let Some(hook) = state.runs[run].hook {
            if Self::waits(state, hook) && self.may_answer(state, run) {
                return; // The answer is the next call.
            }
            state.runs[run].hook = None;
        }
        self.look_after(state, run);
    }

    /// Whether every region that was reached stands as the hook needs it.
    pub(crate) fn may_answer(&self, state: &State, run: usize) -> bool {
        let stands = |region: &Region| region.step == Step::Done || region.confirmed;
        let Run { hook, regions, .. } = &state.runs[run];
        let settled = |region: &Region| matches!(region.step, Step::Settled | Step::Done);
        let mut here = self.bounds.targets().map(|place| &regions[place.index()]);
        hook.is_some() && here.all(|region| settled(region) && stands(region))
    }

    /// Answers the hook CONTINUE.
    pub(crate) fn answer(&self, state: &mut State, run: usize) {
        let Some(hook) = state.runs[run].hook.take() else { return };
        if !Self::waits(state, hook) {
            // No active lifecycle action: somebody else has answered.
        } else if hook.launch {
            state.admitted.insert(hook.instance);
        } else {
            state.truth.phase[hook.instance.index()] = Phase::Gone;
            state.released.insert(hook.instance);
        }
        self.look_after(state, run);
    }

    /// Looks again where it is needed; ends where it is not.
    fn look_after(&self, state: &mut State, run: usize) {
        for place in self.bounds.targets() {
            let region = state.region(run, place);
            if region.step == Step::Settled {
                if region.look_again {
                    (region.stage, region.looks) = (Stage::After, 0);
                    self.look_again(state, run, place);
                } else {
                    *region = Region::done();
                }
            }
        }
        let done = |place: Member| state.runs[run].regions[place.index()].step == Step::Done;
        if self.bounds.targets().all(done) {
            self.finish(state, run);
        }
    }

    /// The run has done all it wanted to.
    pub(crate) fn finish(&self, state: &mut State, run: usize) {
        let (member, seen) = (self.member(run), state.runs[run].own.seen());
        if self.bounds.unrecorded && seen.is_some_and(|s| s.changes == state.truth.changes(member))
        {
            state.noticed[member.index()] = true;
        }
        state.runs[run] = Run { own: Own::Finished, ..Run::default() };
    }
}

impl Region {
    /// Nothing is left to do here.
    pub(crate) fn done() -> Self {
        Self { step: Step::Done, ..Self::default() }
    }
}

fn confirmed(state: &State, run: usize, place: Member) -> bool {
    let Run { hook, own, regions, .. } = &state.runs[run];
    let region = &regions[place.index()];
    let (Some(hook), Some(seen)) = (hook, own.seen()) else { return true };
    confirms(*hook, &seen, region, &state.truth)
}
