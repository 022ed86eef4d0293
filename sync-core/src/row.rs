//! Member rows: what one Auto Scaling group looked like at one observation.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::cidr::Cidr;
use crate::mesh::{Mesh, RowKey, bounded, quoted};
use crate::names::{AsgName, DocumentHash, InstanceId, MemberName};
use crate::ports::Item;

/// The only row schema there is.
const SCHEMA: u64 = 1;

/// Versions are milliseconds since 1970 or a few more; one past the year 30000 was
/// not written by us, and believing it would keep every later row out.
const MAX_VERSION: u64 = 1_000_000_000_000_000;

/// A row's version. It orders observations, and only grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Version(u64);

impl Version {
    /// The version that follows `old` at time `now`: at least one more, and at least
    /// the time in milliseconds, so that a table that was lost and made again still
    /// moves forward.
    #[must_use]
    pub fn next(old: Option<Self>, now: Timestamp) -> Self {
        let clock = u64::try_from(now.as_millisecond()).unwrap_or(0);
        Self(old.map_or(0, |Self(old)| old.saturating_add(1)).max(clock))
    }

    /// The number.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A group's instances and the addresses of each.
pub type Instances = BTreeMap<InstanceId, BTreeSet<Cidr>>;

/// One row of a mirror.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberRow {
    /// The member that wrote it: the table's partition key.
    pub member: MemberName,
    /// Its Auto Scaling group: the table's sort key.
    pub asg: AsgName,
    /// Orders observations.
    pub version: Version,
    /// When the group was observed.
    pub observed_at: Timestamp,
    /// Who is in the group.
    pub instances: Instances,
    /// Function and request id of the run that wrote it.
    pub writer: String,
    /// The mesh document of the run that wrote it. It decided who is in the group and
    /// what is opened for them; none in a row that somebody wrote by hand.
    #[serde(default)]
    pub document: DocumentHash,
    /// 1.
    schema: u64,
}

/// Why a row is not believed. The whole row is left out, and its member counts as unknown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowRejected {
    /// It is no row of the schema this code reads.
    #[error("{path}: {detail}")]
    Shape {
        /// Where in the row.
        path: String,
        /// What is wrong there.
        detail: String,
    },
    /// It was written by a release that knows more.
    #[error("schema: this release reads schema {SCHEMA}, the row has {0}")]
    Schema(String),
    /// The mesh document names no such member or group.
    #[error("member {}, asg {}: the mesh document names no such group", quoted(.member.as_str()), quoted(.asg.as_str()))]
    Unknown {
        /// The row's member.
        member: MemberName,
        /// The row's group.
        asg: AsgName,
    },
    /// It names an instance that EC2 cannot have. The id becomes a rule's description:
    /// EC2 would refuse it together with the permissions of real instances.
    #[error("instances: {} is no instance id", quoted(.0.as_str()))]
    Instance(InstanceId),
    /// It asks for something that the mesh does not open.
    #[error("instances.{instance}: {cidr} is not one address of a kind this mesh admits")]
    Address {
        /// Whose address.
        instance: InstanceId,
        /// The address.
        cidr: Cidr,
    },
}

impl MemberRow {
    /// A row of this observation.
    #[must_use]
    pub fn new(
        key: RowKey,
        version: Version,
        observed_at: Timestamp,
        instances: Instances,
        writer: String,
        document: DocumentHash,
    ) -> Self {
        let RowKey { member, asg } = key;
        Self { member, asg, version, observed_at, instances, writer, document, schema: SCHEMA }
    }

    /// Where the row belongs.
    #[must_use]
    pub fn key(&self) -> RowKey {
        RowKey { member: self.member.clone(), asg: self.asg.clone() }
    }

    /// The row as a mirror stores it.
    #[must_use]
    pub fn to_item(&self) -> Item {
        match serde_json::to_value(self) {
            Ok(Value::Object(item)) => item,
            other => unreachable!("a row is a JSON object, not {other:?}"),
        }
    }

