//! The pure pieces of sync-core, on this model's few bits. `tests/pieces.rs` holds
//! each of them against the real one, on every input that is small enough.

use crate::run::{Brief, Hook, Look, Own, Region, Seen, Sight};
use crate::world::{ADDRESSES, Address, Instance, Member, Set, Truth, all_addresses};

/// A row's next version, while the clock stands still: the hardest case.
#[must_use]
pub fn next_version(old: u8) -> u8 {
    old + 1
}

/// Who is in the group, and who left: `observe::observe`.
///
/// `dead` are those whom EC2 shows terminated.
#[must_use]
pub fn observe(
    listed: Set<Instance>,
    leaving: Set<Instance>,
    remembered: Set<Instance>,
    dead: Set<Instance>,
) -> (Set<Instance>, Set<Instance>) {
    let known = listed.and(remembered);
    let unlisted_alive = remembered.without(listed).without(dead);
    let members = listed.without(leaving).without(dead).and(unlisted_alive);
    (members, known.without(members))
}

/// Which addresses a target should admit, and for whom: `planner::desired`.
#[must_use]
pub fn wanted(rows: &[Brief; 2], truth: &Truth) -> [Option<Instance>; ADDRESSES] {
    let mut wanted = [None; ADDRESSES];
    for instance in rows.iter().flat_map(|row| row.instances.iter()) {
        wanted[truth.address(instance).index()].get_or_insert(instance);
    }
    wanted
}

/// What to add and what to revoke: `planner::plan`, where every member is known.
#[must_use]
pub fn plan(
    wanted: &[Option<Instance>; ADDRESSES],
    rules: &[Sight; ADDRESSES],
) -> (Set<Address>, Set<Address>) {
    let wants = |address: &Address| wanted[address.index()].is_some();
    let there = |address: &Address| rules[address.index()].is_rule();
    let add = all_addresses().filter(|a| wants(a) && !there(a)).collect();
    let revoke = all_addresses().filter(|a| !wants(a) && there(a)).collect();
    (add, revoke)
}

/// Whether the removal of a rule is certain: its instance left in this very run
/// (`Policy::departed`, `NotWanted::Departed`).
#[must_use]
pub fn is_certain(member: Member, seen: &Seen, sight: Sight, at: Address, truth: &Truth) -> bool {
    let tagged = matches!(sight, Sight::Rule(tag) | Sight::Dead(tag) if tag == member);
    let left = truth.addresses(seen.departed).without(truth.addresses(seen.row.instances));
    tagged && left.has(at)
}

/// Whether a mirror's row already says what the own row says: `tell::reflects`. Only in
/// the version right before the own one the same instances say the same.
#[must_use]
pub fn reflects(told: Brief, seen: Seen) -> bool {
    let right_before = told.version == seen.over && told.instances == seen.row.instances;
    told.version >= seen.row.version || right_before
}

/// Whether a region stands as the hook needs it: `confirm::standing`.
#[must_use]
pub fn confirms(hook: Hook, seen: &Seen, region: &Region, truth: &Truth) -> bool {
    let Look { rows, rules, confirms, to_revoke, .. } = &region.look;
    let at = truth.address(hook.instance);
    let wanted = wanted(rows, truth)[at.index()];
    if hook.launch {
        let keeps = *confirms && wanted.is_some() && rules[at.index()].is_rule();
        !seen.row.instances.has(hook.instance)
            || region.added.has(at)
            || region.present.has(at)
            || keeps
    } else {
        let left_behind =
            seen.departed.has(hook.instance) && !truth.addresses(seen.row.instances).has(at);
        let still_wanted = left_behind && wanted == Some(hook.instance);
        let pending = left_behind && to_revoke.has(at);
        let rid = *confirms || !left_behind || region.revoked.has(at);
        !still_wanted && !pending && rid
    }
}

impl Own {
    /// What the run saw of its own group, once it has.
    #[must_use]
    pub fn seen(&self) -> Option<Seen> {
        if let Self::Seen(seen) = self { Some(*seen) } else { None }
    }
}
