//! What each target of a region should admit: each for itself, or dealt out over all of them
//! (decision 33).

use std::collections::{BTreeMap, BTreeSet};

use futures::channel::oneshot;
use futures::future::{FutureExt, Shared, join_all};

use super::Run;
use super::own::Own;
use super::region::{RegionRun, Target, View};
use crate::mesh::{Base, Member};
use crate::names::{MeshName, SecurityGroupId};
use crate::permission::{Permission, Rule};
use crate::planner::{
    Desired, Groups, Open, Policy, Violation, bases, check_dealt, deal, groups_of, spread_of,
};
use crate::row::Rows;

/// What the targets that one look showed should admit.
pub(super) struct Dealing {
    /// Of those that have all of their own.
    alone: BTreeMap<SecurityGroupId, Desired>,
    /// What was dealt out over the groups of a spread, and to whom.
    dealt: Option<(Desired, BTreeMap<SecurityGroupId, Desired>)>,
    bases: BTreeMap<SecurityGroupId, Base>,
}

impl Dealing {
    /// What one target should admit.
    pub(super) fn share(&self, group: &SecurityGroupId) -> Option<&Desired> {
        self.alone.get(group).or_else(|| self.dealt_to(group)?.1.get(group))
    }

    /// What was dealt out, if this target is one of those to whom it was.
    fn dealt_to(
        &self,
        group: &SecurityGroupId,
    ) -> Option<&(Desired, BTreeMap<SecurityGroupId, Desired>)> {
        self.dealt.as_ref().filter(|(_, shares)| shares.contains_key(group))
    }

    /// Whether another group of the same spread is to open what it does not, by this look.
    pub(super) fn others_lack(
        &self,
        group: &SecurityGroupId,
        rules: &Groups,
        mesh: &MeshName,
    ) -> bool {
        let lacks = |(id, share): (&SecurityGroupId, &Desired)| {
            let there = || rules.get(id).into_iter().flatten();
            let exactly: BTreeSet<_> = there().filter_map(Rule::permission).collect();
            let ours = there().filter(|rule| rule.is_owned_by(mesh));
            let open = Open::of(&ours.filter_map(Rule::permission).collect::<Vec<_>>());
            share.wanted.keys().any(|p| !exactly.contains(p) && !open.admits(*p))
        };
        let others = self.dealt_to(group).into_iter().flat_map(|(_, shares)| shares);
        { others }.filter(|(id, _)| *id != group).any(lacks)
    }
}

/// The targets whose rules have to be seen to plan one of them.
pub(super) fn together(member: &Member, group: &SecurityGroupId) -> Vec<SecurityGroupId> {
    if is_dealt(member, group) { member.security_groups.clone() } else { vec![group.clone()] }
}

/// Whether a target is one of the groups of a spread.
pub(super) fn is_dealt(member: &Member, target: &SecurityGroupId) -> bool {
    member.spread && !target.is_list()
}

/// A target's part in the order of one round: of a spread nothing goes in any target before
/// everything is added in all of them (promise 4).
pub(super) struct Turn {
    say: Option<oneshot::Sender<bool>>,
    others: Vec<Shared<oneshot::Receiver<bool>>>,
}

impl Turn {
    /// One for each target.
    pub(super) fn of<'t>(
        member: &Member,
        targets: impl Iterator<Item = &'t SecurityGroupId>,
    ) -> Vec<Self> {
        let (mut turns, mut hear): (Vec<Self>, _) = (Vec::new(), Vec::new());
        for target in targets {
            let channel = is_dealt(member, target).then(oneshot::channel);
            let (say, heard) = channel.unzip();
            hear.extend(heard.map(FutureExt::shared));
            turns.push(Self { say, others: Vec::new() });
        }
        for turn in turns.iter_mut().filter(|turn| turn.say.is_some()) {
            turn.others.clone_from(&hear);
        }
        turns
    }

    /// Says whether the adds of this target are made, and waits for the other targets'.
    /// True if all of them are; a target that is done without has none.
    pub(super) async fn added(&mut self, all: bool) -> bool {
        if let Some(say) = self.say.take() {
            // Nobody hears it where the run ends.
            let _ = say.send(all);
        }
        let others = join_all(self.others.iter().cloned()).await;
        all && others.into_iter().all(|others| others.unwrap_or(true))
    }
}

impl View<'_> {
    /// Works out what these targets should admit, by these rows. `refused` is what AWS had no
    /// room for.
    pub(super) fn deal(
        &self,
        run: &Run<'_>,
        own: &Own,
        (rows, blind): (&Rows, bool),
        rules: &Groups,
        refused: &dyn Fn(&SecurityGroupId, Permission) -> bool,
        policy: &Policy,
    ) -> Dealing {
        let bases = bases(run.mesh(), self.member, rules);
        let (spread, alone) = spread_of(self.member, bases.clone());
        let desired = |base: &Base| self.desired(run, own, rows, blind, base);
        let dealt = spread.values().next().map(|all| {
            let whole = desired(all);
            let shares = deal(&whole, &groups_of(rules), refused, policy);
            (whole, shares)
        });
        let alone = alone.iter().map(|(id, base)| (id.clone(), desired(base))).collect();
        Dealing { alone, dealt, bases }
    }
}

impl Target {
    /// Plans from a look and from what was dealt out by it.
    pub(super) fn see(
        &mut self,
        group: &SecurityGroupId,
        dealing: &Dealing,
        rules: &Groups,
        policy: &Policy,
        consistent: bool,
    ) {
        let actual = rules.get(group).cloned().unwrap_or_default();
        if let Some(Err(error)) = actual.list {
            self.error = Some(error);
            return;
        }
        let nothing = Desired::default();
        let share = dealing.share(group).unwrap_or(&nothing);
        self.base = dealing.bases.get(group).cloned().unwrap_or_default();
        self.ever.list = self.base.list;
        self.ever.learned.extend(&self.base.learned);
        let list = actual.prefix_list().map(|list| policy.of_list(list));
        self.look(share, actual.rules, list.as_ref().unwrap_or(policy), consistent);
        if let Some((whole, shares)) = dealing.dealt_to(group) {
            let dealt = (group, &self.plan);
            let wrong: Vec<Violation> = check_dealt(dealt, whole, shares, rules, policy);
            self.violations.extend(wrong);
        }
    }
}

impl RegionRun<'_> {
    /// The targets that a fresh look is still to bring on: those in which nothing has gone
    /// wrong. Of a spread none, where one has: what that one holds is not known any more.
    pub(super) fn settling(&self) -> Vec<SecurityGroupId> {
        let dealt = |id: &SecurityGroupId| is_dealt(self.member, id);
        let broken = self.targets.iter().any(|(id, target)| dealt(id) && target.is_broken());
        let sound = self.targets.iter().filter(|(_, target)| !target.is_broken());
        sound.map(|(id, _)| id.clone()).filter(|id| !(broken && dealt(id))).collect()
    }
}