    /// Reads a stored row, believing nothing: the whole of it must be what this
    /// mesh could have written (promise 7).
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn from_item(item: &Item, mesh: &Mesh) -> Result<Self, RowRejected> {
        match item.get("schema") {
            Some(schema) if schema.as_u64() == Some(SCHEMA) => {}
            Some(other) => return Err(RowRejected::Schema(bounded(&other.to_string()))),
            None => return Err(RowRejected::Schema("none".to_owned())),
        }
        let row: Self =
            serde_path_to_error::deserialize(Value::Object(item.clone())).map_err(|e| {
                RowRejected::Shape {
                    path: bounded(&e.path().to_string()),
                    detail: bounded(&e.into_inner().to_string()),
                }
            })?;
        if row.version.0 > MAX_VERSION {
            return Err(RowRejected::Shape {
                path: "version".to_owned(),
                detail: format!("{} is no version: it lies beyond the year 30000", row.version),
            });
        }
        if !mesh.row_keys().any(|key| key == row.key()) {
            return Err(RowRejected::Unknown { member: row.member, asg: row.asg });
        }
        let kinds = mesh.kinds_of(&row.member);
        for (instance, cidrs) in &row.instances {
            if !instance.is_plausible() {
                return Err(RowRejected::Instance(instance.clone()));
            }
            for cidr in cidrs {
                if !kinds.iter().any(|kind| kind.admits(*cidr)) {
                    return Err(RowRejected::Address { instance: instance.clone(), cidr: *cidr });
                }
            }
        }
        Ok(row)
    }
}

/// What a mirror holds for one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stored {
    /// A row this mesh could have written.
    Row(MemberRow),
    /// No row.
    Missing,
    /// An item that is not believed, with its version where that much can be read.
    Rejected {
        /// Why.
        why: RowRejected,
        /// Its version attribute as it is stored, if there is one.
        version: Option<Value>,
    },
}

impl Stored {
    /// The row, if there is one that is believed.
    #[must_use]
    pub fn row(&self) -> Option<&MemberRow> {
        match self {
            Self::Row(row) => Some(row),
            Self::Missing | Self::Rejected { .. } => None,
        }
    }
}

/// One reading of a mirror: every key the mesh document names, and what else turned up.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// What is stored for each key.
    pub stored: BTreeMap<RowKey, Stored>,
    /// Items under keys that the mesh document does not name.
    pub strays: Vec<RowRejected>,
}

impl Rows {
    /// Sorts a mirror's items under the keys that the mesh document names.
    #[must_use]
    pub fn read(items: &[Item], mesh: &Mesh) -> Self {
        let mut stored: BTreeMap<_, _> =
            mesh.row_keys().map(|key| (key, Stored::Missing)).collect();
        let mut strays = Vec::new();
        for item in items {
            let state = match MemberRow::from_item(item, mesh) {
                Ok(row) => Stored::Row(row),
                Err(why) => Stored::Rejected { why, version: item.get("version").cloned() },
            };
            match (item_key(item).and_then(|key| stored.get_mut(&key)), state) {
                (Some(place), state) => *place = state,
                (None, Stored::Rejected { why, .. }) => strays.push(why),
                (None, _) => {}
            }
        }
        Self { stored, strays }
    }

    /// The row of a key, if there is one that is believed.
    #[must_use]
    pub fn row(&self, key: &RowKey) -> Option<&MemberRow> {
        self.stored.get(key).and_then(Stored::row)
    }

    /// Puts a row in its place, as a mirror does that has just taken it.
    pub fn overlay(&mut self, row: MemberRow) {
        self.stored.insert(row.key(), Stored::Row(row));
    }
}

fn item_key(item: &Item) -> Option<RowKey> {
    let text = |name| item.get(name).and_then(Value::as_str);
    Some(RowKey { member: text("member")?.into(), asg: text("asg")?.into() })
}

#[cfg(test)]
mod tests;
