//! The promises of design section 2, watched at every write as it takes effect.

use std::collections::BTreeSet;

use sync_core::cidr::Cidr;
use sync_core::events::{Hook, Transition};
use sync_core::mesh::OnLaunchFailure;
use sync_core::names::{InstanceId, MemberName, SecurityGroupId};
use sync_core::permission::{MEMBER_TAG, Permission, Rule};
use sync_core::ports::{Grant, HookAnswer, Item};
use sync_core::row::{MemberRow, Rows};
use tokio::time::Instant;

use super::door::Door;
use super::faults::Fault;
use super::group::{Change, Group};
use super::runs::{RunId, Whose};
use super::state::State;

impl State {
    /// What a run reads of rows is what it can know of others.
    pub(super) fn watch_rows(&mut self, run: RunId, place: &MemberName, items: &[Item]) {
        let rows = Rows::read(items, &self.mesh);
        let known = rows.stored.values().filter_map(|stored| stored.row()).flat_map(whose);
        let known = known.collect();
        self.run(run).knows.insert(place.clone(), known);
    }

    /// Only a member's own functions write its rows, and versions only grow.
    pub(super) fn watch_put(&mut self, run: RunId, before: Option<&Item>, row: &MemberRow) {
        let home = self.runs[&run].home.clone();
        if home.is_some_and(|home| home != row.member) {
            self.broken(5, format!("{run:?} wrote {}'s row", row.member));
        }
        let old = before.and_then(|item| MemberRow::from_item(item, &self.mesh).ok());
        if let Some(old) = old.filter(|old| old.version >= row.version) {
            self.broken(5, format!("{run:?} put {} over {}", row.version, old.version));
        }
        let written = whose(row).collect();
        self.run(run).wrote.insert(row.key(), written);
    }

    /// Promise 7: only what the document opens, only to who is or was in the cluster.
    pub(super) fn watch_authorize(&mut self, run: RunId, place: &MemberName, grant: &Grant) {
        let member = MemberName::new(grant.tags.get(MEMBER_TAG).map_or("", String::as_str));
        let traffic = self.mesh.traffic(&member, place);
        for (permission, _) in &grant.permissions {
            let asked = traffic.contains(&permission.traffic)
                && self.ever.contains(&(member.clone(), permission.cidr));
            if !asked {
                self.broken(7, format!("{run:?} opened {permission} in {place} for {member}"));
            }
            self.note_change(run, place, &grant.group, *permission, true);
        }
    }

    /// Promises 1 and 2: nobody else's rule, and no living instance's that the run could see.
    pub(super) fn watch_revoke(
        &mut self,
        run: RunId,
        place: &MemberName,
        group: &SecurityGroupId,
        removed: &[Rule],
    ) {
        for rule in removed {
            if !rule.is_owned_by(&self.mesh.name) {
                self.broken(1, format!("{run:?} revoked {rule} of {place}"));
            }
            let Some(permission) = rule.permission() else { continue };
            for (member, instance) in self.alive(&permission.cidr) {
                let wanted = self.mesh.traffic(&member, place).contains(&permission.traffic);
                let whose = (member, instance, permission.cidr);
                if wanted && self.runs[&run].knew(place, &whose) {
                    self.broken(2, format!("{run:?} revoked {rule} of {place}: {whose:?} lives"));
                }
            }
            self.note_change(run, place, group, permission, false);
        }
    }

    /// Promise 3: admitted, or revoked, in every target that can be reached.
    pub(super) fn watch_completion(
        &mut self,
        run: RunId,
        home: &MemberName,
        hook: &Hook,
        answer: HookAnswer,
    ) {
        if answer == HookAnswer::Abandon {
            return;
        }
        let member = self.places[home].members().contains_key(&hook.instance);
        let launch = hook.transition == Transition::Launch;
        if launch != member {
            return; // A root volume is replaced, or a launch has been given up.
        }
        let addresses = self.places[home].addresses(&hook.instance);
        for (place, here) in &self.places {
            for (id, group) in &here.groups {
                if self.excused(run, home, place, launch) {
                    continue;
                }
                let began = Door::began(self, run);
                let wrong = addresses.iter().flat_map(|cidr| {
                    let traffic = self.mesh.traffic(home, place);
                    traffic.into_iter().map(|traffic| Permission { traffic, cidr: *cidr })
                });
                let wrong = wrong
                    .filter(|p| group.has(p) != launch)
                    .filter(|p| launch || self.has_owned(group, p))
                    .filter(|p| launch || self.alive(&p.cidr).is_empty())
                    .filter(|p| {
                        launch || !self.runs[&run].knew_other(place, &p.cidr, &hook.instance)
                    })
                    .find(|p| !group.undone_by_another(run, began, p));
                if let Some(permission) = wrong {
                    let what = if launch { "lacks" } else { "has" };
                    let hook = format!("{run:?} completed {hook:?}");
                    self.violations
                        .push(format!("promise 3: {hook}: {place} {id} {what} {permission}"));
                    return;
                }
            }
        }
    }

    /// Whether a region may be otherwise: a peer that failed; at home, where the
    /// document lets a launch go on, or a termination cannot be helped.
    fn excused(&self, run: RunId, home: &MemberName, place: &MemberName, launch: bool) -> bool {
        let faulted = &self.runs[&run].faulted;
        if place != home && faulted.contains_key(place) {
            return true;
        }
        if launch {
            return self.mesh.on_launch_failure == OnLaunchFailure::Continue;
        }
        faulted.get(home).into_iter().flatten().any(|fault| match fault {
            Fault::Before(failure) | Fault::After(failure) => !failure.may_pass(),
            Fault::Lag(_) => place == home,
            _ => false,
        })
    }

    fn has_owned(&self, group: &Group, permission: &Permission) -> bool {
        let mut owned = group.rules().filter(|rule| rule.is_owned_by(&self.mesh.name));
        owned.any(|rule| rule.permission().as_ref() == Some(permission))
    }

    /// The cluster's instances that hold an address now.
    fn alive(&self, cidr: &Cidr) -> BTreeSet<(MemberName, InstanceId)> {
        let holders = self.places.iter().flat_map(|(member, place)| {
            let members = place.members().into_iter();
            let holders = members.filter(|(_, held)| held.contains(cidr));
            holders.map(|(id, _)| (member.clone(), id)).collect::<Vec<_>>()
        });
        holders.collect()
    }

    fn note_change(
        &mut self,
        run: RunId,
        place: &MemberName,
        group: &SecurityGroupId,
        permission: Permission,
        added: bool,
    ) {
        let at = Instant::now();
        if let Some(group) = self.place(place).groups.get_mut(group) {
            group.changes.push(Change { at, run, permission, added });
        }
    }
}

impl Group {
    /// Whether the permission is as it is because another run changed it since `began`:
    /// a run with an older view, which looks again and puts it right (design section 5).
    fn undone_by_another(&self, run: RunId, began: Instant, permission: &Permission) -> bool {
        let last = self.changes.iter().rfind(|change| change.permission == *permission);
        last.is_some_and(|change| change.run != run && change.at >= began)
    }
}

fn whose(row: &MemberRow) -> impl Iterator<Item = Whose> + '_ {
    row.instances
        .iter()
        .flat_map(|(id, cidrs)| cidrs.iter().map(|cidr| (row.member.clone(), id.clone(), *cidr)))
}
