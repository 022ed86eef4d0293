//! The promises of design section 2, watched at every call as it takes effect. What a
//! run can know is kept in [`super::known`]; what is, is the world's.

use std::collections::{BTreeMap, BTreeSet};

use sync_core::cidr::Cidr;
use sync_core::names::{AsgName, InstanceId, MemberName, RuleId, SecurityGroupId};
use sync_core::permission::{MEMBER_TAG, Permission, Rule};
use sync_core::ports::Grant;
use sync_core::row::MemberRow;

use super::group::Change;
use super::runs::RunId;
use super::state::State;

impl State {
    /// Promise 1, of the world as it is after any call.
    pub(super) fn watch_world(&mut self) {
        let touched = self.places.iter().find_map(|(place, here)| {
            let rule = here.groups.values().find_map(|group| group.touched())?;
            Some(format!("{place}: {rule} is not as people wrote it"))
        });
        if let Some(touched) = touched {
            self.broken(1, touched);
        }
    }

    /// Promise 5: only a member's own functions write its rows, and rows never go
    /// backwards, neither in version nor in observation.
    pub(super) fn watch_put(&mut self, run: RunId, place: &MemberName, row: &MemberRow) {
        let (key, tick) = (row.key(), self.tick);
        let home = self.runs[&run].home.clone();
        if home.is_some_and(|home| home != row.member) {
            self.broken(5, format!("{run:?} wrote {}'s row", row.member));
        }
        let mirror = &self.places[place].mirror;
        let newest = mirror.newest.get(&key).map(|(row, written)| (row.clone(), *written));
        // Over a row that was lost anything goes: the member's next run puts it right.
        let fresh = mirror.lost.contains_key(&key);
        // The same again may replace a row that somebody has spoilt, or that is lost.
        let goes_back = |old: &MemberRow| {
            old.version > row.version
                || (old.version == row.version && old.instances != row.instances)
        };
        if let Some((old, _)) = newest.as_ref().filter(|(old, _)| !fresh && goes_back(old)) {
            let (old, new) = (old.version, row.version);
            self.broken(5, format!("{run:?} put {new} over {old} in {place}"));
        }
        if row.member == *place {
            let observed = self.runs[&run].listed.get(place).map(|(at, _)| *at);
            if let (Some((_, written)), Some(observed)) = (&newest, observed)
                && observed < *written
            {
                self.broken(5, format!("{run:?} put an older observation over a newer one"));
            }
            self.watch_observation(run, place, row);
            self.run(run).wrote.insert(key.clone(), row.clone());
        }
        let read = self.runs[&run].rows.get(place).and_then(|(_, rows)| rows.get(&key));
        if read.is_none_or(|read| read.instances != row.instances) {
            self.run(run).told.insert(place.clone(), tick);
        }
        let mirror = &mut self.place(place).mirror;
        mirror.newest.insert(key.clone(), (row.clone(), tick));
        mirror.lost.remove(&key);
        let before = mirror.wanted.remove(&key).unwrap_or_default();
        let wanted = row
            .instances
            .iter()
            .flat_map(|(id, cidrs)| cidrs.iter().map(|cidr| (*cidr, id.clone())));
        let wanted: BTreeMap<(Cidr, InstanceId), u64> =
            wanted.map(|held| (held.clone(), before.get(&held).copied().unwrap_or(tick))).collect();
        let gone = before.keys().filter(|held| !wanted.contains_key(held));
        mirror.unwanted.extend(gone.map(|(cidr, _)| ((row.member.clone(), *cidr), tick)));
        mirror.wanted.insert(key, wanted);
    }

    /// Promise 2: who was there when Auto Scaling was asked and when EC2 was is in the row,
    /// as far as EC2's answer was not from an earlier time.
    fn watch_observation(&mut self, run: RunId, place: &MemberName, row: &MemberRow) {
        let known = &self.runs[&run];
        let (Some((_, listed)), Some((shown, true))) =
            (known.listed.get(place), known.shown.get(place))
        else {
            return;
        };
        let lacks = |(asg, id, cidr): &&(AsgName, InstanceId, Cidr)| {
            *asg == row.asg && !row.instances.get(id).is_some_and(|held| held.contains(cidr))
        };
        if let Some((_, id, cidr)) = listed.intersection(shown).find(lacks) {
            let text = format!("{run:?} wrote a row without {id} {cidr}, which was there");
            self.broken(2, text);
        }
    }

    /// Promise 7: only what the document opens, only to who is or was in the cluster,
    /// and only what the run knows of. `rows_read` is when it had last read the mirror's
    /// rows as it asked.
    pub(super) fn watch_authorize(
        &mut self,
        run: RunId,
        place: &MemberName,
        grant: &Grant,
        rows_read: u64,
    ) {
        let member = MemberName::new(grant.tags.get(MEMBER_TAG).map_or("", String::as_str));
        let traffic = self.mesh.traffic(&member, place);
        for (permission, description) in &grant.permissions {
            let asked = traffic.contains(&permission.traffic)
                && permission.cidr.is_host_route()
                && self.ever.contains(&(member.clone(), permission.cidr));
            let id = InstanceId::new(description.rsplit(' ').next().unwrap_or_default());
            let held = (id.clone(), permission.cidr);
            let known = &self.runs[&run];
            let said = known.rows.values().flat_map(|(_, rows)| rows.values());
            let said = said.chain(known.wrote.values()).any(|row| {
                let held = row.instances.get(&id);
                row.member == member && held.is_some_and(|held| held.contains(&permission.cidr))
            });
            if !asked || !(said || known.saw.contains(&held) || known.remembered.contains(&held)) {
                self.broken(7, format!("{run:?} opened {permission} in {place} for {member} {id}"));
            }
            let change = (*permission, true);
            self.note_change((run, rows_read), place, &grant.group, change);
        }
    }

