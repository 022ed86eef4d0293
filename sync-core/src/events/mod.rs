//! What triggers a run: every shape of event that reaches a function, read into
//! [`Event`]s. Reading touches nothing; what is not understood fails alone.

use std::collections::BTreeSet;

use crate::names::{AccountId, AsgName, InstanceId};

/// What a function was invoked with.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// How the messages came, which decides how they are answered.
    pub envelope: Envelope,
    /// The messages, in order.
    pub messages: Vec<Message>,
}

/// How messages came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Envelope {
    /// One event, as it is or in SNS: the answer is the report.
    Direct,
    /// An SQS batch: the answer names the messages that failed.
    Sqs,
}

/// One message and what it says.
#[derive(Clone, Debug)]
pub struct Message {
    /// The SQS message id, by which a failed message goes back to the queue.
    pub id: Option<String>,
    /// What it says, or why it is refused.
    pub event: Result<Event, EventError>,
}

/// Something that asks for a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A lifecycle hook waits for an answer.
    Hook(Hook),
    /// Something may have changed, and nothing waits: instance state changes, finished
    /// launches, terminations and detachments, API calls on a managed group. With the
    /// Auto Scaling groups it names; none means every group of the member.
    Changed {
        /// The groups to observe.
        groups: Option<BTreeSet<AsgName>>,
        /// The event's `detail-type` and, of an API call, its name, for the log.
        what: String,
    },
    /// A true-up, by schedule or by hand.
    TrueUp {
        /// The groups to observe; none means every group of the member.
        groups: Option<BTreeSet<AsgName>>,
        /// Plan only.
        dry_run: bool,
        /// Carry out removals that the guard would hold.
        allow_removals: bool,
        /// Whether a schedule asked, rather than a person.
        scheduled: bool,
    },
    /// A test notification. Auto Scaling sends one when a hook gets a target; it is dropped.
    Test,
    /// News of something that changed nothing: an API call that failed. It is dropped.
    Ignored {
        /// The event's `detail-type`, the call and its error, for the log.
        what: String,
    },
}

/// A lifecycle action that waits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hook {
    /// The hook's name.
    pub name: String,
    /// Its Auto Scaling group.
    pub asg: AsgName,
    /// The instance that waits.
    pub instance: InstanceId,
    /// Which way the instance goes.
    pub transition: Transition,
    /// The action's token, if the event has one; the instance id works alone.
    pub token: Option<String>,
}

/// Which way a waiting instance goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Transition {
    /// `autoscaling:EC2_INSTANCE_LAUNCHING`
    Launch,
    /// `autoscaling:EC2_INSTANCE_TERMINATING`
    Terminate,
}

/// What an event must be about to be let in.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The running function's member.
    pub member: &'a crate::mesh::Member,
    /// The account the function runs in.
    pub account: Option<&'a AccountId>,
}

mod autoscaling;
mod by_hand;
mod error;
mod eventbridge;
mod shapes;
mod wrappings;

#[cfg(test)]
mod tests;

pub use error::EventError;
pub use wrappings::read;
