//! The world as the reconcile loop sees it: one trait a concern, readers and
//! writers apart. A plan is made with readers only, so a dry run cannot write.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::cidr::Cidr;
use crate::events::Hook;
use crate::ingress::Ingress;
use crate::mesh::RowKey;
use crate::names::{AsgName, InstanceId, MemberName, RuleId, SecurityGroupId};
use crate::permission::Permission;
use crate::row::{MemberRow, Version};

/// A call that failed: what it was, and what that means for the run.
///
/// The message is the service's own, once, cut where it is very long; an encoded one says
/// how it is decoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{call}: {code}: {message}")]
pub struct CallError {
    /// The call, as IAM names it: `ec2:AuthorizeSecurityGroupIngress`.
    pub call: &'static str,
    /// What the failure means.
    pub kind: Failure,
    /// The service's error code, or the client's own word where there was no answer.
    pub code: String,
    /// The service's message.
    pub message: String,
    /// The request's id at AWS, if it got one.
    pub request_id: Option<String>,
}

/// What a failed call means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No answer: not connected, cut off, timed out. What was asked for may have happened.
    NoAnswer,
    /// Asked too often.
    Throttled,
    /// The service failed (5xx).
    Unavailable,
    /// Not allowed, or not known who asks.
    Denied,
    /// The group, rule, table or instance is not there.
    NotFound,
    /// A rule with this permission is there already.
    Duplicate,
    /// The group is full.
    QuotaExceeded,
    /// No such lifecycle action is waiting.
    NoActiveAction,
    /// The request was refused as wrong: our bug, or a limit we do not know.
    Refused,
}

impl Failure {
    /// Whether the same call may succeed later, with nothing changed by anyone.
    #[must_use]
    pub fn may_pass(self) -> bool {
        matches!(self, Self::NoAnswer | Self::Throttled | Self::Unavailable)
    }

    /// Whether the rules are not what the plan took them for: read again, plan again.
    #[must_use]
    pub fn wants_new_plan(self) -> bool {
        matches!(self, Self::Duplicate | Self::NotFound | Self::QuotaExceeded)
    }
}

/// The result of a call.
pub type Called<T> = Result<T, CallError>;

/// Where an instance is in its life, in Auto Scaling's words. A word that this code
/// has not heard of is kept as it is.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LifecycleState(String);

impl LifecycleState {
    /// Takes Auto Scaling's word.
    pub fn new(word: impl Into<String>) -> Self {
        Self(word.into())
    }

    /// Auto Scaling's word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the instance waits for a hook to be answered.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.0.ends_with(":Wait")
    }
}

impl fmt::Debug for LifecycleState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An instance as EC2 shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceView {
    /// `pending`, `running`, `shutting-down`, `terminated`, `stopping`, `stopped`.
    pub state: String,
    /// The value of the tag `aws:autoscaling:groupName`.
    pub asg: Option<AsgName>,
    /// Every public IPv4 address of every interface.
    pub public_ipv4: BTreeSet<IpAddr>,
    /// Every private IPv4 address of every interface.
    pub private_ipv4: BTreeSet<IpAddr>,
    /// Every IPv6 address of every interface.
    pub ipv6: BTreeSet<IpAddr>,
    /// Every IPv4 and IPv6 prefix that is delegated to an interface.
    pub prefixes: BTreeSet<Cidr>,
}

/// Instances of each group by id. A group that Auto Scaling does not show is not in the map.
pub type Groups = BTreeMap<AsgName, BTreeMap<InstanceId, LifecycleState>>;

/// Who is in the cluster: a member's Auto Scaling groups and instances.
#[async_trait]
pub trait Observer: Send + Sync {
    /// The groups' instances, every page.
    async fn groups(&self, names: &BTreeSet<AsgName>) -> Called<Groups>;

    /// The instances that EC2 shows, every page. An id that it does not show is not in the map.
    async fn instances(
        &self,
        ids: &BTreeSet<InstanceId>,
    ) -> Called<BTreeMap<InstanceId, InstanceView>>;

    /// Where one instance is in its life; none if Auto Scaling does not know it.
    async fn lifecycle_state(&self, id: &InstanceId) -> Called<Option<LifecycleState>>;
}

/// How a lifecycle action ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookAnswer {
    /// Go on.
    Continue,
    /// Give the instance up.
    Abandon,
}

impl HookAnswer {
    /// As Auto Scaling spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Continue => "CONTINUE",
            Self::Abandon => "ABANDON",
        }
    }
}

