//! How far a model goes, and which protocol it follows.

use crate::world::Member;

/// What a run is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    /// A lifecycle run of this member: for any hook there has been, however late, also
    /// for one that another run has already.
    Lifecycle(Member),
    /// A true-up of this member, at any time.
    TrueUp(Member),
    /// Either of these.
    Any(Member),
    /// A true-up of this member once everything else is over.
    LastTrueUp(Member),
}

impl Slot {
    /// Whose.
    #[must_use]
    pub fn member(self) -> Member {
        match self {
            Self::Lifecycle(member)
            | Self::TrueUp(member)
            | Self::Any(member)
            | Self::LastTrueUp(member) => member,
        }
    }

    /// Whether it can be a true-up, and whether it can be a run for a hook.
    #[must_use]
    pub fn kinds(self) -> (bool, bool) {
        match self {
            Self::Lifecycle(_) => (false, true),
            Self::TrueUp(_) | Self::LastTrueUp(_) => (true, false),
            Self::Any(_) => (true, true),
        }
    }
}

/// How far a model goes.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a bound of its own")]
pub struct Bounds {
    /// The runs there can be.
    pub runs: Vec<Slot>,
    /// Whose targets and mirrors are in the model. A run works on each region apart, so
    /// one region is a model of its own; see `docs/protocol.md`.
    pub targets: Vec<Member>,
    /// Launches, terminations and sudden deaths there can be.
    pub events: u8,
    /// Whether instances also die without a hook, or without waiting for its answer.
    pub sudden: bool,
    /// Addresses there are.
    pub addresses: u8,
    /// Instances of each member at the start, admitted everywhere.
    pub settled: [usize; 2],
    /// Runs that die, and peers that runs give up, taken together.
    pub faults: u8,
    /// Whether something may happen between Auto Scaling's answer and EC2's.
    pub split: bool,
    /// Whether a run may find its first look at its own region too old to plan with.
    pub aged: bool,
    /// Whether true-ups write their row also when it says the same.
    pub refresh: bool,
    /// Whether a change counts as known as soon as a run that began after it has ended,
    /// even if that run had nothing to write down. Only then must nothing be stale.
    pub unrecorded: bool,
    /// Whether runs of one member that are there for the same are taken for one
    /// another: the same behaviours, in fewer states, but no good names for traces.
    pub symmetric: bool,
}

impl Bounds {
    /// The regions in the model.
    pub fn targets(&self) -> impl Iterator<Item = Member> {
        self.targets.iter().copied()
    }

    pub(crate) fn slot(&self, run: usize) -> Slot {
        self.runs[run]
    }
}

/// In which order a look reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Actual before desired.
    RulesFirst,
    /// Naive: desired before actual.
    RowsFirst,
}

/// What the last look compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Last {
    /// Rules with rows.
    RulesAndRows,
    /// Naive: the versions of the rows with those that were planned from.
    Versions,
}

/// The protocol, or a variant of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is a step of its own")]
pub struct Protocol {
    /// Whether rows are written on the condition of their version.
    pub versioned: bool,
    /// In which order a look reads.
    pub look: Order,
    /// Whether a peer's mirror gets the row before its target gets the rules.
    pub row_first: bool,
    /// What the last look compares.
    pub last_look: Last,
    /// Whether a departure that no row names is written down all the same.
    pub departures: bool,
    /// Whether a row with the same instances says the same only in the version right
    /// before the own one, not in any older one.
    pub right_before: bool,
    /// Whether the first look may confirm a hook, whose rules were read before anybody
    /// knew that the row was there.
    pub first_look: bool,
}

impl Protocol {
    /// The protocol of design sections 4 and 5.
    pub const REAL: Self = Self {
        versioned: true,
        look: Order::RulesFirst,
        row_first: true,
        last_look: Last::RulesAndRows,
        departures: true,
        right_before: true,
        first_look: false,
    };
}
