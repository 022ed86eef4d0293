//! What Auto Scaling and people do with instances: the steps of a script. Each says
//! whether it had anything to do.

use std::collections::BTreeMap;

use sync_core::cidr::{AddressKind, Cidr};
use sync_core::events::Transition;
use sync_core::names::{AsgName, InstanceId, MemberName};

use super::agenda::Phase;
use super::state::State;

impl State {
    /// The instances of a member that are in one of these states, in order.
    #[must_use]
    pub fn those(&self, member: &MemberName, words: &[&str]) -> Vec<InstanceId> {
        let listed = self.places[member].asgs.values().flatten();
        let fit = listed.filter(|(_, state)| words.contains(&state.as_str()));
        let mut fit: Vec<_> = fit.map(|(id, _)| id.clone()).collect();
        fit.sort();
        fit
    }

    /// How many addresses the cluster holds or is about to.
    fn crowd(&self) -> usize {
        self.places.values().flat_map(|place| place.asgs.values()).map(BTreeMap::len).sum()
    }

    /// An instance is launched, into the group or into its warm pool.
    pub fn launch(
        &mut self,
        member: &MemberName,
        asg: &AsgName,
        id: &InstanceId,
        pool: bool,
        limit: usize,
    ) -> bool {
        if self.crowd() >= limit || self.free.is_empty() {
            return false;
        }
        let word = if pool { "Warmed:Pending" } else { "Pending" };
        self.bring_up(member, asg, id, word);
        let mut rng = self.rng(&format!("address {id}"));
        if rng.u8(0..4) == 0 {
            self.later(member, id, Phase::Addressed, rng.u64(100..9000));
        } else {
            self.give_addresses(member, id);
            let mut rng = self.rng(&format!("ipv6 {id}"));
            if self.places[member].kinds.contains(&AddressKind::Ipv6) && rng.u8(0..3) == 0 {
                self.hold_ipv6_back(member, id);
                self.later(member, id, Phase::Addressed, rng.u64(100..9000));
            }
        }
        self.wait(member, id, &format!("{word}:Wait"), Transition::Launch);
        true
    }

    /// A running instance joins a group; no hook waits.
    pub fn attach(
        &mut self,
        member: &MemberName,
        asg: &AsgName,
        id: &InstanceId,
        limit: usize,
    ) -> bool {
        if self.crowd() >= limit || self.free.is_empty() {
            return false;
        }
        self.bring_up(member, asg, id, "Pending");
        self.give_addresses(member, id);
        self.soon(member, id, Phase::InService);
        true
    }

    /// Scale-in of an instance, wherever it is.
    pub fn scale_in(&mut self, member: &MemberName, id: &InstanceId) -> bool {
        let Some((_, word)) = self.life_of(member, id) else { return false };
        let next = match word.as_str() {
            "InService" | "Standby" | "Pending:Wait" => "Terminating:Wait",
            "Warmed:Stopped" | "Warmed:Running" => "Warmed:Terminating:Wait",
            _ => return false,
        };
        self.wait(member, id, next, Transition::Terminate);
        true
    }

    /// An instance leaves its group and runs on, with its address.
    pub fn detach(&mut self, member: &MemberName, id: &InstanceId) -> bool {
        self.move_on(member, id, "InService", "Detaching", Phase::Detached)
    }

    /// An instance goes on standby.
    pub fn enter_standby(&mut self, member: &MemberName, id: &InstanceId) -> bool {
        self.move_on(member, id, "InService", "EnteringStandby", Phase::OnStandby)
    }

    /// An instance comes back from standby: it is `Pending` for a moment.
    pub fn exit_standby(&mut self, member: &MemberName, id: &InstanceId) -> bool {
        let there = self.life_of(member, id).is_some_and(|(_, word)| word == "Standby");
        if there {
            self.place(member).returning.insert(id.clone());
        }
        self.move_on(member, id, "Standby", "Pending", Phase::InService)
    }

    fn move_on(
        &mut self,
        member: &MemberName,
        id: &InstanceId,
        from: &str,
        next: &str,
        phase: Phase,
    ) -> bool {
        let there = self.life_of(member, id).is_some_and(|(_, word)| word == from);
        if there {
            self.set_life(member, id, next);
            self.soon(member, id, phase);
        }
        there
    }

