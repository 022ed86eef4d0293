//! What one member's addresses may reach of another's targets.

use std::collections::BTreeSet;

use crate::cidr::{AddressKind, Cidr};
use crate::ingress::PrefixList;
use crate::names::MemberName;
use crate::permission::{Permission, Traffic};

use super::{Link, Mesh};

/// What only a look at a target can tell of what is to be admitted there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Base {
    /// What its rules open to itself; of a prefix list, which has no ports, everything.
    pub learned: BTreeSet<Traffic>,
    /// What it may hold, if it is a prefix list.
    pub list: Option<PrefixList>,
}

impl Base {
    /// Of a group that opens this to itself.
    #[must_use]
    pub fn of_group(learned: BTreeSet<Traffic>) -> Self {
        Self { learned, list: None }
    }

    /// Of a prefix list.
    #[must_use]
    pub fn of_list(list: PrefixList) -> Self {
        Self { learned: [Traffic::EVERYTHING].into(), list: Some(list) }
    }
}

/// What one member's addresses may reach of another's targets, and which addresses those are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Between {
    /// Protocols and ports.
    pub traffic: BTreeSet<Traffic>,
    /// The kinds of addresses.
    pub kinds: BTreeSet<AddressKind>,
    /// Whether the first member's rows hold public addresses too, for others, of which
    /// nothing is admitted here.
    private_only: bool,
    /// What the target may hold, if it is a prefix list.
    list: Option<PrefixList>,
}

impl Between {
    /// The permissions that an address of the first member has on a target of the second.
    pub fn permissions(&self, cidr: Cidr) -> impl Iterator<Item = Permission> {
        let traffic = self.traffic.iter().filter(move |t| self.admits(cidr) && t.fits(cidr));
        // In a list an address stands once: what it opens is for who refers to the list to say.
        let most = self.list.map_or(usize::MAX, |list| usize::from(list.ipv4 == cidr.is_ipv4()));
        let spelled = |traffic: &Traffic| self.list.map_or(*traffic, |_| Traffic::EVERYTHING);
        traffic.take(most).map(move |traffic| Permission { traffic: spelled(traffic), cidr })
    }

    /// How many rules one address of a family takes.
    #[must_use]
    pub fn rules_of_one(&self, ipv4: bool) -> usize {
        let traffic = self.traffic.iter().filter(|traffic| traffic.fits_family(ipv4)).count();
        match self.list {
            None => traffic,
            Some(list) => traffic.min(usize::from(list.ipv4 == ipv4)),
        }
    }

    /// Whether the address is of one of the kinds.
    fn admits(&self, cidr: Cidr) -> bool {
        let elsewhere = self.private_only && AddressKind::PublicIpv4.admits(cidr);
        !elsewhere && self.kinds.iter().any(|kind| kind.admits(cidr))
    }
}

impl Link {
    fn is_about(&self, from: &MemberName, to: &MemberName) -> bool {
        let names = |names: &Option<BTreeSet<MemberName>>, name| {
            names.as_ref().is_none_or(|names| names.contains(name))
        };
        names(&self.from, from) && names(&self.to, to)
    }
}

impl Mesh {
    /// What a target of `to` admits from `from`'s addresses.
    #[must_use]
    pub fn between(&self, from: &MemberName, to: &MemberName, base: &Base) -> Between {
        let kinds = self.kinds_between(from, to).clone();
        let private_only = !kinds.contains(&AddressKind::PublicIpv4) && self.is_told_apart(from);
        let traffic = self.traffic(from, to, &base.learned);
        Between { traffic, kinds, private_only, list: base.list }
    }

    fn kinds_between(&self, from: &MemberName, to: &MemberName) -> &BTreeSet<AddressKind> {
        let mut about = self.links.iter().filter(|link| link.is_about(from, to));
        about.next().map_or(&self.kinds, |link| &link.kinds)
    }

    /// The kinds of a member's addresses that some target admits: those its rows hold,
    /// and those that a launching instance needs.
    #[must_use]
    pub fn kinds_of(&self, from: &MemberName) -> BTreeSet<AddressKind> {
        if self.links.is_empty() {
            return self.kinds.clone();
        }
        let targets = self.members.iter().filter(|to| to.has_targets());
        let reached = targets.filter(|to| self.connects(from, &to.name));
        let kinds: BTreeSet<_> =
            reached.flat_map(|to| self.kinds_between(from, &to.name)).copied().collect();
        if kinds.is_empty() { self.kinds.clone() } else { kinds }
    }

    /// Whether some targets admit a member's public IPv4 addresses and others its private
    /// ones, so that each address has to be known for what it is.
    #[must_use]
    pub fn is_told_apart(&self, from: &MemberName) -> bool {
        let kinds = self.kinds_of(from);
        let both = [AddressKind::PublicIpv4, AddressKind::PrivateIpv4];
        !self.links.is_empty() && both.iter().all(|kind| kinds.contains(kind))
    }
}
