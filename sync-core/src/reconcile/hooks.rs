//! Answers hooks (design section 7).

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;
use tokio::time::{sleep, timeout_at};

use super::Run;
use super::confirm::Standing;
use super::own::{Own, OwnGroup, Seen, jittered};
use super::region::RegionRun;
use crate::events::{Hook, Transition};
use crate::mesh::OnLaunchFailure;
use crate::ports::{AuditLine, CallError, Called, Failure, HookAnswer, LifecycleState};
use crate::report::{Finding, FindingKind, HookReport, HookResult};

/// How often a completion is tried while the instance still waits: "No active
/// Lifecycle Action" can be a race (`facts/aws.md`, Completing hooks).
const COMPLETIONS: usize = 4;

/// What became of one hook.
pub(super) struct Answered {
    /// For the report.
    pub report: HookReport,
    /// What a person should know of it.
    pub finding: Option<Finding>,
}

/// What to do about one hook.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Decision {
    /// Answer; with what was not done, if anything.
    Answer(HookAnswer, Option<String>),
    /// Let it wait, and say why.
    Retry(String),
}

/// Answers every hook of the run, side by side.
pub(super) async fn answer_hooks(
    run: &Run<'_>,
    own: &Own,
    regions: &[RegionRun<'_>],
) -> Vec<Answered> {
    join_all(run.request.hooks.iter().map(|hook| async {
        let (result, finding) = match decide(run, own, regions, hook) {
            Decision::Retry(why) => (
                HookResult::Retry,
                Some(Finding::new(FindingKind::HookUnanswered, &hook.instance, why)),
            ),
            Decision::Answer(answer, undone) => {
                let (result, failed) = complete(run, hook, answer).await;
                let undone = undone.map(|undone| {
                    let detail =
                        format!("{} was answered {}: {undone}", hook.name, answer.as_str());
                    Finding::new(FindingKind::HookCompromised, &hook.instance, detail)
                });
                (result, failed.or(undone))
            }
        };
        let report =
            HookReport { instance: hook.instance.clone(), transition: hook.transition, result };
        Answered { report, finding }
    }))
    .await
}

fn decide(run: &Run<'_>, own: &Own, regions: &[RegionRun<'_>], hook: &Hook) -> Decision {
    match own.of_hook(hook) {
        Some(OwnGroup::Seen(seen)) => match not_ready(hook, seen) {
            Some(why) => Decision::Retry(why),
            None => decide_seen(run, regions, hook, seen),
        },
        Some(OwnGroup::Missing) => {
            Decision::Retry(format!("Auto Scaling does not show the group {}", hook.asg))
        }
        Some(OwnGroup::Failed(error)) if error.kind.may_pass() => {
            Decision::Retry(error.to_string())
        }
        Some(OwnGroup::Failed(error)) => hopeless(run, hook, error.to_string()),
        None => Decision::Retry(format!("the group {} was not observed", hook.asg)),
    }
}

/// Why a hook cannot be answered yet, by what is seen of its instance.
fn not_ready(hook: &Hook, seen: &Seen) -> Option<String> {
    let state = seen.states.get(&hook.instance);
    let addresses = seen.observation.instances.get(&hook.instance);
    let member = addresses.is_some();
    let replaced = state.is_some_and(LifecycleState::is_replacing_root_volume);
    match hook.transition {
        Transition::Launch if seen.observation.without_address.contains(&hook.instance) => {
            Some("EC2 shows no address of it that this mesh admits yet".to_owned())
        }
        Transition::Launch if seen.observation.unlisted.contains(&hook.instance) => {
            Some("Auto Scaling does not list it yet".to_owned())
        }
        Transition::Launch if addresses.is_some_and(BTreeSet::is_empty) => {
            Some("it has no address that this mesh admits".to_owned())
        }
        Transition::Launch if seen.observation.unheard.contains_key(&hook.instance) => {
            Some(format!("this release has not heard of its state {state:?}"))
        }
        Transition::Launch if !member && state.is_some_and(|s| s.as_str() == "Pending") => {
            Some("Auto Scaling still shows it as Pending".to_owned())
        }
        Transition::Terminate if member && !replaced => {
            Some(format!("Auto Scaling still shows it as {state:?}"))
        }
        Transition::Launch | Transition::Terminate => None,
    }
}