/// Answers lifecycle hooks.
#[async_trait]
pub trait HookWriter: Send + Sync {
    /// Completes a lifecycle action. [`Failure::NoActiveAction`] when none waits.
    async fn complete(&self, hook: &Hook, answer: HookAnswer) -> Called<Receipt>;
}

/// Reads a region's targets.
#[async_trait]
pub trait RuleReader: Send + Sync {
    /// What these targets hold, every page: a group's ingress rules, and a prefix list's
    /// entries as of the version that counts. A target without any is in the map, empty.
    async fn rules(
        &self,
        targets: &[SecurityGroupId],
    ) -> Called<BTreeMap<SecurityGroupId, Ingress>>;
}

/// Permissions to add to one group in one call, all for one member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The group.
    pub group: SecurityGroupId,
    /// The rules' tags.
    pub tags: BTreeMap<String, String>,
    /// The permissions, each with its description.
    pub permissions: Vec<(Permission, String)>,
}

/// What AWS answered to a write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// The request's id.
    pub request_id: Option<String>,
    /// The rules it made, where the answer names them.
    pub rules: BTreeMap<Permission, RuleId>,
}

/// Changes a region's targets.
#[async_trait]
pub trait RuleWriter: Send + Sync {
    /// Adds rules. Assume that an error leaves none, some or all of them. To a prefix list
    /// it adds entries, and comes back when they count.
    async fn authorize(&self, grant: &Grant) -> Called<Receipt>;

    /// Removes rules by id.
    async fn revoke(&self, group: &SecurityGroupId, rules: &[RuleId]) -> Called<Receipt>;
}

/// A mirror's item as it is stored, before anything in it is believed: numbers,
/// strings, lists and maps as JSON has them; any other attribute type as an object
/// of its type's name, which no valid row holds.
pub type Item = Map<String, Value>;

/// Reads a region's mirror.
#[async_trait]
pub trait MirrorReader: Send + Sync {
    /// The rows of these keys, read consistently. A row that is not there is not in the answer.
    async fn rows(&self, keys: &[RowKey]) -> Called<Vec<Item>>;
}

/// When a row may be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Only over exactly this version; none means only where no version is.
    Over(Option<Version>),
    /// Over any older version, or none.
    Newer,
    /// Only over exactly this version attribute, whatever type it has: replaces an
    /// item of our own that is not believed.
    Replace(Value),
}

/// Whether a row was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// It is there now.
    Written,
    /// The condition did not hold: someone else wrote.
    Rejected,
}

/// Writes a region's mirror.
#[async_trait]
pub trait MirrorWriter: Send + Sync {
    /// Puts a row if the condition holds.
    async fn put(&self, row: &MemberRow, condition: Condition) -> Called<Put>;
}

/// How one member's region is read.
#[derive(Clone)]
pub struct MemberReaders {
    /// Its Auto Scaling groups and instances.
    pub observer: Arc<dyn Observer>,
    /// Its targets.
    pub rules: Arc<dyn RuleReader>,
    /// Its mirror.
    pub mirror: Arc<dyn MirrorReader>,
}

/// How one member's region is changed.
#[derive(Clone)]
pub struct MemberWriters {
    /// Its lifecycle hooks.
    pub hooks: Arc<dyn HookWriter>,
    /// Its targets.
    pub rules: Arc<dyn RuleWriter>,
    /// Its mirror.
    pub mirror: Arc<dyn MirrorWriter>,
}

/// The wall clock, for versions and ages only; waiting is tokio's.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// One change, or one answered hook: who, why, what, before, after (promise 8).
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct AuditLine {
    /// Who: function and request id.
    pub who: String,
    /// Which trigger.
    pub trigger: &'static str,
    /// The member whose run it was; on an operator's run the target's.
    pub member: MemberName,
    /// Which instance's address, where one is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<InstanceId>,
    /// What: `authorize`, `revoke`, `complete`, `adopt`, `release` or `forget`.
    pub action: &'static str,
    /// Where: the region and the security group, or the Auto Scaling group and the hook.
    pub target: String,
    /// The permission, for a rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permission: Option<String>,
    /// What was there: `absent` or the rule's id; the hook's transition.
    pub before: String,
    /// What is there now: `absent` or the rule's id; the hook's answer.
    pub after: String,
    /// The request's id at AWS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aws_request_id: Option<String>,
}

/// Where audit lines go.
pub trait AuditLog: Send + Sync {
    /// Writes one line.
    fn write(&self, line: &AuditLine);
}

#[cfg(test)]
mod tests;
