//! The way every call goes: through a region's door, where it takes time, is written
//! down, and may go wrong.

use std::time::Duration;

use sync_core::names::MemberName;
use sync_core::ports::{CallError, Called, Failure};
use tokio::time::{Instant, sleep};

use super::World;
use super::faults::Fault;
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
    /// What it asked for, where that is not plain.
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
    /// The request's id.
    pub request_id: String,
}

impl Door {
    /// Lets a call through: there, `effect`, and back.
    pub(super) async fn call<T>(
        &self,
        name: &'static str,
        what: impl ToString + Send,
        effect: impl FnOnce(&mut State, &Passage) -> Result<T, Failure> + Send,
    ) -> Called<T> {
        let (fault, latency, request_id) = self.enter(name);
        let what = what.to_string();
        let record = |state: &mut State, failure| {
            let (run, place, what) = (self.run, self.place.clone(), what.clone());
            let record = CallRecord { run, place, name, at: Instant::now(), what, fault, failure };
            state.calls.push(record);
        };
        sleep(latency).await;
        match fault {
            Some(Fault::Before(failure)) => {
                record(&mut self.world.state(), Some(failure));
                return Err(error(name, failure, None));
            }
            Some(Fault::Hang) => std::future::pending().await,
            Some(Fault::KillBefore) => self.die().await,
            Some(Fault::Slow(more)) => sleep(more).await,
            _ => {}
        }
        let lag = if let Some(Fault::Lag(lag)) = fault { lag } else { Duration::ZERO };
        let answer = {
            let mut state = self.world.state();
            let passage = Passage { lag, request_id: request_id.clone() };
            let answer = effect(&mut state, &passage);
            record(&mut state, answer.as_ref().err().copied());
            answer
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

    /// What happens to this call, how long it takes each way, and its request id.
    fn enter(&self, name: &'static str) -> (Option<Fault>, Duration, String) {
        let mut state = self.world.state();
        let state = &mut *state;
        let ruled = state.faults.iter_mut().find_map(|rule| rule.hit(self.run, &self.place, name));
        let fault = ruled.or_else(|| state.chaos.as_mut().and_then(|chaos| chaos.hit(name)));
        let run = state.runs.get_mut(&self.run).expect("the run is known");
        if let Some(fault) = fault {
            run.faulted.entry(self.place.clone()).or_default().push(fault);
        }
        let (near, far) = (1..4, 25..60);
        let millis = if run.home.as_ref() == Some(&self.place) { near } else { far };
        let latency = Duration::from_millis(fastrand::u64(millis));
        (fault, latency, format!("req-{}", state.number()))
    }

    /// The process dies: whoever runs it stops, and nothing of it goes on.
    async fn die<T>(&self) -> T {
        self.world.state().runs[&self.run].dies.notify_one();
        std::future::pending().await
    }

    /// When the run began.
    pub(super) fn began(state: &State, run: RunId) -> Instant {
        state.runs[&run].began
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
