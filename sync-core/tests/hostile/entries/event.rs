//! Events, bare and in every wrapping.

use serde_json::{Value, json};
use sync_core::events::{Envelope, Event, Expected, Hook, Invocation, Message, read};
use sync_core::mesh::{Member, Mesh};

use super::bounds;

const MESH: &str = r#"
name = "orders-db"
allow = [{protocol = "tcp", ports = "7000-7001"}]
[[member]]
region = "us-east-1"
account = "123456789012"
auto_scaling_groups = ["orders-us-east-1", "orders-extra"]
security_groups = ["sg-0123456789abcdef0"]
"#;

/// The member whose function reads.
pub fn member() -> Member {
    Mesh::parse(MESH).expect("a mesh").members.remove(0)
}

/// A text as the body of an SQS message.
pub fn in_sqs(body: &str, id: &str) -> Value {
    json!({"messageId": id, "body": body, "eventSource": "aws:sqs"})
}

/// A text as SNS sends it.
pub fn notification(message: &str) -> Value {
    json!({"Type": "Notification", "Message": message,
        "TopicArn": "arn:aws:sns:us-east-1:123456789012:orders-db"})
}

/// A text as the messages of every envelope that reaches a function.
pub fn wrapped(text: &str) -> [Value; 3] {
    [
        json!({"Records": [in_sqs(text, "m")]}),
        json!({"Records": [{"EventSource": "aws:sns", "Sns": notification(text)}]}),
        json!({"Records": [in_sqs(&notification(text).to_string(), "m")]}),
    ]
}

const GOOD: &str = r#"{"LifecycleHookName": "h", "AutoScalingGroupName": "orders-extra",
    "EC2InstanceId": "i-1", "LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING"}"#;

/// Reads a text as an event, in every wrapping and between others.
///
/// # Panics
/// If an event that is let in is not this member's, if a wrapping or a neighbour makes a
/// difference, or if a refusal says more than a bounded line.
pub fn entry(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let member = member();
    let expected = Expected { member: &member, account: None };
    let wrapped = wrapped(&text).map(|payload| judged(&payload, expected));
    if let Ok(payload) = serde_json::from_str::<Value>(&text) {
        let bare = judged(&payload, expected);
        let opened = |key| payload.get(key).is_some();
        let is_envelope = opened("Records") || opened("TopicArn") && opened("Message");
        if !is_envelope {
            for wrapped in &wrapped {
                let event = wrapped.messages[0].event.as_ref().ok();
                assert_eq!(event, bare.messages[0].event.as_ref().ok(), "a wrapping counts");
            }
        }
    }
    let batch = [in_sqs(GOOD, "a"), in_sqs(&text, "b"), in_sqs(GOOD, "c")];
    let batch = judged(&json!({ "Records": batch }), expected);
    assert_eq!((batch.messages.len(), batch.envelope), (3, Envelope::Sqs));
    let neighbours = [&batch.messages[0].event, &batch.messages[2].event];
    assert!(neighbours.iter().all(|event| matches!(event, Ok(Event::Hook(_)))), "{neighbours:?}");
    assert_eq!(batch.messages[1].event.as_ref().ok(), wrapped[0].messages[0].event.as_ref().ok());
}

fn judged(payload: &Value, expected: Expected<'_>) -> Invocation {
    let read = read(payload, expected);
    let records = payload.get("Records").and_then(Value::as_array).map_or(1, Vec::len);
    assert_eq!(read.messages.len(), records.max(1), "a message is lost");
    read.messages.iter().for_each(|message| judge(message, read.envelope, expected.member));
    read
}

fn judge(message: &Message, envelope: Envelope, member: &Member) {
    if envelope == Envelope::Direct {
        assert!(message.id.as_deref() != Some(""), "an empty id would fail a whole batch");
    }
    match &message.event {
        Ok(Event::Hook(hook)) => judge_hook(hook, member),
        Ok(Event::Changed { groups, what }) => {
            bounds::line(what, bounds::MESSAGE);
            assert!(groups.iter().flatten().all(|asg| member.auto_scaling_groups.contains(asg)));
        }
        Ok(Event::TrueUp { groups, .. }) => {
            assert!(groups.iter().flatten().all(|asg| member.auto_scaling_groups.contains(asg)));
        }
        Ok(Event::Ignored { what }) => bounds::line(what, bounds::MESSAGE),
        Ok(Event::Test) => {}
        Err(error) => {
            bounds::line(&error.to_string(), bounds::MESSAGE);
            bounds::line(&format!("{error:?}"), 2 * bounds::MESSAGE);
        }
    }
}

/// All of a hook goes into a call, an audit line and a report.
fn judge_hook(hook: &Hook, member: &Member) {
    assert!(member.auto_scaling_groups.contains(&hook.asg), "{hook:?}");
    let id = hook.instance.as_str().strip_prefix("i-").expect("an instance id");
    assert!(id.len() <= 17 && !id.is_empty() && id.bytes().all(|b| b.is_ascii_hexdigit()), "{id}");
    assert!(!hook.name.is_empty());
    bounds::line(&hook.name, bounds::MESSAGE);
    bounds::line(hook.token.as_deref().unwrap_or_default(), bounds::MESSAGE);
}
