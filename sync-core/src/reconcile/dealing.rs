//! What each target of a region should admit: each for itself, or dealt out over all of them
//! (decision 33).

use std::collections::{BTreeMap, BTreeSet};

use futures::channel::oneshot;
use futures::future::{FutureExt, Shared, join_all};

use super::Run;
use super::own::Own;
use super::region::{RegionRun, Target, View};
use crate::mesh::Member;
use crate::names::{MeshName, SecurityGroupId};
use crate::permission::{Permission, Rule, Traffic};
use crate::planner::{Desired, Groups, Open, Policy, Violation, check_dealt, deal, learned_in};
use crate::row::Rows;

/// What the targets that one look showed should admit.
pub(super) struct Dealing {
    shares: BTreeMap<SecurityGroupId, Desired>,
    learned: BTreeMap<SecurityGroupId, BTreeSet<Traffic>>,
    /// What was dealt out; none where each target has all of its own.
    whole: Option<Desired>,
}

impl Dealing {
    /// What one target should admit.
    pub(super) fn share(&self, group: &SecurityGroupId) -> Option<&Desired> {
        self.shares.get(group)
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
        self.whole.is_some() && self.shares.iter().filter(|(id, _)| *id != group).any(lacks)
    }
}

/// The targets whose rules have to be seen to plan one of them.
pub(super) fn together(member: &Member, group: &SecurityGroupId) -> Vec<SecurityGroupId> {
    if member.spread { member.security_groups.clone() } else { vec![group.clone()] }
}

/// A target's part in the order of one round: of a spread nothing goes in any target before
/// everything is added in all of them (promise 4).
pub(super) struct Turn {
    say: Option<oneshot::Sender<bool>>,
    others: Vec<Shared<oneshot::Receiver<bool>>>,
}

impl Turn {
    /// One for each target.
    pub(super) fn of(member: &Member, targets: usize) -> Vec<Self> {
        if !member.spread {
            return (0..targets).map(|_| Self { say: None, others: Vec::new() }).collect();
        }
        let (say, hear): (Vec<_>, Vec<_>) = (0..targets).map(|_| oneshot::channel()).unzip();
        let others: Vec<_> = hear.into_iter().map(FutureExt::shared).collect();
        say.into_iter().map(|say| Self { say: Some(say), others: others.clone() }).collect()
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
        let learned = learned_in(run.mesh(), self.member, rules);
        if !self.member.spread {
            let share = |(id, learned): (&SecurityGroupId, &BTreeSet<_>)| {
                (id.clone(), self.desired(run, own, rows, blind, learned))
            };
            return Dealing { shares: learned.iter().map(share).collect(), learned, whole: None };
        }
        let all = learned.values().next().cloned().unwrap_or_default();
        let whole = self.desired(run, own, rows, blind, &all);
        Dealing { shares: deal(&whole, rules, refused, policy), learned, whole: Some(whole) }
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
        let nothing = Desired::default();
        let share = dealing.share(group).unwrap_or(&nothing);
        self.learned = dealing.learned.get(group).cloned().unwrap_or_default();
        self.ever_learned.extend(&self.learned);
        let actual = rules.get(group).cloned().unwrap_or_default();
        self.look(share, actual, policy, consistent);
        if let Some(whole) = &dealing.whole {
            let dealt = (group, &self.plan);
            let wrong: Vec<Violation> = check_dealt(dealt, whole, &dealing.shares, rules, policy);
            self.violations.extend(wrong);
        }
    }
}

impl RegionRun<'_> {
    /// The targets that a fresh look is still to bring on: those in which nothing has gone
    /// wrong. Of a spread none, where one has: what that one holds is not known any more.
    pub(super) fn settling(&self) -> Vec<SecurityGroupId> {
        let broken = self.targets.values().any(Target::is_broken);
        if self.member.spread && broken {
            return Vec::new();
        }
        let sound = self.targets.iter().filter(|(_, target)| !target.is_broken());
        sound.map(|(group, _)| group.clone()).collect()
    }
}
