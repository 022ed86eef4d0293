//! The second opinion: judges a plan before it is applied, by what applying it would
//! do, and knows nothing of how it was made.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::spans::Spans;
use super::{Desired, NotWanted, Plan, Policy, Removal};
use crate::names::{MemberName, RuleId};
use crate::permission::{MEMBER_TAG, MESH_TAG, Permission, Rule};

/// What is wrong with a plan. Any of these is a bug of the planner, and the plan is
/// not applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// Promise 1.
    #[error("the plan revokes {0}, which is not a rule of this mesh")]
    RevokesForeign(RuleId),
    /// Promise 2.
    #[error("the plan revokes {0}, which or whose member is not fully known, or wanted elsewhere")]
    RevokesUnknown(RuleId),
    /// Promise 2: it may have joined under a document that is not deployed here yet.
    #[error("the plan revokes {0}, whose member the document does not name, and nobody allowed it")]
    RevokesUnnamed(RuleId),
    /// Promise 4 and the meaning of a plan.
    #[error("the plan revokes {0}, which is wanted")]
    RevokesWanted(RuleId),
    /// A rule id twice, or one that is not there.
    #[error("the plan revokes {0} although it is not there to revoke")]
    RevokesNothing(RuleId),
    /// Promise 4: removals before adds are for full groups only.
    #[error("the plan revokes before it adds although the group has room")]
    RevokesFirst,
    /// Promise 7.
    #[error("the plan opens {0}, which nobody wants")]
    OpensUnwanted(Permission),
    /// EC2 refuses a permission twice.
    #[error("the plan opens {0}, which is there already")]
    OpensTwice(Permission),
    /// The quota.
    #[error("the plan would fill the group to {count} rules of a limit of {limit}")]
    OverQuota {
        /// Rules of one address family.
        count: usize,
        /// The limit.
        limit: usize,
    },
    /// The guard.
    #[error("the plan revokes {0} rules of {1}, which the guard holds")]
    Unguarded(usize, usize),
    /// The purpose.
    #[error("after the plan {0} would still be missing, and the plan does not say so")]
    LeavesOut(Permission),
    /// The purpose, and promise 3.
    #[error("after the plan {0} would still be there, and the plan does not say so")]
    LeavesStale(RuleId),
}

/// Judges a plan.
///
/// # Errors
/// Everything that is wrong with it.
pub fn check(
    plan: &Plan,
    desired: &Desired,
    actual: &[Rule],
    policy: &Policy,
) -> Result<(), Vec<Violation>> {
    let mut found = Vec::new();
    let mut group = Group::new(plan, actual, desired);
    for removal in &plan.make_room {
        group.revoke(&removal.rule.rule().id, desired, policy, &mut found);
    }
    let whole = || Group::new(plan, actual, desired);
    if !plan.make_room.is_empty() && whole().has_room(plan, policy) {
        found.push(Violation::RevokesFirst);
    }
    for addition in &plan.add {
        group.open(addition.permission, policy, &mut found);
    }
    for removal in &plan.revoke {
        group.revoke(&removal.rule.rule().id, desired, policy, &mut found);
    }
    guarded(plan, desired, actual, policy, &mut found);
    group.compare(plan, desired, policy, &mut found);
    if found.is_empty() { Ok(()) } else { Err(found) }
}

fn owned(rule: &Rule, policy: &Policy) -> bool {
    rule.tags.get(MESH_TAG).map(String::as_str) == Some(policy.mesh.as_str())
}

fn is_certain(rule: &Rule, policy: &Policy) -> bool {
    match (rule.tags.get(MEMBER_TAG), rule.permission()) {
        (Some(member), Some(permission)) => {
            policy.departed.contains(&(MemberName::new(member), permission.cidr))
        }
        _ => false,
    }
}

fn is_frozen(rule: &Rule, desired: &Desired, policy: &Policy) -> bool {
    let unknown = match rule.tags.get(MEMBER_TAG) {
        Some(member) => desired.unknown.contains(&MemberName::new(member)),
        None => !desired.unknown.is_empty(),
    };
    let contested = rule.permission().is_some_and(|permission| {
        desired.contested.iter().any(|cidr| permission.cidr.contains(*cidr))
    });
    (unknown || contested) && !is_certain(rule, policy)
}

/// A group as it would be while the plan is applied.
struct Group<'a> {
    actual: &'a [Rule],
    /// What is there, in order, and where it stands in `actual`: each rule once, or once for
    /// each way in which the read showed it.
    there: Vec<(Option<Permission>, usize)>,
    /// Where the rules stand that the plan revokes. Asked, never walked through.
    places: HashMap<&'a RuleId, Vec<usize>>,
    /// Which of `actual` are revoked.
    revoked: Vec<bool>,
    opened: BTreeSet<Permission>,
    /// Rules of each address family, (IPv4, IPv6), those opened included.
    counts: (usize, usize),
    /// The addresses that are wanted.
    wanted: Spans,
}