    /// Promises 1 and 2: nobody else's rule, and no living instance's that the run could
    /// see when it `looked` at the target. `rows_read` is when it had last read the
    /// mirror's rows as it asked; by now it may know more.
    pub(super) fn watch_revoke(
        &mut self,
        run: RunId,
        place: &MemberName,
        group: &SecurityGroupId,
        (removed, (looked, rows_read)): (&[Rule], (u64, u64)),
    ) {
        for rule in removed {
            if !rule.is_owned_by(&self.mesh.name) {
                self.broken(1, format!("{run:?} revoked {rule} of {place}"));
            }
            let Some(permission) = rule.permission() else { continue };
            for (member, id) in self.alive(&permission.cidr) {
                if !self.mesh.traffic(&member, place).contains(&permission.traffic) {
                    continue;
                }
                let who = format!("{run:?} revoked {rule} of {place}: {member} {id} lives");
                let mirror = &self.places[place].mirror;
                let held = (permission.cidr, id.clone());
                let rows = mirror.wanted.iter().filter(|(key, _)| key.member == member);
                let since = rows.filter_map(|(_, wanted)| wanted.get(&held)).min();
                if since.is_some_and(|since| *since < looked) {
                    self.broken(2, format!("{who}, and its row said so before the run looked"));
                }
                let lost = self.places[place].mirror.lost.iter();
                let mut lost = lost.filter(|(key, _)| key.member == member);
                if lost.any(|(_, since)| *since < looked) && rule.member() == Some(member) {
                    self.broken(2, format!("{who}, and its row was missing"));
                }
            }
            self.note_change((run, rows_read), place, group, (permission, false));
        }
    }

    /// Promise 4: whatever the run knows to be wanted is there, or was asked for, before it
    /// asks that anything goes, unless the group is full or adding failed.
    pub(super) fn watch_order(
        &mut self,
        run: RunId,
        place: &MemberName,
        group: &SecurityGroupId,
        removed: &[RuleId],
    ) {
        let known = &self.runs[&run];
        let Some(view) = known.views.get(&(place.clone(), group.clone())) else {
            return self.broken(2, format!("{run:?} revoked in {place} without a look"));
        };
        let mut missing = BTreeSet::new();
        for row in known.knows(place).into_values() {
            // Where the own row could not be kept, what this run saw counts, not the row.
            let ours = known.home.as_ref().is_none_or(|home| *home == row.member);
            if ours && known.may_have_lost(&row.member) {
                continue;
            }
            // What others' rows said before the mirror went away may be over.
            if !ours && known.blind.contains(place) {
                continue;
            }
            let traffic = self.mesh.traffic(&row.member, place);
            let held = row.instances.values().flatten();
            missing.extend(held.flat_map(|cidr| {
                let fitting = traffic.iter().filter(|traffic| traffic.fits(*cidr));
                fitting.map(|traffic| Permission { traffic: *traffic, cidr: *cidr })
            }));
        }
        let handled = [&view.seen, &view.attempted, &view.there];
        missing.retain(|p| !handled.iter().any(|set| set.contains(p)));
        let ipv4 = missing.iter().filter(|p| p.cidr.is_ipv4()).count();
        let fuller = (view.full.0 + ipv4).max(view.full.1 + missing.len() - ipv4);
        let limit = self.mesh.limits.rules_per_group as usize;
        let full = fuller > limit.min(self.places[place].groups[group].quota);
        if let Some(first) = missing.first().filter(|_| !full && !view.add_failed) {
            let text = format!("{run:?} revoked {} of {place} before adding {first}", removed[0]);
            self.broken(4, text);
        }
    }

    /// The cluster's instances that hold an address now.
    pub(super) fn alive(&self, cidr: &Cidr) -> BTreeSet<(MemberName, InstanceId)> {
        let holders = self.places.iter().flat_map(|(member, place)| {
            let members = place.members().into_iter();
            let holders = members.filter(|(_, held)| held.contains(cidr));
            holders.map(|(id, _)| (member.clone(), id)).collect::<Vec<_>>()
        });
        holders.collect()
    }

    fn note_change(
        &mut self,
        (run, rows_read): (RunId, u64),
        place: &MemberName,
        group: &SecurityGroupId,
        (permission, added): (Permission, bool),
    ) {
        let tick = self.tick;
        if let Some(group) = self.place(place).groups.get_mut(group) {
            group.changes.push(Change { tick, run, rows_read, permission, added });
        }
    }
}
