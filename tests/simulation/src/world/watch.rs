//! The promises of design section 2, watched at every call as it takes effect. What a
//! run can know is kept in [`super::known`]; what is, is the world's.

use std::collections::{BTreeMap, BTreeSet};

use sync_core::cidr::Cidr;
use sync_core::names::{AsgName, InstanceId, MemberName, RuleId, SecurityGroupId};
use sync_core::permission::{MEMBER_TAG, Permission, Rule};
use sync_core::ports::Grant;
use sync_core::row::MemberRow;

use super::group::Change;
use super::known::View;
use super::runs::RunId;
use super::state::State;
use super::truth::opened_by;

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

    /// Promise 7: a run asks only for what it knows of.
    pub(super) fn watch_request(&mut self, run: RunId, place: &MemberName, grant: &Grant) {
        self.watch_attempt(run, place, grant);
        let member = member_of(grant);
        let unheard_of = |(permission, description): &&(Permission, String)| {
            let whose = description.rsplit(' ').next().unwrap_or_default();
            let told = self.told(run, &member, whose).into_iter();
            let told = told.map(|cidr| Permission { cidr, ..*permission }).collect();
            !opened_by(&told, *permission)
        };
        if let Some((permission, who)) = grant.permissions.iter().find(unheard_of) {
            self.broken(7, format!("{run:?} asks to open {permission} in {place} for {who}"));
        }
    }

    /// Promise 7: only what the document opens, only to who is or was in the cluster.
    /// `rows_read` is when the run had last read the mirror's rows as it asked.
    pub(super) fn watch_authorize(
        &mut self,
        run: RunId,
        place: &MemberName,
        grant: &Grant,
        rows_read: u64,
    ) {
        let member = member_of(grant);
        let ever = self.ever.iter().filter(|(of, _)| *of == member);
        let learned = self.runs[&run].ever(place, &grant.group);
        let there = (place, &grant.group);
        let asked =
            ever.flat_map(|(_, cidr)| self.opens(&member, there, &learned, *cidr)).collect();
        for (permission, who) in &grant.permissions {
            if !opened_by(&asked, *permission) {
                self.broken(7, format!("{run:?} opened {permission} in {place} for {who}"));
            }
            let change = (*permission, true);
            self.note_change((run, rows_read), place, &grant.group, change);
        }
    }

    /// The addresses that a run was shown of an instance, or of `several`.
    fn told(&self, run: RunId, member: &MemberName, whose: &str) -> BTreeSet<Cidr> {
        let known = &self.runs[&run];
        let rows = known.rows.values().flat_map(|(_, rows)| rows.values());
        let rows = rows.chain(known.wrote.values()).filter(|row| row.member == *member);
        let held = rows.flat_map(|row| &row.instances);
        let held = held.flat_map(|(id, cidrs)| cidrs.iter().map(move |cidr| (id, cidr)));
        let seen = known.saw.iter().chain(&known.remembered).map(|(id, cidr)| (id, cidr));
        let all = held.chain(seen).filter(|(id, _)| whose == "several" || id.as_str() == whose);
        all.map(|(_, cidr)| *cidr).collect()
    }

    /// Whether another rule opened an address, as the run saw or was told, until somebody
    /// closed that after it had `looked`: a person, or a run that knew newer rows (decision 31).
    fn closed_meanwhile(
        &self,
        run: RunId,
        place: &MemberName,
        group: &SecurityGroupId,
        (rule, cidr): (&Rule, Cidr),
        (looked, rows_read): (u64, u64),
    ) -> bool {
        let Some(permission) = rule.permission() else { return false };
        let view = &self.runs[&run].views.get(&(place.clone(), group.clone()));
        let knew = |p: &Permission| {
            view.is_some_and(|view| view.seen.contains(p) || view.there.contains(p))
        };
        let group = &self.places[place].groups[group];
        let people = group.meddled.iter().map(|(permission, at)| (permission, *at));
        let newer = group
            .changes
            .iter()
            .filter(|change| !change.added && change.run != run && change.rows_read > rows_read);
        let mut closed = people.chain(newer.map(|change| (&change.permission, change.tick)));
        closed.any(|(p, at)| {
            at >= looked
                && *p != permission
                && p.covers(Permission { cidr, ..permission })
                && knew(p)
        })
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
        // What people open or close while a run is at work it need not know.
        let learned = &self.runs[&run].always(place, group) & &self.learned(place, group);
        for rule in removed {
            if !rule.is_owned_by(&self.mesh.name) {
                self.broken(1, format!("{run:?} revoked {rule} of {place}"));
            }
            let Some(permission) = rule.permission() else { continue };
            for (member, id, cidr) in self.living_in(permission.cidr) {
                let held = Permission { cidr, ..permission };
                let wanted = self.opens(&member, (place, group), &learned, cidr).contains(&held);
                // Another rule may open it, too: a block, what is left of one, or that of
                // another group of the spread.
                if !wanted || self.opens_together(place, group, held) {
                    continue;
                }
                let who = format!("{run:?} revoked {rule} of {place}: {member} {id} lives");
                let mirror = &self.places[place].mirror;
                let held = (cidr, id.clone());
                let rows = mirror.wanted.iter().filter(|(key, _)| key.member == member);
                let since = rows.filter_map(|(_, wanted)| wanted.get(&held)).min();
                let since_then = (looked, rows_read);
                let closed = self.closed_meanwhile(run, place, group, (rule, cidr), since_then);
                let could = !closed && !self.saw_only_what_was(run, place);
                if could && since.is_some_and(|since| *since < looked) {
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

    /// Whether a run could not read its own rows, and EC2 told it of an earlier time.
    fn saw_only_what_was(&self, run: RunId, place: &MemberName) -> bool {
        let known = &self.runs[&run];
        known.blind.contains(place) && known.shown.get(place).is_some_and(|(_, whole)| !whole)
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
        let together = self.together(place, group).into_iter();
        let views = together.map(|id| known.views.get(&(place.clone(), id.clone())).zip(Some(id)));
        let Some(views) = views.collect::<Option<Vec<_>>>() else {
            return self.broken(2, format!("{run:?} revoked in {place} without a look"));
        };
        let mut missing = BTreeSet::new();
        let planned_by = known.views.get(&(place.clone(), group.clone()));
        let rows_at = planned_by.and_then(|view| view.rows_at).unwrap_or(u64::MAX);
        let learned = known.always(place, group);
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
            // What a look at another target of the region brought to light came after this plan.
            let key = row.key();
            let saw = known.wrote.contains_key(&key) || known.observed.contains_key(&key);
            let told = self.places[place].mirror.wanted.get(&key);
            let planned = |cidr: &Cidr, id: &InstanceId| {
                let since = told.and_then(|told| told.get(&(*cidr, id.clone())));
                saw || since.is_none_or(|since| *since <= rows_at)
            };
            let held = row.instances.iter();
            let held = held.flat_map(|(id, cidrs)| cidrs.iter().map(move |cidr| (cidr, id)));
            let held = held.filter(|(cidr, id)| planned(cidr, id)).map(|(cidr, _)| cidr);
            let there = (place, group);
            missing.extend(held.flat_map(|cidr| self.opens(&row.member, there, &learned, *cidr)));
        }
        let handled = |(view, _): &(&View, _), p: &Permission| {
            [&view.seen, &view.attempted, &view.there].iter().any(|set| opened_by(set, *p))
        };
        missing.retain(|p| !views.iter().any(|view| handled(view, p)));
        let full = |(view, id): &(&View, SecurityGroupId)| {
            // What was added since the look takes room, too.
            let more: BTreeSet<_> = missing.union(&view.attempted).collect();
            let ipv4 = more.iter().filter(|p| p.cidr.is_ipv4()).count();
            let fuller = (view.full.0 + ipv4).max(view.full.1 + more.len() - ipv4);
            let limit = self.mesh.limits.rules_per_group as usize;
            view.no_room || fuller > limit.min(self.places[place].groups[id].quota)
        };
        let excused = views.iter().all(full) || views.iter().any(|(view, _)| view.add_failed);
        if let Some(first) = missing.first().filter(|_| !excused) {
            let text = format!("{run:?} revoked {} of {place} before adding {first}", removed[0]);
            self.broken(4, text);
        }
    }

    /// The cluster's instances that hold an address of a block now, and which.
    fn living_in(&self, block: Cidr) -> Vec<(MemberName, InstanceId, Cidr)> {
        let holders = self.places.iter().flat_map(|(member, place)| {
            let held = place.members().into_iter();
            let held = held.flat_map(|(id, held)| held.into_iter().map(move |c| (id.clone(), c)));
            let held = held.filter(|(_, cidr)| block.contains(*cidr));
            held.map(|(id, cidr)| (member.clone(), id, cidr)).collect::<Vec<_>>()
        });
        holders.collect()
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

/// Whose addresses a grant admits.
fn member_of(grant: &Grant) -> MemberName {
    MemberName::new(grant.tags.get(MEMBER_TAG).map_or("", String::as_str))
}
