//! One permission of a target: what becomes of it, for whom, and why.

use serde::Serialize;

use crate::names::{AsgName, InstanceId, MemberName, RuleId};

/// What becomes of one permission, and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Change {
    /// What becomes of it.
    pub action: Action,
    /// The permission.
    pub permission: String,
    /// Whose address it is, where a row or a tag says.
    pub member: Option<MemberName>,
    /// The instance's Auto Scaling group, where a row says.
    pub asg: Option<AsgName>,
    /// The instance, where a row or a description says.
    pub instance: Option<InstanceId>,
    /// The rule, where there is one already.
    pub rule: Option<RuleId>,
    /// Why.
    pub why: Why,
}

/// What becomes of a permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Added (in a dry run: to add).
    Add,
    /// Revoked (in a dry run: to revoke).
    Revoke,
    /// The guard keeps it until a person allows its removal.
    Held,
    /// There is no room for it.
    OverQuota,
    /// Nothing is known to want it, but its member is not fully known: it stays.
    Frozen,
    /// Wanted, and granted by somebody else's rule: nothing is done.
    Foreign,
}

/// Why a permission is wanted or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// The instance is in its group.
    InGroup,
    /// It was wanted before this run, and was not there.
    Missing,
    /// The instance was seen leaving.
    Departed,
    /// No row has the address any more, or the document its ports.
    NoLongerDesired,
    /// The document no longer names the member.
    MemberRemoved,
    /// All that it opens is wanted, and opened by other rules.
    Superseded,
    /// It is a block, and who is still wanted in it is opened by other rules.
    Split,
}
