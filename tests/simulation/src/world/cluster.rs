//! What Auto Scaling, EC2 and people do.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde_json::Value;
use sync_core::events::{Hook, Transition};
use sync_core::mesh::RowKey;
use sync_core::names::{AsgName, InstanceId, MemberName, RuleId, SecurityGroupId};
use sync_core::permission::{MESH_TAG, Protocol, Rule, Source, Traffic};
use sync_core::ports::LifecycleState;

use super::World;
use super::state::{Place, State};

impl World {
    /// An instance starts and waits for its launch hook.
    pub fn launch(&self, member: &str) -> Hook {
        let id = self.start(member, "Pending:Wait");
        let mut state = self.state();
        state.place(&member.into()).waiting.insert((id.clone(), Transition::Launch), String::new());
        drop(state);
        hook(member, &id, Transition::Launch)
    }

    /// Instances that have been in service for long.
    pub fn in_service(&self, member: &str, count: usize) -> Vec<InstanceId> {
        (0..count).map(|_| self.start(member, "InService")).collect()
    }

    fn start(&self, member: &str, lifecycle: &str) -> InstanceId {
        let mut state = self.state();
        let id = InstanceId::new(format!("i-{:08}", state.number()));
        let place = member.into();
        state.bring_up(&place, &asg(member), &id, lifecycle);
        state.give_addresses(&place, &id);
        id
    }

    /// Scale-in: an instance waits for its terminate hook.
    pub fn terminate(&self, member: &str, id: &InstanceId) -> Hook {
        let mut state = self.state();
        let place = state.place(&member.into());
        place.asg(member).insert(id.clone(), LifecycleState::new("Terminating:Wait"));
        place.waiting.retain(|(waiting, _), _| waiting != id);
        place.waiting.insert((id.clone(), Transition::Terminate), String::new());
        drop(state);
        hook(member, id, Transition::Terminate)
    }

    /// An instance is gone: no longer in its group, its address free for others.
    pub fn finish(&self, member: &str, id: &InstanceId) {
        self.state().end(&member.into(), id);
    }

    /// An instance leaves its group and runs on, with its address.
    pub fn detach(&self, member: &str, id: &InstanceId) {
        let mut state = self.state();
        let place = state.place(&member.into());
        place.asg(member).remove(id);
        if let Some(view) = place.instances.get_mut(id) {
            view.asg = None;
        }
    }

    /// Sets an instance's lifecycle state.
    pub fn set_state(&self, member: &str, id: &InstanceId, word: &str) {
        let mut state = self.state();
        let asg = state.place(&member.into()).asg(member);
        asg.insert(id.clone(), LifecycleState::new(word));
    }

    /// A person's rule on a port of a member's first target.
    pub fn foreign(&self, member: &str, port: u16, to: u16, source: &str) -> RuleId {
        let mut state = self.state();
        let id = RuleId::new(format!("sgr-foreign-{}", state.number()));
        let rule = Rule {
            id: id.clone(),
            traffic: Traffic::ports(Protocol::Tcp, port, to),
            source: source.parse().map_or_else(|_| Source::Group(source.to_owned()), Source::Cidr),
            description: Some("sgsync orders-db i-0".to_owned()),
            tags: BTreeMap::from([("owner".to_owned(), "somebody".to_owned())]),
        };
        let group = target(&state, member);
        let groups = &mut state.place(&member.into()).groups;
        groups.get_mut(&group).expect("the target is there").insert(rule);
        id
    }

    /// Tags a rule of a member's first target as another mesh's.
    pub fn retag(&self, member: &str, id: &RuleId, mesh: &str) {
        let mut rules = self.rules(member);
        let rule = rules.iter_mut().find(|rule| rule.id == *id).expect("the rule is there");
        rule.tags.insert(MESH_TAG.to_owned(), mesh.to_owned());
        let (mut state, rule) = (self.state(), rule.clone());
        let group = target(&state, member);
        let groups = &mut state.place(&member.into()).groups;
        groups.get_mut(&group).expect("the target is there").insert(rule);
    }

    /// The rules of a member's first target.
    #[must_use]
    pub fn rules(&self, member: &str) -> Vec<Rule> {
        let state = self.state();
        let group = target(&state, member);
        state.places[&MemberName::from(member)].groups[&group].rules().cloned().collect()
    }

    /// Somebody writes something into `place`'s mirror, in `whose` row.
    pub fn poison(&self, place: &str, whose: &str, attribute: &str, value: &Value) {
        let mut state = self.state();
        let key = RowKey { member: whose.into(), asg: asg(whose) };
        let item = state.place(&place.into()).table.get_mut(&key).expect("the row is there");
        item.insert(attribute.to_owned(), value.clone());
    }

    /// Every instance of a member is gone at once, in Auto Scaling and in EC2.
    pub fn clear_group(&self, member: &str) {
        let gone: Vec<_> = self.state().place(&member.into()).members().into_keys().collect();
        for id in &gone {
            self.finish(member, id);
        }
        self.state().place(&member.into()).instances.clear();
    }

    /// EC2 does not show an instance's address.
    pub fn take_address(&self, member: &str, id: &InstanceId) -> BTreeSet<IpAddr> {
        let mut state = self.state();
        let view = state.place(&member.into()).instances.get_mut(id).expect("it is there");
        std::mem::take(&mut view.public_ipv4)
    }

    /// EC2 shows an instance's address.
    pub fn give_address(&self, member: &str, id: &InstanceId, address: BTreeSet<IpAddr>) {
        let mut state = self.state();
        let view = state.place(&member.into()).instances.get_mut(id).expect("it is there");
        view.public_ipv4 = address;
    }

    /// A person removes the rules that `which` picks from a member's first target.
    pub fn delete_rules(&self, member: &str, which: impl Fn(&Rule) -> bool) {
        let mut state = self.state();
        let group = target(&state, member);
        let groups = &mut state.place(&member.into()).groups;
        groups.get_mut(&group).expect("the target is there").remove(which);
    }
}

impl Place {
    fn asg(&mut self, member: &str) -> &mut BTreeMap<InstanceId, LifecycleState> {
        self.asgs.entry(asg(member)).or_default()
    }
}

impl State {
    /// Numbers that were not given out before: the first of `count`.
    pub(super) fn numbers(&mut self, count: u64) -> u64 {
        let first = self.number();
        (1..count).for_each(|_| {
            self.number();
        });
        first
    }
}

pub(super) fn asg(member: &str) -> AsgName {
    AsgName::new(format!("orders-{member}"))
}

fn target(state: &State, member: &str) -> SecurityGroupId {
    let member = state.mesh.member(&member.into()).expect("the member is there");
    member.targets().into_iter().next().expect("it has a target")
}

fn hook(member: &str, instance: &InstanceId, transition: Transition) -> Hook {
    hook_of(&asg(member), instance, transition)
}

/// The hook of a group that waits for this.
pub(super) fn hook_of(asg: &AsgName, instance: &InstanceId, transition: Transition) -> Hook {
    let name = match transition {
        Transition::Launch => "sgsync-launch",
        Transition::Terminate => "sgsync-terminate",
    };
    let (name, asg, instance) = (name.to_owned(), asg.clone(), instance.clone());
    Hook { name, asg, instance, transition, token: None }
}
