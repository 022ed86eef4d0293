//! From what Auto Scaling and EC2 show, and what the row remembers, to who is in
//! the group now. Pure: one observation in, one set of instances out.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::cidr::{AddressKind, Cidr};
use crate::names::{AsgName, InstanceId};
use crate::ports::{InstanceView, LifecycleState};
use crate::row::Instances;

/// What one Auto Scaling group looked like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observation {
    /// Who is in the group, with the addresses this mesh admits.
    pub instances: Instances,
    /// Members of whom EC2 shows no address of these kinds yet, although the mesh wants one.
    pub without_address: BTreeMap<InstanceId, BTreeSet<AddressKind>>,
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
    /// The instance's addresses of these kinds, as host routes, and its delegated prefixes.
    #[must_use]
    pub fn addresses(&self, kinds: &BTreeSet<AddressKind>) -> BTreeSet<Cidr> {
        kinds.iter().flat_map(|kind| self.of_kind(*kind)).collect()
    }

    fn of_kind(&self, kind: AddressKind) -> BTreeSet<Cidr> {
        let hosts = |shown: &BTreeSet<IpAddr>| shown.iter().copied().map(Cidr::host).collect();
        let shown: BTreeSet<Cidr> = match kind {
            AddressKind::PublicIpv4 => hosts(&self.public_ipv4),
            AddressKind::PrivateIpv4 => hosts(&self.private_ipv4),
            AddressKind::Ipv6 => hosts(&self.ipv6),
            AddressKind::Ipv4Prefix | AddressKind::Ipv6Prefix => self.prefixes.clone(),
        };
        shown.into_iter().filter(|cidr| kind.admits(*cidr)).collect()
    }

    /// Leaves out private addresses from public ranges. Where some links admit a member's
    /// public addresses and others its private ones, nothing in a row tells such an
    /// address from a public one, which may be a stranger's.
    pub fn tell_private_apart(&mut self) {
        self.private_ipv4.retain(|ip| !AddressKind::PublicIpv4.admits(Cidr::host(*ip)));
    }

    /// Takes over the addresses of kinds that this answer of EC2's lacks and an `earlier`
    /// one of the same run had: it did not lose them within seconds, the answer is older
    /// or not whole (promise 2).
    pub fn recall(&mut self, earlier: &Self) {
        let kinds =
            [(&mut self.private_ipv4, &earlier.private_ipv4), (&mut self.ipv6, &earlier.ipv6)];
        for (now, earlier) in kinds.into_iter().filter(|(now, _)| now.is_empty()) {
            now.clone_from(earlier);
        }
        if self.public_ipv4.is_empty() && !self.is_stopped() {
            self.public_ipv4.clone_from(&earlier.public_ipv4);
        }
        if self.prefixes.is_empty() {
            self.prefixes.clone_from(&earlier.prefixes);
        }
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
            Belongs::Yes => seen.admit(id, &known, state.as_str() == "Pending:Wait"),
            Belongs::No if state.is_leaving() => seen.depart(id, &known),
            // On its way back from standby, or with a new root volume: it has been in
            // the cluster all along.
            Belongs::No if state.as_str() == "Pending" && known.remembered.is_some() => {
                seen.admit(id, &known, false);
            }
            // Without a row it may have been, too.
            Belongs::No if lost && state.as_str() == "Pending" && known.has_address() => {
                seen.admit(id, &known, false);
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
            Some(view) if view.asg.as_ref() == Some(asg) => seen.admit(id, &known, false),
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
        !self.addresses().addresses.is_empty()
    }

    /// Its addresses now. Where EC2 does not show the instance, or shows it without any
    /// address of a kind, the row's word stands (promise 2): an address can be absent from
    /// an answer, even just after "running" (`facts/aws.md`, section 4). A stopped instance
    /// has given its public one back.
    fn addresses(&self) -> Held {
        let mut held = Held::default();
        let stopped = self.shown.is_some_and(InstanceView::is_stopped);
        for kind in self.kinds {
            let shown = self.shown.map(|view| view.of_kind(*kind)).unwrap_or_default();
            let gave_back = stopped && *kind == AddressKind::PublicIpv4;
            if !shown.is_empty() {
                held.addresses.extend(shown);
                continue;
            }
            let remembered = if gave_back { BTreeSet::new() } else { self.remembered_as(*kind) };
            if !remembered.iter().any(|cidr| self.is_surely(*kind, *cidr)) {
                held.lacks.extend(kind.comes_with_launch().then_some(*kind));
            }
            held.only_remembered |= !remembered.is_empty();
            held.addresses.extend(remembered);
        }
        held
    }

    /// What the row has that may be of this kind: a private address may look like a public
    /// one, unless EC2 shows it as such.
    fn remembered_as(&self, kind: AddressKind) -> BTreeSet<Cidr> {
        let others = self.kinds.iter().filter(|other| **other != kind);
        let others = others.filter_map(|other| self.shown.map(|view| view.of_kind(*other)));
        let others: BTreeSet<Cidr> = others.flatten().collect();
        let remembered = self.remembered.into_iter().flatten();
        let of_it = remembered.filter(|cidr| kind.admits(**cidr) && !others.contains(cidr));
        of_it.copied().collect()
    }

    /// Whether an address in the row can be of no other kind.
    fn is_surely(&self, kind: AddressKind, cidr: Cidr) -> bool {
        let others = self.kinds.iter().filter(|other| **other != kind);
        kind != AddressKind::PrivateIpv4 || !{ others }.any(|other| other.admits(cidr))
    }
}

/// An instance's addresses.
#[derive(Default)]
struct Held {
    addresses: BTreeSet<Cidr>,
    /// Whether EC2 does not show some of them.
    only_remembered: bool,
    /// Kinds that every instance has and of which none is known yet.
    lacks: BTreeSet<AddressKind>,
}

impl Observation {
    /// The kinds of which an instance's addresses are waited for, as a message lists them.
    #[must_use]
    pub fn lacks(&self, id: &InstanceId) -> Option<String> {
        let kinds = self.without_address.get(id)?;
        Some(kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(" and no "))
    }

    /// Takes a member in. A stopped one lacks addresses for as long as it is stopped; one
    /// that is `launching` is about to start, whatever EC2 still shows.
    fn admit(&mut self, id: &InstanceId, known: &Known<'_>, launching: bool) {
        let Held { addresses, only_remembered, lacks } = known.addresses();
        let stopped = known.shown.is_some_and(InstanceView::is_stopped);
        if !lacks.is_empty() && (launching || !stopped) {
            self.without_address.insert(id.clone(), lacks);
        }
        if only_remembered && known.shown.is_some() {
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
#[path = "observe_kinds_tests.rs"]
mod kinds_tests;
#[cfg(test)]
#[path = "observe_tests.rs"]
mod tests;
