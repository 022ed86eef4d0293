//! Addresses in the one text form AWS gives them back in.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::mesh::quoted;

/// An address block, canonical by construction: host bits cleared, one text form.
///
/// EC2 clears host bits and refuses another spelling of a block it has
/// (`facts/aws.md`, section 1), so two spellings must be one value here too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cidr(IpNet);

/// A text that is no address block.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not an address block such as 198.51.100.7/32 or 2001:db8::7/128")]
pub struct InvalidCidr(String);

impl Cidr {
    /// The host route of one address: /32 or /128.
    #[must_use]
    pub fn host(address: IpAddr) -> Self {
        Self(IpNet::from(address))
    }

    /// Whether this is exactly one address.
    #[must_use]
    pub fn is_host_route(self) -> bool {
        self.0.prefix_len() == self.0.max_prefix_len()
    }

    /// Whether this has the length of the prefixes that EC2 delegates to interfaces: /28
    /// and /80 (`facts/aws.md`, section 4).
    #[must_use]
    pub fn is_delegated(self) -> bool {
        self.0.prefix_len() == if self.is_ipv4() { 28 } else { 80 }
    }

    /// Whether this counts against the IPv4 quota.
    #[must_use]
    pub fn is_ipv4(self) -> bool {
        matches!(self.0, IpNet::V4(_))
    }

    /// The block's first address.
    #[must_use]
    pub fn address(self) -> IpAddr {
        self.0.network()
    }

    /// The block's last address.
    #[must_use]
    pub fn last_address(self) -> IpAddr {
        self.0.broadcast()
    }

    /// Whether every address of the other block is in this one.
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        self.0.contains(&other.0)
    }

    /// The block that is twice as large; none for all addresses of a family.
    #[must_use]
    pub fn wider(self) -> Option<Self> {
        self.0.supernet().map(Self)
    }

    /// The block's two halves; none for a host.
    #[must_use]
    pub fn halves(self) -> Option<[Self; 2]> {
        let mut halves = self.0.subnets(self.0.prefix_len().checked_add(1)?).ok()?;
        Some([Self(halves.next()?), Self(halves.next()?)])
    }

    /// The fewest blocks that hold exactly the addresses of these.
    #[must_use]
    pub fn merged(blocks: impl IntoIterator<Item = Self>) -> Vec<Self> {
        let blocks: Vec<IpNet> = blocks.into_iter().map(|block| block.0).collect();
        IpNet::aggregate(&blocks).into_iter().map(Self).collect()
    }
}