    /// A rolling refresh: another instance is launched, and takes this one's place.
    pub fn refresh(
        &mut self,
        member: &MemberName,
        id: &InstanceId,
        new: &InstanceId,
        limit: usize,
    ) -> bool {
        let Some((asg, _)) = self.life_of(member, id) else { return false };
        let launched = self.launch(member, &asg, new, false, limit);
        if launched {
            self.later(member, id, Phase::Replaced, 9000);
        }
        launched
    }

    /// An instance that has been in service for long.
    pub fn in_service(&mut self, member: &MemberName, asg: &AsgName, id: &InstanceId) {
        self.bring_up(member, asg, id, "InService");
        self.give_addresses(member, id);
    }

    /// An instance starts a replacement of its root volume.
    pub fn replace_root(&mut self, member: &MemberName, id: &InstanceId) -> bool {
        let there = self.life_of(member, id).is_some_and(|(_, word)| word == "InService");
        if there {
            self.wait(member, id, "ReplacingRootVolume:Wait", Transition::Terminate);
        }
        there
    }

    /// An instance of the warm pool joins the group: a stopped one starts, with a new
    /// public address.
    pub fn from_pool(&mut self, member: &MemberName, id: &InstanceId) -> bool {
        let word = self.life_of(member, id).map(|(_, word)| word);
        if !word.is_some_and(|word| ["Warmed:Stopped", "Warmed:Running"].contains(&word.as_str())) {
            return false;
        }
        self.start_again(member, id);
        self.wait(member, id, "Pending:Wait", Transition::Launch);
        true
    }

    /// Scale-in with a reuse policy: an instance goes back to the warm pool.
    pub fn to_pool(&mut self, member: &MemberName, id: &InstanceId) -> bool {
        let there = self.life_of(member, id).is_some_and(|(_, word)| word == "InService");
        if there {
            self.wait(member, id, "Warmed:Pending:Wait", Transition::Terminate);
        }
        there
    }

    /// A person stops an instance. Auto Scaling replaces it, unless it is on standby.
    pub fn stop(&mut self, member: &MemberName, id: &InstanceId) -> bool {
        if !self.change_state(member, id, "running", "stopping") {
            return false;
        }
        self.soon(member, id, Phase::Stopped);
        self.later(member, id, Phase::Noticed, 20_000);
        true
    }

    /// A person starts a stopped instance. EC2 refuses where it has no address for it.
    pub fn start_again(&mut self, member: &MemberName, id: &InstanceId) -> bool {
        let started = !self.free.is_empty() && self.change_state(member, id, "stopped", "running");
        if started {
            self.give_addresses(member, id);
        }
        started
    }

    /// A person ends an instance in EC2; Auto Scaling notices later.
    pub fn end_in_ec2(&mut self, member: &MemberName, id: &InstanceId) -> bool {
        let alive = self.places[member].instances.get(id);
        let alive = alive.is_some_and(|view| view.state == "running" || view.state == "stopped");
        if alive {
            self.kill_instance(member, id, "shutting-down");
            self.later(member, id, Phase::Noticed, 8000);
        }
        alive
    }

    /// A running instance gets another public address, and gives the old one back.
    pub fn readdress(&mut self, member: &MemberName, id: &InstanceId) -> bool {
        let running = self.places[member].instances.get(id).is_some_and(|v| v.state == "running");
        let Some(new) = self.free.pop_front().filter(|_| running) else { return false };
        self.take_public(member, id);
        self.place(member).alter(|instances| {
            if let Some(view) = instances.get_mut(id) {
                view.public_ipv4.insert(new);
            }
        });
        self.ever.insert((member.clone(), Cidr::host(new)));
        true
    }

    fn change_state(&mut self, member: &MemberName, id: &InstanceId, from: &str, to: &str) -> bool {
        let there = self.places[member].instances.get(id).is_some_and(|view| view.state == from);
        if there {
            self.place(member).alter(|instances| {
                if let Some(view) = instances.get_mut(id) {
                    to.clone_into(&mut view.state);
                }
            });
        }
        there
    }
}
