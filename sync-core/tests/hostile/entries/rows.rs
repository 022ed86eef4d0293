//! Mirror rows: items as they are stored.

use std::collections::BTreeSet;

use serde_json::Value;
use sync_core::mesh::{Base, Compact, Mesh};
use sync_core::names::InstanceId;
use sync_core::planner::{Policy, check, desired, plan};
use sync_core::ports::Item;
use sync_core::row::{MemberRow, Rows, Stored};

use super::bounds;
use super::oracle::{Kinds, only_what_is_asked_for, opens};

/// Members and groups of both meshes, `from` and `to` in the second.
const MEMBERS: &str = r#"
name = "orders-db"
[[member]]
region = "us-east-1"
auto_scaling_groups = ["blue", "green"]
security_groups = ["sg-00000001"]
[[member]]
region = "us-west-2"
auto_scaling_groups = ["blue"]
security_groups = ["sg-00000002"]
"#;

/// A mesh of public addresses, one of other ones, and one of prefixes.
pub fn meshes() -> [(Mesh, &'static [&'static str]); 3] {
    let public = "[[allow]]\nprotocol = \"tcp\"\nports = \"7000-7001\"\n";
    let inner = "[[allow]]\nprotocol = \"tcp\"\nports = \"7000-7001\"\n\
                 [addresses]\nkinds = [\"private-ipv4\", \"ipv6\"]\n";
    let prefixes = inner.replace("\"private-ipv4\", \"ipv6\"", "\"ipv4-prefix\", \"ipv6-prefix\"");
    let mesh = |more: &str| Mesh::parse(&format!("{MEMBERS}{more}")).expect("a mesh");
    [
        (mesh(public), &["public-ipv4"]),
        (mesh(inner), &["private-ipv4", "ipv6"]),
        (mesh(&prefixes), &["ipv4-prefix", "ipv6-prefix"]),
    ]
}

/// Reads a text as the items of a mirror: a JSON list of objects, or one object.
///
/// # Panics
/// If anything is believed that the mesh could not have written, if it opens anything
/// that the document and the items do not ask for, or if a refusal says too much.
pub fn entry(data: &[u8]) {
    let items: Vec<Item> = match serde_json::from_slice(data) {
        Ok(Value::Array(values)) => values.into_iter().filter_map(object).collect(),
        Ok(value) => object(value).into_iter().collect(),
        Err(_) => return,
    };
    for (mesh, kinds) in meshes() {
        let rows = Rows::read(&items, &mesh);
        let keys: BTreeSet<_> = mesh.row_keys().collect();
        assert_eq!(rows.stored.keys().cloned().collect::<BTreeSet<_>>(), keys, "keys differ");
        for (key, stored) in &rows.stored {
            match stored {
                Stored::Row(row) => {
                    assert_eq!(row.key(), *key, "a row in another's place");
                    judge(row, &mesh);
                }
                Stored::Rejected { why, .. } => bounds::line(&why.to_string(), bounds::MESSAGE),
                Stored::Missing => {}
            }
        }
        for why in &rows.strays {
            bounds::line(&why.to_string(), bounds::MESSAGE);
        }
        opens_nothing_else(&mesh, kinds, &rows, &items);
    }
}

fn object(value: Value) -> Option<Item> {
    match value {
        Value::Object(item) => Some(item),
        _ => None,
    }
}

fn judge(row: &MemberRow, mesh: &Mesh) {
    assert!(row.version.number() <= 1_000_000_000_000_000, "{}", row.version);
    assert!(row.instances.keys().all(is_an_id), "{:?}", row.instances.keys());
    assert_eq!(MemberRow::from_item(&row.to_item(), mesh).as_ref(), Ok(row), "not the same again");
}

/// It becomes a rule's description, of which EC2 takes few characters and 255 of them.
fn is_an_id(id: &InstanceId) -> bool {
    let digits = id.as_str().strip_prefix("i-").unwrap_or_default();
    (1..=17).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn opens_nothing_else(mesh: &Mesh, kinds: &[&str], rows: &Rows, items: &[Item]) {
    let members: Vec<&str> = mesh.members.iter().map(|member| member.name.as_str()).collect();
    let opens = opens(&[("tcp 7000-7001".to_owned(), None, None)], &members);
    let policy = Policy {
        mesh: mesh.name.clone(),
        guard: mesh.guard,
        rules_per_group: mesh.limits.rules_per_group,
        compact: Compact::Off,
        departed: BTreeSet::new(),
        allow_removals: false,
    };
    for target in &mesh.members {
        let desired = desired(mesh, target, rows, &Base::default());
        let plan = plan(&desired, &[], &policy);
        assert_eq!(check(&plan, &desired, &[], &policy), Ok(()));
        let to = target.name.as_str();
        only_what_is_asked_for(&plan, &[], to, &opens, &Kinds::new(kinds), items);
    }
}