impl<'a> Group<'a> {
    fn new(plan: &Plan, actual: &'a [Rule], desired: &Desired) -> Self {
        let named: HashSet<_> = plan.removals().map(|r| &r.rule.rule().id).collect();
        let mut places: HashMap<_, Vec<_>> = HashMap::with_capacity(named.len());
        for (place, rule) in actual.iter().enumerate().filter(|(_, r)| named.contains(&r.id)) {
            places.entry(&rule.id).or_default().push(place);
        }
        let (there, revoked) = (each_once(actual), vec![false; actual.len()]);
        let held = |ipv4| {
            let counts = |(open, _): &&(Option<Permission>, _)| {
                open.is_none_or(|permission| permission.cidr.is_ipv4() == ipv4)
            };
            there.iter().filter(counts).count()
        };
        let (counts, wanted) = ((held(true), held(false)), Spans::wanted(desired));
        Self { actual, there, places, revoked, opened: BTreeSet::new(), counts, wanted }
    }

    /// What is there and not revoked, in order, and where it stands.
    fn left(&self) -> impl Iterator<Item = (Option<Permission>, usize)> {
        self.there.iter().filter(|(_, place)| !self.revoked[*place]).copied()
    }

    /// What the mesh's own rules open.
    fn ours(&self, policy: &Policy) -> Spans {
        let ours = self.left().filter(|(_, place)| owned(&self.actual[*place], policy));
        Spans::of(ours.filter_map(|(open, _)| open).chain(self.opened.iter().copied()))
    }

    /// Whether a permission is open, by a rule of exactly it or by the mesh's own blocks.
    fn admits(&self, permission: Permission, policy: &Policy) -> bool {
        self.holds(permission) || self.ours(policy).hold(permission)
    }

    fn holds(&self, permission: Permission) -> bool {
        let first = self.there.partition_point(|(open, _)| *open < Some(permission));
        let same = self.there[first..].iter().take_while(|(open, _)| *open == Some(permission));
        let left = same.filter(|(_, place)| !self.revoked[*place]).count();
        left > 0 || self.opened.contains(&permission)
    }

    /// Rules of the fuller address family.
    fn fill(&self) -> usize {
        self.counts.0.max(self.counts.1)
    }

    fn add(&mut self, permission: Permission) {
        let new = usize::from(self.opened.insert(permission));
        let (ipv4, ipv6) = &mut self.counts;
        *(if permission.cidr.is_ipv4() { ipv4 } else { ipv6 }) += new;
    }

    /// Whether everything the plan wants would fit with nothing revoked.
    fn has_room(mut self, plan: &Plan, policy: &Policy) -> bool {
        for addition in plan.add.iter().chain(&plan.over_quota).chain(&plan.later) {
            self.add(addition.permission);
        }
        self.fill() <= policy.rules_per_group as usize
    }

    fn revoke(
        &mut self,
        id: &RuleId,
        desired: &Desired,
        policy: &Policy,
        found: &mut Vec<Violation>,
    ) {
        let Some(places) = self.places.remove(id) else {
            return found.push(Violation::RevokesNothing(id.clone()));
        };
        let mut ways: Vec<&Rule> = Vec::new();
        for place in places {
            let rule = &self.actual[place];
            self.revoked[place] = true;
            if !ways.contains(&rule) {
                let (ipv4, ipv6) = rule.counts();
                self.counts.0 -= usize::from(ipv4);
                self.counts.1 -= usize::from(ipv6);
                ways.push(rule);
            }
        }
        let any = |is: &dyn Fn(&Rule) -> bool| ways.iter().any(|rule| is(rule));
        if any(&|rule| !owned(rule, policy)) {
            found.push(Violation::RevokesForeign(id.clone()));
        }
        let opens = || ways.iter().filter_map(|rule| rule.permission());
        let shuts_out = opens().filter(|p| self.wanted.meet(*p)).any(|opened| {
            let touched = |p: &&Permission| opened.covers(**p) || p.covers(opened);
            desired.wanted.keys().filter(touched).any(|p| !self.admits(*p, policy))
        });
        if shuts_out {
            found.push(Violation::RevokesWanted(id.clone()));
        }
        if ways.len() > 1 || any(&|rule| is_frozen(rule, desired, policy)) {
            found.push(Violation::RevokesUnknown(id.clone()));
        }
        let named = |member: &String| desired.members.contains(&MemberName::new(member));
        let unnamed = |rule: &Rule| {
            rule.tags.get(MEMBER_TAG).is_some_and(|member| !named(member))
                && !is_certain(rule, policy)
        };
        if any(&unnamed) && !policy.allow_removals {
            found.push(Violation::RevokesUnnamed(id.clone()));
        }
    }

