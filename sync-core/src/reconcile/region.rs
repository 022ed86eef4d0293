//! One target region in one run: what was seen, what was done, what is still to do.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future::join_all;

use super::Run;
use super::dealing::Turn;
use super::look::Look;
use super::own::Own;
use super::tell::{lay_over, lost, reflects};
use crate::mesh::{Base, Member};
use crate::names::{MemberName, RuleId, SecurityGroupId};
use crate::permission::{Permission, Rule};
use crate::planner::{
    Desired, Elsewhere, Groups, Open, Origin, Plan, Policy, Violation, check, desired, plan,
};
use crate::ports::{CallError, Called};
use crate::report::{MirrorStatus, RowStatus};
use crate::row::{Instances, Rows};

/// One target region.
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct RegionRun<'a> {
    /// Whose region.
    pub member: &'a Member,
    /// Whether the run's function lives here.
    pub home: bool,
    /// Why the region counts as unreachable for this run.
    pub unreachable: Option<CallError>,
    /// What became of the own rows in this mirror.
    pub mirror: MirrorStatus,
    /// The mirror's rows, as last read, with the own ones over them.
    pub rows: Rows,
    /// The rows that the first look found.
    pub first: Rows,
    /// The addresses that its mirror ever told this run of who left.
    pub told: Instances,
    /// Whether the own mirror could not be read when the rules were. What an earlier look
    /// saw in it is still wanted, but it may not know who came since, so everyone counts as
    /// unknown (promise 2); nor who left, so only what this run saw itself is admitted.
    pub blind: bool,
    /// Whether the rules were read after this run saw who left. If the rows then could not
    /// be, one of these rules may be of somebody who came since, with an address of theirs.
    pub anew: bool,
    /// Whether the mirror lost an own row under this run, which then leaves the region as
    /// it is.
    pub lost: bool,
    /// The targets.
    pub targets: BTreeMap<SecurityGroupId, Target>,
    /// Whether only a fresh look can tell that nothing is left to do.
    pub look_again: bool,
    /// Whether looks kept asking for changes.
    pub unsettled: bool,
}

/// One target.
#[derive(Debug, Default)]
pub(super) struct Target {
    /// Permissions this run added, confirmed by AWS.
    pub added: BTreeSet<Permission>,
    /// Rules this run revoked, confirmed by AWS.
    pub revoked: BTreeMap<RuleId, Rule>,
    /// Permissions that AWS says are there although reads do not show them yet.
    pub present: BTreeSet<Permission>,
    /// Rules that AWS says are gone although reads still show them.
    pub gone: BTreeSet<RuleId>,
    /// How many looks in a row showed only what this run has done already.
    pub lagging_looks: u32,
    /// Permissions that AWS had no room for, whatever the document's limit says.
    pub refused: BTreeSet<Permission>,
    /// The last plan.
    pub plan: Plan,
    /// What the last plan was to bring about, and for whom.
    pub wanted: BTreeMap<Permission, Origin>,
    /// What of it other groups of the spread open.
    pub elsewhere: BTreeMap<Permission, Elsewhere>,
    /// What of that AWS itself says is there.
    pub sure_elsewhere: BTreeSet<(SecurityGroupId, Permission)>,
    /// The rules the last plan was made from.
    pub actual: Vec<Rule>,
    /// What that look told of what is to be admitted here.
    pub base: Base,
    /// The same, with all that the target opened to itself in some look of this run.
    pub ever: Base,
    /// The mirror's rows, where this target has read them anew since the region did.
    pub rows: Option<Rows>,
    /// What those rows told of who left, for the region to know as well.
    pub told: Instances,
    /// Whether those rules were read when the mirror said what the own rows say now.
    pub consistent: bool,
    /// Owned rules that the first look missed: they were wanted before this run changed anything.
    pub drifted: BTreeSet<Permission>,
    /// What went wrong.
    pub error: Option<CallError>,
    /// What the check found wrong with a plan. Nothing of that plan was applied.
    pub violations: Vec<Violation>,
}

impl<'a> RegionRun<'a> {
    pub(super) fn new(run: &Run<'a>, member: &'a Member) -> Self {
        Self {
            member,
            home: run.is_home(member),
            unreachable: None,
            mirror: MirrorStatus::Unchanged,
            rows: Rows::default(),
            first: Rows::default(),
            told: Instances::new(),
            blind: false,
            anew: false,
            lost: false,
            targets: member.targets().into_iter().map(|id| (id, Target::default())).collect(),
            look_again: false,
            unsettled: false,
        }
    }

    /// Counts the region as unreachable for this run.
    pub(super) fn fail(&mut self, error: &CallError) {
        self.unreachable = Some(error.clone());
        self.look_again = false;
    }

