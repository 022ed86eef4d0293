//! How instances live, as `facts/aws.md`, sections 3 and 4, describes it: Auto Scaling
//! moves them on as hooks are answered and time passes, and EC2 gives and takes their
//! addresses.

use std::collections::{BTreeSet, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use sync_core::events::{Hook, Transition};
use sync_core::names::{AsgName, InstanceId, MemberName};
use sync_core::ports::{HookAnswer, InstanceView, LifecycleState};
use tokio::time::Instant;

use super::agenda::{Later, Message, Phase, Says};
use super::cluster::hook_of;
use super::state::State;

impl State {
    /// An instance appears in a group, without addresses.
    pub(super) fn bring_up(
        &mut self,
        member: &MemberName,
        asg: &AsgName,
        id: &InstanceId,
        word: &str,
    ) {
        let view = InstanceView {
            state: "running".to_owned(),
            asg: Some(asg.clone()),
            public_ipv4: BTreeSet::new(),
            private_ipv4: BTreeSet::new(),
            ipv6: BTreeSet::new(),
            prefixes: BTreeSet::new(),
        };
        let place = self.place(member);
        place.alter(|instances| instances.insert(id.clone(), view));
        place.asgs.entry(asg.clone()).or_default().insert(id.clone(), LifecycleState::new(word));
    }

    /// EC2 gives an instance what it lacks. False where no public address is free.
    pub(super) fn give_addresses(&mut self, member: &MemberName, id: &InstanceId) -> bool {
        let Some(view) = self.place(member).instances.get(id) else { return true };
        if view.state != "running" {
            return true;
        }
        let lacks = view.public_ipv4.is_empty();
        let mut public = if lacks { self.free.pop_front() } else { None };
        if lacks && public.is_none() && self.agenda.calm_at.is_some() {
            // Real pools do not run dry, and whoever starts again in the end gets his.
            let host = u8::try_from(self.number() % 250).unwrap_or(0);
            public = Some(IpAddr::from([54, 0, 200, host]));
        }
        let place = self.place(member);
        place.past.push((Instant::now(), place.instances.clone()));
        let [private, ipv6] = &mut place.private;
        if let Some(view) = place.instances.get_mut(id) {
            view.public_ipv4.extend(public);
            give(&mut view.private_ipv4, private);
            give(&mut view.ipv6, ipv6);
            if view.prefixes.is_empty() {
                let two = place.prefixes.len().min(2);
                view.prefixes.extend(place.prefixes.drain(..two));
            }
        }
        let held = place.addresses(id);
        self.ever.extend(held.into_iter().map(|cidr| (member.clone(), cidr)));
        !lacks || public.is_some()
    }

    /// EC2 does not show an instance's IPv6 address yet.
    pub(super) fn hold_ipv6_back(&mut self, member: &MemberName, id: &InstanceId) {
        let place = self.place(member);
        let taken = place.alter(|instances| {
            instances.get_mut(id).map(|view| std::mem::take(&mut view.ipv6)).unwrap_or_default()
        });
        place.private[1].extend(taken);
    }

    /// EC2 takes an instance's public addresses back.
    pub(super) fn take_public(&mut self, member: &MemberName, id: &InstanceId) {
        let taken = self.place(member).alter(|instances| {
            instances.get_mut(id).map(|view| std::mem::take(&mut view.public_ipv4))
        });
        for address in taken.into_iter().flatten() {
            // As often as not the next one who needs an address gets this one.
            if self.hasty && self.rng(&format!("free {address} {}", self.tick)).bool() {
                self.free.push_front(address);
            } else {
                self.free.push_back(address);
            }
        }
    }

    /// EC2 takes everything back; the instance is dead.
    pub(super) fn kill_instance(&mut self, member: &MemberName, id: &InstanceId, word: &str) {
        self.take_public(member, id);
        let place = self.place(member);
        let taken = place.alter(|instances| {
            instances.get_mut(id).map(|view| {
                word.clone_into(&mut view.state);
                [std::mem::take(&mut view.private_ipv4), std::mem::take(&mut view.ipv6)]
            })
        });
        if let Some(view) = place.instances.get_mut(id) {
            place.prefixes.extend(std::mem::take(&mut view.prefixes));
        }
        for (pool, taken) in place.private.iter_mut().zip(taken.into_iter().flatten()) {
            pool.extend(taken);
        }
    }

    /// An instance is gone: no longer in its group, its addresses free for others.
    pub(super) fn end(&mut self, member: &MemberName, id: &InstanceId) {
        let place = self.place(member);
        place.asgs.values_mut().for_each(|asg| {
            asg.remove(id);
        });
        place.waiting.retain(|(waiting, _), _| waiting != id);
        place.returning.remove(id);
        self.kill_instance(member, id, "terminated");
    }

    /// Where an instance is in its life, and in which group.
    #[must_use]
    pub fn life_of(&self, member: &MemberName, id: &InstanceId) -> Option<(AsgName, String)> {
        let asgs = &self.places.get(member)?.asgs;
        asgs.iter().find_map(|(asg, instances)| {
            Some((asg.clone(), instances.get(id)?.as_str().to_owned()))
        })
    }

    pub(super) fn set_life(&mut self, member: &MemberName, id: &InstanceId, word: &str) {
        let Some((asg, was)) = self.life_of(member, id) else { return };
        self.tell(|| format!("{member} {id}: {was} -> {word}"));
        let instances = self.place(member).asgs.entry(asg).or_default();
        instances.insert(id.clone(), LifecycleState::new(word));
    }

    /// A hook waits from now on, and its event is sent.
    pub(super) fn wait(
        &mut self,
        member: &MemberName,
        id: &InstanceId,
        word: &str,
        transition: Transition,
    ) {
        self.set_life(member, id, word);
        let Some((asg, _)) = self.life_of(member, id) else { return };
        let token = format!("{id} {}", self.tick);
        let place = self.place(member);
        place.waiting.retain(|(waiting, _), _| waiting != id);
        place.waiting.insert((id.clone(), transition), token.clone());
        let patience = self.rng(&format!("patience {id} {word}")).u64(40_000..120_000);
        self.later(member, id, Phase::Unanswered(transition), patience);
        let hook = Hook { token: Some(token), ..hook_of(&asg, id, transition) };
        self.send(member, id.as_str(), &Says::Hook(hook));
    }

    /// What Auto Scaling does once a hook is answered.
    pub(super) fn proceed(&mut self, member: &MemberName, hook: &Hook, answer: HookAnswer) {
        let id = &hook.instance;
        let Some((_, word)) = self.life_of(member, id) else { return };
        let pooled = word.starts_with("Warmed:");
        let goes_on = answer == HookAnswer::Continue;
        let (next, phase) = match word.as_str() {
            "Pending:Wait" if goes_on => ("InService", None),
            "ReplacingRootVolume:Wait" => {
                ("ReplacingRootVolume:Proceed", Some(Phase::RootReplaced))
            }
            "Warmed:Pending:Wait" if goes_on || hook.transition == Transition::Terminate => {
                ("Warmed:Pending:Proceed", Some(Phase::Pooled))
            }
            _ if pooled => ("Warmed:Terminating:Proceed", Some(Phase::Gone)),
            _ => ("Terminating:Proceed", Some(Phase::Gone)),
        };
        self.set_life(member, id, next);
        if let Some(phase) = phase {
            self.soon(member, id, phase);
        } else {
            self.send(member, id.as_str(), &Says::Changed(hook.asg.clone()));
            self.later(member, id, Phase::Noticed, 10_000);
        }
    }

    /// An instance gets further by itself.
    pub fn live(&mut self, member: &MemberName, id: &InstanceId, phase: Phase) {
        let life = self.life_of(member, id);
        let word = life.as_ref().map_or("", |(_, word)| word.as_str());
        match phase {
            Phase::Addressed => {
                let got_one = self.give_addresses(member, id);
                if !got_one && self.agenda.calm_at.is_none() {
                    self.later(member, id, phase, 5000);
                }
            }
            Phase::Unanswered(transition) => self.unanswered(member, id, transition),
            Phase::Gone => {
                self.tell(|| format!("{member} {id}: gone"));
                self.end(member, id);
                self.later(member, id, Phase::Forgotten, 60_000);
                if let Some((asg, _)) = life {
                    self.send(member, id.as_str(), &Says::Changed(asg));
                }
            }
            Phase::Forgotten => {
                self.place(member).alter(|instances| instances.remove(id));
            }
            Phase::Detached if word == "Detaching" => self.detached(member, id),
            Phase::OnStandby if word == "EnteringStandby" => self.set_life(member, id, "Standby"),
            Phase::InService if word == "Pending" => {
                self.place(member).returning.remove(id);
                self.set_life(member, id, "InService");
            }
            Phase::Stopped => self.stopped(member, id),
            Phase::RootReplaced if word == "ReplacingRootVolume:Proceed" => {
                self.set_life(member, id, "RootVolumeReplaced");
                self.soon(member, id, Phase::RootBack);
            }
            Phase::RootBack if word == "RootVolumeReplaced" => {
                self.place(member).returning.insert(id.clone());
                self.set_life(member, id, "Pending");
                self.soon(member, id, Phase::RootBack);
            }
            Phase::RootBack if word == "Pending" => {
                self.place(member).returning.remove(id);
                self.wait(member, id, "Pending:Wait", Transition::Launch);
            }
            Phase::Pooled if word == "Warmed:Pending:Proceed" => {
                if self.rng(&format!("sleeps {id}")).u8(0..3) == 0 {
                    self.set_life(member, id, "Warmed:Running");
                } else {
                    self.set_life(member, id, "Warmed:Stopped");
                    self.stopped(member, id);
                }
            }
            Phase::Noticed if word == "InService" && self.is_well(member, id) => {}
            Phase::Noticed | Phase::Replaced if word == "InService" => {
                self.wait(member, id, "Terminating:Wait", Transition::Terminate);
            }
            _ => {}
        }
    }

    /// Auto Scaling gives up on whoever should have answered.
    fn unanswered(&mut self, member: &MemberName, id: &InstanceId, transition: Transition) {
        let waited = self.place(member).waiting.remove(&(id.clone(), transition)).is_some();
        if let Some((asg, _)) = self.life_of(member, id).filter(|_| waited) {
            self.tell(|| format!("{member} {id}: nobody answered its {transition:?}"));
            self.proceed(member, &hook_of(&asg, id, transition), HookAnswer::Abandon);
        }
    }

    fn is_well(&self, member: &MemberName, id: &InstanceId) -> bool {
        self.places[member].instances.get(id).is_some_and(|view| view.state == "running")
    }

    /// The instance runs on, outside the cluster, and ends some time later.
    fn detached(&mut self, member: &MemberName, id: &InstanceId) {
        let Some((asg, _)) = self.life_of(member, id) else { return };
        self.tell(|| format!("{member} {id}: detached"));
        let place = self.place(member);
        place.asgs.entry(asg.clone()).or_default().remove(id);
        place.alter(|instances| {
            if let Some(view) = instances.get_mut(id) {
                view.asg = None;
            }
        });
        self.later(member, id, Phase::Gone, 90_000);
        self.send(member, id.as_str(), &Says::Changed(asg));
    }

    fn stopped(&mut self, member: &MemberName, id: &InstanceId) {
        let view = self.place(member).instances.get(id);
        if view.is_some_and(|view| ["running", "stopping"].contains(&view.state.as_str())) {
            self.take_public(member, id);
            self.place(member).alter(|instances| {
                if let Some(view) = instances.get_mut(id) {
                    "stopped".clone_into(&mut view.state);
                }
            });
        }
    }

    /// Sends an event: it is delivered once, soon, unless something goes wrong with it.
    pub(super) fn send(&mut self, member: &MemberName, about: &str, says: &Says) {
        let number = self.agenda.sent.entry(about.to_owned()).or_insert(0);
        *number += 1;
        let label = format!("{about}.{number}");
        let mut rng = self.rng(&format!("event {label}"));
        let soon = rng.u64(50..1500);
        let wrong = rng.u32(0..1000) < self.rates.events;
        let listed = self.mishaps.events.get(&label).cloned();
        let chance = wrong.then(|| match rng.u8(0..4) {
            0 => Vec::new(),
            1 | 2 => vec![soon, soon + rng.u64(0..60_000)],
            _ => vec![rng.u64(5000..90_000)],
        });
        let mishap = listed.or(chance);
        let kind = match mishap.as_deref() {
            None => "once",
            Some([]) => "lost",
            Some([_]) => "late",
            Some(_) => "twice",
        };
        *self.tally.events.entry(kind).or_insert(0) += 1;
        if let Some(times) = &mishap {
            self.happened.events.insert(label.clone(), times.clone());
        }
        for (place, at) in mishap.unwrap_or_else(|| vec![soon]).into_iter().enumerate() {
            let label = if place == 0 { label.clone() } else { format!("{label}+{place}") };
            let message = Message { label, attempt: 0, says: says.clone() };
            let later = Later::Message(member.clone(), message);
            self.agenda.enter(Duration::from_millis(at), later);
        }
    }

    /// Enters an instance's next phase, within seconds.
    pub(super) fn soon(&mut self, member: &MemberName, id: &InstanceId, phase: Phase) {
        let after = self.rng(&format!("soon {id} {phase:?}")).u64(300..6000);
        self.later(member, id, phase, after);
    }

    /// Enters an instance's next phase.
    pub(super) fn later(&mut self, member: &MemberName, id: &InstanceId, phase: Phase, after: u64) {
        let later = Later::Life(member.clone(), id.clone(), phase);
        self.agenda.enter(Duration::from_millis(after), later);
    }
}

/// Gives an address to who has none.
fn give(held: &mut BTreeSet<IpAddr>, pool: &mut VecDeque<IpAddr>) {
    if held.is_empty() {
        held.extend(pool.pop_front());
    }
}
