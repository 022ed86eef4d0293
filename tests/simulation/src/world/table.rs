//! A mirror: a `DynamoDB` table with conditional puts (`facts/aws.md`, section 5).

use std::collections::BTreeMap;

use serde_json::Value;
use sync_core::mesh::{Mesh, RowKey};
use sync_core::ports::{Condition, Item, Put};
use sync_core::row::{MemberRow, Rows, Stored, Version};

use super::state::Place;

impl Place {
    /// Puts a row if the condition holds.
    pub(super) fn put(&mut self, row: &MemberRow, condition: &Condition) -> Put {
        let stored = self.table.get(&row.key()).and_then(|item| item.get("version"));
        if !holds(condition, stored, row.version) {
            return Put::Rejected;
        }
        self.table.insert(row.key(), row.to_item());
        Put::Written
    }

    /// The items of these keys, and those that no document names: nothing in an answer
    /// is to be believed.
    pub(super) fn items(&self, keys: &[RowKey], mesh: &Mesh) -> Vec<Item> {
        let stray = |key: &RowKey| !mesh.row_keys().any(|named| named == *key);
        let asked = self.table.iter().filter(|(key, _)| keys.contains(key) || stray(key));
        asked.map(|(_, item)| item.clone()).collect()
    }
}

/// As a condition expression has it: values of different types are neither equal
/// nor in order.
fn holds(condition: &Condition, stored: Option<&Value>, new: Version) -> bool {
    match (condition, stored) {
        (Condition::Over(None) | Condition::Newer, None) => true,
        (Condition::Over(Some(version)), Some(stored)) => stored.as_u64() == Some(version.number()),
        (Condition::Newer, Some(stored)) => {
            stored.as_f64().is_some_and(|stored| stored < version_as_f64(new))
        }
        (Condition::Replace(raw), Some(stored)) => raw == stored,
        (Condition::Over(_) | Condition::Replace(_), _) => false,
    }
}

#[allow(clippy::cast_precision_loss, reason = "exact up to the year 280000")]
fn version_as_f64(version: Version) -> f64 {
    version.number() as f64
}

/// A mirror's rows, as far as they are believed.
pub(super) fn rows(place: &Place, mesh: &Mesh) -> BTreeMap<RowKey, MemberRow> {
    let keys: Vec<_> = mesh.row_keys().collect();
    let rows = Rows::read(&place.items(&keys, mesh), mesh);
    rows.stored.values().filter_map(Stored::row).map(|row| (row.key(), row.clone())).collect()
}
