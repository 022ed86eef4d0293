//! What is going to happen, and when.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use sync_core::events::{Hook, Transition};
use sync_core::names::{AsgName, InstanceId, MemberName};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::runs::RunId;

/// Something that is going to happen.
#[derive(Clone, Debug)]
pub enum Later {
    /// A step of a script, by its place in it.
    Step(usize),
    /// A message reaches a member's queue.
    Message(MemberName, Message),
    /// A member's queue hands out what it has.
    Poll(MemberName),
    /// A run's process is killed.
    Kill(RunId),
    /// An instance gets further in its life.
    Life(MemberName, InstanceId, Phase),
}

/// How an instance gets further by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// EC2 shows its addresses.
    Addressed,
    /// Nobody has answered its hook for too long.
    Unanswered(Transition),
    /// It is terminated.
    Gone,
    /// EC2 no longer shows it.
    Forgotten,
    /// It is detached.
    Detached,
    /// It is on standby.
    OnStandby,
    /// It is in service.
    InService,
    /// It is stopped.
    Stopped,
    /// Its root volume is replaced.
    RootReplaced,
    /// It comes back, with its new root volume.
    RootBack,
    /// It rests in the warm pool.
    Pooled,
    /// Auto Scaling notices that it is unhealthy.
    Noticed,
    /// Auto Scaling terminates it, because its replacement is there.
    Replaced,
}

/// A message of an event.
#[derive(Clone, Debug)]
pub struct Message {
    /// The same for every delivery of one event, and different for different events.
    pub label: String,
    /// How often it has been handed out.
    pub attempt: usize,
    /// What it says.
    pub says: Says,
}

/// What an event says.
#[derive(Clone, Debug)]
pub enum Says {
    /// A hook waits.
    Hook(Hook),
    /// Something changed in a group.
    Changed(AsgName),
}

/// What is going to happen, the next first.
#[derive(Default)]
pub struct Agenda {
    entries: BTreeMap<(Instant, u64), Later>,
    count: u64,
    /// Rings when something is entered.
    pub bell: Arc<Notify>,
    /// What waits in each member's queue.
    pub queues: BTreeMap<MemberName, Vec<Message>>,
    /// Members whose queue will be handed out already.
    pub polled: BTreeSet<MemberName>,
    /// How long a queue gathers messages.
    pub window: Duration,
    /// Since when nothing goes wrong any more.
    pub calm_at: Option<Instant>,
    /// Whether no message is delivered any more.
    pub deaf: bool,
    /// How many events each instance or group has sent, for their labels.
    pub sent: BTreeMap<String, usize>,
}

impl Agenda {
    /// Enters something.
    pub fn enter(&mut self, after: Duration, later: Later) {
        self.count += 1;
        self.entries.insert((Instant::now() + after, self.count), later);
        self.bell.notify_one();
    }

    /// When the next thing happens.
    #[must_use]
    pub fn next_at(&self) -> Option<Instant> {
        self.entries.first_key_value().map(|((at, _), _)| *at)
    }

    /// The next thing, which happens now.
    pub fn take(&mut self) -> Option<Later> {
        self.entries.pop_first().map(|(_, later)| later)
    }

    /// Whether a step of the script is still to come.
    #[must_use]
    pub fn has_steps(&self) -> bool {
        self.entries.values().any(|later| matches!(later, Later::Step(_)))
    }

    /// Forgets everything of a sort.
    pub fn drop_all(&mut self, which: impl Fn(&Later) -> bool) {
        self.entries.retain(|_, later| !which(later));
    }
}
