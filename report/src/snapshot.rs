//! What the page shows: a mesh as it was seen at one moment, in words that are ready to be read.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A mesh as it was seen at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// The mesh's name.
    pub mesh: String,
    /// When it was looked at.
    pub at: Timestamp,
    /// What looked, with its version.
    pub tool: String,
    /// The hash of the mesh document that it was judged by.
    pub document: String,
    /// The members, in the document's order.
    pub members: Vec<Member>,
    /// Who may reach whom. Pairs that may not are left out.
    pub reach: Vec<Reach>,
    /// The targets, in the document's order.
    pub targets: Vec<Target>,
    /// What a person should know, the worst first.
    pub findings: Vec<Finding>,
}

/// One member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Its region.
    pub region: String,
    /// Its account, if the document says.
    pub account: Option<String>,
    /// How fresh what is known of it is.
    pub health: Health,
    /// Its Auto Scaling groups.
    pub groups: Vec<Group>,
    /// Its security groups.
    pub security_groups: Vec<String>,
}

/// How fresh what is known of a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    /// Its region was read, and all its rows are recent.
    Live,
    /// Its region was read, but a row is missing, not believed or old.
    Stale,
    /// Something of its region could not be read.
    Unreachable,
}

/// One Auto Scaling group, as its own member's row has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// How many instances the row has; none if there is no row that is believed.
    pub instances: Option<usize>,
    /// When they were observed.
    pub observed_at: Option<Timestamp>,
}

/// Traffic that one member's targets admit from another member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reach {
    /// Whose addresses are admitted.
    pub from: String,
    /// Whose targets admit them; may be the same.
    pub to: String,
    /// What is admitted, such as `tcp 7000-7001`, in order.
    pub traffic: Vec<String>,
}

/// One security group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Whose it is.
    pub member: String,
    /// Its region.
    pub region: String,
    /// Its id.
    pub security_group: String,
    /// How full it is.
    pub quota: Option<Quota>,
    /// What is there and what should be; none if it could not be read.
    pub rules: Option<Vec<Rule>>,
}

/// How full a security group is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quota {
    /// Rules that count for IPv4.
    pub ipv4: usize,
    /// Rules that count for IPv6.
    pub ipv6: usize,
    /// Rules that fit, of each family.
    pub limit: usize,
}

/// A rule that is there, or that should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Its id; none if it is not there.
    pub id: Option<String>,
    /// What it lets in, such as `tcp 7000-7001`.
    pub traffic: String,
    /// From where: an address, or a group or list of others' rules.
    pub source: String,
    /// Why it is there, or not.
    pub standing: Standing,
    /// Whose address it is, if that is known.
    pub member: Option<String>,
    /// For which instance it was written, if that is known.
    pub instance: Option<String>,
    /// What EC2 has as its description.
    pub description: Option<String>,
}

/// Why a rule is there, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// The mesh's, and wanted.
    Wanted,
    /// Somebody else's, and grants exactly what the mesh wants.
    Granted,
    /// Somebody else's.
    Foreign,
    /// Wanted and not there: the next run adds it.
    ToAdd,
    /// Not wanted: the next run revokes it.
    ToRevoke,
    /// Not wanted, but the guard holds it until a person allows its removal.
    Held,
    /// Not wanted as far as is known, and kept because its member is not fully known.
    Frozen,
    /// Wanted and left out: the group is full.
    LeftOut,
}

/// Something a person should know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What it is about.
    pub subject: String,
    /// What was found, in a sentence.
    pub detail: String,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Somebody should look.
    Warning,
    /// Somebody who should be admitted is not, or the other way round, until somebody acts.
    Error,
}

impl Standing {
    /// Every standing, in the order in which pages explain them.
    pub const ALL: [Self; 8] = [
        Self::Wanted,
        Self::Granted,
        Self::Foreign,
        Self::ToAdd,
        Self::ToRevoke,
        Self::Held,
        Self::Frozen,
        Self::LeftOut,
    ];

    /// One word for a table.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Wanted => "wanted",
            Self::Granted => "granted by others",
            Self::Foreign => "of others",
            Self::ToAdd => "to add",
            Self::ToRevoke => "to revoke",
            Self::Held => "held",
            Self::Frozen => "kept",
            Self::LeftOut => "left out",
        }
    }

    /// What the word means.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Wanted => "the mesh's rule, and a member's row wants it",
            Self::Granted => "somebody else's rule that grants exactly what the mesh wants",
            Self::Foreign => "somebody else's rule; sgsync never touches it",
            Self::ToAdd => "wanted and not there: the next run adds it",
            Self::ToRevoke => "nothing wants it any more: the next run revokes it",
            Self::Held => "nothing wants it; the guard holds it until a person allows its removal",
            Self::Frozen => "nothing is known to want it; kept, as its member is not fully known",
            Self::LeftOut => "wanted and not there, because the group is full",
        }
    }

    /// How it is drawn: what is as it should be, what somebody should look at, what is neither.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Wanted | Self::Granted => "good",
            Self::Foreign => "other",
            Self::ToAdd | Self::ToRevoke | Self::Frozen => "waits",
            Self::Held | Self::LeftOut => "bad",
        }
    }
}

impl Health {
    /// A word, so that it is not told by colour alone.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Stale => "stale",
            Self::Unreachable => "unreachable",
        }
    }

    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Live => "good",
            Self::Stale => "waits",
            Self::Unreachable => "bad",
        }
    }
}

impl Severity {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }

    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Info => "other",
            Self::Warning => "waits",
            Self::Error => "bad",
        }
    }
}