impl FromStr for Cidr {
    type Err = InvalidCidr;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidCidr(quoted(text));
        let (address, length) = text.split_once('/').ok_or_else(invalid)?;
        // The standard library's reader, because ipnet's takes leading zeros.
        let address: IpAddr = address.parse().map_err(|_| invalid())?;
        let number: u8 = length.parse().map_err(|_| invalid())?;
        let net = IpNet::new(address, number).ok().filter(|_| number.to_string() == length);
        Ok(Self(net.ok_or_else(invalid)?.trunc()))
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Cidr {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cidr {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Which of an instance's addresses a mesh admits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AddressKind {
    /// Public IPv4, Elastic IPs included.
    PublicIpv4,
    /// Private IPv4, for meshes over a VPN, peering or a transit gateway.
    PrivateIpv4,
    /// Global IPv6.
    Ipv6,
    /// IPv4 prefixes delegated to an interface: private, /28 each.
    Ipv4Prefix,
    /// IPv6 prefixes delegated to an interface: /80 each.
    Ipv6Prefix,
}

impl AddressKind {
    /// Every kind, as the mesh document spells them.
    pub const ALL: [(&str, Self); 5] = [
        ("public-ipv4", Self::PublicIpv4),
        ("private-ipv4", Self::PrivateIpv4),
        ("ipv6", Self::Ipv6),
        ("ipv4-prefix", Self::Ipv4Prefix),
        ("ipv6-prefix", Self::Ipv6Prefix),
    ];

    /// Whether an address block is one of this kind (promise 7): one host, or a prefix as
    /// EC2 delegates it, neither wider nor narrower.
    #[must_use]
    pub fn admits(self, cidr: Cidr) -> bool {
        match (self, cidr.address()) {
            (Self::PublicIpv4, IpAddr::V4(ip)) => cidr.is_host_route() && is_public(ip),
            (Self::PrivateIpv4, IpAddr::V4(ip)) => cidr.is_host_route() && is_routable(ip),
            (Self::Ipv6, IpAddr::V6(ip)) => cidr.is_host_route() && is_global_unicast(ip),
            (Self::Ipv4Prefix, IpAddr::V4(ip)) => cidr.is_delegated() && is_routable(ip),
            (Self::Ipv6Prefix, IpAddr::V6(ip)) => cidr.is_delegated() && is_global_unicast(ip),
            _ => false,
        }
    }

    /// Whether every instance has one from its launch on, so that a launch hook waits for
    /// it. Prefixes are delegated to interfaces whenever somebody asks for it.
    #[must_use]
    pub fn comes_with_launch(self) -> bool {
        !matches!(self, Self::Ipv4Prefix | Self::Ipv6Prefix)
    }

    /// Whether its addresses are IPv4; otherwise they are IPv6.
    #[must_use]
    pub fn is_ipv4(self) -> bool {
        !matches!(self, Self::Ipv6 | Self::Ipv6Prefix)
    }

    /// The kind as the mesh document spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL.into_iter().find(|(_, kind)| *kind == self).map_or("", |(word, _)| word)
    }
}

impl fmt::Display for AddressKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An address that can be an interface's at all.
fn is_routable(ip: Ipv4Addr) -> bool {
    let [a, ..] = ip.octets();
    !(a == 0 || a >= 224 || ip.is_loopback() || ip.is_link_local())
}

/// Globally reachable: routable, not RFC 1918, not shared (RFC 6598), and none of
/// the blocks that IANA keeps for protocols and benchmarks. Documentation blocks
/// are let through: nobody holds them, and examples use them.
fn is_public(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let protocol = a == 192 && b == 0 && c == 0;
    let benchmark = a == 198 && (18..20).contains(&b);
    is_routable(ip) && !ip.is_private() && !shared && !protocol && !benchmark
}

/// `2000::/3`, the only block from which interface addresses are given out, and
/// unique local addresses, which Amazon hands out to private VPC pools.
fn is_global_unicast(ip: Ipv6Addr) -> bool {
    let first = ip.segments()[0];
    (first & 0xe000) == 0x2000 || (first & 0xfe00) == 0xfc00
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cidr(text: &str) -> Cidr {
        text.parse().expect(text)
    }

    #[test]
    fn one_block_has_one_text_form() {
        for (written, canonical) in [
            ("100.68.0.18/18", "100.68.0.0/18"),
            ("198.51.100.7/32", "198.51.100.7/32"),
            ("2001:DB8:0:0:0:0:0:7/128", "2001:db8::7/128"),
            ("2001:db8::ff/64", "2001:db8::/64"),
        ] {
            assert_eq!(cidr(written).to_string(), canonical);
            assert_eq!(cidr(written), cidr(canonical));
        }
    }

    #[test]
    fn a_host_route_is_its_address_and_its_familys() {
        for (text, ipv4) in [("198.51.100.7/32", true), ("2001:db8::7/128", false)] {
            let address: IpAddr = text.split('/').next().expect("one").parse().expect(text);
            assert_eq!(Cidr::host(address), cidr(text));
            assert_eq!(cidr(text).address(), address);
            assert_eq!(cidr(text).is_ipv4(), ipv4);
            assert!(cidr(text).is_host_route());
        }
        assert!(!cidr("198.51.100.6/31").is_host_route());
        assert!(!cidr("2001:db8::6/127").is_host_route());
    }

    #[test]
    fn a_block_is_stored_as_its_text() {
        let stored = serde_json::to_value(cidr("2001:DB8::7/128")).expect("a text");
        assert_eq!(stored, "2001:db8::7/128");
        assert_eq!(serde_json::from_value::<Cidr>(stored).ok(), Some(cidr("2001:db8::7/128")));
        assert!(serde_json::from_value::<Cidr>(serde_json::json!("198.51.100.7")).is_err());
    }

    #[test]
    fn a_bare_address_or_nonsense_is_no_block() {
        for text in ["198.51.100.7", "198.51.100.7/33", "0.0.0.0/-1", "x", "", "1.2.3/8", "/8"] {
            assert!(text.parse::<Cidr>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_spelling_that_others_read_as_another_address_is_refused() {
        // To some readers 054 is 44: a leading zero makes it octal.
        for text in
            ["054.1.2.3/32", "54.1.2.03/32", "54.1.2.3/032", "54.1.2.3/+32", "::1.2.3.04/128"]
        {
            assert!(text.parse::<Cidr>().is_err(), "{text}");
        }
    }

    #[test]
    fn kinds_admit_only_their_own_host_routes() {
        use AddressKind::{Ipv6, PrivateIpv4, PublicIpv4};
        for (text, kinds) in [
            ("54.1.2.3/32", &[PublicIpv4, PrivateIpv4][..]),
            ("10.0.0.1/32", &[PrivateIpv4]),
            ("100.64.0.1/32", &[PrivateIpv4]),
            ("172.31.9.9/32", &[PrivateIpv4]),
            ("192.0.0.9/32", &[PrivateIpv4]),
            ("198.18.0.1/32", &[PrivateIpv4]),
            ("2600:1f18::1/128", &[Ipv6]),
            ("fd00::1/128", &[Ipv6]),
            // Just outside of the blocks that are kept for something.
            ("100.63.255.255/32", &[PublicIpv4, PrivateIpv4]),
            ("100.127.255.255/32", &[PrivateIpv4]),
            ("100.128.0.0/32", &[PublicIpv4, PrivateIpv4]),
            ("101.64.0.1/32", &[PublicIpv4, PrivateIpv4]),
            ("191.0.0.1/32", &[PublicIpv4, PrivateIpv4]),
            ("192.1.0.1/32", &[PublicIpv4, PrivateIpv4]),
            ("192.0.1.1/32", &[PublicIpv4, PrivateIpv4]),
            ("197.18.0.1/32", &[PublicIpv4, PrivateIpv4]),
            ("198.17.255.255/32", &[PublicIpv4, PrivateIpv4]),
            ("198.19.255.255/32", &[PrivateIpv4]),
            ("198.20.0.0/32", &[PublicIpv4, PrivateIpv4]),
            ("1.0.0.1/32", &[PublicIpv4, PrivateIpv4]),
            ("223.255.255.255/32", &[PublicIpv4, PrivateIpv4]),
            ("2000::/128", &[Ipv6]),
            ("3fff:ffff::1/128", &[Ipv6]),
            ("fc00::1/128", &[Ipv6]),
            ("fdff::1/128", &[Ipv6]),
            ("1fff::1/128", &[]),
            ("4000::1/128", &[]),
            ("6000::1/128", &[]),
            ("fbff::1/128", &[]),
            ("fe00::1/128", &[]),
            ("2600:1f18::/64", &[]),
            ("54.1.2.0/24", &[]),
            ("0.0.0.0/0", &[]),
            ("::/0", &[]),
            ("0.0.0.0/32", &[]),
            ("127.0.0.1/32", &[]),
            ("169.254.169.254/32", &[]),
            ("224.0.0.1/32", &[]),
            ("255.255.255.255/32", &[]),
            ("fe80::1/128", &[]),
            ("::1/128", &[]),
            ("ff02::1/128", &[]),
        ] {
            for kind in [PublicIpv4, PrivateIpv4, Ipv6] {
                assert_eq!(kind.admits(cidr(text)), kinds.contains(&kind), "{text} {kind:?}");
            }
        }
    }
}
