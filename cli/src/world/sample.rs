//! Small worlds for tests.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sync_core::cidr::Cidr;
use sync_core::mesh::Mesh;
use sync_core::permission::{MEMBER_TAG, MESH_TAG, Permission, Protocol, Rule, Source, Traffic};
use sync_core::ports::LifecycleState;
use sync_core::row::{MemberRow, Rows, Version};

use super::Seen;

pub(crate) fn mesh() -> Mesh {
    let member = |region: &str, digit: u8| {
        format!(
            "[[member]]\nregion = \"{region}\"\nauto_scaling_groups = [\"orders\"]\n\
             security_groups = [\"sg-0123456789abcdef{digit}\"]\n"
        )
    };
    let text = format!(
        "name = \"orders-db\"\n[[allow]]\nprotocol = \"tcp\"\nports = \"7000\"\n{}{}",
        member("us-east-1", 0),
        member("us-west-2", 1)
    );
    Mesh::parse(&text).expect("a mesh")
}

pub(crate) fn at(minute: i8) -> Timestamp {
    format!("2026-11-20T08:{minute:02}:00Z").parse().expect("a time")
}

/// A row with one instance, whose address ends with `last`.
pub(crate) fn stored(mesh: &Mesh, place: usize, last: u8, minute: i8) -> MemberRow {
    let key = mesh.row_keys().nth(place).expect("a key");
    let instances =
        [(format!("i-{last}").as_str().into(), [cidr(last)].into())].into_iter().collect();
    let version = Version::next(None, at(minute));
    MemberRow::new(key, version, at(minute), instances, "us".to_owned(), mesh.hash.clone())
}

pub(crate) fn cidr(last: u8) -> Cidr {
    format!("198.51.100.{last}/32").parse().expect("a host")
}

pub(crate) fn rule(last: u8, owned: bool) -> Rule {
    let permission =
        Permission { traffic: Traffic::ports(Protocol::Tcp, 7000, 7000), cidr: cidr(last) };
    let tags = [(MESH_TAG, "orders-db"), (MEMBER_TAG, "us-east-1")];
    let tags = tags.map(|(key, value)| (key.to_owned(), value.to_owned()));
    Rule {
        id: format!("sgr-{last}").as_str().into(),
        traffic: permission.traffic,
        source: Source::Cidr(permission.cidr),
        description: None,
        tags: if owned { tags.into() } else { BTreeMap::new() },
    }
}

pub(crate) fn seen(
    mesh: &Mesh,
    place: usize,
    rows: &[MemberRow],
    rules: Vec<Rule>,
    state: &str,
) -> Seen {
    let items: Vec<_> = rows.iter().map(MemberRow::to_item).collect();
    let group = mesh.members[place].security_groups[0].clone();
    let states = [("i-7".into(), LifecycleState::new(state))].into();
    Seen {
        rules: Ok([(group, rules.into())].into()),
        rows: Ok(Rows::read(&items, mesh)),
        groups: Ok([("orders".into(), states)].into()),
        instances: Ok(BTreeMap::new()),
    }
}
