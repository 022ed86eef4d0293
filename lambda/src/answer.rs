//! How an invocation is answered.

use lambda_runtime::Diagnostic;
use serde_json::{Value, json};
use sync_core::events::{Envelope, Event, Hook};
use sync_core::report::{HookResult, Report};

use crate::requests::Batch;

/// Writes a run's report to the log: one line, and nothing but JSON, so that it can
/// be queried by part.
pub(crate) fn log(report: &Report) {
    println!("{}", json!({ "report": report }));
}

/// The answer: the report where the function was invoked directly; the messages that
/// failed where a queue invoked it.
pub(crate) fn answer(batch: &Batch, reports: &[Report]) -> Result<Value, Diagnostic> {
    match batch.envelope {
        Envelope::Sqs => Ok(failures(batch, reports)),
        Envelope::Direct => direct(batch, reports),
    }
}

/// The messages that go back to the queue: those that were refused, and those whose
/// hook still waits. Every other one is done with.
fn failures(batch: &Batch, reports: &[Report]) -> Value {
    let failed: Vec<Value> = batch
        .messages
        .iter()
        .filter(|(_, event)| match event {
            Ok(Event::Hook(hook)) => still_waits(hook, reports),
            Ok(_) => false,
            Err(_) => true,
        })
        // Without an id nothing can go back, and an empty one would fail the whole batch.
        .filter_map(|(id, _)| Some(json!({ "itemIdentifier": id.as_ref()? })))
        .collect();
    json!({ "batchItemFailures": failed })
}

fn still_waits(hook: &Hook, reports: &[Report]) -> bool {
    reports.iter().flat_map(|report| &report.hooks).any(|answered| {
        answered.instance == hook.instance
            && answered.transition == hook.transition
            && answered.result == HookResult::Retry
    })
}

/// Invoked directly, the caller gets the report. An event that is refused, and a hook
/// that still waits, are errors: whoever invoked the function would otherwise take the
/// work for done, and an asynchronous invocation would not be repeated.
fn direct(batch: &Batch, reports: &[Report]) -> Result<Value, Diagnostic> {
    let refused: Vec<&str> = batch
        .messages
        .iter()
        .filter_map(|(_, event)| event.as_ref().err().map(String::as_str))
        .collect();
    if !refused.is_empty() {
        return Err(error("EventRefused", &refused.join("; ")));
    }
    let waiting: Vec<String> = reports
        .iter()
        .flat_map(|report| {
            report.unanswered().map(|hook| {
                let instance = hook.instance.as_str();
                let why = report.findings.iter().find(|finding| finding.subject == instance);
                let why = why.map_or("", |finding| finding.detail.as_str());
                format!("the hook of {instance} still waits: {why}")
            })
        })
        .collect();
    if !waiting.is_empty() {
        return Err(error("HookWaits", &waiting.join("; ")));
    }
    Ok(match reports.last() {
        Some(report) => json!(report),
        None => json!({ "dropped": "a notification that asks for nothing" }),
    })
}

fn error(kind: &str, message: &str) -> Diagnostic {
    Diagnostic { error_type: kind.to_owned(), error_message: message.to_owned() }
}
