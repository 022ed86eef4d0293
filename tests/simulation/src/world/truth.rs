//! Who is in the cluster, and what each target should therefore admit: worked out
//! from the world itself, with none of the code under test.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use sync_core::cidr::{AddressKind, Cidr};
use sync_core::mesh::{Allowed, Member, Mesh};
use sync_core::names::{InstanceId, MemberName, SecurityGroupId};
use sync_core::permission::{Permission, Rule, Traffic};
use sync_core::ports::{InstanceView, LifecycleState};

use super::World;
use super::group::Group;
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

/// What an instance holds of one kind.
pub(super) fn held_as(view: &InstanceView, kind: AddressKind) -> BTreeSet<Cidr> {
    let hosts = |ips: &BTreeSet<IpAddr>| ips.iter().map(|ip| Cidr::host(*ip)).collect();
    let prefixes = |ipv4| view.prefixes.iter().filter(move |p| p.is_ipv4() == ipv4);
    match kind {
        AddressKind::PublicIpv4 => hosts(&view.public_ipv4),
        AddressKind::PrivateIpv4 => hosts(&view.private_ipv4),
        AddressKind::Ipv6 => hosts(&view.ipv6),
        AddressKind::Ipv4Prefix => prefixes(true).copied().collect(),
        AddressKind::Ipv6Prefix => prefixes(false).copied().collect(),
    }
}

/// Which kind an address is of, in this world: public ones are of Amazon's, private ones
/// are of ten, and a prefix is none but a delegated one.
pub(super) fn kind_of(cidr: Cidr) -> AddressKind {
    let text = cidr.to_string();
    match (cidr.is_ipv4(), cidr.is_host_route()) {
        (true, true) if text.starts_with("10.") => AddressKind::PrivateIpv4,
        (true, true) => AddressKind::PublicIpv4,
        (true, false) => AddressKind::Ipv4Prefix,
        (false, true) => AddressKind::Ipv6,
        (false, false) => AddressKind::Ipv6Prefix,
    }
}

/// Whether a list of members has this one; no list has all.
fn among(names: Option<&BTreeSet<MemberName>>, name: &MemberName) -> bool {
    match names {
        Some(names) => names.contains(name),
        None => true,
    }
}

/// The kinds of `from`'s addresses that `to`'s targets admit.
fn kinds_between(mesh: &Mesh, from: &MemberName, to: &MemberName) -> BTreeSet<AddressKind> {
    for link in &mesh.links {
        if among(link.from.as_ref(), from) && among(link.to.as_ref(), to) {
            return link.kinds.clone();
        }
    }
    mesh.kinds.clone()
}

/// The kinds of a member's addresses that anybody admits.
pub(super) fn kinds_of(mesh: &Mesh, from: &MemberName) -> BTreeSet<AddressKind> {
    let reached = |to: &MemberName| {
        mesh.allow
            .iter()
            .any(|allow| among(allow.from.as_ref(), from) && among(allow.to.as_ref(), to))
    };
    let to = mesh.members.iter();
    let to = to.filter(|to| to.has_targets() && reached(&to.name));
    let kinds: BTreeSet<_> = to.flat_map(|to| kinds_between(mesh, from, &to.name)).collect();
    if kinds.is_empty() { mesh.kinds.clone() } else { kinds }
}

/// Traffic that a group's rules open to the group itself.
pub(super) type Learned = BTreeSet<Traffic>;

/// What these rules of a group open to the group itself.
pub(super) fn learned<'r>(
    group: &SecurityGroupId,
    rules: impl IntoIterator<Item = &'r Rule>,
) -> Learned {
    let itself = |rule: &&Rule| rule.source.to_string() == group.as_str();
    rules.into_iter().filter(itself).map(|rule| rule.traffic).collect()
}

impl Place {
    /// The addresses an instance holds now, of the kinds that count.
    #[must_use]
    pub fn addresses(&self, id: &InstanceId) -> BTreeSet<Cidr> {
        self.instances.get(id).map(|view| self.held(view)).unwrap_or_default()
    }

