//! The way every call goes: through a region's door, where it takes time, is written
//! down, and may go wrong.

use std::time::Duration;

use sync_core::names::MemberName;
use sync_core::ports::{CallError, Called, Failure};
use tokio::time::{Instant, sleep};

use super::World;
use super::bucket::Bucket;
use super::faults::{self, Fault};
use super::runs::RunId;
use super::state::State;

/// The calls' names, as IAM has them.
pub mod call {
    /// Reads Auto Scaling groups.
    pub const GROUPS: &str = "autoscaling:DescribeAutoScalingGroups";
    /// Reads one instance's lifecycle state.
    pub const STATE: &str = "autoscaling:DescribeAutoScalingInstances";
    /// Answers a hook.
    pub const COMPLETE: &str = "autoscaling:CompleteLifecycleAction";
    /// Reads instances.
    pub const INSTANCES: &str = "ec2:DescribeInstances";
    /// Reads rules.
    pub const RULES: &str = "ec2:DescribeSecurityGroupRules";
    /// Adds rules.
    pub const AUTHORIZE: &str = "ec2:AuthorizeSecurityGroupIngress";
    /// Removes rules.
    pub const REVOKE: &str = "ec2:RevokeSecurityGroupIngress";
    /// Reads a mirror.
    pub const ROWS: &str = "dynamodb:BatchGetItem";
    /// Writes a row.
    pub const PUT: &str = "dynamodb:PutItem";
    /// Every call that changes something.
    pub const WRITES: [&str; 4] = [COMPLETE, AUTHORIZE, REVOKE, PUT];
    /// Every call.
    pub const ALL: [&str; 9] =
        [GROUPS, STATE, COMPLETE, INSTANCES, RULES, AUTHORIZE, REVOKE, ROWS, PUT];
}

/// One call as it took effect or failed.
#[derive(Clone, Debug)]
pub struct CallRecord {
    /// Whose.
    pub run: RunId,
    /// To which member's region.
    pub place: MemberName,
    /// Which.
    pub name: &'static str,
    /// When it took effect.
    pub at: Instant,
    /// What it asked for, where that is not plain and somebody listens.
    pub what: String,
    /// What went wrong with it.
    pub fault: Option<Fault>,
    /// Why it failed, if it did.
    pub failure: Option<Failure>,
}

/// One run's way into one region.
#[derive(Clone)]
pub(super) struct Door {
    pub world: World,
    pub run: RunId,
    pub place: MemberName,
}

/// How a call is let through.
pub(super) struct Passage {
    /// How far back it reads.
    pub lag: Duration,
    /// Whether something is left out of its answer.
    pub hide: bool,
    /// The request's id.
    pub request_id: String,
}

/// What chance and the script have decided about a call.
struct Fate {
    fault: Option<Fault>,
    latency: Duration,
    request_id: String,
}

