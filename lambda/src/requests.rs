//! From the messages of one invocation to the runs they ask for.

use std::collections::{BTreeMap, BTreeSet};

use lambda_runtime::Context;
use serde_json::Value;
use sync_core::events::{self, Envelope, Event, Expected, Hook};
use sync_core::mesh::Member;
use sync_core::names::{AccountId, AsgName};
use sync_core::ports::Clock as _;
use sync_core::reconcile::Request;
use sync_core::report::Trigger;
use tokio::time::{Duration, Instant};

use crate::{Function, Role};

/// The messages of one invocation.
pub(crate) struct Batch {
    /// How they came.
    pub envelope: Envelope,
    /// Each message's id, and what it asks for or why it is refused.
    pub messages: Vec<(Option<String>, Result<Event, String>)>,
}

impl Batch {
    /// Reads an invocation's payload. What is refused is logged, each with its reason.
    pub(crate) fn read(function: &Function, payload: &Value, account: Option<&AccountId>) -> Self {
        let member = function.member();
        let account = member.account.as_ref().or(account);
        let invocation = events::read(payload, Expected { member, account });
        let messages: Vec<_> = invocation
            .messages
            .into_iter()
            .map(|message| (message.id, message.event.map_err(|error| error.to_string())))
            .map(|(id, event)| (id, event.and_then(|event| function.role.accepts(event))))
            .collect();
        for (id, event) in &messages {
            if let Err(why) = event {
                tracing::error!(target: "sgsync::events", message_id = id, "refused: {why}");
            }
        }
        Self { envelope: invocation.envelope, messages }
    }

    fn events(&self) -> impl Iterator<Item = &Event> {
        self.messages.iter().filter_map(|(_, event)| event.as_ref().ok())
    }

    /// The runs that the messages ask for: one for all that change something, and one
    /// for every dry run.
    pub(crate) fn requests(&self, function: &Function, context: &Context) -> Vec<Request> {
        let is_dry = |event: &&Event| matches!(event, Event::TrueUp { dry_run: true, .. });
        let real: Vec<&Event> =
            self.events().filter(|event| !is_dry(event) && asks_for_a_run(event)).collect();
        let merged = (!real.is_empty()).then_some(real);
        let dry = self.events().filter(is_dry).map(|event| vec![event]);
        let deadline = deadline(context);
        merged
            .into_iter()
            .chain(dry)
            .map(|events| request(function, context, deadline, &events))
            .collect()
    }
}

/// Whether an event is more than noise.
fn asks_for_a_run(event: &Event) -> bool {
    !matches!(event, Event::Test | Event::Ignored { .. })
}

impl Role {
    /// Lets an event in that this function is there for.
    fn accepts(self, event: Event) -> Result<Event, String> {
        match (self, event) {
            (Self::TrueUp, Event::Hook(hook)) => Err(format!(
                "a hook event ({}, {}) reached the true-up function, which has no say over hooks; \
                 send it to the lifecycle function's queue",
                hook.asg, hook.instance
            )),
            (_, event) => Ok(event),
        }
    }
}

impl Function {
    fn member(&self) -> &Member {
        let home = self.engine.home.as_ref();
        match home.and_then(|home| self.engine.mesh.member(home)) {
            Some(member) => member,
            None => unreachable!("a function's own member was found in the document at its start"),
        }
    }
}

/// When the invocation ends, on the clock that waiting uses.
fn deadline(context: &Context) -> Instant {
    let now = sync_aws::SystemClock.now().as_millisecond();
    let left = u64::try_from(now).map_or(0, |now| context.deadline.saturating_sub(now));
    Instant::now() + Duration::from_millis(left)
}

fn request(
    function: &Function,
    context: &Context,
    deadline: Instant,
    events: &[&Event],
) -> Request {
    let member = function.member();
    let mut groups: BTreeSet<AsgName> = BTreeSet::new();
    let mut hooks: BTreeSet<Hook> = BTreeSet::new();
    let (mut allow, mut dry, mut trigger) = (false, false, Trigger::Change);
    let all = || member.auto_scaling_groups.iter().cloned().collect();
    for event in events {
        match event {
            Event::Hook(hook) => {
                groups.insert(hook.asg.clone());
                hooks.insert(hook.clone());
                trigger = Trigger::Lifecycle;
            }
            Event::Changed { groups: named, .. } => {
                groups.extend(named.clone().unwrap_or_else(all));
            }
            Event::TrueUp { groups: named, dry_run, allow_removals, scheduled } => {
                groups.extend(named.clone().unwrap_or_else(all));
                allow |= allow_removals;
                dry |= dry_run;
                trigger = match (trigger, scheduled) {
                    (Trigger::Change | Trigger::Schedule, true) => Trigger::Schedule,
                    (Trigger::Change | Trigger::Schedule, false) => Trigger::TrueUp,
                    (waiting, _) => waiting,
                };
            }
            Event::Test | Event::Ignored { .. } => {}
        }
    }
    Request {
        trigger,
        scope: BTreeMap::from([(member.name.clone(), groups)]),
        hooks: hooks.into_iter().collect(),
        dry_run: dry,
        allow_removals: allow,
        run_id: context.request_id.clone(),
        function: function.name.clone(),
        deadline,
    }
}
