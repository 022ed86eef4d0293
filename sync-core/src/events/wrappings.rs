//! What events come wrapped in: SQS batches, SNS, and SNS inside SQS.

use serde_json::{Map, Value};

use crate::mesh::quoted;

use super::error::{At, EventError};
use super::shapes::{Delivery, event};
use super::{Envelope, Event, Expected, Invocation, Message};

/// The longest body that is read. SQS and SNS carry no longer one.
const MAX_BODY: usize = 1024 * 1024;

/// Reads what a function was invoked with. Every message is read by itself: one
/// that is refused changes nothing about the others.
#[must_use]
pub fn read(payload: &Value, expected: Expected<'_>) -> Invocation {
    let at = At::default();
    let records = match payload.get("Records") {
        Some(Value::Array(records)) if !records.is_empty() => records,
        Some(_) => return direct(Err(at.key("Records").malformed("expected a list with records"))),
        None => return direct(unwrapped(payload, &at, expected)),
    };
    let from_sqs = |record: &Value| text(record, "eventSource") == Some("aws:sqs");
    let envelope = if records.iter().any(from_sqs) { Envelope::Sqs } else { Envelope::Direct };
    let messages = records.iter().enumerate().map(|(index, record)| {
        let at = at.key(format_args!("Records[{index}]"));
        Message {
            id: message_id(record).map(str::to_owned),
            event: of_record(record, &at, expected),
        }
    });
    Invocation { envelope, messages: messages.collect() }
}

fn direct(event: Result<Event, EventError>) -> Invocation {
    Invocation { envelope: Envelope::Direct, messages: vec![Message { id: None, event }] }
}

fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key)?.as_str()
}

/// An empty id is none: to answer with it would fail the whole batch
/// (`facts/aws.md`, SQS source).
fn message_id(record: &Value) -> Option<&str> {
    text(record, "messageId").filter(|id| !id.is_empty())
}

fn of_record(record: &Value, at: &At, expected: Expected<'_>) -> Result<Event, EventError> {
    // SQS and SNS spell this key differently.
    match (text(record, "eventSource"), text(record, "EventSource")) {
        (Some("aws:sqs"), _) => {
            if message_id(record).is_none() {
                // SQS always sends one. Without it the message could neither go
                // back to the queue nor be told apart, so nothing is done for it.
                return Err(at.key("messageId").malformed("is missing"));
            }
            let at = at.key("body");
            unwrapped(&json(record.get("body"), &at)?, &at, expected)
        }
        (None, Some("aws:sns")) => {
            let notification = record.get("Sns").and_then(Value::as_object);
            let Some(notification) = notification else {
                return Err(at.key("Sns").malformed("is missing, or no object"));
            };
            of_notification(notification, &at.key("Sns"), expected)
        }
        (Some(source), _) | (None, Some(source)) => {
            Err(at.unknown(format!("a record of {}", quoted(source))))
        }
        (None, None) => Err(at.unknown("a record without `eventSource`")),
    }
}

/// An event, possibly inside the notification that SNS sends to a queue without
/// raw delivery.
fn unwrapped(value: &Value, at: &At, expected: Expected<'_>) -> Result<Event, EventError> {
    match value.as_object() {
        Some(object) if object.contains_key("TopicArn") && object.contains_key("Message") => {
            of_notification(object, at, expected)
        }
        _ => event(value, at, Delivery { topic: None, expected }),
    }
}

/// The event in an SNS notification, and nothing further: a notification in a
/// notification is no event.
fn of_notification(
    notification: &Map<String, Value>,
    at: &At,
    expected: Expected<'_>,
) -> Result<Event, EventError> {
    // Subscription confirmations carry a `Message` too: text for a person.
    match notification.get("Type").and_then(Value::as_str) {
        None | Some("Notification") => {}
        Some(other) => return Err(at.unknown(format!("an SNS {}", quoted(other)))),
    }
    let at_message = at.key("Message");
    let message = json(notification.get("Message"), &at_message)?;
    let at_topic = at.key("TopicArn");
    let arn = notification.get("TopicArn").and_then(Value::as_str);
    let topic = arn.map(|arn| (arn, &at_topic));
    event(&message, &at_message, Delivery { topic, expected })
}

/// The JSON in a text.
fn json(value: Option<&Value>, at: &At) -> Result<Value, EventError> {
    let Some(Value::String(text)) = value else {
        return Err(at.malformed("is missing, or no text"));
    };
    if text.len() > MAX_BODY {
        return Err(at.too_long(text.len(), MAX_BODY));
    }
    serde_json::from_str(text).map_err(|error| at.not_json(&error))
}