impl Door {
    /// Lets a call through: there, `effect`, and back.
    pub(super) async fn call<T: Send + 'static>(
        &self,
        name: &'static str,
        what: impl FnOnce() -> String + Send,
        effect: impl FnOnce(&mut State, &Passage) -> Result<T, Failure> + Send + 'static,
    ) -> Called<T> {
        let Fate { fault, latency, request_id } = self.enter(name);
        let what = if self.world.state().telling { what() } else { String::new() };
        sleep(latency).await;
        match fault {
            Some(Fault::Before(failure)) => {
                self.record(name, what, fault, Some(failure));
                return Err(error(name, failure, None));
            }
            Some(Fault::Hang) => std::future::pending().await,
            Some(Fault::KillBefore) => self.die().await,
            Some(Fault::Slow(more)) => sleep(more).await,
            _ => {}
        }
        let (door, id) = (self.clone(), request_id.clone());
        let take_effect = move || door.take_effect(name, what, fault, id, effect);
        let answer = match fault {
            // On its own: the request is on its way, whatever becomes of its caller.
            Some(Fault::Late(more)) => {
                let late = tokio::spawn(async move {
                    sleep(more).await;
                    take_effect()
                });
                late.await.unwrap_or(Err(Failure::NoAnswer))
            }
            _ => take_effect(),
        };
        match fault {
            Some(Fault::KillAfter) => self.die().await,
            Some(Fault::HangAfter) => std::future::pending().await,
            _ => sleep(latency).await,
        }
        match fault {
            Some(Fault::After(failure)) => Err(error(name, failure, None)),
            _ => answer.map_err(|failure| error(name, failure, Some(request_id))),
        }
    }

    fn take_effect<T>(
        &self,
        name: &'static str,
        what: String,
        fault: Option<Fault>,
        request_id: String,
        effect: impl FnOnce(&mut State, &Passage) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut state = self.world.state();
        let lag = if let Some(Fault::Lag(lag)) = fault { lag } else { Duration::ZERO };
        let passage = Passage { lag, hide: fault == Some(Fault::Hide), request_id };
        state.tick += 1;
        if name != call::COMPLETE && state.runs[&self.run].home.as_ref() == Some(&self.place) {
            state.run(self.run).last_home = Instant::now();
        }
        let changes = [call::AUTHORIZE, call::REVOKE].contains(&name);
        let bucket = state.buckets.get_mut(&self.place).filter(|_| changes);
        let answer = if bucket.is_none_or(Bucket::take) {
            effect(&mut state, &passage)
        } else {
            let throttled = Failure::Throttled;
            let faulted = &mut state.run(self.run).faulted;
            faulted.entry(self.place.clone()).or_default().push(Fault::Before(throttled));
            Err(throttled)
        };
        state.watch_world();
        drop(state);
        self.record(name, what, fault, answer.as_ref().err().copied());
        answer
    }

    fn record(
        &self,
        name: &'static str,
        what: String,
        fault: Option<Fault>,
        failure: Option<Failure>,
    ) {
        let (run, place, at) = (self.run, self.place.clone(), Instant::now());
        let record = CallRecord { run, place, name, at, what, fault, failure };
        self.world.state().calls.push(record);
    }

    /// What happens to this call, how long it takes each way, and its request id.
    fn enter(&self, name: &'static str) -> Fate {
        let mut state = self.world.state();
        let state = &mut *state;
        let run = state.runs.get_mut(&self.run).expect("the run is known");
        let count = run.counts.entry((self.place.clone(), name)).or_insert(0);
        let key = (run.label.clone(), self.place.clone(), name, *count);
        *count += 1;
        let whose = (self.run, run.home.as_ref());
        let ruled = state.faults.iter_mut().find_map(|rule| rule.hit(whose, &self.place, name));
        let listed = || state.mishaps.calls.get(&key).copied();
        let chance = || faults::mishap(state.seed, state.rates.calls, &key);
        let fault = ruled.or_else(listed).or_else(chance);
        if let Some(fault) = fault {
            run.faulted.entry(self.place.clone()).or_default().push(fault);
            state.tally.fault(fault);
            if ruled.is_none() {
                state.happened.calls.insert(key.clone(), fault);
            }
        }
        let (near, far) = (1..4, 25..60);
        let millis = if run.home.as_ref() == Some(&self.place) { near } else { far };
        let (label, place, _, nth) = &key;
        let mut rng =
            super::chance::rng(state.seed, &format!("latency {label} {place} {name} {nth}"));
        let latency = Duration::from_millis(rng.u64(millis));
        Fate { fault, latency, request_id: format!("req-{}", state.number()) }
    }

    /// The process dies: whoever runs it stops, and nothing of it goes on.
    async fn die<T>(&self) -> T {
        self.world.state().runs[&self.run].dies.notify_one();
        std::future::pending().await
    }
}

fn error(call: &'static str, kind: Failure, request_id: Option<String>) -> CallError {
    let code = match kind {
        Failure::NoAnswer => "TimeoutError",
        Failure::Throttled => "RequestLimitExceeded",
        Failure::Unavailable => "InternalError",
        Failure::Denied => "UnauthorizedOperation",
        Failure::NotFound => "InvalidGroup.NotFound",
        Failure::Duplicate => "InvalidPermission.Duplicate",
        Failure::QuotaExceeded => "RulesPerSecurityGroupLimitExceeded",
        Failure::NoActiveAction => "ValidationError",
        Failure::Refused => "InvalidParameterValue",
    };
    let message = format!("the world says {kind:?}");
    CallError { call, kind, code: code.to_owned(), message, request_id }
}
