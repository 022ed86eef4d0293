//! The report of a run, from what became of its parts.

use std::collections::BTreeSet;

use super::Run;
use super::changes::changes;
use super::dealing::is_dealt;
use super::hooks::Answered;
use super::own::{Own, OwnGroup};
use super::region::{RegionRun, Target};
use crate::mesh::{Allowed, Mesh};
use crate::names::SecurityGroupId;
use crate::permission::{Permission, Rule, Source};
use crate::planner::{Addition, NotWanted, Open, Removal};
use crate::report::{
    Finding, FindingKind, GroupReport, MirrorReport, MirrorStatus, Report, RowStatus, TargetReport,
    TargetStatus, Trigger,
};
use crate::row::Stored;

/// Puts the report together.
pub(super) fn report(
    run: &Run<'_>,
    own: &Own,
    regions: &[RegionRun<'_>],
    hooks: Vec<Answered>,
) -> Report {
    let mut findings = BTreeSet::new();
    own_findings(own, &mut findings);
    for region in regions {
        region_findings(run, own, region, &mut findings);
    }
    let (hooks, hook_findings): (Vec<_>, Vec<_>) =
        hooks.into_iter().map(|answered| (answered.report, answered.finding)).unzip();
    findings.extend(hook_findings.into_iter().flatten());
    let home = run.engine.home.as_ref();
    Report {
        mesh: run.mesh().name.clone(),
        member: home.map_or_else(|| "all".to_owned(), ToString::to_string),
        trigger: run.request.trigger,
        dry_run: run.request.dry_run,
        run_id: run.request.run_id.clone(),
        duration_ms: u64::try_from(run.started.elapsed().as_millis()).unwrap_or(u64::MAX),
        groups: own.groups.iter().map(|(key, group)| group_report(key, group)).collect(),
        mirrors: regions.iter().filter(|region| !region.home).map(mirror_report).collect(),
        targets: regions
            .iter()
            .flat_map(|region| {
                let targets = region.targets.iter();
                targets.map(move |(id, target)| target_report(run, own, region, id, target))
            })
            .collect(),
        hooks,
        findings: findings.into_iter().collect(),
    }
}

fn group_report(key: &crate::mesh::RowKey, group: &OwnGroup) -> GroupReport {
    let (instances, version, row) = match group {
        OwnGroup::Seen(seen) => (seen.row.instances.len(), Some(seen.row.version), seen.status),
        OwnGroup::Missing | OwnGroup::Failed(_) => (0, None, RowStatus::Unknown),
    };
    GroupReport { member: key.member.clone(), asg: key.asg.clone(), instances, version, row }
}

fn mirror_report(region: &RegionRun<'_>) -> MirrorReport {
    let row = if region.unreachable.is_some() { MirrorStatus::Unreachable } else { region.mirror };
    MirrorReport { member: region.member.name.clone(), row }
}

fn target_report(
    run: &Run<'_>,
    own: &Own,
    region: &RegionRun<'_>,
    id: &SecurityGroupId,
    target: &Target,
) -> TargetReport {
    let additions = |list: &[Addition]| list.iter().map(|a| a.permission.to_string()).collect();
    let removals = |list: &[Removal]| list.iter().map(|r| r.rule.rule().to_string()).collect();
    let dry = run.request.dry_run;
    let to_revoke: Vec<Removal> = target.plan.removals().cloned().collect();
    let kept = target.plan.keep.iter().chain(&target.plan.foreign_satisfied);
    let error = region.unreachable.as_ref().or(target.error.as_ref()).map(ToString::to_string);
    TargetReport {
        member: region.member.name.clone(),
        region: region.member.region.clone(),
        security_group: id.clone(),
        status: target_status(region, target, dry),
        added: if dry {
            additions(&target.plan.add)
        } else {
            target.added.iter().map(ToString::to_string).collect()
        },
        revoked: if dry {
            removals(&to_revoke)
        } else {
            target.revoked.values().map(ToString::to_string).collect()
        },
        held: removals(&target.plan.held),
        over_quota: additions(&target.plan.over_quota),
        frozen: removals(&target.plan.frozen),
        kept: kept.filter(|p| !target.added.contains(p)).count(),
        foreign: target.plan.foreign.len(),
        quota_used_percent: region.unreachable.is_none().then(|| {
            let (used, limit) = fill(run.mesh(), region, id, target);
            (used as u64 * 100).div_ceil(limit.max(1) as u64)
        }),
        error,
        changes: changes(run, own, &region.told, target),
    }
}

fn target_status(region: &RegionRun<'_>, target: &Target, dry: bool) -> TargetStatus {
    let changed = !target.added.is_empty() || !target.revoked.is_empty();
    if region.unreachable.is_some() {
        return if changed { TargetStatus::Partial } else { TargetStatus::Unreachable };
    }
    if target.is_broken() {
        return if changed { TargetStatus::Partial } else { TargetStatus::Failed };
    }
    if !target.plan.over_quota.is_empty() {
        return TargetStatus::Partial;
    }
    if !target.plan.held.is_empty() {
        return TargetStatus::Held;
    }
    if changed || (dry && !target.plan.is_empty()) {
        TargetStatus::Changed
    } else {
        TargetStatus::InSync
    }
}

fn own_findings(own: &Own, findings: &mut BTreeSet<Finding>) {
    for (key, group) in &own.groups {
        let seen = match group {
            OwnGroup::Seen(seen) => seen,
            OwnGroup::Missing => {
                let detail = format!(
                    "Auto Scaling in {} shows no group of this name; nothing of it was removed",
                    key.member
                );
                findings.insert(Finding::new(FindingKind::GroupMissing, &key.asg, detail));
                continue;
            }
            OwnGroup::Failed(error) => {
                findings.insert(Finding::new(FindingKind::GroupUnobserved, &key.asg, error));
                continue;
            }
        };
        if let Some(error) = &seen.error {
            let detail =
                format!("its row could not be kept: {error}; nothing uncertain was removed");
            findings.insert(Finding::new(FindingKind::MirrorUnavailable, &key.asg, detail));
        }
        for id in seen.observation.without_address.keys() {
            let kinds = seen.observation.lacks(id).unwrap_or_default();
            let detail = format!("EC2 shows no {kinds} address of it ({})", key.asg);
            findings.insert(Finding::new(FindingKind::NoAddress, id, detail));
        }
        for id in &seen.observation.address_hidden {
            let detail =
                format!("EC2 shows no address of it; the last known ones stay ({})", key.asg);
            findings.insert(Finding::new(FindingKind::NoAddress, id, detail));
        }
        for (id, state) in &seen.observation.unheard {
            let detail = format!("Auto Scaling says {state:?}; it was left as it was");
            findings.insert(Finding::new(FindingKind::UnheardState, id, detail));
        }
    }
}

fn region_findings(
    run: &Run<'_>,
    own: &Own,
    region: &RegionRun<'_>,
    findings: &mut BTreeSet<Finding>,
) {
    let name = &region.member.name;
    if let Some(error) = &region.unreachable {
        let (kind, detail) = if region.home {
            (FindingKind::TargetFailed, error.to_string())
        } else {
            let through = region.member.role.as_ref();
            let through = through.map(|role| format!(" (as {})", role.arn)).unwrap_or_default();
            let detail = format!("{error}{through}; our next run heals it");
            (FindingKind::PeerUnreachable, detail)
        };
        findings.insert(Finding::new(kind, name, detail));
        return;
    }
    if region.lost {
        let detail = "its mirror lost a row while this run was at work; the next run observes anew";
        findings.insert(Finding::new(FindingKind::NotSettled, name, detail));
    } else if region.unsettled {
        let detail = "fresh looks kept asking for changes; the next run looks again";
        findings.insert(Finding::new(FindingKind::NotSettled, name, detail));
    }
    if region.blind && own.seen().all(|seen| seen.error.is_none()) {
        let detail = "its rows could not be read when its rules were: nothing uncertain was removed, \
                      and nobody admitted whom this run has not seen itself";
        findings.insert(Finding::new(FindingKind::MirrorUnavailable, name, detail));
    }
    row_findings(run, region, findings);
    for (id, target) in &region.targets {
        target_findings(run, region, id, target, findings);
        departures(run, own, region, id, target, findings);
    }
}

fn row_findings(run: &Run<'_>, region: &RegionRun<'_>, findings: &mut BTreeSet<Finding>) {
    let now = run.engine.clock.now();
    let rejected = |stored: &Stored| matches!(stored, Stored::Rejected { .. });
    for (key, stored) in &region.rows.stored {
        // A run that replaces its own row has to say what it found there (promise 7).
        let first = region.first.stored.get(key).filter(|first| rejected(first));
        let stored = first.unwrap_or(stored);
        if region.blind && !rejected(stored) {
            continue; // Not missing: not read.
        }
        let subject = format!("{}/{} in {}", key.member, key.asg, region.member.name);
        let (kind, detail) = match stored {
            Stored::Missing => (
                FindingKind::RowMissing,
                "no row yet; its rules are only added to until it has written one".to_owned(),
            ),
            Stored::Rejected { why, .. } => (
                FindingKind::RowRejected,
                format!("{why}; the row was left out, and opens and closes nothing"),
            ),
            Stored::Row(row) if row.document != run.mesh().hash => (
                FindingKind::DocumentMismatch,
                format!(
                    "written under another mesh document ({:?}, here {:?}): until both regions have \
                     the same, nothing of {} is removed here",
                    row.document,
                    run.mesh().hash,
                    key.member
                ),
            ),
            Stored::Row(row) => {
                let age = now.duration_since(row.observed_at);
                if age.is_negative() || age.unsigned_abs() <= run.mesh().limits.stale_after {
                    continue;
                }
                let minutes = age.as_secs() / 60;
                (FindingKind::PeerStale, format!("last observed {minutes} minutes ago"))
            }
        };
        findings.insert(Finding::new(kind, subject, detail));
    }
    for why in &region.rows.strays {
        findings.insert(Finding::new(FindingKind::RowRejected, &region.member.name, why));
    }
}

fn target_findings(
    run: &Run<'_>,
    region: &RegionRun<'_>,
    id: &SecurityGroupId,
    target: &Target,
    findings: &mut BTreeSet<Finding>,
) {
    let mut found = |kind, detail: String| findings.insert(Finding::new(kind, id, detail));
    if let Some(error) = &target.error {
        found(FindingKind::TargetFailed, error.to_string());
    }
    for violation in &target.violations {
        found(FindingKind::PlanRefused, violation.to_string());
    }
    let drifted = drifted(run, target);
    if !drifted.is_empty() {
        found(FindingKind::Drift, format!("was missing: {}", list(drifted)));
    }
    let (unnamed, held): (Vec<_>, Vec<_>) =
        target.plan.held.iter().partition(|held| held.why == NotWanted::MemberRemoved);
    let rules = |held: Vec<&Removal>| list(held.into_iter().map(|held| held.rule.rule()));
    if !held.is_empty() {
        let held = rules(held);
        let detail = format!("not removed until `sgsync apply --allow-removals`: {held}");
        found(FindingKind::HeldRemovals, detail);
    }
    if !unnamed.is_empty() {
        let unnamed = rules(unnamed);
        let detail = format!(
            "of members that the document here does not name: {unnamed}. Deploy the document that \
             names them, or, if they left for good, `sgsync apply --allow-removals`"
        );
        found(FindingKind::HeldRemovals, detail);
    }
    if !target.plan.over_quota.is_empty() {
        let left_out: Vec<_> = target
            .plan
            .over_quota
            .iter()
            .map(|a| format!("{} ({})", a.permission, a.origin.instance))
            .collect();
        found(FindingKind::OverQuota, format!("the group is full; left out: {}", list(left_out)));
    }
    target.tell_blocks(&mut found);
    let (used, limit) = fill(run.mesh(), region, id, target);
    if used * 5 > limit * 4 {
        found(FindingKind::QuotaNear, format!("{used} of {limit} rules are used"));
    }
    if run.mesh().learns(&region.member.name)
        && target.base.learned.is_empty()
        && !target.is_broken()
    {
        let detail = "no rule of it references the group itself, and the document takes the ports \
                      from such rules: by those nobody is let in, and nothing is removed";
        found(FindingKind::NoSelfReference, detail.to_owned());
    }
    for rule in foreign_in_managed_ports(run.mesh(), id, target) {
        found(
            FindingKind::ForeignRule,
            format!("{} opens {rule}, which is not the mesh's", rule.id),
        );
    }
}

/// What a true-up found missing and added (in a dry run: would add). Other runs may
/// only have looked while yet another was at work.
fn drifted<'t>(run: &Run<'_>, target: &'t Target) -> Vec<&'t Permission> {
    let trigger = run.request.trigger;
    if !matches!(trigger, Trigger::Schedule | Trigger::TrueUp | Trigger::Operator) {
        return Vec::new();
    }
    let to_add = |p: &Permission| target.plan.add.iter().any(|a| a.permission.covers(*p));
    let opened = Open::of(&target.added);
    let added = |p: &&Permission| opened.admits(**p) || (run.request.dry_run && to_add(p));
    target.drifted.iter().filter(added).collect()
}

/// Rules of the fuller address family after the plan, and how many there may be: in a target,
/// or in all targets of a spread together.
fn fill(
    mesh: &Mesh,
    region: &RegionRun<'_>,
    id: &SecurityGroupId,
    target: &Target,
) -> (usize, usize) {
    let limit = mesh.limits.rules_per_group as usize;
    if is_dealt(region.member, id) {
        let dealt = region.targets.iter().filter(|(id, _)| is_dealt(region.member, id));
        let used: Vec<_> = dealt.map(|(_, target)| used_rules(target)).collect();
        return (used.iter().sum(), limit * used.len());
    }
    let room = target.base.list.map(|list| list.max_entries as usize);
    (used_rules(target), room.unwrap_or(limit))
}

/// Rules of the fuller address family after the plan.
fn used_rules(target: &Target) -> usize {
    let gone: BTreeSet<_> = target.plan.removals().map(|r| &r.rule.rule().id).collect();
    let left = target.actual.iter().filter(|rule| !gone.contains(&rule.id)).map(Rule::counts);
    let added = target.plan.add.iter().map(|a| a.permission.cidr.is_ipv4()).map(|v4| (v4, !v4));
    let (mut ipv4, mut ipv6) = (0_usize, 0_usize);
    for (v4, v6) in left.chain(added) {
        ipv4 += usize::from(v4);
        ipv6 += usize::from(v6);
    }
    ipv4.max(ipv6)
}

/// Others' rules that open what the mesh manages. Those on other ports are nobody's
/// business but theirs; the report counts them.
fn foreign_in_managed_ports<'t>(
    mesh: &'t Mesh,
    id: &'t SecurityGroupId,
    target: &'t Target,
) -> impl Iterator<Item = &'t Rule> {
    let learns = |traffic| target.base.learned.iter().any(|learned| learned.overlaps(traffic));
    let managed = move |rule: &&Rule| {
        // What ports are learned from is where it should be.
        let base = matches!(&rule.source, Source::Group(group) if group == id.as_str());
        mesh.allow.iter().any(|allow| match allow.traffic {
            Allowed::These(these) => these.overlaps(rule.traffic),
            Allowed::SelfReference => !base && learns(rule.traffic),
        })
    };
    target.plan.foreign.iter().filter(managed)
}

