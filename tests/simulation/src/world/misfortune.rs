//! What strangers and people do to addresses and rules, and what fails.

use std::collections::BTreeMap;
use std::time::Duration;

use sync_core::cidr::Cidr;
use sync_core::ingress::PrefixList;
use sync_core::mesh::{Allowed, RowKey};
use sync_core::names::{MemberName, RuleId, SecurityGroupId};
use sync_core::permission::{Permission, Protocol, Rule, Source, Traffic};
use tokio::time::Instant;

use super::door::call;
use super::faults::{Fault, FaultRule};
use super::state::State;

/// A rule that lets a group's instances reach each other.
pub(super) fn base(group: &SecurityGroupId, traffic: Traffic) -> Rule {
    Rule {
        id: RuleId::new(format!("sgr-base-{group}-{traffic}")),
        traffic,
        source: Source::Group(group.to_string()),
        description: None,
        tags: BTreeMap::new(),
    }
}

/// What an outage strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Every call of runs of other regions: the region is cut off.
    Far,
    /// Every call to the region's mirror.
    Mirror,
    /// Every change of the region's targets.
    Rules,
    /// Everything in the region.
    All,
}

impl State {
    /// Somebody outside the cluster takes a public address.
    pub fn stranger_comes(&mut self) -> bool {
        let taken = self.free.pop_front();
        self.strangers.extend(taken);
        taken.is_some()
    }

    /// Somebody outside the cluster gives a public address back.
    pub fn stranger_goes(&mut self) -> bool {
        let given = self.strangers.pop_front();
        self.free.extend(given);
        given.is_some()
    }

    /// A person opens what the mesh manages to an address, by a rule of their own. EC2
    /// refuses it where the permission is there already.
    pub fn person_adds(&mut self, member: &MemberName, pick: usize) -> bool {
        let mut addresses: Vec<_> = self.free.iter().chain(&self.strangers).copied().collect();
        addresses.extend(
            self.places.values().flat_map(|place| {
                place.instances.values().flat_map(|view| view.public_ipv4.clone())
            }),
        );
        let Some(address) = addresses.get(pick % addresses.len().max(1)) else { return false };
        let Some(target) = self.target(member, pick) else { return false };
        let list = self.places[member].groups[&target].list;
        if list.is_some_and(|list| list.ipv4 != address.is_ipv4()) {
            return false;
        }
        let managed = match self.mesh.allow[pick % self.mesh.allow.len()].traffic {
            _ if list.is_some() => Traffic::EVERYTHING,
            Allowed::These(these) => these,
            Allowed::SelfReference => return false,
        };
        let permission = Permission { traffic: managed, cidr: Cidr::host(*address) };
        let (number, tick) = (self.number(), self.tick);
        let group = self.place(member).groups.get_mut(&target).expect("the target is there");
        if group.has(&permission) || group.theirs.len() > 3 {
            return false;
        }
        group.insert(Rule {
            id: RuleId::new(format!("sgr-foreign-{number}")),
            traffic: permission.traffic,
            source: Source::Cidr(permission.cidr),
            description: Some("sgsync orders-db i-0".to_owned()),
            tags: [("owner".to_owned(), "somebody".to_owned())].into(),
        });
        group.meddled.insert(permission, tick);
        true
    }

    /// A person removes a rule: one of their own, or one of the mesh's.
    pub fn person_removes(&mut self, member: &MemberName, pick: usize, own: bool) -> bool {
        let (mesh, tick) = (self.mesh.name.clone(), self.tick);
        let Some(target) = self.target(member, pick) else { return false };
        let group = self.place(member).groups.get_mut(&target).expect("the target is there");
        let fits: Vec<Rule> =
            group.rules().filter(|rule| rule.is_owned_by(&mesh) != own).cloned().collect();
        // Never what ports are learned from: that is edited.
        let fits: Vec<Rule> = fits.into_iter().filter(|rule| rule.permission().is_some()).collect();
        let Some(rule) = fits.get(pick % fits.len().max(1)) else { return false };
        group.remove(|other| other.id == rule.id);
        group.meddled.extend(rule.permission().map(|permission| (permission, tick)));
        true
    }

    /// A person edits what a target opens to itself: one port more, or one less, but never
    /// none.
    pub fn edits_base(&mut self, member: &MemberName, pick: usize) -> bool {
        let target = self.target(member, pick).filter(|target| !target.is_list());
        let Some(target) = target else { return false };
        let learned = self.learned(member, &target);
        let port = [7000, 9042, 9160][pick % 3];
        let traffic = Traffic::ports(Protocol::Tcp, port, port);
        let group = self.place(member).groups.get_mut(&target).expect("the target is there");
        if !learned.contains(&traffic) {
            group.insert(base(&target, traffic));
        } else if learned.len() > 1 {
            group.remove(|rule| rule.permission().is_none() && rule.traffic == traffic);
        } else {
            return false;
        }
        true
    }

    fn target(&self, member: &MemberName, pick: usize) -> Option<SecurityGroupId> {
        let targets = self.mesh.member(member)?.targets();
        targets.get(pick % targets.len().max(1)).cloned()
    }

    /// A mirror's table is lost, and there again, empty.
    pub fn lose_table(&mut self, member: &MemberName) -> bool {
        let (keys, tick): (Vec<RowKey>, u64) = (self.mesh.row_keys().collect(), self.tick);
        let place = self.place(member);
        place.table.clear();
        place.mirror.wanted.clear();
        place.mirror.lost = keys.into_iter().map(|key| (key, tick)).collect();
        true
    }

    /// A region, or a part of it, fails for a while.
    pub fn fails(&mut self, member: &MemberName, scope: Scope, fault: Fault, millis: u64) -> bool {
        let until = Some(Instant::now() + Duration::from_millis(millis));
        let rule = FaultRule { until, ..FaultRule::all(fault).at(member.as_str()) };
        let on = |name| FaultRule { call: Some(name), ..rule.clone() };
        match scope {
            Scope::Far => self.faults.push(FaultRule { far: true, ..rule }),
            Scope::All => self.faults.push(rule),
            Scope::Mirror => self.faults.extend([call::ROWS, call::PUT].map(on)),
            Scope::Rules => self.faults.extend([call::AUTHORIZE, call::REVOKE].map(on)),
        }
        true
    }

    /// A person resizes a list.
    ///
    /// # Panics
    /// If there is no such list.
    pub fn resize(&mut self, member: &MemberName, id: &SecurityGroupId, list: PrefixList) {
        let group = self.place(member).groups.get_mut(id).expect("the list is there");
        (group.quota, group.list) = (list.max_entries as usize, Some(list));
    }

    /// A person deletes a list.
    ///
    /// # Panics
    /// If there is no such list.
    pub fn lose_list(&mut self, member: &MemberName, id: &SecurityGroupId) {
        self.place(member).groups.get_mut(id).expect("the list is there").lost = true;
    }

    /// AWS takes only a few rules more in a member's target.
    pub fn fills_up(&mut self, member: &MemberName, pick: usize) -> bool {
        let Some(target) = self.target(member, pick) else { return false };
        let group = self.place(member).groups.get_mut(&target).expect("the target is there");
        group.squeeze(pick % 3);
        true
    }
}
