//! Exact compaction: one rule for a block of which every address is wanted, so that more
//! instances fit into a group. What is open stays exactly what is wanted.

use std::collections::{BTreeMap, BTreeSet};

use super::open::Open;
use super::{Addition, Desired, NotWanted, Origin, Plan, Policy, Removal, judge, quota};
use crate::cidr::Cidr;
use crate::mesh::Compact;
use crate::names::MemberName;
use crate::permission::{OwnedRule, Permission, Rule, Traffic};

/// How the same addresses can be open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Each by a rule of its own.
    Singles,
    /// As they are: blocks of which everything is wanted stay, and what is left of others
    /// is opened by as few rules as it takes.
    AsTheyAre,
    /// By the fewest rules.
    Fewest,
}

/// What a target should admit, in the form in which its rules should say it.
pub(super) struct Compacted {
    pub(super) goal: Desired,
    wanted: Open,
    /// Whether all of it finds room.
    fits: bool,
}

/// The least disturbing form that fits; none where there are no blocks and there are to be
/// none, so that everything is as it is desired.
pub(super) fn compacted(
    desired: &Desired,
    rules: &[(&Rule, bool)],
    policy: &Policy,
) -> Option<Compacted> {
    let owned = rules.iter().filter(|(_, owned)| *owned);
    let mut blocks = owned
        .filter_map(|(rule, _)| rule.permission())
        .filter(|p| !p.cidr.is_host_route() && !desired.wanted.contains_key(p))
        .peekable();
    if policy.compact == Compact::Off && blocks.peek().is_none() {
        return None;
    }
    let wanted = Open::of(desired.wanted.keys());
    let blocks: BTreeSet<_> = blocks.filter(|p| wanted.within(*p).next().is_some()).collect();
    let limit = policy.rules_per_group as usize;
    let forms: &[(Form, usize)] = match policy.compact {
        // Whoever another document may want is left as he is.
        _ if !desired.contested.is_empty() => &[(Form::AsTheyAre, limit)],
        Compact::Off => &[(Form::Singles, limit), (Form::AsTheyAre, limit)],
        Compact::WhenNeeded => &[(Form::AsTheyAre, limit - spare(limit)), (Form::Fewest, limit)],
        Compact::Always => &[(Form::Fewest, limit)],
    };
    let mut last = None;
    for (form, room) in forms {
        let goal = Desired { wanted: in_form(desired, &blocks, &wanted, *form), ..desired.clone() };
        let fill = fill(&goal, desired, rules, policy);
        last = Some((goal, fill <= limit));
        if fill <= *room {
            break;
        }
    }
    last.map(|(goal, fits)| Compacted { goal, wanted, fits })
}

/// Rules that are kept free before blocks are made: a block is opened before what it
/// replaces goes, and so are the parts of one that splits.
fn spare(limit: usize) -> usize {
    limit.div_ceil(10).min(limit - 1)
}

type Wanted = BTreeMap<Permission, Origin>;

fn in_form(desired: &Desired, blocks: &BTreeSet<Permission>, open: &Open, form: Form) -> Wanted {
    let mut goal = Wanted::new();
    let kept = |p: &&Permission| form == Form::AsTheyAre && open.admits(**p);
    let kept: BTreeSet<Permission> = blocks.iter().filter(kept).copied().collect();
    for block in &kept {
        goal.extend(first_of(desired, open.within(*block)).map(|origin| (*block, origin)));
    }
    let kept = Open::of(&kept);
    let mut lots: BTreeMap<(Traffic, &MemberName, Option<Permission>), Vec<Cidr>> = BTreeMap::new();
    for (permission, origin) in &desired.wanted {
        if kept.admits(*permission) {
            continue;
        }
        // The block that splits, where only what is left of it is to be opened anew.
        let of = blocks.iter().find(|block| block.covers(*permission));
        let merges = match form {
            Form::Singles => false,
            Form::AsTheyAre => of.is_some(),
            Form::Fewest => !desired.unknown.contains(&origin.member),
        };
        if merges {
            let of = of.filter(|_| form == Form::AsTheyAre).copied();
            let lot = (permission.traffic, &origin.member, of);
            lots.entry(lot).or_default().push(permission.cidr);
        } else {
            goal.insert(*permission, origin.clone());
        }
    }
    for ((traffic, ..), cidrs) in lots {
        for cidr in Cidr::merged(cidrs) {
            let permission = Permission { traffic, cidr };
            let parts = open.within(permission);
            goal.extend(first_of(desired, parts).map(|origin| (permission, origin)));
        }
    }
    goal
}

/// The first of those who want some of these.
fn first_of(desired: &Desired, parts: impl Iterator<Item = Permission>) -> Option<Origin> {
    parts.filter_map(|part| desired.wanted.get(&part)).min().cloned()
}

