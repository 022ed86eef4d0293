//! One target region in one run: what was seen, what was done, what is still to do.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future::join_all;

use super::Run;
use super::look::{Look, look};
use super::own::{Own, Seen};
use crate::mesh::Member;
use crate::names::{RuleId, SecurityGroupId};
use crate::permission::{Permission, Rule};
use crate::planner::{Desired, Plan, Policy, Violation, check, desired, plan};
use crate::ports::{CallError, Called, Condition, Put};
use crate::report::{MirrorStatus, RowStatus};
use crate::row::{MemberRow, Rows, Stored};

/// One target region.
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
    /// The rules the last plan was made from.
    pub actual: Vec<Rule>,
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
            targets: member
                .security_groups
                .iter()
                .map(|group| (group.clone(), Target::default()))
                .collect(),
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
        let settled = tokio::time::timeout(patience.min(until), self.settle(run, own, look)).await;
        match settled {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.fail(&error),
            Err(_) => self.fail(&super::look::no_answer(self.member)),
        }
    }

    async fn settle(&mut self, run: &Run<'a>, own: &Own, look: &Look) -> Called<()> {
        let rules = look.rules.clone()?;
        match (&look.rows, self.home) {
            (Ok(rows), _) => self.rows = rows.clone(),
            // The own mirror may be away: what this run saw is admitted all the same.
            (Err(_), true) => self.rows = Rows::read(&[], run.mesh()),
            (Err(error), false) => return Err(error.clone()),
        }
        let stored = self.rows.clone();
        self.tell(run, own).await?;
        let consistent = own.seen().all(|seen| reflects(&stored, seen));
        self.look_again |= !consistent;
        lay_over(&mut self.rows, own);
        self.note_drift(run, own, &stored, &rules);
        self.plan_and_apply(run, own, rules, consistent).await;
        if !run.request.dry_run && !self.confirms_all_hooks(run, own) {
            self.look_until_settled(run, own).await?;
        }
        Ok(())
    }

    /// Puts the own rows into this mirror, where it does not have them. Row before
    /// rule: if one cannot be written, the region is unreachable for this run.
    async fn tell(&mut self, run: &Run<'a>, own: &Own) -> Called<()> {
        let Some(writers) = run.writers(self.member) else { return Ok(()) };
        let news = own.seen().filter(|seen| {
            let told = self.rows.row(&seen.row.key()).map(|row| row.version);
            seen.row.member != self.member.name && told != Some(seen.row.version)
        });
        let puts = join_all(news.map(|seen| {
            let condition = match self.rows.stored.get(&seen.row.key()) {
                Some(Stored::Rejected { version: Some(raw), .. }) => {
                    Condition::Replace(raw.clone())
                }
                _ => Condition::Newer,
            };
            async move { writers.mirror.put(&seen.row, condition).await }
        }))
        .await;
        for put in puts {
            self.mirror = self.mirror.max(match put? {
                Put::Written => MirrorStatus::Written,
                Put::Rejected => MirrorStatus::Newer,
            });
        }
        if self.mirror == MirrorStatus::Newer {
            let keys: Vec<_> = run.mesh().row_keys().collect();
            let items = run.readers(self.member).mirror.rows(&keys).await?;
            self.rows = Rows::read(&items, run.mesh());
        }
        Ok(())
    }

    /// Owned permissions that both this mirror and this run want, and that are not
    /// there: somebody removed them, or an earlier run did not get to add them.
    fn note_drift(
        &mut self,
        run: &Run<'a>,
        own: &Own,
        stored: &Rows,
        rules: &BTreeMap<SecurityGroupId, Vec<Rule>>,
    ) {
        let before = self.desired(run, own, stored);
        let now = self.desired(run, own, &self.rows);
        for (group, target) in &mut self.targets {
            let there: BTreeSet<_> =
                rules.get(group).into_iter().flatten().filter_map(Rule::permission).collect();
            let wanted = before.wanted.keys().filter(|p| now.wanted.contains_key(p));
            target.drifted = wanted.filter(|p| !there.contains(p)).copied().collect();
        }
    }

    pub(super) fn desired(&self, run: &Run<'a>, own: &Own, rows: &Rows) -> Desired {
        let mut desired = desired(run.mesh(), self.member, rows);
        desired.unknown.extend(own.uncertain());
        desired
    }

    /// Plans every target and applies the plans, side by side.
    pub(super) async fn plan_and_apply(
        &mut self,
        run: &Run<'a>,
        own: &Own,
        mut rules: BTreeMap<SecurityGroupId, Vec<Rule>>,
        consistent: bool,
    ) {
        let wanted = self.desired(run, own, &self.rows);
        let policy = policy(run, own);
        let mut targets = std::mem::take(&mut self.targets);
        let this = &*self;
        let changed = join_all(targets.iter_mut().map(|(group, target)| {
            let actual = rules.remove(group).unwrap_or_default();
            target.look(&wanted, actual, &policy, consistent);
            async move { target.apply(run, own, this, group).await }
        }))
        .await;
        self.targets = targets;
        self.look_again |= changed.contains(&true);
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
        self.actual = actual;
        self.consistent = consistent;
        let (room, rest): (Vec<_>, Vec<_>) =
            self.plan.add.drain(..).partition(|a| !self.refused.contains(&a.permission));
        self.plan.add = room;
        self.plan.over_quota.extend(rest);
        self.plan.add.retain(|addition| !self.present.contains(&addition.permission));
        self.plan.revoke.retain(|removal| !self.gone.contains(&removal.rule.rule().id));
        self.plan.make_room.retain(|removal| !self.gone.contains(&removal.rule.rule().id));
    }
}

/// Lays the own rows over those of a mirror, unless a newer one is there.
pub(super) fn lay_over(rows: &mut Rows, own: &Own) {
    for seen in own.seen() {
        let newer = |row: &MemberRow| row.version > seen.row.version;
        if !rows.row(&seen.row.key()).is_some_and(newer) {
            rows.overlay(seen.row.clone());
        }
    }
}

/// Whether a mirror's rows already said what an own row says now.
pub(super) fn reflects(rows: &Rows, seen: &Seen) -> bool {
    rows.row(&seen.row.key())
        .is_some_and(|row| row.version >= seen.row.version || row.instances == seen.row.instances)
}

/// What plans have to keep to in this run.
pub(super) fn policy(run: &Run<'_>, own: &Own) -> Policy {
    Policy {
        mesh: run.mesh().name.clone(),
        guard: run.mesh().guard,
        rules_per_group: run.mesh().limits.rules_per_group,
        departed: own.departed(),
        allow_removals: run.request.allow_removals,
    }
}
