//! What there is outside of any run: who is in the cluster, mirrors, rules.

use std::fmt;

pub use crate::set::{Set, Small};

/// Instances a member can have in one history; each has an id of its own.
pub const EACH: usize = 3;

/// Instances of both members.
pub const INSTANCES: usize = 2 * EACH;

/// Addresses there are at most. So few that they are reused, by the other member too.
pub const ADDRESSES: usize = 3;

/// A member of the mesh; its region has the same name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Member {
    /// The first.
    #[default]
    A,
    /// The second.
    B,
}

impl Member {
    /// Both.
    pub const ALL: [Self; 2] = [Self::A, Self::B];

    /// Its place in arrays.
    #[must_use]
    pub fn index(self) -> usize {
        self as usize
    }
}

/// An instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instance(u8);

impl Small for Instance {
    fn number(self) -> u8 {
        self.0
    }
    fn numbered(number: u8) -> Self {
        Self(number)
    }
}

impl Instance {
    /// A member's instances, in the order in which they are launched.
    pub fn of(member: Member) -> impl Iterator<Item = Self> {
        let first = member.index() * EACH;
        (first..first + EACH).filter_map(|number| u8::try_from(number).ok()).map(Self)
    }

    /// Every instance.
    pub fn all() -> impl Iterator<Item = Self> {
        Member::ALL.into_iter().flat_map(Self::of)
    }

    /// Whose it is.
    #[must_use]
    pub fn member(self) -> Member {
        Member::ALL[self.index() / EACH]
    }

    /// Its place in arrays.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl fmt::Display for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = ["a", "b"][self.member().index()];
        write!(f, "{letter}{}", self.index() % EACH + 1)
    }
}

/// An address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(u8);

impl Small for Address {
    fn number(self) -> u8 {
        self.0
    }
    fn numbered(number: u8) -> Self {
        Self(number)
    }
}

impl Address {
    /// The first `count` addresses.
    pub fn first(count: u8) -> impl Iterator<Item = Self> {
        (0..count).map(Self)
    }

    /// Its place in arrays.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(["x", "y", "z"][self.index()])
    }
}

/// Where an instance is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Not launched yet.
    #[default]
    Absent,
    /// In the cluster: `Pending:Wait`, `InService` and the like.
    Live,
    /// `Terminating:Wait`: no longer in the cluster, and still has its address.
    Leaving,
    /// Terminated. Its address is free for others.
    Gone,
}

/// Who is in the cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Truth {
    /// Where each instance is in its life.
    pub phase: [Phase; INSTANCES],
    /// The address each instance has, or had.
    pub address: [Address; INSTANCES],
}

impl Truth {
    /// A member's instances in this phase.
    #[must_use]
    pub fn in_phase(&self, member: Member, phase: Phase) -> Set<Instance> {
        Instance::of(member).filter(|i| self.phase[i.index()] == phase).collect()
    }

    /// An instance's address.
    #[must_use]
    pub fn address(&self, instance: Instance) -> Address {
        self.address[instance.index()]
    }

    /// The addresses of these instances.
    #[must_use]
    pub fn addresses(&self, instances: Set<Instance>) -> Set<Address> {
        instances.iter().map(|instance| self.address(instance)).collect()
    }

    /// Who is in the cluster and has this address.
    #[must_use]
    pub fn live_holder(&self, address: Address) -> Option<Instance> {
        let live = |i: &Instance| self.phase[i.index()] == Phase::Live;
        Instance::all().filter(live).find(|i| self.address(*i) == address)
    }

    /// Whether nobody has this address.
    #[must_use]
    pub fn is_free(&self, address: Address) -> bool {
        let has = |i: &Instance| matches!(self.phase[i.index()], Phase::Live | Phase::Leaving);
        !Instance::all().filter(has).any(|i| self.address(i) == address)
    }

    /// How often it has changed so far who of a member is in the cluster.
    #[must_use]
    pub fn changes(&self, member: Member) -> u8 {
        let changes = |i: Instance| match self.phase[i.index()] {
            Phase::Absent => 0,
            Phase::Live => 1,
            Phase::Leaving | Phase::Gone => 2,
        };
        Instance::of(member).map(changes).sum()
    }
}

/// One member's row in one mirror.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Row {
    /// Its version.
    pub version: u8,
    /// Who is in the group.
    pub instances: Set<Instance>,
    /// How many changes there had been when Auto Scaling was asked. Not part of the
    /// protocol: only for telling whether rows go backwards.
    pub changes: u8,
}

/// One region: its mirror, and its target.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Each member's row in this region's mirror.
    pub rows: [Row; 2],
    /// For each address the rule that admits it, by the instance it was added for.
    pub rules: [Option<Instance>; ADDRESSES],
}

impl Place {
    /// The addresses that the target admits.
    #[must_use]
    pub fn admitted(&self) -> Set<Address> {
        let admits = |address: &Address| self.rules[address.index()].is_some();
        all_addresses().filter(admits).collect()
    }
}

/// Every address.
pub fn all_addresses() -> impl Iterator<Item = Address> {
    (0..ADDRESSES).filter_map(|number| u8::try_from(number).ok()).map(Address)
}
