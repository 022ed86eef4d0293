//! Tells one mesh document from another.

use sha2::{Digest, Sha256};

use super::value::Value;
use crate::names::DocumentHash;

/// Bytes kept of a SHA-256: enough to tell documents apart, few enough to compare by eye.
const BYTES: usize = 8;

/// The hash of what the document says: the same for TOML and JSON, whatever the order
/// of its keys, its white space and its comments.
pub(super) fn hash(document: &Value) -> DocumentHash {
    let digest = Sha256::digest(canonical(document).as_bytes());
    let start =
        digest.iter().take(BYTES).fold(0_u64, |start, byte| (start << 8) + u64::from(*byte));
    DocumentHash::new(format!("{start:016x}"))
}

/// JSON with sorted keys and no white space, as `jq -cSj .` prints it.
fn canonical(value: &Value) -> String {
    let text = |text: &str| serde_json::Value::from(text).to_string();
    match value {
        Value::Text(word) => text(word),
        Value::Integer(number) => number.to_string(),
        Value::Boolean(truth) => truth.to_string(),
        Value::List(items) => {
            format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(","))
        }
        Value::Table(entries) => {
            let mut entries: Vec<_> = entries.iter().collect();
            entries.sort_by(|(one, _), (other, _)| one.cmp(other));
            let entries =
                entries.iter().map(|(key, value)| format!("{}:{}", text(key), canonical(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(","))
        }
        // No valid document has one.
        Value::Other(what) => (*what).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use crate::mesh::Mesh;

    const TOML: &str = "name = \"orders-db\" # ours\n[[allow]]\nprotocol = \"tcp\"\nports = \"7000\"\n\
        [[member]]\nregion = \"us-east-1\"\nauto_scaling_groups = [\"a\"]\nsecurity_groups = [\"sg-0123456789abcdef0\"]\n";

    fn hash(text: &str) -> String {
        Mesh::parse(text).expect("a mesh").hash.to_string()
    }

    #[test]
    fn documents_that_say_the_same_have_one_hash() {
        let json = r#"{"member": [{"security_groups": ["sg-0123456789abcdef0"], "auto_scaling_groups": ["a"],
            "region": "us-east-1"}], "allow": [{"ports": "7000", "protocol": "tcp"}], "name": "orders-db"}"#;
        assert_eq!(hash(TOML), hash(json));
        assert_eq!(hash(TOML), "e6c088e614d049c0", "regions may run different releases");
    }

    #[test]
    fn documents_that_say_something_else_have_another() {
        let others =
            [("7000", "7001"), ("\"a\"", "\"b\""), ("# ours", "\n[limits]\nrules_per_group = 61")];
        for (what, instead) in others {
            assert_ne!(hash(TOML), hash(&TOML.replace(what, instead)), "{instead}");
        }
    }
}
