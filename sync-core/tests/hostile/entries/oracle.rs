//! What may be opened and what may be closed, told from the mesh document's text and the
//! mirror's items by code that shares nothing with the planner.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde_json::Value;
use sync_core::adopt::{self, Decision};
use sync_core::mesh::{Member, Mesh};
use sync_core::names::{MeshName, RuleId};
use sync_core::permission::{Rule, Traffic};
use sync_core::planner::{Addition, Desired, Plan};
use sync_core::ports::Item;

/// What the document opens: `(from, to)` to the traffic as people read it.
pub type Opens = BTreeMap<(String, String), BTreeSet<String>>;

/// Promise 7, of every address that a plan admits: it is one host of a kind that the
/// document names, on traffic that the document opens for its member, and a stored item
/// has it under the instance that the plan names. What is left of a block of the mesh's
/// that is there may be opened in blocks (decision 31), of which that goes for every host.
pub fn only_what_is_asked_for(
    plan: &Plan,
    actual: &[Rule],
    target: &str,
    opens: &Opens,
    kinds: &Kinds,
    items: &[Item],
) {
    for addition in plan.add.iter().chain(&plan.over_quota) {
        let shown = addition.permission.to_string();
        let (traffic, cidr) = shown.rsplit_once(' ').expect("traffic and cidr");
        let (address, length) = cidr.split_once('/').expect("a prefix length");
        let address: IpAddr = address.parse().expect("an address");
        let origin = &addition.origin;
        let kinds = kinds.of(origin.member.as_str(), target);
        let is_asked_for = |kind: &String| is_of_kind(kind, address, length);
        let part = !kinds.iter().any(is_asked_for) && is_left_of_a_block(actual, addition);
        let hosts = if part { hosts(address, length) } else { Vec::new() };
        for host in hosts {
            assert!(kinds.iter().any(|kind| is_address_of_kind(kind, host)), "no kind: {shown}");
            let has = |item: &Item| {
                let rows = item.get("instances").and_then(Value::as_object).into_iter().flatten();
                item.get("member") == Some(&Value::from(origin.member.as_str())) && { rows }
                    .any(|(_, list)| holds(list, host))
            };
            assert!(items.iter().any(has), "no row has {host} of {shown}");
        }
        assert!(part || kinds.iter().any(is_asked_for), "no kind: {shown}");
        let pair = (origin.member.to_string(), target.to_owned());
        let opened = opens.get(&pair).is_some_and(|opened| opened.contains(traffic));
        assert!(opened, "nobody opened {shown} from {} to {target}", origin.member);
        let wanted = |item: &Item| {
            if part {
                return true;
            }
            let named = item.get("member") == Some(&Value::from(origin.member.as_str()))
                && item.get("asg") == Some(&Value::from(origin.asg.as_str()));
            let of_instance = || item.get("instances")?.get(origin.instance.as_str());
            named && of_instance().is_some_and(|list| lists(list, address, length))
        };
        assert!(items.iter().any(wanted), "no row has {shown} of {}", origin.instance);
    }
}

/// Whether some rule of the mesh's is for all of this, and more.
fn is_left_of_a_block(actual: &[Rule], addition: &Addition) -> bool {
    let blocks = actual.iter().filter(|rule| rule.tags.contains_key("sgsync:mesh"));
    let mut blocks = blocks.filter_map(Rule::permission);
    blocks.any(|p| p != addition.permission && p.covers(addition.permission))
}

/// The hosts of a block, which must not be large.
fn hosts(address: IpAddr, length: &str) -> Vec<IpAddr> {
    let length: u32 = length.parse().expect("a prefix length");
    let spare = if address.is_ipv4() { 32 } else { 128 } - length;
    assert!(spare <= 16, "{address}/{length} is no block of a few hosts");
    let host = |offset: u32| match address {
        IpAddr::V4(ip) => IpAddr::from((u32::from(ip) + offset).to_be_bytes()),
        IpAddr::V6(ip) => IpAddr::from((u128::from(ip) + u128::from(offset)).to_be_bytes()),
    };
    (0..1 << spare).map(host).collect()
}

/// Whether a host is in one of these blocks.
fn holds(cidrs: &Value, host: IpAddr) -> bool {
    let number = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => u128::from(u32::from(ip)) << 96,
        IpAddr::V6(ip) => u128::from(ip),
    };
    let contains = |text: &str| {
        let (block, length) = text.split_once('/')?;
        let (block, length) = (block.parse::<IpAddr>().ok()?, length.parse::<u32>().ok()?);
        let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
        Some(block.is_ipv4() == host.is_ipv4() && (number(block) ^ number(host)) & mask == 0)
    };
    let texts = cidrs.as_array().into_iter().flatten().filter_map(Value::as_str);
    { texts }.any(|text| contains(text) == Some(true))
}

fn lists(cidrs: &Value, address: IpAddr, length: &str) -> bool {
    let host = |text: &str| {
        let (host, prefix) = text.split_once('/')?;
        host.parse::<IpAddr>().ok().filter(|_| prefix == length)
    };
    cidrs
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .any(|t| host(t) == Some(address))
}

