//! Whether a region stands as a hook needs it to be answered (promise 3).

use std::collections::BTreeSet;

use super::Run;
use super::dealing::is_dealt;
use super::own::{Own, OwnGroup, Seen};
use super::region::{RegionRun, Target};
use crate::cidr::Cidr;
use crate::events::{Hook, Transition};
use crate::names::{InstanceId, MemberName, SecurityGroupId};
use crate::permission::{Permission, Rule};
use crate::planner::{NotWanted, Open};
use crate::ports::{CallError, Failure};
use crate::row::Instances;

/// How a region stands for one hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Every target is as the hook needs it.
    Confirmed,
    /// Not known to be, and nothing has gone wrong: look again.
    Unconfirmed,
    /// There is no room for the instance.
    NoRoom,
    /// Something went wrong.
    Failed(CallError),
    /// The planner and its check disagree: our bug.
    Refused,
}

impl RegionRun<'_> {
    /// Whether no hook of this run needs another look at this region.
    pub(super) fn confirms_all_hooks(&self, run: &Run<'_>, own: &Own) -> bool {
        run.request.hooks.iter().all(|hook| match own.of_hook(hook) {
            Some(OwnGroup::Seen(seen)) => {
                self.standing(run, hook, seen, &self.told) != Standing::Unconfirmed
            }
            _ => true,
        })
    }

    /// What is open for sure in some group of a spread.
    fn open(&self) -> Open {
        let mut open = Open::default();
        let dealt = self.targets.iter().filter(|(id, _)| is_dealt(self.member, id));
        dealt.for_each(|(_, target)| target.add_to(&mut open));
        open
    }

    /// How this region stands for a hook whose group was observed; `told` is what any
    /// region's mirror told of who left.
    pub(super) fn standing(
        &self,
        run: &Run<'_>,
        hook: &Hook,
        seen: &Seen,
        told: &Instances,
    ) -> Standing {
        let addresses = match hook.transition {
            Transition::Launch => {
                seen.row.instances.get(&hook.instance).cloned().unwrap_or_default()
            }
            Transition::Terminate => seen.left_behind(&hook.instance, told),
        };
        // A plan here knew of these only by what this region's mirror told.
        let known = seen.left_behind(&hook.instance, &self.told);
        let news = addresses.iter().filter(|cidr| self.home || !known.contains(cidr));
        let news: BTreeSet<Cidr> = news.copied().collect();
        let launch = hook.transition == Transition::Launch;
        let learns = run.mesh().learns(&self.member.name);
        // Of a spread any target will do.
        let everywhere = self.member.spread.then(|| self.open());
        let standings = self.targets.iter().map(|(group, target)| {
            let everywhere = everywhere.as_ref().filter(|_| is_dealt(self.member, group));
            let unknown = learns && target.base.learned.is_empty();
            // A region that lost a row was left before anything was learned of it.
            if launch && unknown && self.lost {
                return Standing::Unconfirmed;
            }
            if launch && unknown {
                return Standing::Failed(nothing_learned(group));
            }
            // Of who leaves, whatever may have been opened by an earlier look has to go.
            let base = if launch { &target.base } else { &target.ever };
            let between = run.mesh().between(&seen.row.member, &self.member.name, base);
            let permissions: BTreeSet<Permission> =
                addresses.iter().flat_map(|cidr| between.permissions(*cidr)).collect();
            let confirmed = match hook.transition {
                Transition::Launch => {
                    let here = target.open_for_sure();
                    let open = everywhere.unwrap_or(&here);
                    permissions.iter().all(|permission| open.admits(*permission))
                }
                Transition::Terminate => {
                    !target.freezes(&seen.row.member, &news)
                        && !target.still_wants(&permissions, &hook.instance)
                        && target.is_rid_of(&permissions, &addresses)
                        && (target.consistent || !unknown)
                }
            };
            target.standing(confirmed, &permissions)
        });
        standings.max_by_key(rank).unwrap_or(Standing::Confirmed)
    }
}

/// Why nobody can be admitted: whoever edits the group's rules may be between two steps.
fn nothing_learned(group: &SecurityGroupId) -> CallError {
    CallError {
        call: "ec2:DescribeSecurityGroupRules",
        kind: Failure::Unavailable,
        code: "NoSelfReference".to_owned(),
        message: format!("no rule of {group} references it, and the document takes the ports so"),
        request_id: None,
    }
}