/// Rules of the fuller address family once the goal is reached.
fn fill(goal: &Desired, desired: &Desired, rules: &[(&Rule, bool)], policy: &Policy) -> usize {
    let (mut ipv4, mut ipv6) = (0, 0);
    let mut count = |(v4, v6): (bool, bool)| {
        ipv4 += usize::from(v4);
        ipv6 += usize::from(v6);
    };
    goal.wanted.keys().for_each(|p| count((p.cidr.is_ipv4(), !p.cidr.is_ipv4())));
    for (rule, _) in rules {
        let wanted = rule.permission().is_some_and(|p| goal.wanted.contains_key(&p));
        let stays = match OwnedRule::claim(rule, &policy.mesh) {
            Some(owned) => judge(owned, desired, policy).1,
            None => true,
        };
        if stays && !wanted {
            count(rule.counts());
        }
    }
    ipv4.max(ipv6)
}

impl Compacted {
    /// Says why a rule goes of which somebody wants something. A rule of a member that the
    /// document does not name waits for a person all the same.
    pub(super) fn judge(&self, removal: &mut Removal, policy: &Policy) {
        let rule = removal.rule.rule();
        let Some(permission) = rule.permission() else { return };
        if removal.why == NotWanted::MemberRemoved {
            return;
        }
        if self.wanted.admits(permission) {
            removal.why = NotWanted::Superseded;
        } else if self.wanted.within(permission).next().is_some() {
            let member = rule.member();
            let left = policy.departed.iter().filter(|(of, _)| Some(of) == member.as_ref());
            let left =
                left.map(|(_, cidr)| Permission { traffic: permission.traffic, cidr: *cidr });
            let mut known = self.wanted.clone();
            known.extend(&left.collect::<Vec<_>>());
            let all = known.admits(permission);
            removal.why = if all { NotWanted::Split } else { NotWanted::NoLongerDesired };
        }
    }

    /// Plans those adds first that let other rules go, as far as there is room: blocks in
    /// place of single rules, then what is left of blocks that split. They are taken from
    /// what is `missing`.
    pub(super) fn replace_first(
        &self,
        plan: &mut Plan,
        missing: &mut Vec<Addition>,
        rules: &[(&Rule, bool)],
        limit: u32,
    ) {
        let outgrown = plan.revoke.iter().filter_map(|removal| removal.rule.rule().permission());
        let outgrown: Vec<Permission> = outgrown.filter(|p| self.is_wanted_in_part(*p)).collect();
        let merges = |a: &Addition| outgrown.iter().any(|single| a.permission.covers(*single));
        let (blocks, rest): (Vec<_>, Vec<_>) = missing.drain(..).partition(merges);
        let mut lots: Vec<Vec<Addition>> = blocks.into_iter().map(|block| vec![block]).collect();
        let mut parts: BTreeMap<Permission, Vec<Addition>> = BTreeMap::new();
        for addition in rest {
            match outgrown.iter().find(|block| block.covers(addition.permission)) {
                Some(block) => parts.entry(*block).or_default().push(addition),
                None => missing.push(addition),
            }
        }
        lots.extend(parts.into_values());
        for lot in lots {
            if quota::fits(rules, limit, &plan.add, &lot) {
                plan.add.extend(lot);
            }
        }
    }

    fn is_wanted_in_part(&self, permission: Permission) -> bool {
        self.wanted.admits(permission) || self.wanted.within(permission).next().is_some()
    }

    /// Holds rules back that open somebody whom nothing else opens once the plan's adds are
    /// made: add before revoke. Then says who is left out, for good or until there is room.
    pub(super) fn hold_back(&self, plan: &mut Plan, desired: &Desired) {
        let mut open = Open::of(plan.keep.iter().chain(&plan.foreign_satisfied));
        open.extend(plan.add.iter().map(|addition| &addition.permission));
        let safe = |removal: &Removal| lets_go(removal, &self.wanted, &open);
        (plan.revoke, plan.postponed) = plan.revoke.drain(..).partition(safe);
        let stay = plan.postponed.iter().chain(&plan.frozen).chain(&plan.held);
        let stay: Vec<_> = stay.filter_map(|removal| removal.rule.rule().permission()).collect();
        open.extend(&stay);
        let left_out = desired.wanted.iter().filter(|(permission, _)| !open.admits(**permission));
        let left_out = left_out
            .map(|(permission, origin)| Addition {
                permission: *permission,
                origin: origin.clone(),
            })
            .collect();
        plan.over_quota.clear();
        let soon = self.fits && !plan.is_empty();
        *(if soon { &mut plan.later } else { &mut plan.over_quota }) = left_out;
    }
}

/// Whether all that is wanted of what a rule opens is open without it.
#[must_use]
pub fn lets_go(removal: &Removal, wanted: &Open, open: &Open) -> bool {
    let Some(permission) = removal.rule.rule().permission() else { return true };
    (!wanted.admits(permission) || open.admits(permission))
        && wanted.within(permission).all(|part| open.admits(part))
}
