//! The mesh document: what one cluster that spans regions looks like.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use crate::cidr::AddressKind;
use crate::names::{
    AccountId, AsgName, DocumentHash, MemberName, MeshName, Region, SecurityGroupId,
};
use crate::permission::Traffic;

mod allow;
mod between;
mod document;
mod fields;
mod hash;
mod link;
mod members;
mod problems;
mod settings;
mod spelling;
mod stack;
mod value;

#[cfg(test)]
mod tests;

pub use between::{Base, Between};
pub use problems::{Invalid, Problem};
pub(crate) use problems::{bounded, quoted};

/// A valid mesh. [`Mesh::parse`] is the only way to make one, so every name in it
/// is known to exist and every limit to be in range.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mesh {
    /// The owner id of every rule.
    pub name: MeshName,
    /// Tells this document from others: regions get a new one at different times.
    pub hash: DocumentHash,
    /// What members may reach on each other.
    pub allow: Vec<Allow>,
    /// The members, in the document's order.
    pub members: Vec<Member>,
    /// Which addresses of an instance are admitted, where no link says otherwise.
    pub kinds: BTreeSet<AddressKind>,
    /// Which addresses are admitted between some members; no two are about one pair.
    pub links: Vec<Link>,
    /// When a plan's removals are held.
    pub guard: Guard,
    /// Quotas and time limits.
    pub limits: Limits,
    /// What a launch that cannot be admitted is answered with.
    pub on_launch_failure: OnLaunchFailure,
}

/// Traffic that some members may send to some members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allow {
    /// Protocol and ports.
    pub traffic: Allowed,
    /// Whose addresses are admitted; none means every member's.
    pub from: Option<BTreeSet<MemberName>>,
    /// Whose targets admit them; none means every member's.
    pub to: Option<BTreeSet<MemberName>>,
}

/// The protocol and ports of an entry of `allow`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Allowed {
    /// These.
    These(Traffic),
    /// Those that each target's own rules open to the target itself, whatever they are at
    /// the time (decision 32).
    SelfReference,
}

/// Which addresses of some members the targets of some members admit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Whose addresses; none means every member's.
    pub from: Option<BTreeSet<MemberName>>,
    /// Whose targets; none means every member's.
    pub to: Option<BTreeSet<MemberName>>,
    /// Of which kinds.
    pub kinds: BTreeSet<AddressKind>,
}

/// One region's part of the mesh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The member's name; its region's unless the document says otherwise.
    pub name: MemberName,
    /// Where its groups and its mirror are.
    pub region: Region,
    /// The Auto Scaling groups whose instances are in the cluster.
    pub auto_scaling_groups: Vec<AsgName>,
    /// The targets that are security groups.
    pub security_groups: Vec<SecurityGroupId>,
    /// The targets that are prefix lists, which any number of groups may refer to (decision 34).
    pub prefix_lists: Vec<SecurityGroupId>,
    /// Whether the groups are one target: all instances have all of them, and what is to be
    /// admitted is dealt out over them (decision 33).
    pub spread: bool,
    /// The mirror's table name.
    pub table: String,
    /// The account it lives in, if the document says: in `account`, or in the role's ARN.
    pub account: Option<AccountId>,
    /// The role other members' functions assume to reach it, if any.
    pub role: Option<Role>,
}

/// A role that reaches a member.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Role {
    /// Its ARN (`role_arn`).
    pub arn: String,
    /// The account that the ARN names.
    pub account: AccountId,
    /// What its trust policy wants to hear, if the document says (`external_id`).
    pub external_id: Option<String>,
}

/// When a plan's removals are held: only when both are exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guard {
    /// Rules.
    pub max_removals: u32,
    /// Percent of the target's owned rules.
    pub max_removal_percent: u32,
}

/// Quotas and time limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Inbound rules one security group holds, for each address family. 60 by
    /// default at AWS, adjustable (`facts/aws.md`, Quotas).
    pub rules_per_group: u32,
    /// Whether adjacent addresses are opened as one block.
    pub compact: Compact,
    /// How long one run works on its peers before it answers without them.
    pub peer_budget: Duration,
    /// The age from which a peer's row is reported as stale.
    pub stale_after: Duration,
}