fn decide_seen(run: &Run<'_>, regions: &[RegionRun<'_>], hook: &Hook, seen: &Seen) -> Decision {
    let mut undone = Vec::new();
    for region in regions {
        let name = &region.member.name;
        if let Some(error) = &region.unreachable {
            if !region.home {
                continue; // Promise 6; the finding says so.
            }
            return hopeful(run, hook, error);
        }
        match region.standing(run, hook, seen) {
            Standing::Unconfirmed if region.lost => {
                return Decision::Retry(format!("{name} lost a row while it was looked at"));
            }
            Standing::Unconfirmed => {
                return Decision::Retry(format!("{name} kept changing while it was looked at"));
            }
            Standing::NoRoom => undone.push(format!("a security group of {name} is full")),
            Standing::Failed(error) if region.home && error.kind.may_pass() => {
                return Decision::Retry(error.to_string());
            }
            Standing::Failed(error) if region.home => undone.push(error.to_string()),
            // A peer that fails is a peer that cannot be reached (promise 6).
            Standing::Confirmed | Standing::Failed(_) => {}
            Standing::Refused => undone.push(format!("the plan for {name} did not pass its check")),
        }
    }
    if undone.is_empty() {
        Decision::Answer(HookAnswer::Continue, None)
    } else {
        hopeless(run, hook, undone.join("; "))
    }
}

fn hopeful(run: &Run<'_>, hook: &Hook, error: &CallError) -> Decision {
    if error.kind.may_pass() {
        Decision::Retry(error.to_string())
    } else {
        hopeless(run, hook, error.to_string())
    }
}

/// Something that trying again will not mend: a launch is answered as the document
/// says; a termination goes on, and leaves a stale rule that the finding names.
fn hopeless(run: &Run<'_>, hook: &Hook, undone: String) -> Decision {
    let answer = match (hook.transition, run.mesh().on_launch_failure) {
        (Transition::Launch, OnLaunchFailure::Abandon) => HookAnswer::Abandon,
        (Transition::Launch, OnLaunchFailure::Continue) | (Transition::Terminate, _) => {
            HookAnswer::Continue
        }
    };
    Decision::Answer(answer, Some(undone))
}

/// Completes one lifecycle action.
async fn complete(run: &Run<'_>, hook: &Hook, answer: HookAnswer) -> (HookResult, Option<Finding>) {
    let result = match answer {
        HookAnswer::Continue => HookResult::Continue,
        HookAnswer::Abandon => HookResult::Abandon,
    };
    let completed = timeout_at(run.answer_until, complete_patiently(run, hook, answer)).await;
    match completed.unwrap_or_else(|_| Err(unanswered())) {
        Ok(true) => (result, None),
        Ok(false) => (HookResult::Gone, None),
        Err(error) => {
            let finding = Finding::new(FindingKind::HookUnanswered, &hook.instance, &error);
            (HookResult::Retry, Some(finding))
        }
    }
}

fn unanswered() -> CallError {
    CallError {
        call: "autoscaling:CompleteLifecycleAction",
        kind: Failure::NoAnswer,
        code: "Timeout".to_owned(),
        message: "no answer before the run had to end".to_owned(),
        request_id: None,
    }
}

/// Whether a hook of this transition waits in this state. The other transition's hook
/// may wait in it: events come late. An instance that returns to a warm pool waits in
/// `Warmed:Pending:Wait` for its terminate hook (`facts/aws.md`, Lifecycle events).
fn waits_for(transition: Transition, state: &LifecycleState) -> bool {
    match transition {
        Transition::Launch => state.as_str().ends_with("Pending:Wait"),
        Transition::Terminate => state.is_waiting() && state.as_str() != "Pending:Wait",
    }
}

/// True when completed, false when nothing waited any more.
async fn complete_patiently(run: &Run<'_>, hook: &Hook, answer: HookAnswer) -> Called<bool> {
    let Some(home) = run.engine.home.as_ref() else { return Ok(false) };
    let (reader, writer) = (&run.engine.readers[home], &run.engine.writers[home]);
    let mut pauses =
        jittered(Duration::from_millis(200), Duration::from_millis(800), COMPLETIONS - 1);
    loop {
        match writer.hooks.complete(hook, answer).await {
            Ok(receipt) => {
                write_down(run, hook, answer, receipt.request_id);
                return Ok(true);
            }
            Err(error) if error.kind == Failure::NoActiveAction => {
                let state = reader.observer.lifecycle_state(&hook.instance).await?;
                if !state.is_some_and(|state| waits_for(hook.transition, &state)) {
                    return Ok(false);
                }
                let Some(pause) = pauses.next() else { return Err(error) };
                sleep(pause).await;
            }
            Err(error) => return Err(error),
        }
    }
}

fn write_down(run: &Run<'_>, hook: &Hook, answer: HookAnswer, request: Option<String>) {
    let Some(member) = run.engine.home.clone() else { return };
    run.engine.audit.write(&AuditLine {
        who: run.who(),
        trigger: run.request.trigger.as_str(),
        member,
        instance: Some(hook.instance.clone()),
        action: "complete",
        target: format!("{}/{}", hook.asg, hook.name),
        permission: None,
        before: match hook.transition {
            Transition::Launch => "waiting to launch".to_owned(),
            Transition::Terminate => "waiting to terminate".to_owned(),
        },
        after: answer.as_str().to_owned(),
        aws_request_id: request,
    });
}
