//! From what a target should admit and what it does admit to what has to change.
//!
//! `plan(desired, actual, policy) -> Plan` is a function of its arguments: no
//! clock, no environment, ordered collections throughout.

use std::collections::{BTreeMap, BTreeSet};

use crate::cidr::Cidr;
use crate::ingress::PrefixList;
use crate::mesh::{Compact, Guard};
use crate::names::{AsgName, InstanceId, MemberName, MeshName, SecurityGroupId};
use crate::permission::{OwnedRule, Permission, Rule};
use shown::Shown;

mod check;
mod compact;
mod desired;
mod guard;
mod open;
mod quota;
mod shown;
mod spans;
mod spread;
mod spread_check;
#[cfg(test)]
mod tests;

pub use check::{Violation, check};
pub use compact::lets_go;
pub use desired::{bases, desired, groups_of, learned, shares, spread_of};
pub use open::Open;
pub use spread::{Groups, deal};
pub use spread_check::check_dealt;

/// Whose address a permission admits. Ordered by the member's place in the mesh
/// document, then by group and instance: the order in which a full target is filled.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// The member's place in the document.
    pub place: usize,
    /// The member.
    pub member: MemberName,
    /// Its Auto Scaling group.
    pub asg: AsgName,
    /// The instance.
    pub instance: InstanceId,
}

/// What one target should admit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Desired {
    /// Every permission, with the first instance that wants it.
    pub wanted: BTreeMap<Permission, Origin>,
    /// Members of whom some row is missing, not believed, or written under another
    /// mesh document: nothing of theirs is revoked.
    pub unknown: BTreeSet<MemberName>,
    /// Every member the document names.
    pub members: BTreeSet<MemberName>,
    /// Addresses of live instances, if some row was written under another mesh document,
    /// which may want what this one does not know of: no rule of theirs is revoked.
    pub contested: BTreeSet<Cidr>,
    /// Permissions that are wanted, and open in another group of the same spread: here they
    /// would be open twice.
    pub elsewhere: BTreeMap<Permission, Elsewhere>,
}

/// How another group of a spread opens a permission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elsewhere {
    /// Which one.
    pub group: SecurityGroupId,
    /// By which of its rules.
    pub by: Vec<Permission>,
    /// Whose address it is.
    pub origin: Origin,
}

/// What a plan has to keep to.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Whose rules are ours.
    pub mesh: MeshName,
    /// When removals are held.
    pub guard: Guard,
    /// Rules a group holds, for each address family; of a prefix list its entries.
    pub rules_per_group: u32,
    /// Whether blocks may be opened in place of single addresses.
    pub compact: Compact,
    /// Members' addresses whose instance this very run saw terminating or terminated:
    /// certain, so neither the guard nor an unreadable row keeps their rules.
    pub departed: BTreeSet<(MemberName, Cidr)>,
    /// Whether a person allowed the removals that the guard would hold.
    pub allow_removals: bool,
}

/// A permission to add, and for whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addition {
    /// What to admit.
    pub permission: Permission,
    /// Whose address it is.
    pub origin: Origin,
}

/// Why an owned rule is not wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NotWanted {
    /// This very run saw its instance leave.
    Departed,
    /// No row has its address any more, or the document its ports.
    NoLongerDesired,
    /// The document no longer names its member.
    MemberRemoved,
    /// All that it opens is wanted, and opened by other rules.
    Superseded,
    /// It is a block, and this very run saw everybody leave who is not wanted in it any
    /// more. Who is wanted is opened by other rules.
    Split,
}

impl Policy {
    /// The same for a prefix list: it has room of its own, and its entries are addresses.
    #[must_use]
    pub fn of_list(&self, list: PrefixList) -> Self {
        Self { rules_per_group: list.max_entries, compact: Compact::Off, ..self.clone() }
    }
}

impl NotWanted {
    /// Whether the guard lets it go: it closes nothing, or what is certain to be gone.
    #[must_use]
    pub fn is_certain(self) -> bool {
        matches!(self, Self::Departed | Self::Superseded | Self::Split)
    }
}

/// An owned rule that nothing wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    /// The rule.
    pub rule: OwnedRule,
    /// Why it should go.
    pub why: NotWanted,
}

/// What is to be done about one target, and why every permission is where it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Owned rules to revoke before anything is added, because the group is full and
    /// their instances are confirmed dead. Empty unless adds would not fit otherwise.
    pub make_room: Vec<Removal>,
    /// Permissions to add, in the order in which they are to be added.
    pub add: Vec<Addition>,
    /// Owned rules to revoke after the adds.
    pub revoke: Vec<Removal>,
    /// Wanted, and there as owned rules.
    pub keep: BTreeSet<Permission>,
    /// Wanted, and granted by exactly such a foreign rule. EC2 holds a permission once.
    pub foreign_satisfied: BTreeSet<Permission>,
    /// Not wanted, but held back by the guard until a person allows it.
    pub held: Vec<Removal>,
    /// Not wanted as far as is known, but their member is not fully known, or one read
    /// showed them in two ways.
    pub frozen: Vec<Removal>,
    /// Wanted, but the group is full.
    pub over_quota: Vec<Addition>,
    /// Wanted, and there will be room once this plan is carried out.
    pub later: Vec<Addition>,
    /// Not wanted as they are, but they open somebody whom nothing else opens yet, for
    /// want of room.
    pub postponed: Vec<Removal>,
    /// Rules of others. Never touched.
    pub foreign: Vec<Rule>,
}

