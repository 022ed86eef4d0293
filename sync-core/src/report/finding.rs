//! Findings: what a person should know.

use serde::Serialize;

/// Something a person should know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// What sort of thing.
    pub kind: FindingKind,
    /// How bad.
    pub severity: Severity,
    /// What it is about: a member, a group, a rule, an instance.
    pub subject: String,
    /// What was found, in a sentence.
    pub detail: String,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Somebody should look.
    Warning,
    /// Somebody who should be admitted is not, or the other way round, until somebody acts.
    Error,
}

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $kind:ident $severity:ident,)*) => {
        /// What sort of thing was found.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum FindingKind {
            $($(#[doc = $doc])+ $kind,)*
        }

        impl FindingKind {
            /// How bad such a finding is.
            #[must_use]
            pub fn severity(self) -> Severity {
                match self {
                    $(Self::$kind => Severity::$severity,)*
                }
            }
        }
    };
}

kinds! {
    /// Rules that should have been there were not, and have been added.
    Drift Warning,
    /// Somebody else's rule opens ports that the mesh manages.
    ForeignRule Warning,
    /// The guard holds removals.
    HeldRemovals Error,
    /// A member's row in a mirror is older than `stale_after_minutes`.
    PeerStale Warning,
    /// A member's row was written under another mesh document.
    DocumentMismatch Warning,
    /// A peer could not be reached within the budget.
    PeerUnreachable Warning,
    /// There is no room for permissions that are wanted.
    OverQuota Error,
    /// Rules open blocks, of which every address is wanted.
    Compacted Info,
    /// No rule of a target references it, and ports are learned from such rules.
    NoSelfReference Error,
    /// A target holds more than 80% of its rules.
    QuotaNear Warning,
    /// Auto Scaling does not show a group that the document names.
    GroupMissing Error,
    /// A group could not be observed.
    GroupUnobserved Error,
    /// A mirror holds no row of a group that the document names.
    RowMissing Info,
    /// A row is not believed.
    RowRejected Error,
    /// The own mirror could not be read or written.
    MirrorUnavailable Error,
    /// A target could not be brought to what it should be.
    TargetFailed Error,
    /// Looks kept asking for changes until the budget was used up.
    NotSettled Warning,
    /// A rule of an instance that left was not seen when it left.
    DepartedUnseen Info,
    /// A member has no address that the mesh admits.
    NoAddress Warning,
    /// Auto Scaling reports a state that this release has not heard of.
    UnheardState Warning,
    /// A hook was answered although not all of it was done, or given up.
    HookCompromised Error,
    /// A hook could not be answered.
    HookUnanswered Error,
    /// A plan did not pass the check. Nothing of it was applied.
    PlanRefused Error,
}

impl Finding {
    /// A finding of this kind.
    #[expect(clippy::needless_pass_by_value, reason = "most callers have text they made for this")]
    pub fn new(kind: FindingKind, subject: impl ToString, detail: impl ToString) -> Self {
        Self {
            kind,
            severity: kind.severity(),
            subject: subject.to_string(),
            detail: detail.to_string(),
        }
    }
}