/// The worst standing of several decides.
fn rank(standing: &Standing) -> u8 {
    match standing {
        Standing::Confirmed => 0,
        Standing::Unconfirmed => 1,
        Standing::Failed(error) if error.kind.may_pass() => 2,
        Standing::NoRoom => 3,
        Standing::Failed(_) => 4,
        Standing::Refused => 5,
    }
}

impl Target {
    fn standing(&self, confirmed: bool, permissions: &BTreeSet<Permission>) -> Standing {
        let concerns = |opened: Permission| permissions.iter().any(|p| opened.covers(*p));
        let left_out = self.plan.over_quota.iter().map(|addition| addition.permission);
        // Blocks that cannot be split for want of room.
        let stuck = self.plan.postponed.iter().filter(|_| self.plan.is_empty());
        let stuck = stuck.filter_map(|removal| removal.rule.rule().permission());
        let no_room = || left_out.chain(stuck).any(concerns);
        match &self.error {
            _ if confirmed => Standing::Confirmed,
            _ if !self.violations.is_empty() => Standing::Refused,
            Some(error) => Standing::Failed(error.clone()),
            None if no_room() => Standing::NoRoom,
            None => Standing::Unconfirmed,
        }
    }

    /// What this run added, or a look saw that also saw the row that wants it. A rule seen
    /// before the row was there proves nothing: a run with an older view may be about to
    /// revoke it.
    fn open_for_sure(&self) -> Open {
        let mut open = Open::default();
        self.add_to(&mut open);
        open
    }

    fn add_to(&self, open: &mut Open) {
        open.extend(self.added.iter().chain(&self.present));
        if self.consistent {
            open.extend(self.plan.keep.iter().chain(&self.plan.foreign_satisfied));
        }
    }

    /// Whether the mirror's row still has a leaving instance, and its rules stay for
    /// that: the mirror was told of it by a run that could not use the own mirror.
    fn still_wants(&self, permissions: &BTreeSet<Permission>, instance: &InstanceId) -> bool {
        let wanted = permissions.iter().filter_map(|permission| self.wanted.get(permission));
        wanted.into_iter().any(|origin| origin.instance == *instance)
    }

    /// Whether a rule of the member and of these addresses stays because not all is known.
    /// In its own region a leaving instance waits until it is, and elsewhere where the plan
    /// did not know of its address; else the finding says so.
    fn freezes(&self, member: &MemberName, addresses: &BTreeSet<Cidr>) -> bool {
        self.plan.frozen.iter().map(|removal| removal.rule.rule()).any(|rule| {
            rule.member().as_ref() == Some(member)
                && rule.permission().is_some_and(|p| addresses.contains(&p.cidr))
        })
    }

    /// Whether each permission was revoked by this run, or not there in a look that
    /// also saw the row that no longer wants it, and no other rule of these addresses
    /// is left that nothing wants.
    fn is_rid_of(&self, permissions: &BTreeSet<Permission>, addresses: &BTreeSet<Cidr>) -> bool {
        let done =
            |rule: &Rule| self.revoked.contains_key(&rule.id) || self.gone.contains(&rule.id);
        let revoked: BTreeSet<Permission> =
            self.revoked.values().filter_map(Rule::permission).collect();
        let opens = |rule: &Rule| {
            rule.permission().is_some_and(|p| addresses.iter().any(|cidr| p.cidr.contains(*cidr)))
        };
        let pending = |rule: &Rule| opens(rule) && !done(rule);
        // What waits for a person because the document does not name its member is nothing
        // that this run, or another one, will ever get rid of.
        let held = self.plan.held.iter().filter(|held| held.why != NotWanted::MemberRemoved);
        // A block cannot be closed while it may open somebody of whom no row tells.
        let block = |rule: &Rule| rule.permission().is_some_and(|p| !addresses.contains(&p.cidr));
        let frozen = self.plan.frozen.iter().filter(|frozen| block(frozen.rule.rule()));
        let left = self.plan.removals().chain(&self.plan.postponed).chain(held).chain(frozen);
        let stale = { left }.any(|removal| pending(removal.rule.rule()));
        let revoked = Open::of(&revoked);
        !stale && (self.consistent || permissions.iter().all(|p| revoked.admits(*p)))
    }
}

#[cfg(test)]
mod tests;
