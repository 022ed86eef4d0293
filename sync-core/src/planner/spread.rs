//! Dealing out what a member should admit over several groups, all of which its instances
//! have (decision 33).

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::open::{Open, touches};
use super::quota::Room;
use super::{Desired, Elsewhere, Origin, Policy, judge};
use crate::cidr::Cidr;
use crate::ingress::Ingress;
use crate::names::SecurityGroupId;
use crate::permission::{OwnedRule, Permission, Rule};

/// What each of a member's targets holds, as one look showed them.
pub type Groups = BTreeMap<SecurityGroupId, Ingress>;

/// What each group should admit. What is open somewhere stays where it is, so that one more
/// address, or one more group, moves nothing; what is open twice stays in the group that
/// ranks first for its address; an instance that is new goes, whole, into the group that
/// ranks first among those with room. `refused` is what AWS has no room for in a group,
/// whatever the limit says.
#[must_use]
pub fn deal(
    desired: &Desired,
    actual: &Groups,
    refused: &dyn Fn(&SecurityGroupId, Permission) -> bool,
    policy: &Policy,
) -> BTreeMap<SecurityGroupId, Desired> {
    let share = || Desired {
        unknown: desired.unknown.clone(),
        members: desired.members.clone(),
        contested: desired.contested.clone(),
        ..Desired::default()
    };
    let mut shares: BTreeMap<_, _> = actual.keys().map(|id| (id.clone(), share())).collect();
    let (ours, theirs) = (ours(actual, policy), theirs(actual, policy));
    let mut missing: BTreeMap<&Origin, Vec<Permission>> = BTreeMap::new();
    let mut there = BTreeMap::new();
    for (permission, origin) in &desired.wanted {
        let ranked = ranked(actual.keys(), permission.cidr);
        let held = ranked.iter().find(|id| ours[**id].admits(*permission));
        match held.or_else(|| ranked.iter().find(|id| theirs[**id].contains(permission))) {
            Some(id) => {
                let id = *id;
                shares.entry(id.clone()).or_default().wanted.insert(*permission, origin.clone());
                there.insert(*permission, id.clone());
            }
            None => missing.entry(origin).or_default().push(*permission),
        }
    }
    let mut rooms = Rooms::of(actual, &shares, policy);
    for (origin, permissions) in missing {
        let Some(id) = rooms.place(&permissions, refused) else { continue };
        let wanted = permissions.into_iter().map(|permission| (permission, origin.clone()));
        shares.entry(id).or_default().wanted.extend(wanted);
    }
    for (id, share) in &mut shares {
        let others = there.iter().filter(|(_, of)| *of != id);
        share.elsewhere = others
            .map(|(permission, of)| {
                let origin = desired.wanted[permission].clone();
                let rules = actual[of].iter().filter_map(Rule::permission);
                let meets = |p: &Permission| p.covers(*permission) || permission.covers(*p);
                let by = rules.filter(meets).collect();
                (*permission, Elsewhere { group: of.clone(), by, origin })
            })
            .collect();
    }
    shares
}

/// What the mesh's rules open in each group.
fn ours<'a>(actual: &'a Groups, policy: &Policy) -> BTreeMap<&'a SecurityGroupId, Open> {
    let ours = |rules: &Ingress| {
        let ours = rules.iter().filter(|rule| rule.is_owned_by(&policy.mesh));
        Open::of(&ours.filter_map(Rule::permission).collect::<Vec<_>>())
    };
    actual.iter().map(|(id, rules)| (id, ours(rules))).collect()
}

/// What rules of others say in each group, exactly.
fn theirs<'a>(
    actual: &'a Groups,
    policy: &Policy,
) -> BTreeMap<&'a SecurityGroupId, BTreeSet<Permission>> {
    let theirs = |rules: &Ingress| {
        let theirs = rules.iter().filter(|rule| !rule.is_owned_by(&policy.mesh));
        theirs.filter_map(Rule::permission).collect()
    };
    actual.iter().map(|(id, rules)| (id, theirs(rules))).collect()
}

/// Groups in the order in which an address goes into them. Of two groups the same one always
/// comes first, whatever other groups there are (rendezvous hashing), so runs agree.
fn ranked<'a>(
    groups: impl Iterator<Item = &'a SecurityGroupId>,
    cidr: Cidr,
) -> Vec<&'a SecurityGroupId> {
    let weight = |id: &SecurityGroupId| Sha256::digest(format!("{cidr} {id}"));
    let mut ranked: Vec<_> = groups.collect();
    ranked.sort_by_cached_key(|id| weight(id));
    ranked
}

/// Room in the groups of a spread: as they are, and once what is not wanted is gone.
struct Rooms(BTreeMap<SecurityGroupId, [Room; 2]>);

impl Rooms {
    fn of(actual: &Groups, shares: &BTreeMap<SecurityGroupId, Desired>, policy: &Policy) -> Self {
        let rooms = actual.iter().map(|(id, rules)| {
            let share = &shares[id];
            let alive: BTreeSet<Cidr> = share.wanted.keys().map(|p| p.cidr).collect();
            let stays = |rule: &&Rule| {
                let Some(owned) = OwnedRule::claim(rule, &policy.mesh) else { return true };
                let wanted = rule.permission().is_some_and(|p| touches(&alive, p.cidr));
                wanted || judge(owned, share, policy).1
            };
            let now = Room::of(rules.iter(), policy.rules_per_group);
            let then = Room::of(rules.iter().filter(stays), policy.rules_per_group);
            (id.clone(), [now, then])
        });
        Self(rooms.collect())
    }

    /// Finds a place for all that one instance lacks: where there is room now, else where
    /// there will be, else in the first group, which then says that it is full.
    fn place(
        &mut self,
        permissions: &[Permission],
        refused: &dyn Fn(&SecurityGroupId, Permission) -> bool,
    ) -> Option<SecurityGroupId> {
        let ranked = ranked(self.0.keys(), permissions.first()?.cidr);
        let takes = |id: &SecurityGroupId| !permissions.iter().any(|p| refused(id, *p));
        let fits = |at: usize| {
            let mut ranked = ranked.iter().copied().filter(|id| takes(id));
            ranked.find(|id| self.0[*id][at].has_room_for(permissions))
        };
        let id = fits(0).or_else(|| fits(1)).or(ranked.first().copied())?.clone();
        for room in self.0.get_mut(&id).into_iter().flatten() {
            for permission in permissions {
                room.take_one(*permission);
            }
        }
        Some(id)
    }
}
