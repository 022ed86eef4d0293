//! A document, the items of a mirror and the rules of a group, made of choices.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use sync_core::cidr::Cidr;
use sync_core::mesh::Mesh;
use sync_core::names::MemberName;
use sync_core::permission::Rule;
use sync_core::ports::Item;

use super::super::dice::Dice;
use super::super::oracle::{Asked, Kinds, Opens, opens};

/// Addresses that rows and rules share, so that they meet; then spellings and blocks
/// that no row may have.
pub const ADDRESSES: [&str; 24] = [
    "54.0.0.1/32",
    "54.0.0.2/32",
    "54.0.0.3/32",
    "54.0.0.4/32",
    "54.0.0.5/32",
    "54.0.0.6/32",
    "54.0.0.7/32",
    "54.0.0.8/32",
    "10.0.0.1/32",
    "10.0.0.2/32",
    "2600:1f18::1/128",
    "2600:1f18::2/128",
    "fd00::1/128",
    "2600:1F18:0::1/128",
    "54.0.0.1/31",
    "54.0.0.0/24",
    "0.0.0.0/0",
    "::/0",
    "::ffff:54.0.0.1/128",
    "fe80::1/128",
    "127.0.0.1/32",
    "169.254.169.254/32",
    "54.0.0.1",
    "054.0.0.1/32",
];

/// How many of [`ADDRESSES`] are hosts.
const HOSTS: usize = 14;

const KINDS: [&str; 3] = ["public-ipv4", "private-ipv4", "ipv6"];

/// Kinds of a link.
const LINKED: [&str; 5] = ["public-ipv4", "private-ipv4", "ipv6", "ipv4-prefix", "ipv6-prefix"];

const MEMBERS: [&str; 3] = ["us-east-1", "us-west-2", "eu-west-1"];

