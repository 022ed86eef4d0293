//! `[[allow]]`: what members may reach on each other.

use std::collections::{BTreeMap, BTreeSet};

use crate::cidr::AddressKind;
use crate::names::MemberName;
use crate::permission::{Protocol, Traffic};

use super::fields::{Place, Table, each, listed};
use super::members::Seen;
use super::problems::quoted;
use super::{Allow, Allowed, spelling};

/// What makes an allow entry the same as another.
pub(super) type AllowKey = (Allowed, Option<BTreeSet<MemberName>>, Option<BTreeSet<MemberName>>);

pub(super) fn allow(
    place: &Place<'_>,
    seen: &Seen,
    kinds: &BTreeSet<AddressKind>,
    entries: &mut BTreeMap<AllowKey, String>,
) -> Option<Allow> {
    let table = place.table(&["protocol", "ports", "from", "to"])?;
    let traffic = allowed(&table, kinds);
    let from = table.optional("from").and_then(|from| member_names(&from, seen));
    let to = table.optional("to").and_then(|to| member_names(&to, seen));
    let allow = Allow { traffic: traffic?, from, to };
    let key = (allow.traffic, allow.from.clone(), allow.to.clone());
    match entries.get(&key) {
        None => drop(entries.insert(key, place.path().to_owned())),
        Some(first) => place.problem(format!("says the same as {first}")),
    }
    Some(allow)
}

fn allowed(table: &Table<'_>, kinds: &BTreeSet<AddressKind>) -> Option<Allowed> {
    let ports = table.optional("ports");
    if ports.and_then(|ports| ports.as_text()) != Some("self-reference") {
        return traffic(table, kinds).map(Allowed::These);
    }
    if let Some(protocol) = table.optional("protocol") {
        protocol.problem("comes with the rules that reference the group itself; leave the key out");
        return None;
    }
    Some(Allowed::SelfReference)
}

fn traffic(table: &Table<'_>, kinds: &BTreeSet<AddressKind>) -> Option<Traffic> {
    let place = table.required("protocol", "it is tcp, udp, icmp, icmpv6, all or a number");
    let protocol = place.as_ref().and_then(|place| place.text_or_integer(spelling::protocol));
    let ports_place = table.optional("ports");
    let ports = ports_place.as_ref().and_then(|place| place.text_or_integer(spelling::ports));
    let protocol = protocol?;
    if let Some(place) = place
        && let Some(kind) = needed_kind(protocol, kinds)
    {
        place.problem(format!("{protocol} needs {kind} among `addresses.kinds`"));
    }
    match (protocol.has_ports(), ports_place) {
        (true, None) => {
            table.missing("ports", &format!("{protocol} needs them: \"9042\" or \"7000-7001\""));
            None
        }
        (true, Some(_)) => ports.map(|(from, to)| Traffic::ports(protocol, from, to)),
        (false, None) => Some(Traffic::new(protocol, None, None)),
        (false, Some(place)) => {
            place.problem(format!("{protocol} has no ports; leave the key out"));
            None
        }
    }
}

/// The kind of address without which a protocol admits nobody.
fn needed_kind(protocol: Protocol, kinds: &BTreeSet<AddressKind>) -> Option<&'static str> {
    let has = |kind| kinds.contains(&kind);
    let ipv4 = [AddressKind::PublicIpv4, AddressKind::PrivateIpv4, AddressKind::Ipv4Prefix];
    let ipv6 = [AddressKind::Ipv6, AddressKind::Ipv6Prefix];
    match protocol {
        Protocol::Icmp if !ipv4.into_iter().any(has) => Some("`public-ipv4` or `private-ipv4`"),
        Protocol::Icmpv6 if !ipv6.into_iter().any(has) => Some("`ipv6`"),
        _ => None,
    }
}

pub(super) fn member_names(place: &Place<'_>, seen: &Seen) -> Option<BTreeSet<MemberName>> {
    let places = place.list("member names")?;
    if places.is_empty() {
        place.problem("is empty; leave the key out for every member");
    }
    let mut names = BTreeSet::new();
    each(&places, |place| {
        let name: MemberName = place.text(|text| {
            let known = seen.names.contains_key(text);
            known.then(|| text.into()).ok_or_else(|| unknown_member(text, seen))
        })?;
        if !names.insert(name.clone()) {
            place.problem(format!("`{name}` is in this list already"));
        }
        Some(())
    })?;
    Some(names)
}

fn unknown_member(text: &str, seen: &Seen) -> String {
    let known: Vec<&str> = seen.names.keys().map(String::as_str).collect();
    format!("{} is no member's name; members are {}", quoted(text), listed(&known))
}
