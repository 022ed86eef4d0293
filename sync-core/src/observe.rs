//! From what Auto Scaling and EC2 show, and what the row remembers, to who is in
//! the group now. Pure: one observation in, one set of instances out.

use std::collections::{BTreeMap, BTreeSet};

use crate::cidr::{AddressKind, Cidr};
use crate::names::{AsgName, InstanceId};
use crate::ports::{InstanceView, LifecycleState};
use crate::row::Instances;

/// What one Auto Scaling group looked like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observation {
    /// Who is in the group, with the addresses this mesh admits.
    pub instances: Instances,
    /// Members without an address that this mesh admits: EC2 does not show one yet.
    pub without_address: BTreeSet<InstanceId>,
    /// Members whose remembered addresses EC2 shows none of: kept until it shows others,
    /// or shows the instance stopped or dead.
    pub address_hidden: BTreeSet<InstanceId>,
    /// Instances that a hook waits for and EC2 shows alive, but Auto Scaling does not
    /// list yet.
    pub unlisted: BTreeSet<InstanceId>,
    /// Instances that this very observation saw leaving, for good or for the warm pool,
    /// with every address they are known to have had. These are certain, whatever else is not.
    pub departed: Instances,
    /// Remembered instances that EC2 no longer shows, or shows as detached, with the
    /// addresses they had.
    pub dropped: Instances,
    /// Instances in a state that this code has never heard of: kept as they were.
    pub unheard: BTreeMap<InstanceId, LifecycleState>,
}

/// Whether a state means that the instance is in the cluster (design section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Belongs {
    /// It is.
    Yes,
    /// It is not, or not any more.
    No,
    /// A state that this code has never heard of.
    Unheard,
}

impl LifecycleState {
    /// Whether an instance in this state is in the cluster. `Pending` and
    /// `Quarantined` come before any address is used, so they are not yet.
    #[must_use]
    pub fn belongs(&self) -> Belongs {
        match self.as_str() {
            "Pending:Wait"
            | "Pending:Proceed"
            | "InService"
            | "EnteringStandby"
            | "Standby"
            | "Detaching"
            | "Terminating:Retained" => Belongs::Yes,
            // These keep their interfaces and addresses (facts/aws.md, section 3).
            state if is_replacing_root_volume(state) => Belongs::Yes,
            "Pending"
            | "Quarantined"
            | "Terminating"
            | "Terminating:Wait"
            | "Terminating:Proceed"
            | "Terminated"
            | "Detached" => Belongs::No,
            state if state.starts_with("Warmed:") => Belongs::No,
            _ => Belongs::Unheard,
        }
    }

    /// Whether the instance is on its way out for good.
    #[must_use]
    pub fn is_leaving(&self) -> bool {
        matches!(
            self.as_str(),
            "Terminating" | "Terminating:Wait" | "Terminating:Proceed" | "Terminated"
        )
    }

    /// Whether the instance stays, with its address, while its root volume is replaced.
    #[must_use]
    pub fn is_replacing_root_volume(&self) -> bool {
        is_replacing_root_volume(self.as_str())
    }
}

fn is_replacing_root_volume(state: &str) -> bool {
    state.starts_with("ReplacingRootVolume") || state == "RootVolumeReplaced"
}

impl InstanceView {
    /// The instance's addresses of these kinds, as host routes.
    #[must_use]
    pub fn addresses(&self, kinds: &BTreeSet<AddressKind>) -> BTreeSet<Cidr> {
        kinds
            .iter()
            .flat_map(|kind| {
                let shown = match kind {
                    AddressKind::PublicIpv4 => &self.public_ipv4,
                    AddressKind::PrivateIpv4 => &self.private_ipv4,
                    AddressKind::Ipv6 => &self.ipv6,
                };
                shown.iter().map(|ip| Cidr::host(*ip)).filter(|cidr| kind.admits(*cidr))
            })
            .collect()
    }

    /// Whether EC2 says that the instance is gone or going, its addresses with it.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        matches!(self.state.as_str(), "shutting-down" | "terminated")
    }

    /// Whether it has given its public addresses back. While it is stopping it may hold
    /// them yet.
    fn is_stopped(&self) -> bool {
        self.state == "stopped"
    }
}

