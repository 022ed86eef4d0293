//! Who is in the cluster, and what each target should therefore admit: worked out
//! from the world itself, with none of the code under test.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use sync_core::cidr::{AddressKind, Cidr};
use sync_core::names::{InstanceId, MemberName};
use sync_core::permission::{Permission, Rule};
use sync_core::ports::{InstanceView, LifecycleState};

use super::World;
use super::state::{Place, State};

/// The states of design section 4 in which an instance is in the cluster.
const IN: [&str; 7] = [
    "Pending:Wait",
    "Pending:Proceed",
    "InService",
    "EnteringStandby",
    "Standby",
    "Detaching",
    "Terminating:Retained",
];

fn is_in(state: &LifecycleState) -> bool {
    let word = state.as_str();
    IN.contains(&word) || word.starts_with("ReplacingRootVolume") || word == "RootVolumeReplaced"
}

impl Place {
    /// The addresses an instance holds now, of the kinds that count.
    #[must_use]
    pub fn addresses(&self, id: &InstanceId) -> BTreeSet<Cidr> {
        self.instances.get(id).map(|view| self.held(view)).unwrap_or_default()
    }

    /// The addresses of a view, of the kinds that count.
    pub(super) fn held(&self, view: &InstanceView) -> BTreeSet<Cidr> {
        let of = |kind: &AddressKind| -> &BTreeSet<IpAddr> {
            match kind {
                AddressKind::PublicIpv4 => &view.public_ipv4,
                AddressKind::PrivateIpv4 => &view.private_ipv4,
                AddressKind::Ipv6 => &view.ipv6,
            }
        };
        self.kinds.iter().flat_map(of).map(|ip| Cidr::host(*ip)).collect()
    }

    /// Who is in the cluster, with their addresses.
    #[must_use]
    pub fn members(&self) -> BTreeMap<InstanceId, BTreeSet<Cidr>> {
        let listed = self.asgs.values().flatten();
        let listed = listed.filter(|(id, state)| is_in(state) || self.returns(id, state));
        listed.map(|(id, _)| (id.clone(), self.addresses(id))).collect()
    }

    /// Whether an instance is a member that is on its way back into service.
    fn returns(&self, id: &InstanceId, state: &LifecycleState) -> bool {
        state.as_str() == "Pending" && self.returning.contains(id)
    }
}

impl State {
    /// What a member's targets should admit.
    #[must_use]
    pub fn desired(&self, target: &MemberName) -> BTreeSet<Permission> {
        let of = |(from, place): (&MemberName, &Place)| {
            let traffic = self.mesh.traffic(from, target);
            let held: BTreeSet<Cidr> = place.members().into_values().flatten().collect();
            held.into_iter()
                .flat_map(|cidr| traffic.iter().map(move |t| Permission { traffic: *t, cidr }))
                .collect::<Vec<_>>()
        };
        self.places.iter().flat_map(of).collect()
    }

    /// Every difference between what targets admit and what they should, and between
    /// what mirrors say and what is.
    #[must_use]
    pub fn differences(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (member, place) in &self.places {
            for (id, group) in &place.groups {
                let (owned, foreign): (Vec<_>, Vec<_>) =
                    group.rules().partition(|rule| rule.is_owned_by(&self.mesh.name));
                let admits = permissions(owned);
                let should = &self.desired(member) - &permissions(foreign);
                let missing =
                    should.difference(&admits).map(|p| format!("{member} {id} lacks {p}"));
                let stale = admits.difference(&should).map(|p| format!("{member} {id} has {p}"));
                found.extend(missing.chain(stale));
            }
        }
        found
    }

    /// Every mirror that does not say who is in the cluster.
    #[must_use]
    pub fn wrong_rows(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (mirror, place) in &self.places {
            let rows = super::table::rows(place, &self.mesh);
            for (member, there) in &self.places {
                let ours = rows.values().filter(|row| row.member == *member);
                let said = ours.flat_map(|row| row.instances.clone());
                let holds = |(_, held): &(InstanceId, BTreeSet<Cidr>)| !held.is_empty();
                let said: BTreeMap<_, _> = said.filter(holds).collect();
                if said != there.members().into_iter().filter(holds).collect() {
                    found.push(format!("the mirror of {mirror} says of {member}: {said:?}"));
                }
            }
        }
        found
    }
}

fn permissions(rules: Vec<&Rule>) -> BTreeSet<Permission> {
    rules.into_iter().filter_map(Rule::permission).collect()
}

impl World {
    /// Every target admits exactly what it should, and no promise was broken.
    ///
    /// # Panics
    /// If not, with every difference.
    pub fn expect_exact(&self) {
        let differences = self.state().differences();
        assert!(differences.is_empty(), "{}", differences.join("\n"));
        self.expect_unbroken();
    }

    /// No promise was broken.
    ///
    /// # Panics
    /// If one was, with all that happened.
    pub fn expect_unbroken(&self) {
        let violations = self.state().violations.clone();
        assert!(violations.is_empty(), "{}", violations.join("\n"));
    }
}
