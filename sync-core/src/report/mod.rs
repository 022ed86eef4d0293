//! What a run answers: the same report from a function, on the command line and in
//! the log (design section 8).

use serde::Serialize;

use crate::events::Transition;
use crate::names::{AsgName, InstanceId, MemberName, MeshName, Region, SecurityGroupId};
use crate::row::Version;

mod change;
mod finding;
#[cfg(test)]
mod tests;

pub use change::{Action, Change, Why};
pub use finding::{Finding, FindingKind, Severity};

/// The report of one run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The mesh.
    pub mesh: MeshName,
    /// The member whose function ran; `all` for an operator's run over every member.
    pub member: String,
    /// Why it ran.
    pub trigger: Trigger,
    /// Whether this is only what would be done.
    pub dry_run: bool,
    /// The run's id: the function's request id.
    pub run_id: String,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// The Auto Scaling groups it observed.
    pub groups: Vec<GroupReport>,
    /// The peers' mirrors it told.
    pub mirrors: Vec<MirrorReport>,
    /// The targets.
    pub targets: Vec<TargetReport>,
    /// The hooks it answered.
    pub hooks: Vec<HookReport>,
    /// What a person should know.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Whether some target is not what it should be: something is, or would have been, changed.
    #[must_use]
    pub fn has_changes(&self) -> bool {
        self.targets.iter().any(|target| !(target.added.is_empty() && target.revoked.is_empty()))
    }

    /// Whether the guard holds removals.
    #[must_use]
    pub fn has_held(&self) -> bool {
        self.targets.iter().any(|target| !target.held.is_empty())
    }

    /// Whether anything could not be done or seen. Held removals are neither.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        let is_error = |finding: &Finding| {
            finding.severity == Severity::Error && finding.kind != FindingKind::HeldRemovals
        };
        self.findings.iter().any(is_error)
            || self.targets.iter().any(|target| target.error.is_some())
    }

    /// The hooks that still wait for an answer.
    pub fn unanswered(&self) -> impl Iterator<Item = &HookReport> {
        self.hooks.iter().filter(|hook| hook.result == HookResult::Retry)
    }
}

/// Why a run ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trigger {
    /// Lifecycle hooks wait.
    Lifecycle,
    /// Something may have changed.
    Change,
    /// A true-up by schedule.
    Schedule,
    /// A true-up by hand.
    #[serde(rename = "trueup")]
    TrueUp,
    /// An operator's command.
    Operator,
}

impl Trigger {
    /// As it is written in reports and audit lines.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lifecycle => "lifecycle",
            Self::Change => "change",
            Self::Schedule => "schedule",
            Self::TrueUp => "trueup",
            Self::Operator => "operator",
        }
    }
}

/// One observed Auto Scaling group.
#[derive(Clone, Debug, Serialize)]
pub struct GroupReport {
    /// Its member.
    pub member: MemberName,
    /// Its name.
    pub asg: AsgName,
    /// How many instances are in the cluster.
    pub instances: usize,
    /// The row's version, if it is known.
    pub version: Option<Version>,
    /// What became of its row.
    pub row: RowStatus,
}

/// What became of a row in its own member's mirror.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RowStatus {
    /// Written (in a dry run: would be).
    Written,
    /// As it was.
    Unchanged,
    /// The group could not be observed; the row stays as it is.
    Unknown,
    /// The mirror could not be read or written.
    Unavailable,
}

/// One peer's mirror.
#[derive(Clone, Debug, Serialize)]
pub struct MirrorReport {
    /// The peer.
    pub member: MemberName,
    /// What became of the rows there.
    pub row: MirrorStatus,
}

/// What became of the own rows in a peer's mirror.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MirrorStatus {
    /// As they were.
    Unchanged,
    /// Written.
    Written,
    /// A newer row was there: the run went on with that one.
    Newer,
    /// The mirror could not be read or written.
    Unreachable,
}

/// One target.
#[derive(Clone, Debug, Serialize)]
pub struct TargetReport {
    /// Whose target.
    pub member: MemberName,
    /// Its region.
    pub region: Region,
    /// The security group.
    pub security_group: SecurityGroupId,
    /// How it stands.
    pub status: TargetStatus,
    /// Permissions added (in a dry run: to add).
    pub added: Vec<String>,
    /// Permissions revoked (in a dry run: to revoke).
    pub revoked: Vec<String>,
    /// Permissions that the guard keeps until a person allows their removal.
    pub held: Vec<String>,
    /// Permissions for which there is no room.
    pub over_quota: Vec<String>,
    /// Permissions that nothing is known to want, kept because their member is not fully known.
    pub frozen: Vec<String>,
    /// How many wanted permissions were there already.
    pub kept: usize,
    /// How many rules are others'.
    pub foreign: usize,
    /// Percent of `rules_per_group` that the fuller address family uses after the run (in a
    /// dry run: would use), rounded up; none where the rules could not be read.
    pub quota_used_percent: Option<u64>,
    /// What went wrong.
    pub error: Option<String>,
    /// Every change, for whom and why. Only an operator's run has them: a function's audit
    /// lines say the same, and its report is one line of a log.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
}

/// How a target stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TargetStatus {
    /// It admits exactly what it should; nothing was changed.
    InSync,
    /// It was changed and admits exactly what it should.
    Changed,
    /// The guard holds removals.
    Held,
    /// Not all of it could be done.
    Partial,
    /// The region could not be reached.
    Unreachable,
    /// None of it could be done.
    Failed,
}

/// One hook.
#[derive(Clone, Debug, Serialize)]
pub struct HookReport {
    /// The instance.
    pub instance: InstanceId,
    /// Which way it goes.
    pub transition: Transition,
    /// What became of the hook.
    pub result: HookResult,
}

/// What became of a hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum HookResult {
    /// Answered: go on.
    Continue,
    /// Answered: give the instance up.
    Abandon,
    /// Not answered: the hook waits, and the message goes back.
    Retry,
    /// Nothing waited for an answer any more.
    Gone,
}