/// The kinds of addresses that a document admits.
pub struct Kinds {
    /// Where no link says otherwise.
    pub mesh: Vec<String>,
    /// From whom to whom a link is, and its kinds.
    pub link: Option<(String, String, Vec<String>)>,
}

impl Kinds {
    pub fn new(mesh: &[&str]) -> Self {
        Self { mesh: mesh.iter().map(|kind| (*kind).to_owned()).collect(), link: None }
    }

    fn of(&self, from: &str, to: &str) -> &[String] {
        match &self.link {
            Some((source, target, kinds)) if source == from && target == to => kinds,
            _ => &self.mesh,
        }
    }
}

/// Whether an address block is of a kind, in the words of the mesh document.
fn is_of_kind(kind: &str, address: IpAddr, length: &str) -> bool {
    let expected = match (kind, address.is_ipv4()) {
        ("ipv4-prefix", true) => "28",
        ("ipv6-prefix", false) => "80",
        (_, true) => "32",
        (_, false) => "128",
    };
    length == expected && is_address_of_kind(kind, address)
}

fn is_address_of_kind(kind: &str, address: IpAddr) -> bool {
    let IpAddr::V4(ip) = address else {
        let text = address.to_string();
        let block = ["2", "3", "fc", "fd"].iter().any(|start| text.starts_with(start));
        return kind.starts_with("ipv6") && block && text.find(':') == Some(4);
    };
    let [a, b, c, _] = ip.octets();
    let nowhere = a == 0 || a == 127 || (a, b) == (169, 254) || a > 223;
    let inner = a == 10
        || (a == 172 && (16..32).contains(&b))
        || (a, b) == (192, 168)
        || (a == 100 && (64..128).contains(&b))
        || (a, b, c) == (192, 0, 0)
        || (a, b) == (198, 18)
        || (a, b) == (198, 19);
    !nowhere && (["private-ipv4", "ipv4-prefix"].contains(&kind) || kind == "public-ipv4" && !inner)
}

/// Promises 1 and 2, of every rule that a plan revokes: it has this mesh's tag wherever
/// it is shown, nobody wants it, and its member is known unless it was seen leaving.
pub fn only_what_may_go(plan: &Plan, actual: &[Rule], mesh: &MeshName, desired: &Desired) {
    let mut seen = BTreeSet::new();
    for removal in plan.removals() {
        let id = &removal.rule.rule().id;
        assert!(seen.insert(id), "{id} is revoked twice");
        let shown: Vec<_> = actual.iter().filter(|rule| rule.id == *id).collect();
        assert!(!shown.is_empty(), "{id} is not there");
        for rule in shown {
            let tag = rule.tags.get("sgsync:mesh").map(String::as_str);
            assert_eq!(tag, Some(mesh.as_str()), "foreign: {rule:?}");
            let wanted = rule.permission().is_some_and(|p| desired.wanted.contains_key(&p));
            assert!(!wanted, "wanted: {rule:?}");
        }
    }
    for rule in &plan.foreign {
        assert!(!seen.contains(&rule.id), "{} is foreign and revoked", rule.id);
    }
}

/// Nothing is adopted that another mesh has, or that nobody wants and nobody named.
pub fn adopts_only_what_it_may(
    mesh: &Mesh,
    target: (&Member, &BTreeSet<Traffic>),
    actual: &[Rule],
    desired: &Desired,
    named: &BTreeSet<RuleId>,
) {
    for candidate in adopt::judge(mesh, target, actual, desired, named) {
        let rule = &candidate.rule;
        let ours = rule.tags.get("sgsync:mesh").map(String::as_str) == Some(mesh.name.as_str());
        assert!(!ours, "ours already: {rule:?}");
        let wanted = rule.permission().is_some_and(|p| desired.wanted.contains_key(&p));
        match candidate.decision {
            Decision::Adopt(_) => assert!(wanted, "{rule:?}"),
            Decision::AdoptToRevoke => assert!(!wanted && named.contains(&rule.id), "{rule:?}"),
            Decision::Unwanted | Decision::Other => {
                assert_eq!(candidate.tags(mesh), None, "{rule:?}");
                continue;
            }
        }
        assert!(!rule.tags.contains_key("sgsync:mesh"), "another mesh's: {rule:?}");
    }
}

/// An entry of `allow`: its traffic as people read it, `from` and `to`.
pub type Asked = (String, Option<Vec<String>>, Option<Vec<String>>);

/// What a document's members open for each other, from `(traffic, from, to)` triples.
pub fn opens(allow: &[Asked], members: &[&str]) -> Opens {
    let mut opens = Opens::new();
    let lets = |names: &Option<Vec<String>>, name: &str| {
        names.as_ref().is_none_or(|names| names.iter().any(|n| n == name))
    };
    for (traffic, from, to) in allow {
        for source in members.iter().filter(|name| lets(from, name)) {
            for target in members.iter().filter(|name| lets(to, name)) {
                let pair = ((*source).to_owned(), (*target).to_owned());
                opens.entry(pair).or_default().insert(traffic.clone());
            }
        }
    }
    opens
}
