//! What a target holds: the rules of a security group, or the entries of a prefix list
//! (decision 34).

use std::collections::BTreeMap;
use std::ops::Deref;

use sha2::{Digest, Sha256};

use crate::cidr::Cidr;
use crate::names::RuleId;
use crate::permission::{MEMBER_TAG, MESH_TAG, Rule};
use crate::ports::Called;

/// What a target holds, as one read showed it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ingress {
    /// A group's rules; of a prefix list each entry, as a rule on all traffic.
    pub rules: Vec<Rule>,
    /// Of a prefix list: what it may hold, or why it cannot be told.
    pub list: Option<Called<PrefixList>>,
}

/// What a prefix list may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrefixList {
    /// Whether its entries are IPv4 addresses; else they are IPv6 ones.
    pub ipv4: bool,
    /// How many entries it takes (`MaxEntries`).
    pub max_entries: u32,
}

impl Ingress {
    /// What the list may hold, where this is one that can be read.
    #[must_use]
    pub fn prefix_list(&self) -> Option<PrefixList> {
        self.list.as_ref().and_then(|list| list.as_ref().ok()).copied()
    }
}

impl From<Vec<Rule>> for Ingress {
    fn from(rules: Vec<Rule>) -> Self {
        Self { rules, list: None }
    }
}

impl Deref for Ingress {
    type Target = [Rule];

    fn deref(&self) -> &[Rule] {
        &self.rules
    }
}

impl<'a> IntoIterator for &'a Ingress {
    type Item = &'a Rule;
    type IntoIter = std::slice::Iter<'a, Rule>;

    fn into_iter(self) -> Self::IntoIter {
        self.rules.iter()
    }
}

/// The description of an entry, which has no tags: it says what a rule's would.
#[must_use]
pub fn entry_description(tags: &BTreeMap<String, String>, description: &str) -> String {
    let of = |tag| tags.get(tag).map_or("", String::as_str);
    let whose = description.rsplit(' ').next().unwrap_or_default();
    format!("sgsync {} {} {whose}", of(MESH_TAG), of(MEMBER_TAG))
}

/// What stands for an entry's id: its address, and a mark of its description. One that is
/// described anew is another entry, which no earlier look has seen.
#[must_use]
pub fn entry_id(cidr: Cidr, description: &str) -> RuleId {
    let digest = Sha256::digest(description.as_bytes());
    let mark = digest.iter().take(4).fold(0_u32, |mark, byte| (mark << 8) | u32::from(*byte));
    RuleId::new(format!("{cidr}#{mark:08x}"))
}

/// The tags that an entry's description stands for. None where a mesh did not write it as
/// it is: then the entry is somebody else's.
#[must_use]
pub fn entry_tags(description: &str) -> BTreeMap<String, String> {
    let words: Vec<&str> = description.split(' ').collect();
    match words[..] {
        ["sgsync", mesh, member, whose] if ![mesh, member, whose].contains(&"") => {
            let tags = [(MESH_TAG, mesh), (MEMBER_TAG, member)];
            tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
        }
        _ => BTreeMap::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entrys_description_says_what_a_rules_tags_do() {
        let tags = BTreeMap::from([
            (MESH_TAG.to_owned(), "orders-db".to_owned()),
            (MEMBER_TAG.to_owned(), "us-east-1".to_owned()),
        ]);
        let description = entry_description(&tags, "sgsync orders-db i-0123456789abcdef0");
        assert_eq!(description, "sgsync orders-db us-east-1 i-0123456789abcdef0");
        assert_eq!(entry_tags(&description), tags);
    }

    #[test]
    fn an_entry_that_is_described_anew_is_another_one() {
        let cidr = "198.51.100.7/32".parse().expect("a host");
        let ids = ["sgsync orders-db us-east-1 i-1", "office", ""].map(|of| entry_id(cidr, of));
        assert_eq!(ids.iter().collect::<std::collections::BTreeSet<_>>().len(), 3);
        assert_eq!(ids[2].as_str(), "198.51.100.7/32#e3b0c442");
    }

    #[test]
    fn what_a_mesh_did_not_write_is_nobodys() {
        for text in [
            "",
            "office",
            "sgsync orders-db i-1",
            "sgsync orders-db us-east-1 i-1 kept by Ann",
            "sgsync  us-east-1 i-1",
            "sgsync orders-db us-east-1 ",
            " sgsync orders-db us-east-1 i-1",
            "Sgsync orders-db us-east-1 i-1",
        ] {
            assert_eq!(entry_tags(text), BTreeMap::new(), "{text:?}");
        }
    }
}
