//! Where a run stands, and what it knows.

use std::hash::{Hash, Hasher};

use crate::world::{ADDRESSES, Address, Instance, Member, Row, Set};

/// A hook that a run was started for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hook {
    /// Whose.
    pub instance: Instance,
    /// A launch; else a termination.
    pub launch: bool,
}

/// One run.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Run {
    /// The hook it still has to answer.
    pub hook: Option<Hook>,
    /// Whether its first look at its own region will have grown too old to plan with.
    pub aged: bool,
    /// How far its observation is.
    pub own: Own,
    /// How far it is in each region.
    pub regions: [Region; 2],
}

/// A run's observation of its own group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Own {
    /// The run has not started.
    #[default]
    Idle,
    /// The first look at the own region brings the row.
    Waits,
    /// Reads its row.
    Version,
    /// Asks Auto Scaling.
    List {
        /// The row that it read before.
        old: Brief,
    },
    /// Asks EC2.
    Show {
        /// The row that it read before.
        old: Brief,
        /// Whom Auto Scaling listed.
        listed: Set<Instance>,
        /// Who of them was leaving.
        leaving: Set<Instance>,
        /// How many changes there had been.
        changes: u8,
    },
    /// Writes its row over the one it read.
    Put {
        /// The version that it read.
        over: u8,
        /// What it saw.
        seen: Seen,
    },
    /// Has observed.
    Seen(Seen),
    /// The run is over, one way or another.
    Finished,
}

/// What a run saw of its own group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seen {
    /// The row that says so.
    pub row: Row,
    /// Whom it saw leave.
    pub departed: Set<Instance>,
    /// How many changes there had been.
    pub changes: u8,
    /// The version of the row that it read before.
    pub over: u8,
}

/// What a run knows of a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Brief {
    /// Its version.
    pub version: u8,
    /// Who is in it.
    pub instances: Set<Instance>,
}

impl From<Row> for Brief {
    fn from(row: Row) -> Self {
        Self { version: row.version, instances: row.instances }
    }
}

/// What a run saw of an address in a target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sight {
    /// No rule.
    #[default]
    Nothing,
    /// A rule with this member's tag.
    Rule(Member),
    /// A rule with this member's tag, which somebody has revoked since. Rules are
    /// revoked by id, so one that was added later is not the one that was seen.
    Dead(Member),
}

impl Sight {
    /// Whether there was a rule.
    #[must_use]
    pub fn is_rule(self) -> bool {
        self != Self::Nothing
    }
}

/// The next call of a run in one region.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Nothing: not started, or no target in this model.
    #[default]
    Off,
    /// Read the rules.
    Rules,
    /// Read the mirror.
    Rows,
    /// Read the mirror, for its versions only. A naive variant.
    Versions,
    /// Nothing: the observation is not there yet.
    Ready,
    /// Put the own row into the mirror.
    Tell,
    /// Read the mirror again, because it has a newer row.
    Reread,
    /// Add rules.
    Add,
    /// Revoke rules.
    Revoke,
    /// Nothing: the hook is to be answered first.
    Settled,
    /// Nothing any more.
    Done,
}

/// Which look it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// The look at the start.
    #[default]
    First,
    /// A fresh look that the hook's answer needs.
    ForHook,
    /// A fresh look after the hook's answer.
    After,
}

/// A run in one region.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Region {
    /// The next call.
    pub step: Step,
    /// For which look.
    pub stage: Stage,
    /// What the look has shown, and what was planned from it.
    pub look: Look,
    /// Whether only a fresh look can tell that nothing is left to do.
    pub look_again: bool,
    /// Whether the hook may be answered as far as this region goes.
    pub confirmed: bool,
    /// Addresses that this run added.
    pub added: Set<Address>,
    /// Addresses that AWS said are there.
    pub present: Set<Address>,
    /// Addresses whose rules this run revoked.
    pub revoked: Set<Address>,
    /// Looks in a row that showed only what this run has done already.
    pub lagging: u8,
    /// Fresh looks of this stage.
    pub looks: u8,
}

/// One look at a region, and the plan made from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Look {
    /// The rules.
    pub rules: [Sight; ADDRESSES],
    /// The rows, with the own one laid over them once there is a plan.
    pub rows: [Brief; 2],
    /// Whom the mirror named when the look was complete. Not part of the protocol:
    /// only for telling what the run could see.
    pub shown: Set<Instance>,
    /// Whether the mirror said what the own row says.
    pub consistent: bool,
    /// Whether the rules were read when the row was there already, so that a hook may
    /// be answered by them.
    pub confirms: bool,
    /// What the plan adds.
    pub add: Set<Address>,
    /// What the plan revokes.
    pub revoke: Set<Address>,
    /// What is left to add.
    pub to_add: Set<Address>,
    /// What is left to revoke.
    pub to_revoke: Set<Address>,
    /// Whether a call of this plan found the target other than the plan took it for.
    pub failed: bool,
    /// Which plan of this look it is; the first is 0.
    pub round: u8,
    /// Whether every permission has a call of its own.
    pub one_by_one: bool,
}

impl Hash for Run {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.own.hash(hasher);
        if !matches!(self.own, Own::Idle | Own::Finished) {
            (self.hook, self.aged).hash(hasher);
            self.regions.iter().for_each(|region| region.hash(hasher));
        }
    }
}

impl Hash for Region {
    /// A few words instead of a byte each: states are hashed more often than anything.
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let bits = |sets: [Set<Address>; 3]| {
            sets.into_iter().fold(0, |word, set| word << 8 | u64::from(set.bits()))
        };
        hasher.write_u64(
            bits([self.added, self.present, self.revoked]) << 40
                | u64::from(self.looks) << 32
                | u64::from(self.lagging) << 24
                | (self.step as u64) << 16
                | (self.stage as u64) << 8
                | u64::from(self.look_again) << 1
                | u64::from(self.confirmed),
        );
        if self.look != Look::default() {
            self.look.hash(hasher);
        }
    }
}

impl Hash for Look {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let rows = self.rows.iter().flat_map(|row| [row.version, row.instances.bits()]);
        let sets = [self.add, self.revoke, self.to_add].map(Set::bits);
        let word = rows.chain(sets).chain([self.shown.bits()]);
        hasher.write_u64(word.fold(0, |word, byte| word << 8 | u64::from(byte)));
        let sights = self.rules.iter().map(|sight| match sight {
            Sight::Nothing => 0,
            Sight::Rule(member) => 1 + *member as u64,
            Sight::Dead(member) => 3 + *member as u64,
        });
        let rest = sights.fold(0, |word, sight| word << 3 | sight);
        hasher.write_u64(
            rest << 32
                | u64::from(self.to_revoke.bits()) << 24
                | u64::from(self.round) << 16
                | u64::from(self.confirms) << 3
                | u64::from(self.consistent) << 2
                | u64::from(self.failed) << 1
                | u64::from(self.one_by_one),
        );
    }
}