/// When adjacent addresses are opened as one block. Never is a block opened of which some
/// address is not wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compact {
    /// Never. Blocks that are there stay while single rules would not fit.
    Off,
    /// When the group would be nearly full otherwise.
    WhenNeeded,
    /// Always.
    Always,
}

/// What a launch hook is answered with when its instance cannot be admitted and
/// trying again will not help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnLaunchFailure {
    /// Auto Scaling terminates the instance and launches another.
    Abandon,
    /// The instance serves although someone cannot reach it.
    Continue,
}

/// Where a member row belongs: one Auto Scaling group of one member. The mirror's key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowKey {
    /// The member that writes the row.
    pub member: MemberName,
    /// Its Auto Scaling group.
    pub asg: AsgName,
}

impl Mesh {
    /// Reads a mesh document, TOML or JSON.
    ///
    /// # Errors
    /// Every problem of the document at once, each with its path.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        document::parse(text)
    }

    /// The member of this name.
    #[must_use]
    pub fn member(&self, name: &MemberName) -> Option<&Member> {
        self.members.iter().find(|member| member.name == *name)
    }

    /// The members in a region.
    pub fn members_in(&self, region: &Region) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(move |member| member.region == *region)
    }

    /// The key of every row that a mirror should hold, members in the document's order.
    pub fn row_keys(&self) -> impl Iterator<Item = RowKey> {
        self.members.iter().flat_map(Member::row_keys)
    }

    /// The traffic that a group of `to` admits from `from`'s addresses. `learned` is what
    /// the group's rules open to itself.
    #[must_use]
    pub fn traffic(
        &self,
        from: &MemberName,
        to: &MemberName,
        learned: &BTreeSet<Traffic>,
    ) -> BTreeSet<Traffic> {
        let allowed = self.allow.iter().filter(|allow| allow.is_about(from, to));
        let mut traffic = BTreeSet::new();
        for allow in allowed {
            match allow.traffic {
                Allowed::These(these) => drop(traffic.insert(these)),
                Allowed::SelfReference => traffic.extend(learned),
            }
        }
        traffic
    }

    /// Whether anything may flow from one member to another.
    fn connects(&self, from: &MemberName, to: &MemberName) -> bool {
        self.allow.iter().any(|allow| allow.is_about(from, to))
    }

    /// Whether ports are learned from the rules of a member's targets.
    #[must_use]
    pub fn learns(&self, to: &MemberName) -> bool {
        let learns = self.allow.iter().filter(|allow| allow.traffic == Allowed::SelfReference);
        { learns }.any(|allow| allow.to.as_ref().is_none_or(|names| names.contains(to)))
    }
}

impl Allow {
    fn is_about(&self, from: &MemberName, to: &MemberName) -> bool {
        self.from.as_ref().is_none_or(|names| names.contains(from))
            && self.to.as_ref().is_none_or(|names| names.contains(to))
    }
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::These(traffic) => traffic.fmt(f),
            Self::SelfReference => f.write_str("self-reference"),
        }
    }
}

impl Member {
    /// The key of each of this member's rows.
    pub fn row_keys(&self) -> impl Iterator<Item = RowKey> {
        self.auto_scaling_groups
            .iter()
            .map(|asg| RowKey { member: self.name.clone(), asg: asg.clone() })
    }

    /// Every target.
    #[must_use]
    pub fn targets(&self) -> Vec<SecurityGroupId> {
        self.security_groups.iter().chain(&self.prefix_lists).cloned().collect()
    }

    /// Whether it admits anybody by itself.
    #[must_use]
    pub fn has_targets(&self) -> bool {
        !self.security_groups.is_empty() || !self.prefix_lists.is_empty()
    }
}

impl Guard {
    /// The guard of a document that does not say.
    pub const DEFAULT: Self = Self { max_removals: 10, max_removal_percent: 50 };
}

impl Limits {
    /// The limits of a document that does not say.
    pub const DEFAULT: Self = Self {
        rules_per_group: 60,
        compact: Compact::Off,
        peer_budget: Duration::from_secs(4),
        stale_after: Duration::from_mins(20),
    };
}
