//! What fits into a group. Decided before the first call, so that nobody is let in
//! by half, and whoever is left out is named.

use std::collections::BTreeSet;

use super::open::touches;
use super::{Addition, Desired, NotWanted, Plan, Removal};
use crate::cidr::Cidr;
use crate::permission::{Permission, Rule};

/// Room left in a group, for each address family. Below zero where the group holds
/// more than the limit says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    ipv4: i64,
    ipv6: i64,
}

impl Room {
    pub(super) fn of<'r>(rules: impl IntoIterator<Item = &'r Rule>, limit: u32) -> Self {
        let mut room = Self { ipv4: limit.into(), ipv6: limit.into() };
        rules.into_iter().for_each(|rule| room.take(rule.counts(), 1));
        room
    }

    /// Whether some permissions fit, all of them.
    pub(super) fn has_room_for(mut self, permissions: &[Permission]) -> bool {
        for permission in permissions {
            self.take_one(*permission);
        }
        let needs = |ipv4| permissions.iter().any(|p| p.cidr.is_ipv4() == ipv4);
        (self.ipv4 >= 0 || !needs(true)) && (self.ipv6 >= 0 || !needs(false))
    }

    pub(super) fn take_one(&mut self, permission: Permission) {
        let ipv4 = permission.cidr.is_ipv4();
        self.take((ipv4, !ipv4), 1);
    }

    /// Takes places; gives them back where `places` is negative.
    fn take(&mut self, (ipv4, ipv6): (bool, bool), places: i64) {
        self.ipv4 -= if ipv4 { places } else { 0 };
        self.ipv6 -= if ipv6 { places } else { 0 };
    }

    fn take_all(mut self, additions: &[Addition]) -> Self {
        for addition in additions {
            self.take_one(addition.permission);
        }
        self
    }
}

fn rules<'a>(actual: &'a [(&'a Rule, bool)]) -> impl Iterator<Item = &'a Rule> {
    actual.iter().map(|(rule, _)| *rule)
}

/// Fills the plan's `add`, `over_quota` and `make_room`.
///
/// If all of it fits, nothing else happens. If not, rules of confirmed-dead
/// instances go first, no more of them than needed; then instances are let in whole,
/// in the order of [`super::Origin`], as long as there is room.
pub(super) fn fit(
    plan: &mut Plan,
    mut missing: Vec<Addition>,
    desired: &Desired,
    actual: &[(&Rule, bool)],
    limit: u32,
) {
    missing.sort_by(|a, b| (&a.origin, a.permission).cmp(&(&b.origin, b.permission)));
    let mut room = Room::of(rules(actual), limit).take_all(&plan.add);
    let short = room.take_all(&missing);
    if short.ipv4 < 0 || short.ipv6 < 0 {
        let alive = desired.wanted.keys().chain(desired.elsewhere.keys());
        let alive = alive.map(|permission| permission.cidr).collect();
        make_room(plan, &mut room, short, &alive);
    }
    for group in missing.chunk_by(|a, b| a.origin == b.origin) {
        let permissions: Vec<_> = group.iter().map(|addition| addition.permission).collect();
        if room.has_room_for(&permissions) {
            room = room.take_all(group);
            plan.add.extend_from_slice(group);
        } else {
            plan.over_quota.extend_from_slice(group);
        }
    }
}

/// Whether some additions fit beside the rules that are there and those that are `planned`.
pub(super) fn fits(
    actual: &[(&Rule, bool)],
    limit: u32,
    planned: &[Addition],
    lot: &[Addition],
) -> bool {
    let left = Room::of(rules(actual), limit).take_all(planned);
    left.has_room_for(&lot.iter().map(|addition| addition.permission).collect::<Vec<_>>())
}

/// Moves rules of confirmed-dead instances from the plan's `revoke` to its
/// `make_room`, as long as a family is `short` of places and they are of that family.
fn make_room(plan: &mut Plan, room: &mut Room, mut short: Room, alive: &BTreeSet<Cidr>) {
    let mut later = Vec::new();
    for removal in std::mem::take(&mut plan.revoke) {
        let (ipv4, ipv6) = removal.rule.rule().counts();
        let helps = (ipv4 && short.ipv4 < 0) || (ipv6 && short.ipv6 < 0);
        if helps && is_dead(&removal, alive) {
            room.take((ipv4, ipv6), -1);
            short.take((ipv4, ipv6), -1);
            plan.make_room.push(removal);
        } else {
            later.push(removal);
        }
    }
    plan.revoke = later;
}

/// Whether a rule's instance is confirmed dead: seen leaving by this run, or dropped
/// from its member's row, which only happens when EC2 confirms it. A member that the
/// document no longer names may well be alive, and so is one that lost only a port.
fn is_dead(removal: &Removal, alive: &BTreeSet<Cidr>) -> bool {
    removal.why != NotWanted::MemberRemoved
        && removal.rule.rule().permission().is_some_and(|p| !touches(alive, p.cidr))
}
