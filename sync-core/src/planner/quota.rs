//! What fits into a group. Decided before the first call, so that nobody is let in
//! by half, and whoever is left out is named.

use std::collections::{BTreeMap, BTreeSet};

use super::open::touches;
use super::{Addition, NotWanted, Origin, Plan, Removal};
use crate::cidr::Cidr;
use crate::permission::{Permission, Rule};

/// Room left in a group, for each address family. Below zero where the group holds
/// more than the limit says.
#[derive(Clone, Copy, Debug)]
struct Room {
    ipv4: i64,
    ipv6: i64,
}

impl Room {
    fn of(actual: &[(&Rule, bool)], limit: u32) -> Self {
        let mut room = Self { ipv4: limit.into(), ipv6: limit.into() };
        for (rule, _) in actual {
            room.take(rule.counts(), 1);
        }
        room
    }

    /// Takes places; gives them back where `places` is negative.
    fn take(&mut self, (ipv4, ipv6): (bool, bool), places: i64) {
        self.ipv4 -= if ipv4 { places } else { 0 };
        self.ipv6 -= if ipv6 { places } else { 0 };
    }

    fn take_all(mut self, additions: &[Addition]) -> Self {
        for addition in additions {
            self.take(families(addition), 1);
        }
        self
    }
}

fn families(addition: &Addition) -> (bool, bool) {
    let ipv4 = addition.permission.cidr.is_ipv4();
    (ipv4, !ipv4)
}

/// Fills the plan's `add`, `over_quota` and `make_room`.
///
/// If all of it fits, nothing else happens. If not, rules of confirmed-dead
/// instances go first, no more of them than needed; then instances are let in whole,
/// in the order of [`super::Origin`], as long as there is room.
pub(super) fn fit(
    plan: &mut Plan,
    mut missing: Vec<Addition>,
    wanted: &BTreeMap<Permission, Origin>,
    actual: &[(&Rule, bool)],
    limit: u32,
) {
    missing.sort_by(|a, b| (&a.origin, a.permission).cmp(&(&b.origin, b.permission)));
    let mut room = Room::of(actual, limit).take_all(&plan.add);
    let short = room.take_all(&missing);
    if short.ipv4 < 0 || short.ipv6 < 0 {
        let alive = wanted.keys().map(|permission| permission.cidr).collect();
        make_room(plan, &mut room, short, &alive);
    }
    for group in missing.chunk_by(|a, b| a.origin == b.origin) {
        let left = room.take_all(group);
        let needs = |family: fn((bool, bool)) -> bool| group.iter().any(|a| family(families(a)));
        let fits = (left.ipv4 >= 0 || !needs(|f| f.0)) && (left.ipv6 >= 0 || !needs(|f| f.1));
        if fits {
            room = left;
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
    let left = Room::of(actual, limit).take_all(planned).take_all(lot);
    let needs = |family: fn((bool, bool)) -> bool| lot.iter().any(|a| family(families(a)));
    (left.ipv4 >= 0 || !needs(|f| f.0)) && (left.ipv6 >= 0 || !needs(|f| f.1))
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
