//! Whether a region stands as a hook needs it to be answered (promise 3).

use std::collections::BTreeSet;

use super::Run;
use super::own::{Own, OwnGroup, Seen};
use super::region::{RegionRun, Target};
use crate::cidr::Cidr;
use crate::events::{Hook, Transition};
use crate::names::{InstanceId, MemberName};
use crate::permission::{Permission, Rule};
use crate::planner::NotWanted;
use crate::ports::CallError;

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
            Some(OwnGroup::Seen(seen)) => self.standing(run, hook, seen) != Standing::Unconfirmed,
            _ => true,
        })
    }

    /// How this region stands for a hook whose group was observed.
    pub(super) fn standing(&self, run: &Run<'_>, hook: &Hook, seen: &Seen) -> Standing {
        let addresses = match hook.transition {
            Transition::Launch => {
                seen.row.instances.get(&hook.instance).cloned().unwrap_or_default()
            }
            Transition::Terminate => seen.left_behind(&hook.instance, &self.told),
        };
        let traffic = run.mesh().traffic(&seen.row.member, &self.member.name);
        let permissions: BTreeSet<Permission> = addresses
            .iter()
            .flat_map(|cidr| {
                let fitting = traffic.iter().filter(|traffic| traffic.fits(*cidr));
                fitting.map(|traffic| Permission { traffic: *traffic, cidr: *cidr })
            })
            .collect();
        let standings = self.targets.values().map(|target| {
            let confirmed = match hook.transition {
                Transition::Launch => target.admits(&permissions),
                Transition::Terminate => {
                    let unsure = self.home && target.freezes(&seen.row.member, &addresses);
                    !unsure
                        && !target.still_wants(&permissions, &hook.instance)
                        && target.is_rid_of(&permissions, &addresses)
                }
            };
            target.standing(confirmed, &permissions)
        });
        standings.max_by_key(rank).unwrap_or(Standing::Confirmed)
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
        let no_room = || self.plan.over_quota.iter().any(|a| permissions.contains(&a.permission));
        match &self.error {
            _ if confirmed => Standing::Confirmed,
            _ if !self.violations.is_empty() => Standing::Refused,
            Some(error) => Standing::Failed(error.clone()),
            None if no_room() => Standing::NoRoom,
            None => Standing::Unconfirmed,
        }
    }

    /// Whether each permission was added by this run, or seen by a look that also saw
    /// the row that wants it. A rule seen before the row was there proves nothing: a
    /// run with an older view may be about to revoke it.
    fn admits(&self, permissions: &BTreeSet<Permission>) -> bool {
        let there = |p| self.plan.keep.contains(p) || self.plan.foreign_satisfied.contains(p);
        permissions.iter().all(|p| {
            self.added.contains(p) || self.present.contains(p) || (self.consistent && there(p))
        })
    }

    /// Whether the mirror's row still has a leaving instance, and its rules stay for
    /// that: the mirror was told of it by a run that could not use the own mirror.
    fn still_wants(&self, permissions: &BTreeSet<Permission>, instance: &InstanceId) -> bool {
        let wanted = permissions.iter().filter_map(|permission| self.wanted.get(permission));
        wanted.into_iter().any(|origin| origin.instance == *instance)
    }

    /// Whether a rule of the member and of these addresses stays because not all is known.
    /// In its own region a leaving instance waits until it is; elsewhere the finding says so.
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
        let pending = |rule: &Rule| {
            rule.permission().is_some_and(|p| addresses.contains(&p.cidr)) && !done(rule)
        };
        // What waits for a person because the document does not name its member is nothing
        // that this run, or another one, will ever get rid of.
        let held = self.plan.held.iter().filter(|held| held.why != NotWanted::MemberRemoved);
        let stale = self.plan.removals().chain(held).any(|removal| pending(removal.rule.rule()));
        !stale && (self.consistent || permissions.iter().all(|p| revoked.contains(p)))
    }
}

#[cfg(test)]
mod tests;
