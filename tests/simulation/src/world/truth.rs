//! Who is in the cluster, and what each target should therefore admit: worked out
//! from the world itself, with none of the code under test.

use std::collections::{BTreeMap, BTreeSet};

use sync_core::cidr::Cidr;
use sync_core::names::{InstanceId, MemberName};
use sync_core::permission::{Permission, Rule};
use sync_core::ports::LifecycleState;

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
    /// The public addresses an instance holds now.
    #[must_use]
    pub fn addresses(&self, id: &InstanceId) -> BTreeSet<Cidr> {
        let held = self.instances.get(id).into_iter().flat_map(|view| &view.public_ipv4);
        held.map(|ip| Cidr::host(*ip)).collect()
    }

    /// Who is in the cluster, with their addresses.
    #[must_use]
    pub fn members(&self) -> BTreeMap<InstanceId, BTreeSet<Cidr>> {
        let listed = self.asgs.values().flatten().filter(|(_, state)| is_in(state));
        listed.map(|(id, _)| (id.clone(), self.addresses(id))).collect()
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

    /// Every difference between what targets admit and what they should.
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