    /// The addresses of a view, of the kinds that count.
    pub(super) fn held(&self, view: &InstanceView) -> BTreeSet<Cidr> {
        self.kinds.iter().flat_map(|kind| held_as(view, *kind)).collect()
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
    /// What a member's target should admit.
    #[must_use]
    pub fn desired(&self, target: &MemberName, group: &SecurityGroupId) -> BTreeSet<Permission> {
        let learned = self.learned(target, group);
        let of = |(from, place): (&MemberName, &Place)| {
            let held: BTreeSet<Cidr> = place.members().into_values().flatten().collect();
            held.into_iter()
                .flat_map(|cidr| self.opens(from, (target, group), &learned, cidr))
                .collect::<Vec<_>>()
        };
        self.places.iter().flat_map(of).collect()
    }

    /// What a target's rules open to the target itself now, by which the document may go.
    pub(super) fn learned(&self, place: &MemberName, group: &SecurityGroupId) -> Learned {
        let together = self.together(place, group).into_iter();
        together.flat_map(|id| learned(&id, self.places[place].groups[&id].rules())).collect()
    }

    /// The targets that admit as one: those of a spread, else this one.
    pub(super) fn together(
        &self,
        place: &MemberName,
        group: &SecurityGroupId,
    ) -> Vec<SecurityGroupId> {
        let spread = |member: &&Member| member.spread && !group.is_list();
        let member = self.mesh.member(place).filter(spread);
        member.map_or_else(|| vec![group.clone()], |member| member.security_groups.clone())
    }

    /// Whether a target, or one of its spread, opens a permission.
    pub(super) fn opens_together(
        &self,
        place: &MemberName,
        group: &SecurityGroupId,
        permission: Permission,
    ) -> bool {
        let groups = &self.places[place].groups;
        self.together(place, group).iter().any(|id| groups[id].opens(permission))
    }

    /// What the document opens to an address of `from` in a target of `to` whose rules open
    /// `learned` to itself. In a list it stands once, whatever it may reach.
    pub(super) fn opens(
        &self,
        from: &MemberName,
        (to, target): (&MemberName, &SecurityGroupId),
        learned: &Learned,
        cidr: Cidr,
    ) -> Vec<Permission> {
        let list = self.places[to].groups.get(target).and_then(|group| group.list);
        if list.is_some_and(|list| list.ipv4 != cidr.is_ipv4()) {
            return Vec::new();
        }
        let all = Learned::from([Traffic::EVERYTHING]);
        let learned = if list.is_some() { &all } else { learned };
        if !kinds_between(&self.mesh, from, to).contains(&kind_of(cidr)) {
            return Vec::new();
        }
        let mut traffic = Learned::new();
        for allow in &self.mesh.allow {
            match allow.traffic {
                _ if !among(allow.from.as_ref(), from) || !among(allow.to.as_ref(), to) => {}
                Allowed::These(these) => drop(traffic.insert(these)),
                Allowed::SelfReference => traffic.extend(learned),
            }
        }
        traffic.retain(|traffic| traffic.fits(cidr));
        let traffic = if list.is_some() && !traffic.is_empty() { all } else { traffic };
        traffic.into_iter().map(|traffic| Permission { traffic, cidr }).collect()
    }

    /// Every difference between what targets admit and what they should, and between
    /// what mirrors say and what is.
    #[must_use]
    pub fn differences(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (member, place) in &self.places {
            for (id, group) in &place.groups {
                let ours = |group: &Group| self.permissions(group, true);
                let others = self.together(member, id).into_iter().filter(|other| other != id);
                let others: Vec<_> = others.map(|other| &place.groups[&other]).collect();
                let (admits, should) = (ours(group), self.desired(member, id));
                let mut foreign = self.permissions(group, false);
                foreign.extend(others.iter().flat_map(|group| self.permissions(group, false)));
                let open = |p: &Permission| {
                    opened_by(&admits, *p) || others.iter().any(|other| opened_by(&ours(other), *p))
                };
                let missing = should.difference(&foreign).filter(|p| !open(p));
                let missing = missing.map(|p| format!("{member} {id} lacks {p}"));
                let stale = admits.iter().filter(|p| !opened_by(&should, **p));
                let stale = stale.map(|p| format!("{member} {id} has {p}"));
                let twice = |p: &&Permission| others.iter().any(|other| ours(other).contains(*p));
                let twice = admits.iter().filter(twice);
                let twice = twice.map(|p| format!("{member} {id} has {p}, and so has another"));
                found.extend(missing.chain(stale).chain(twice));
            }
        }
        found
    }

    /// What the mesh's own rules of a group open, or those of others.
    fn permissions(&self, group: &Group, ours: bool) -> BTreeSet<Permission> {
        let rules = group.rules().filter(|rule| rule.is_owned_by(&self.mesh.name) == ours);
        rules.filter_map(Rule::permission).collect()
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

/// Whether all that a permission opens is opened by these: by one of them, or by as many
/// within it as make up its whole size.
pub(super) fn opened_by(these: &BTreeSet<Permission>, permission: Permission) -> bool {
    let parts = these.iter().filter(|part| permission.covers(**part));
    these.contains(&permission)
        || these.iter().any(|wider| wider.covers(permission))
        || parts.map(|part| size(part.cidr)).sum::<u128>() == size(permission.cidr)
}

/// How many addresses a block has.
fn size(cidr: Cidr) -> u128 {
    let text = cidr.to_string();
    let length: u32 = text.rsplit('/').next().and_then(|l| l.parse().ok()).expect("a length");
    1 << (if cidr.is_ipv4() { 32 - length } else { 128 - length })
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