/// Puts an observation together.
///
/// `listed` is what Auto Scaling shows of the group, `remembered` what the row
/// holds if there is one, `shown` what EC2 shows of both.
#[must_use]
pub fn observe(
    asg: &AsgName,
    listed: &BTreeMap<InstanceId, LifecycleState>,
    remembered: Option<&Instances>,
    shown: &BTreeMap<InstanceId, InstanceView>,
    kinds: &BTreeSet<AddressKind>,
) -> Observation {
    let nobody = Instances::new();
    let lost = remembered.is_none();
    let remembered = remembered.unwrap_or(&nobody);
    let mut seen = Observation::default();
    for (id, state) in listed {
        let known = Known { remembered: remembered.get(id), shown: shown.get(id), kinds };
        match state.belongs() {
            _ if known.shown.is_some_and(InstanceView::is_dead) => seen.depart(id, &known),
            Belongs::Yes => seen.admit(id, &known),
            Belongs::No if state.is_leaving() => seen.depart(id, &known),
            // On its way back from standby, or with a new root volume: it has been in
            // the cluster all along.
            Belongs::No if state.as_str() == "Pending" && known.remembered.is_some() => {
                seen.admit(id, &known);
            }
            // Without a row it may have been, too.
            Belongs::No if lost && state.as_str() == "Pending" && known.has_address() => {
                seen.admit(id, &known);
            }
            // Back in the warm pool: out of the cluster, as surely as Auto Scaling says so.
            Belongs::No if known.remembered.is_some() => seen.depart(id, &known),
            Belongs::No => {}
            Belongs::Unheard => {
                seen.unheard.insert(id.clone(), state.clone());
                seen.keep(id, &known);
            }
        }
    }
    for id in remembered.keys().filter(|id| !listed.contains_key(*id)) {
        let known = Known { remembered: remembered.get(id), shown: shown.get(id), kinds };
        match known.shown {
            Some(view) if view.is_dead() => seen.depart(id, &known),
            // It carries the group's tag: Auto Scaling's answer was incomplete, or is about to catch up.
            Some(view) if view.asg.as_ref() == Some(asg) => seen.admit(id, &known),
            // Gone from EC2, or detached: it runs on without the group's tag.
            _ => {
                let addresses = known.remembered.cloned().unwrap_or_default();
                seen.dropped.insert(id.clone(), addresses);
            }
        }
    }
    seen
}

/// What is known of one instance besides Auto Scaling's word.
struct Known<'a> {
    remembered: Option<&'a BTreeSet<Cidr>>,
    shown: Option<&'a InstanceView>,
    kinds: &'a BTreeSet<AddressKind>,
}

impl Known<'_> {
    fn has_address(&self) -> bool {
        !self.addresses().0.is_empty()
    }

    /// Its addresses now, and whether some are only remembered. Where EC2 does not show
    /// the instance, or shows it without any address of a kind, the row's word stands
    /// (promise 2): an address can be absent from an answer, even just after "running"
    /// (`facts/aws.md`, section 4). A stopped instance has given its public one back.
    fn addresses(&self) -> (BTreeSet<Cidr>, bool) {
        let (mut held, mut hidden) = (BTreeSet::new(), false);
        let stopped = self.shown.is_some_and(InstanceView::is_stopped);
        for kind in self.kinds {
            let shown = self.shown.map(|view| view.addresses(&BTreeSet::from([*kind])));
            let shown = shown.unwrap_or_default();
            let gave_back = stopped && *kind == AddressKind::PublicIpv4;
            let remembered = self.remembered.into_iter().flatten();
            let remembered: BTreeSet<Cidr> =
                remembered.filter(|cidr| kind.admits(**cidr)).copied().collect();
            if shown.is_empty() && !gave_back {
                hidden |= !remembered.is_empty();
                held.extend(remembered);
            } else {
                held.extend(shown);
            }
        }
        (held, hidden)
    }
}

impl Observation {
    fn admit(&mut self, id: &InstanceId, known: &Known<'_>) {
        let (addresses, remembered) = known.addresses();
        if addresses.is_empty() && !known.shown.is_some_and(InstanceView::is_stopped) {
            self.without_address.insert(id.clone());
        } else if remembered && known.shown.is_some() {
            self.address_hidden.insert(id.clone());
        }
        self.instances.insert(id.clone(), addresses);
    }

    fn keep(&mut self, id: &InstanceId, known: &Known<'_>) {
        if let Some(remembered) = known.remembered {
            self.instances.insert(id.clone(), remembered.clone());
        }
    }

    fn depart(&mut self, id: &InstanceId, known: &Known<'_>) {
        let mut addresses = known.remembered.cloned().unwrap_or_default();
        addresses.extend(known.shown.iter().flat_map(|view| view.addresses(known.kinds)));
        self.departed.insert(id.clone(), addresses);
    }
}

#[cfg(test)]
#[path = "observe_tests.rs"]
mod tests;
