//! The model: its states, and what comes of what happens.

use crate::bounds::{Bounds, Protocol};
use crate::run::{Hook, Own, Region, Run, Step};
use crate::world::{Address, Instance, Member, Phase, Place, Row, Set, Truth};

/// Runs in one history, at most.
pub const RUNS: usize = 5;

/// A model to be checked.
#[derive(Clone, Debug)]
pub struct Model {
    /// The protocol.
    pub protocol: Protocol,
    /// How far it goes.
    pub bounds: Bounds,
}

/// Everything there is at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct State {
    /// Who is in the cluster.
    pub truth: Truth,
    /// The regions.
    pub places: [Place; 2],
    /// The runs.
    pub runs: [Run; RUNS],
    /// Events that may still happen.
    pub events: u8,
    /// Faults that may still happen.
    pub faults: u8,
    /// Whether a run that began after the last change of each member came to its end,
    /// where the bounds ask for it.
    pub noticed: [bool; 2],
    /// Instances whose launch hook was answered CONTINUE.
    pub admitted: Set<Instance>,
    /// Instances whose termination hook was answered CONTINUE.
    pub released: Set<Instance>,
    /// Somebody in the cluster was revoked by a run that could see it.
    pub revoked_live: bool,
    /// A row was overwritten by an older one.
    pub backwards: bool,
    /// A run has used up its looks, or its plans.
    pub spent: bool,
}

impl State {
    pub(crate) fn region(&mut self, run: usize, place: Member) -> &mut Region {
        &mut self.runs[run].regions[place.index()]
    }

    pub(crate) fn place_and_region(
        &mut self,
        run: usize,
        place: Member,
    ) -> (&mut Place, &mut Region) {
        (&mut self.places[place.index()], &mut self.runs[run].regions[place.index()])
    }

    /// Whether no run is at work.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.runs.iter().all(|run| matches!(run.own, Own::Idle | Own::Finished))
    }
}

/// A part of a run. Its parts work side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The observation.
    Own,
    /// A region.
    In(Member),
    /// The hook's answer.
    Answer,
}

/// Something that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// An instance starts and waits for its launch hook.
    Launch(Instance, Address),
    /// An instance waits for its termination hook.
    Terminate(Instance),
    /// An instance dies.
    Die(Instance),
    /// A run starts, with its first call.
    Start {
        /// Which.
        run: usize,
        /// The hook it was started for.
        hook: Option<Hook>,
        /// Whether its first look will have grown too old.
        aged: bool,
        /// Where its first call is.
        part: Part,
    },
    /// A run makes a call.
    Call {
        /// Which.
        run: usize,
        /// Which part of it.
        part: Part,
        /// Of several calls to add rules the one for this member.
        batch: Member,
    },
    /// A run dies instead of making its next call.
    Crash(usize),
    /// A run gives a peer up instead of making its next call there.
    GiveUp(usize, Member),
}

impl Model {
    /// Whose run it is.
    pub(crate) fn member(&self, run: usize) -> Member {
        self.bounds.slot(run).member()
    }

    /// The settled world.
    pub(crate) fn settled_world(&self) -> State {
        let Bounds { events, faults, settled, .. } = self.bounds;
        let mut state = State { events, faults, ..State::default() };
        let mut free = Address::first(self.bounds.addresses);
        for member in Member::ALL {
            for instance in Instance::of(member).take(settled[member.index()]) {
                state.truth.phase[instance.index()] = Phase::Live;
                state.truth.address[instance.index()] = free.next().unwrap_or_default();
            }
        }
        state.admitted =
            Instance::all().filter(|i| state.truth.phase[i.index()] == Phase::Live).collect();
        let rows = Member::ALL.map(|member| Row {
            version: 1,
            instances: state.truth.in_phase(member, Phase::Live),
            changes: state.truth.changes(member),
        });
        for place in Member::ALL {
            state.places[place.index()].rows = rows;
        }
        for place in self.bounds.targets() {
            for instance in rows.iter().flat_map(|row| row.instances.iter()) {
                let at = state.truth.address(instance);
                state.places[place.index()].rules[at.index()] = Some(instance);
            }
        }
        state
    }

    /// What comes of it.
    pub(crate) fn apply(&self, state: &mut State, action: Action) {
        match action {
            Action::Launch(instance, address) => {
                state.truth.address[instance.index()] = address;
                Self::happen(state, instance, Phase::Live);
            }
            Action::Terminate(instance) => Self::happen(state, instance, Phase::Leaving),
            Action::Die(instance) => Self::happen(state, instance, Phase::Gone),
            Action::Start { run, hook, aged, part } => {
                self.start(state, run, hook, aged);
                self.call(state, run, part, Member::A);
            }
            Action::Call { run, part, batch } => self.call(state, run, part, batch),
            Action::Crash(run) => {
                state.faults -= 1;
                state.runs[run] = Run { own: Own::Finished, ..Run::default() };
            }
            Action::GiveUp(run, place) => {
                state.faults -= 1;
                *state.region(run, place) = Region::done();
                self.progress(state, run);
            }
        }
        if self.bounds.symmetric {
            self.forget_hooks(state);
            self.sort(state);
        }
    }

    /// A hook that nobody waits for any more changes nothing in what its run does, once
    /// the group has been observed.
    fn forget_hooks(&self, state: &mut State) {
        for run in 0..self.bounds.runs.len() {
            let observed = state.runs[run].own.seen().is_some();
            let over = |hook: &Hook| (hook.launch || observed) && !Self::waits(state, *hook);
            if state.runs[run].hook.as_ref().is_some_and(over) {
                state.runs[run].hook = None;
                self.progress(state, run);
            }
        }
    }

    fn happen(state: &mut State, instance: Instance, phase: Phase) {
        state.truth.phase[instance.index()] = phase;
        state.events -= 1;
        state.noticed[instance.member().index()] = false;
    }

    /// A run is there, and has not made a call.
    pub(crate) fn start(&self, state: &mut State, run: usize, hook: Option<Hook>, aged: bool) {
        let home = self.bounds.targets.contains(&self.member(run));
        let own = if home { Own::Waits } else { Own::Version };
        state.runs[run] = Run { hook, aged: aged && home, own, ..Run::default() };
        for place in self.bounds.targets() {
            self.start_look(state, run, place);
        }
    }

    fn call(&self, state: &mut State, run: usize, part: Part, batch: Member) {
        match part {
            Part::Own => self.observe_step(state, run),
            Part::Answer => self.answer(state, run),
            Part::In(place) => match state.runs[run].regions[place.index()].step {
                Step::Rules => self.read_rules(state, run, place),
                Step::Rows => self.read_rows(state, run, place),
                Step::Versions => self.compare_versions(state, run, place),
                Step::Tell => self.tell(state, run, place),
                Step::Reread => self.reread(state, run, place),
                Step::Add => self.authorize(state, run, place, batch),
                Step::Revoke => self.revoke(state, run, place),
                Step::Off | Step::Ready | Step::Settled | Step::Done => {}
            },
        }
        self.progress(state, run);
    }

    /// Puts runs that are there for the same in order of what they know.
    fn sort(&self, state: &mut State) {
        let slots = &self.bounds.runs;
        let mut from = 0;
        while from < slots.len() {
            let alike = slots[from..].iter().take_while(|slot| **slot == slots[from]).count();
            state.runs[from..from + alike].sort_unstable();
            from += alike;
        }
    }
}