/// Entries of `allow`, each with how people read its traffic.
fn allowed() -> [(Value, Option<Value>, &'static str); 9] {
    [
        (json!("tcp"), Some(json!("7000-7001")), "tcp 7000-7001"),
        (json!(6), Some(json!(9042)), "tcp 9042"),
        (json!("udp"), Some(json!("53")), "udp 53"),
        (json!("tcp"), Some(json!("0-65535")), "tcp 0-65535"),
        (json!("017"), Some(json!("7000-7000")), "udp 7000"),
        (json!("icmp"), None, "icmp"),
        (json!("58"), None, "icmpv6"),
        (json!("all"), None, "all"),
        (json!(50), None, "50"),
    ]
}

/// Everything that one plan is made from, and what the document asks for.
pub struct World {
    pub mesh: Mesh,
    pub kinds: Kinds,
    document: Value,
    opens: Opens,
    learns: bool,
    pub items: Vec<Item>,
    pub rules: Vec<Rule>,
    pub departed: BTreeSet<(MemberName, Cidr)>,
}

impl World {
    /// None if the document that the choices make is refused.
    pub fn roll(dice: &mut Dice<'_>) -> Option<Self> {
        let members = &MEMBERS[..=dice.below(3)];
        let mut kinds: Vec<String> =
            dice.some(&KINDS).into_iter().map(|k| (*k).to_owned()).collect();
        if kinds.is_empty() {
            kinds.push(KINDS[0].to_owned());
        }
        let (allow, asked) = allow(dice, members);
        let document = json!({
            "name": "orders-db",
            "allow": allow,
            "member": members.iter().enumerate().map(|(place, name)| member(place, name)).collect::<Vec<_>>(),
            "addresses": {"kinds": kinds},
            "guard": {"max_removals": dice.below(4), "max_removal_percent": dice.below(101)},
            "limits": {"rules_per_group": 1 + dice.below(30)},
        });
        let mesh = Mesh::parse(&document.to_string()).ok()?;
        let kinds = Kinds { mesh: kinds, link: None };
        let items = (0..dice.below(7)).map(|_| item(dice, members)).collect();
        let names: Vec<String> = members.iter().map(|name| (*name).to_owned()).collect();
        let rules = (0..dice.below(40)).map(|_| super::rule(dice, &names)).collect();
        let departed = (0..dice.below(4))
            .filter_map(|_| {
                let name = MemberName::new(dice.of(&names).clone());
                Some((name, dice.of(&ADDRESSES[..HOSTS]).parse().ok()?))
            })
            .collect();
        let opens = opens(&asked, members);
        Some(Self { mesh, kinds, document, opens, learns: false, items, rules, departed })
    }

    /// Sometimes a link between two members. The last choices, so that inputs found before
    /// there were links still say the same.
    pub fn link(&mut self, dice: &mut Dice<'_>) {
        let kinds: Vec<String> = dice.some(&LINKED).into_iter().map(|k| (*k).to_owned()).collect();
        let names: Vec<_> =
            self.mesh.members.iter().map(|member| member.name.to_string()).collect();
        let (from, to) = (dice.of(&names).clone(), dice.of(&names).clone());
        self.document["link"] = json!([{"from": [from], "to": [to], "kinds": kinds}]);
        // Refused where it says nothing, or nothing flows over it.
        if let Ok(mesh) = Mesh::parse(&self.document.to_string()) {
            self.mesh = mesh;
            self.kinds.link = Some((from, to, kinds));
        } else if let Some(document) = self.document.as_object_mut() {
            // Learned ports may flow over it after all, and nobody would know of the link.
            document.remove("link");
        }
    }
}

impl World {
    /// Sometimes ports are learned besides. Later choices still.
    pub fn learn(&mut self, dice: &mut Dice<'_>) {
        if !dice.once_in(2) {
            return;
        }
        if let Some(allow) = self.document["allow"].as_array_mut() {
            allow.push(json!({"ports": "self-reference"}));
        }
        if let Ok(mesh) = Mesh::parse(&self.document.to_string()) {
            self.mesh = mesh;
            self.learns = true;
        }
    }

    /// What the document opens in a target, with what others' rules open to it from itself.
    pub fn opens_in(&self, target: &str, group: &str) -> Opens {
        let mut opens = self.opens.clone();
        for rule in self.rules.iter().filter(|_| self.learns) {
            let ours = rule.tags.get("sgsync:mesh").is_some_and(|mesh| mesh == "orders-db");
            if rule.source.to_string() == group && !ours {
                for from in &self.mesh.members {
                    let pair = (from.name.to_string(), target.to_owned());
                    opens.entry(pair).or_default().insert(rule.traffic.to_string());
                }
            }
        }
        opens
    }
}

fn allow(dice: &mut Dice<'_>, members: &[&str]) -> (Vec<Value>, Vec<Asked>) {
    let entries = allowed();
    let (mut allow, mut asked) = (Vec::new(), Vec::new());
    for _ in 0..=dice.below(3) {
        let (protocol, ports, shown) = dice.of(&entries);
        let mut entry = json!({ "protocol": protocol });
        if let Some(ports) = ports {
            entry["ports"] = ports.clone();
        }
        let mut names = |key: &str| {
            let names: Vec<String> =
                dice.some(members).into_iter().map(|n| (*n).to_owned()).collect();
            (!names.is_empty()).then(|| {
                entry[key] = json!(names);
                names
            })
        };
        let (from, to) = (names("from"), names("to"));
        allow.push(entry);
        asked.push(((*shown).to_owned(), from, to));
    }
    (allow, asked)
}

fn member(place: usize, name: &str) -> Value {
    let groups = &["blue", "green"][..=place % 2];
    json!({"region": name, "auto_scaling_groups": groups,
        "security_groups": [format!("sg-{place:08x}")]})
}

fn item(dice: &mut Dice<'_>, members: &[&str]) -> Item {
    let mut instances = Map::new();
    for _ in 0..dice.below(8) {
        let hosts = if dice.once_in(16) { ADDRESSES.len() } else { HOSTS };
        let cidrs: Vec<&str> = (0..dice.below(3)).map(|_| *dice.of(&ADDRESSES[..hosts])).collect();
        let id = match dice.below(32) {
            31 => "\n".to_owned(),
            number => format!("i-{number:x}"),
        };
        instances.insert(id, json!(cidrs));
    }
    let asg = if dice.once_in(4) { "green" } else { "blue" };
    let mut item = json!({"member": dice.of(members), "asg": asg, "schema": 1,
        "version": 1_793_000_000_000_u64 + u64::from(dice.byte()), "writer": "w",
        "observed_at": "2026-11-20T08:15:04Z", "instances": instances});
    if dice.once_in(16) {
        let key = *dice.of(&["schema", "version", "observed_at", "instances", "writer", "more"]);
        item[key] =
            dice.of(&[json!(null), json!(-1), json!(u64::MAX), json!("x"), json!([])]).clone();
    }
    match item {
        Value::Object(item) => item,
        _ => Item::new(),
    }
}