impl Plan {
    /// Whether applying the plan would change nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.make_room.is_empty() && self.add.is_empty() && self.revoke.is_empty()
    }

    /// Every rule the plan revokes.
    pub fn removals(&self) -> impl Iterator<Item = &Removal> {
        self.make_room.iter().chain(&self.revoke)
    }
}

/// Plans one target.
#[must_use]
pub fn plan(desired: &Desired, actual: &[Rule], policy: &Policy) -> Plan {
    let mut plan = Plan::default();
    let shown = Shown::of(actual, &policy.mesh);
    let compacted = compact::compacted(desired, &shown.rules, policy);
    let goal = compacted.as_ref().map_or(desired, |compacted| &compacted.goal);
    let (keep, others) = sort_out(goal, &shown.rules);
    plan.keep = keep.into_iter().collect();
    let mut removals = Vec::new();
    for (rule, wanted) in others {
        let Some(owned) = OwnedRule::claim(rule, &policy.mesh) else {
            plan.foreign_satisfied.extend(wanted);
            plan.foreign.push(rule.clone());
            continue;
        };
        let (mut removal, frozen) = judge(owned, desired, policy);
        if let Some(compacted) = &compacted {
            compacted.judge(&mut removal, policy);
        }
        let stays = frozen || !shown.is_clear(rule);
        if stays { plan.frozen.push(removal) } else { removals.push(removal) }
    }
    (plan.revoke, plan.held) = guard::hold(removals, shown.owned(), policy);
    // Side by side: both are in order.
    let mut kept = plan.keep.iter().peekable();
    let mut missing: Vec<Addition> = goal
        .wanted
        .iter()
        .filter(|(p, _)| kept.next_if_eq(p).is_none() && !plan.foreign_satisfied.contains(p))
        .map(|(permission, origin)| Addition { permission: *permission, origin: origin.clone() })
        .collect();
    if let Some(compacted) = &compacted {
        compacted.replace_first(&mut plan, &mut missing, &shown.rules, policy.rules_per_group);
    }
    quota::fit(&mut plan, missing, desired, &shown.rules, policy.rules_per_group);
    if let Some(compacted) = &compacted {
        compacted.hold_back(&mut plan, desired);
    }
    plan
}

/// A rule, and its permission if that is wanted.
type Judged<'a> = (&'a Rule, Option<Permission>);

/// Splits rules into those that are ours and wanted, as permissions in order, and the
/// others, as they came. Nearly every rule of nearly every run is one of the former, so
/// nothing of them is copied or looked up: both sets are gone through side by side.
fn sort_out<'a>(
    desired: &Desired,
    rules: &[(&'a Rule, bool)],
) -> (Vec<Permission>, Vec<Judged<'a>>) {
    let mut there: Vec<_> = rules.iter().map(|(rule, _)| rule.permission()).zip(0..).collect();
    there.sort_unstable();
    let (mut keep, mut others) = (Vec::with_capacity(there.len()), Vec::new());
    let mut keys = desired.wanted.keys().peekable();
    for (permission, place) in there {
        while keys.next_if(|key| Some(**key) < permission).is_some() {}
        let wanted = permission.filter(|permission| keys.peek() == Some(&permission));
        match wanted {
            Some(permission) if rules[place].1 => keep.push(permission),
            wanted => others.push((place, wanted)),
        }
    }
    others.sort_unstable_by_key(|(place, _)| *place);
    (keep, others.into_iter().map(|(place, wanted)| (rules[place].0, wanted)).collect())
}

/// Why an owned rule is not wanted, and whether it has to stay all the same because
/// the member it was written for is not fully known, or the address is alive and
/// another document may want the rule (promise 2).
fn judge(rule: OwnedRule, desired: &Desired, policy: &Policy) -> (Removal, bool) {
    let cidr = rule.rule().permission().map(|permission| permission.cidr);
    let departed = |member: &MemberName| {
        cidr.is_some_and(|cidr| policy.departed.contains(&(member.clone(), cidr)))
    };
    let contested = cidr.is_some_and(|cidr| open::touches(&desired.contested, cidr));
    let (why, unknown) = match rule.rule().member() {
        Some(member) if departed(&member) => {
            return (Removal { rule, why: NotWanted::Departed }, false);
        }
        Some(member) if desired.members.contains(&member) => {
            let twice =
                rule.rule().permission().is_some_and(|p| desired.elsewhere.contains_key(&p));
            let why = if twice { NotWanted::Superseded } else { NotWanted::NoLongerDesired };
            (why, desired.unknown.contains(&member))
        }
        Some(_) => (NotWanted::MemberRemoved, false),
        // Our mesh's tag without a member's: somebody edited it. It may be anyone's.
        None => (NotWanted::NoLongerDesired, !desired.unknown.is_empty()),
    };
    (Removal { rule, why }, contested || unknown)
}
