//! What a rule lets in, and the rules as EC2 holds them.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Serialize, Serializer};

use crate::cidr::Cidr;
use crate::names::{MemberName, MeshName, RuleId};

/// The rule tag that makes a rule ours: its value is the mesh's name.
pub const MESH_TAG: &str = "sgsync:mesh";
/// The rule tag that says which member's address the rule admits.
pub const MEMBER_TAG: &str = "sgsync:member";

/// An IP protocol, by name where EC2 knows one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// Every protocol on every port (`-1` in EC2).
    All,
    /// TCP, with ports.
    Tcp,
    /// UDP, with ports.
    Udp,
    /// ICMP for IPv4.
    Icmp,
    /// ICMP for IPv6.
    Icmpv6,
    /// Any other protocol number. EC2 opens all of it, whatever ports are given.
    Number(u8),
}

impl Protocol {
    /// The protocol of a name or number; the four that EC2 names are never a [`Protocol::Number`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "all" | "-1" => Self::All,
            "tcp" | "6" => Self::Tcp,
            "udp" | "17" => Self::Udp,
            "icmp" | "1" => Self::Icmp,
            "icmpv6" | "58" => Self::Icmpv6,
            // Not `06` or `+6`: that is tcp in another spelling.
            number => {
                let value: u8 = number.parse().ok()?;
                (value.to_string() == number).then_some(Self::Number(value))?
            }
        })
    }

    /// Whether EC2 looks at ports for this protocol.
    #[must_use]
    pub fn has_ports(self) -> bool {
        matches!(self, Self::Tcp | Self::Udp)
    }

    /// `IpProtocol` as EC2 writes it.
    #[must_use]
    pub fn ec2_name(self) -> String {
        match self {
            Self::All => "-1".to_owned(),
            named => named.to_string(),
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Tcp => f.write_str("tcp"),
            Self::Udp => f.write_str("udp"),
            Self::Icmp => f.write_str("icmp"),
            Self::Icmpv6 => f.write_str("icmpv6"),
            Self::Number(number) => number.fmt(f),
        }
    }
}

/// A protocol with its ports (for ICMP: type and code), canonical by construction.
///
/// EC2 shows "every port" in three ways: absent, `-1`/`-1`, and whatever was sent
/// for a protocol without ports. Here it is always `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Traffic {
    protocol: Protocol,
    ports: Option<(u16, u16)>,
    icmp: Option<(i32, i32)>,
}

impl Traffic {
    /// Every protocol, on every port.
    pub const EVERYTHING: Self = Self { protocol: Protocol::All, ports: None, icmp: None };

    /// Traffic as EC2 describes it: `FromPort` and `ToPort`, absent or -1 for all.
    #[must_use]
    pub fn new(protocol: Protocol, from: Option<i32>, to: Option<i32>) -> Self {
        let (from, to) = (from.unwrap_or(-1), to.unwrap_or(-1));
        let mut traffic = Self { protocol, ports: None, icmp: None };
        match protocol {
            Protocol::Tcp | Protocol::Udp => {
                let port = |number: i32, all| u16::try_from(number).unwrap_or(all);
                traffic.ports = Some((port(from, 0), port(to, u16::MAX)));
            }
            Protocol::Icmp | Protocol::Icmpv6 if (from, to) != (-1, -1) => {
                traffic.icmp = Some((from, to));
            }
            _ => {}
        }
        traffic
    }

    /// TCP or UDP on a range of ports.
    #[must_use]
    pub fn ports(protocol: Protocol, from: u16, to: u16) -> Self {
        Self::new(protocol, Some(from.into()), Some(to.into()))
    }

    /// The protocol.
    #[must_use]
    pub fn protocol(self) -> Protocol {
        self.protocol
    }

    /// `FromPort` and `ToPort` as EC2 wants them in a request; none for a protocol without them.
    #[must_use]
    pub fn ec2_ports(self) -> Option<(i32, i32)> {
        match self.protocol {
            Protocol::Tcp | Protocol::Udp => self.ports.map(|(from, to)| (from.into(), to.into())),
            Protocol::Icmp | Protocol::Icmpv6 => Some(self.icmp.unwrap_or((-1, -1))),
            Protocol::All | Protocol::Number(_) => None,
        }
    }