    fn open(&mut self, permission: Permission, policy: &Policy, found: &mut Vec<Violation>) {
        if !self.wanted.hold(permission) {
            found.push(Violation::OpensUnwanted(permission));
        }
        if self.holds(permission) {
            return found.push(Violation::OpensTwice(permission));
        }
        let before = self.fill();
        self.add(permission);
        let (count, limit) = (self.fill(), policy.rules_per_group as usize);
        if count > limit && count > before {
            found.push(Violation::OverQuota { count, limit });
        }
    }

    /// Compares the group after the plan with what is desired; every difference must be
    /// one that the plan names.
    fn compare(&self, plan: &Plan, desired: &Desired, policy: &Policy, found: &mut Vec<Violation>) {
        // What waits for a plan that does nothing waits for ever.
        let later = plan.later.iter().filter(|_| !plan.is_empty());
        let named = plan.over_quota.iter().chain(later);
        let named: BTreeSet<_> = named.map(|addition| addition.permission).collect();
        let (mut unwanted, mut shut) = (Vec::new(), Vec::new());
        // Side by side: both are in order.
        let mut left = self.left().peekable();
        for permission in desired.wanted.keys() {
            while let Some((_, place)) = left.next_if(|(open, _)| *open < Some(*permission)) {
                unwanted.push(place);
            }
            let mut open = self.opened.contains(permission);
            while left.next_if(|(there, _)| *there == Some(*permission)).is_some() {
                open = true;
            }
            if !open && !named.contains(permission) {
                shut.push(*permission);
            }
        }
        unwanted.extend(left.map(|(_, place)| place));
        if !shut.is_empty() {
            let ours = self.ours(policy);
            let out = shut.into_iter().filter(|permission| !ours.hold(*permission));
            found.extend(out.map(Violation::LeavesOut));
        }
        let kept_back = plan.held.iter().chain(&plan.frozen).chain(&plan.postponed);
        let kept_back: BTreeSet<_> = kept_back.map(|r| &r.rule.rule().id).collect();
        for rule in unwanted.into_iter().map(|place| &self.actual[place]) {
            let wanted = rule.permission().is_some_and(|p| self.wanted.hold(p));
            if owned(rule, policy) && !wanted && !kept_back.contains(&rule.id) {
                found.push(Violation::LeavesStale(rule.id.clone()));
            }
        }
    }
}

/// What the rules open, in order, and where each stands; one on two pages of a list only once.
fn each_once(actual: &[Rule]) -> Vec<(Option<Permission>, usize)> {
    let mut there: Vec<_> = actual.iter().map(Rule::permission).zip(0..).collect();
    let by_id = |a: usize, b: usize| actual[a].id.cmp(&actual[b].id);
    there.sort_unstable_by(|(a, one), (b, other)| a.cmp(b).then_with(|| by_id(*one, *other)));
    let mut once: Vec<(_, usize)> = Vec::with_capacity(there.len());
    for (permission, place) in there {
        let rule = &actual[place];
        let same = once.iter().rev().take_while(|(open, _)| *open == permission);
        let mut ways = same.map(|(_, way)| &actual[*way]).take_while(|way| way.id == rule.id);
        if !ways.any(|way| way == rule) {
            once.push((permission, place));
        }
    }
    once
}

/// Counts what the guard counts: removals that close something, and that this run did not
/// see leave.
fn guarded(
    plan: &Plan,
    desired: &Desired,
    actual: &[Rule],
    policy: &Policy,
    found: &mut Vec<Violation>,
) {
    let excused = |removal: &&Removal| excused(removal, desired, policy);
    let counted = plan.removals().filter(|removal| !removal.why.is_certain()).count();
    let ours = actual.iter().filter(|rule| owned(rule, policy));
    let owned = ours.map(|rule| &rule.id).collect::<HashSet<_>>().len();
    let (number, percent) = (policy.guard.max_removals, policy.guard.max_removal_percent);
    let exceeded = counted > number as usize && counted * 100 > percent as usize * owned;
    let lying = plan.removals().any(|removal| removal.why.is_certain() && !excused(&removal));
    if (exceeded || lying) && !policy.allow_removals {
        found.push(Violation::Unguarded(counted, owned));
    }
}

/// Whether the reason that a removal gives takes it from under the guard, and is true.
fn excused(removal: &Removal, desired: &Desired, policy: &Policy) -> bool {
    let rule = removal.rule.rule();
    let Some(permission) = rule.permission() else { return false };
    let wanted = desired.wanted.keys().copied();
    match removal.why {
        NotWanted::Departed => is_certain(rule, policy),
        NotWanted::Superseded => Spans::of(wanted).hold(permission),
        NotWanted::Split => {
            let left =
                policy.departed.iter().filter(|(member, _)| rule.member() == Some(member.clone()));
            let left =
                left.map(|(_, cidr)| Permission { traffic: permission.traffic, cidr: *cidr });
            Spans::of(wanted.chain(left)).hold(permission)
        }
        NotWanted::NoLongerDesired | NotWanted::MemberRemoved => false,
    }
}