    /// Tells the mirror, plans and applies, and looks again where a hook's answer needs
    /// it; counts the region as unreachable where that takes too long.
    pub(super) async fn settle_within(
        &mut self,
        patience: Duration,
        run: &Run<'a>,
        own: &Own,
        look: &Look,
    ) {
        let until = run.work_until.saturating_duration_since(tokio::time::Instant::now());
        let patience = patience.min(until);
        // A little less for looking again, so that a peer that keeps changing is not
        // taken for one that does not answer.
        let until = tokio::time::Instant::now() + patience * 3 / 4;
        let settled = tokio::time::timeout(patience, self.settle(run, own, look, until)).await;
        match settled {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.fail(&error),
            Err(_) => self.fail(&super::look::no_answer("settle", self.member)),
        }
    }

    async fn settle(
        &mut self,
        run: &Run<'a>,
        own: &Own,
        look: &Look,
        until: tokio::time::Instant,
    ) -> Called<()> {
        self.first = look.rows.clone().unwrap_or_else(|_| Rows::read(&[], run.mesh()));
        own.learn(&mut self.told, &self.first);
        // Another run wrote the row and is bringing here what it says: what was seen before
        // that would be asked for twice.
        let outdated = !look.is_fresh() || own.seen().any(|seen| seen.anew);
        self.anew = outdated;
        let look = if outdated {
            super::look::look(run, self.member, &self.member.targets()).await
        } else {
            look.clone()
        };
        let rules = look.rules?;
        match look.rows {
            Ok(rows) => {
                let mut before = self.first.clone();
                if outdated && self.home {
                    lay_over(&mut before, own, &self.member.name);
                }
                self.lost = lost(own, &self.member.name, &before, &rows);
                own.learn(&mut self.told, &rows);
                self.rows = rows;
                if self.lost {
                    return Ok(());
                }
            }
            // The own mirror may be away: what this run saw is admitted all the same.
            Err(_) if self.home => (self.rows, self.blind) = (self.first.clone(), true),
            Err(error) => return Err(error),
        }
        let stored = self.rows.clone();
        self.tell(run, own).await?;
        let consistent = own.seen().all(|seen| reflects(&stored, seen, &self.first));
        self.look_again |= !consistent || self.blind;
        lay_over(&mut self.rows, own, &self.member.name);
        self.note_drift(run, own, &rules);
        // Confirms nothing, whatever its rows say: its rules were read before they were
        // known to be there, so an older view may have been at work in between. Unless this
        // is the own mirror, which had them before the run looked anew.
        let known = own.seen().all(|seen| seen.status != RowStatus::Unavailable);
        let sure = consistent && outdated && self.home && !self.blind && known;
        self.plan_and_apply(run, own, rules, sure).await;
        if !run.request.dry_run && !self.confirms_all_hooks(run, own) {
            self.look_until_settled(run, own, until, true).await?;
        }
        Ok(())
    }

    /// Owned permissions that both the first look at this mirror and this run want, and
    /// that are not there: somebody removed them, or an earlier run did not get to add
    /// them. A later look may have this run's own row, and whoever has come with it.
    fn note_drift(&mut self, run: &Run<'a>, own: &Own, rules: &Groups) {
        let Self { member, home, rows, first, told, blind, anew, targets, .. } = self;
        let view = View { member, home: *home, rows, first, told, blind: *blind, anew: *anew };
        let deal = |rows| {
            let policy = view.policy(run, own, rows, view.blind);
            view.deal(run, own, (rows, view.blind), rules, &|_, _| false, &policy)
        };
        let (before, now) = (deal(view.first), deal(view.rows));
        for (group, target) in targets {
            let (Some(before), Some(now)) = (before.share(group), now.share(group)) else {
                continue;
            };
            let rules = || rules.get(group).into_iter().flatten();
            let there: BTreeSet<_> = rules().filter_map(Rule::permission).collect();
            let ours = rules().filter(|rule| rule.is_owned_by(&run.mesh().name));
            let open = Open::of(&ours.filter_map(Rule::permission).collect::<Vec<_>>());
            let wanted = before.wanted.keys().filter(|p| now.wanted.contains_key(p));
            target.drifted =
                wanted.filter(|p| !there.contains(p) && !open.admits(**p)).copied().collect();
        }
    }