    /// Whether packets from this address block can be such traffic: each ICMP belongs
    /// to one address family.
    #[must_use]
    pub fn fits(self, cidr: Cidr) -> bool {
        self.fits_family(cidr.is_ipv4())
    }

    /// The same of every address of a family, IPv4 or IPv6.
    #[must_use]
    pub fn fits_family(self, ipv4: bool) -> bool {
        match self.protocol {
            Protocol::Icmp => ipv4,
            Protocol::Icmpv6 => !ipv4,
            _ => true,
        }
    }

    /// Whether some packet could match both.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        if self.protocol == Protocol::All || other.protocol == Protocol::All {
            return true;
        }
        let meet = |a: Option<(u16, u16)>, b: Option<(u16, u16)>| match (a, b) {
            (Some(a), Some(b)) => a.0 <= b.1 && b.0 <= a.1,
            _ => true,
        };
        self.protocol == other.protocol && meet(self.ports, other.ports)
    }
}

impl fmt::Display for Traffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.protocol.fmt(f)?;
        match (self.ports, self.icmp) {
            (Some((from, to)), _) if from == to => write!(f, " {from}"),
            (Some((from, to)), _) => write!(f, " {from}-{to}"),
            (None, Some((kind, code))) => write!(f, " type {kind} code {code}"),
            (None, None) => Ok(()),
        }
    }
}

/// Traffic from one canonical address block: the identity of a rule. Description
/// and tags are not part of it, in EC2 as here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Permission {
    /// Protocol and ports.
    pub traffic: Traffic,
    /// Who may send it.
    pub cidr: Cidr,
}

impl Permission {
    /// Whether this opens all that the other one does.
    #[must_use]
    pub fn covers(self, other: Self) -> bool {
        self.traffic == other.traffic && self.cidr.contains(other.cidr)
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.traffic, self.cidr)
    }
}

impl Serialize for Permission {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What a rule admits: sgsync writes address blocks only, others write all three.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// An address block.
    Cidr(Cidr),
    /// Another security group, by id.
    Group(String),
    /// A prefix list, by id.
    PrefixList(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cidr(cidr) => cidr.fmt(f),
            Self::Group(id) | Self::PrefixList(id) => f.write_str(id),
        }
    }
}

/// One ingress rule as EC2 holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its id, the only handle by which it is revoked.
    pub id: RuleId,
    /// Protocol and ports.
    pub traffic: Traffic,
    /// Who is admitted.
    pub source: Source,
    /// Free text; never identity.
    pub description: Option<String>,
    /// The rule's tags, by key.
    pub tags: BTreeMap<String, String>,
}

impl Rule {
    /// The rule's permission; none for a group or prefix list.
    #[must_use]
    pub fn permission(&self) -> Option<Permission> {
        match self.source {
            Source::Cidr(cidr) => Some(Permission { traffic: self.traffic, cidr }),
            Source::Group(_) | Source::PrefixList(_) => None,
        }
    }

    /// Whether the rule carries this mesh's tag.
    #[must_use]
    pub fn is_owned_by(&self, mesh: &MeshName) -> bool {
        self.tags.get(MESH_TAG).is_some_and(|value| value == mesh.as_str())
    }

    /// The member the rule was written for, if its tag says.
    #[must_use]
    pub fn member(&self) -> Option<MemberName> {
        self.tags.get(MEMBER_TAG).map(MemberName::new)
    }

    /// Whether the rule counts against the (IPv4, IPv6) quota. Group and
    /// prefix-list references count in both (`facts/aws.md`, Quotas).
    #[must_use]
    pub fn counts(&self) -> (bool, bool) {
        match self.source {
            Source::Cidr(cidr) => (cidr.is_ipv4(), !cidr.is_ipv4()),
            Source::Group(_) | Source::PrefixList(_) => (true, true),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.traffic, self.source)
    }
}

/// A rule that carries this mesh's tag. There is no other way to make one, so a
/// plan cannot hold a foreign rule to revoke (promise 1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedRule(Rule);

impl OwnedRule {
    /// Takes a rule if it is this mesh's; a foreign rule is none.
    #[must_use]
    pub fn claim(rule: &Rule, mesh: &MeshName) -> Option<Self> {
        rule.is_owned_by(mesh).then(|| Self(rule.clone()))
    }

    /// The rule.
    #[must_use]
    pub fn rule(&self) -> &Rule {
        &self.0
    }
}

#[cfg(test)]
mod tests;