/// Addresses that left with this run and whose rules no look has shown. Reads lag
/// behind writes: such a rule may still turn up, and the next run would revoke it.
fn departures(
    run: &Run<'_>,
    own: &Own,
    region: &RegionRun<'_>,
    id: &SecurityGroupId,
    target: &Target,
    findings: &mut BTreeSet<Finding>,
) {
    if run.request.dry_run || target.is_broken() {
        return;
    }
    // Of a spread each target has some of them.
    let together = region.targets.values().filter(|_| region.member.spread);
    let revoked = together.chain([target]).flat_map(|target| target.revoked.values());
    let revoked: BTreeSet<_> = revoked.filter_map(Rule::permission).collect();
    for seen in own.seen().filter(|seen| seen.changed) {
        let (of, to) = (&seen.row.member, &region.member.name);
        let between = run.mesh().between(of, to, &target.base);
        for instance in seen.observation.departed.keys() {
            let left = seen.left_behind(instance, &region.told);
            let unseen = left
                .iter()
                .filter(|cidr| between.permissions(**cidr).next().is_some())
                .filter(|cidr| !revoked.iter().any(|permission| permission.cidr.contains(**cidr)));
            let unseen: Vec<_> = unseen.collect();
            if !unseen.is_empty() {
                let detail =
                    format!("{instance} left, and no rule of it was seen: {}", list(unseen));
                findings.insert(Finding::new(FindingKind::DepartedUnseen, id, detail));
            }
        }
    }
}

pub(super) fn list<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}