    /// Plans every target and applies the plans, side by side.
    pub(super) async fn plan_and_apply(
        &mut self,
        run: &Run<'a>,
        own: &Own,
        rules: Groups,
        consistent: bool,
    ) {
        // Apart from the targets, which keep what was done when time runs out here.
        let Self { member, home, rows, first, told, blind, anew, targets, .. } = self;
        let view = View { member, home: *home, rows, first, told, blind: *blind, anew: *anew };
        let policy = view.policy(run, own, rows, view.blind);
        let refused: BTreeMap<_, _> =
            targets.iter().map(|(group, target)| (group.clone(), target.refused.clone())).collect();
        let refused = |group: &_, permission: Permission| refused[group].contains(&permission);
        let dealing = view.deal(run, own, (rows, view.blind), &rules, &refused, &policy);
        let seen = targets.iter_mut().filter(|(group, _)| rules.contains_key(*group));
        let turns = Turn::of(member, rules.keys());
        let changed = join_all(seen.zip(turns).map(|((group, target), turn)| {
            target.rows = None;
            target.see(group, &dealing, &rules, &policy, consistent);
            if view.blind {
                target.admit_only(own);
            }
            async move { target.apply(run, own, view, group, turn).await }
        }))
        .await;
        self.look_again |= changed.contains(&true);
        for target in self.targets.values_mut() {
            for (id, cidrs) in std::mem::take(&mut target.told) {
                self.told.entry(id).or_default().extend(cidrs);
            }
        }
    }
}

/// What is known of a region while its targets are worked on.
#[derive(Clone, Copy)]
pub(super) struct View<'v> {
    /// Whose region.
    pub member: &'v Member,
    /// Whether the run's function lives here.
    pub home: bool,
    /// See [`RegionRun::rows`].
    pub rows: &'v Rows,
    /// See [`RegionRun::first`].
    pub first: &'v Rows,
    /// See [`RegionRun::told`].
    pub told: &'v Instances,
    /// See [`RegionRun::blind`].
    pub blind: bool,
    /// See [`RegionRun::anew`].
    pub anew: bool,
}

impl View<'_> {
    /// What a target of this region should admit by these rows, and by what a look told of it.
    pub(super) fn desired(
        &self,
        run: &Run<'_>,
        own: &Own,
        rows: &Rows,
        blind: bool,
        base: &Base,
    ) -> Desired {
        let mut desired = desired(run.mesh(), self.member, rows, base);
        desired.unknown.extend(own.uncertain());
        if blind {
            desired.unknown.clone_from(&desired.members);
        }
        desired
    }

    /// What plans by these rows have to keep to.
    pub(super) fn policy(&self, run: &Run<'_>, own: &Own, rows: &Rows, blind: bool) -> Policy {
        let mut departed = own.departed(self.told);
        // Another group of the member, whose row is lost here, may have the address by now.
        let lost = |member: &MemberName| {
            run.mesh().row_keys().any(|key| key.member == *member && rows.row(&key).is_none())
        };
        departed.retain(|(member, _)| if blind { !self.anew } else { !lost(member) });
        Policy {
            mesh: run.mesh().name.clone(),
            guard: run.mesh().guard,
            rules_per_group: run.mesh().limits.rules_per_group,
            compact: run.mesh().limits.compact,
            departed,
            allow_removals: run.request.allow_removals,
        }
    }
}

impl Target {
    /// Whether trying again in this run makes no sense.
    pub(super) fn is_broken(&self) -> bool {
        self.error.is_some() || !self.violations.is_empty()
    }

    /// Plans from a look. What AWS has already said about single rules counts more than
    /// what reads show of them.
    pub(super) fn look(
        &mut self,
        desired: &Desired,
        actual: Vec<Rule>,
        policy: &Policy,
        consistent: bool,
    ) {
        self.plan = plan(desired, &actual, policy);
        self.violations = check(&self.plan, desired, &actual, policy).err().unwrap_or_default();
        self.wanted.clone_from(&desired.wanted);
        self.elsewhere.clone_from(&desired.elsewhere);
        self.actual = actual;
        self.consistent = consistent;
        let (room, refused): (Vec<_>, Vec<_>) =
            self.plan.add.drain(..).partition(|a| !self.refused.contains(&a.permission));
        self.plan.add = room;
        self.leave_out(refused, desired);
        self.plan.add.retain(|addition| !self.present.contains(&addition.permission));
        self.plan.revoke.retain(|removal| !self.gone.contains(&removal.rule.rule().id));
        self.plan.make_room.retain(|removal| !self.gone.contains(&removal.rule.rule().id));
    }

    /// Leaves out what only an earlier look at the mirror asks for.
    pub(super) fn admit_only(&mut self, own: &Own) {
        let ours = |member: &MemberName| own.seen().any(|seen| seen.row.member == *member);
        self.plan.add.retain(|addition| ours(&addition.origin.member));
    }
}
