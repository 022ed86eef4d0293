//! Event bodies as AWS sends them (`tests/events/`), in every wrapping, and what is refused.

use serde_json::{Value, json};

use super::*;
use crate::mesh::{Member, Mesh};

mod laws;
mod refused;

const MESH: &str = r#"
name = "orders-db"
allow = [{protocol = "tcp", ports = "7000-7001"}]
[[member]]
region = "us-east-1"
account = "123456789012"
auto_scaling_groups = ["orders-us-east-1", "orders-extra"]
security_groups = ["sg-0123456789abcdef0"]
"#;

/// Event bodies, by the name of their file.
macro_rules! body {
    ($name:literal) => {
        serde_json::from_str::<Value>(include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/events/",
            $name,
            ".json"
        )))
        .expect($name)
    };
}
use body;

fn member() -> Member {
    Mesh::parse(MESH).expect("a mesh").members.remove(0)
}

fn invocation(payload: &Value) -> Invocation {
    read(payload, Expected { member: &member(), account: None })
}

/// What a payload of one message says.
fn one(payload: &Value) -> Result<Event, EventError> {
    let mut messages = invocation(payload).messages;
    assert_eq!(messages.len(), 1, "{payload}");
    messages.remove(0).event
}

fn event(payload: &Value) -> Event {
    one(payload).expect("an event")
}

fn in_sqs(body: &str) -> Value {
    json!({
        "messageId": "059f36b4-87a3-44ab-83d2-661975830a7d",
        "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
        "body": body,
        "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1545082649183"},
        "messageAttributes": {},
        "md5OfBody": "098f6bcd4621d373cade4e832627b4f6",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:orders-db",
        "awsRegion": "us-east-1"
    })
}

/// A notification as SNS sends it, to a queue and to a function alike.
fn notification(message: &str) -> Value {
    json!({
        "Type": "Notification",
        "MessageId": "95df01b4-ee98-5cb9-9903-4c221d41eb5e",
        "TopicArn": "arn:aws:sns:us-east-1:123456789012:orders-db",
        "Subject": "Auto Scaling: Lifecycle action 'LAUNCHING'",
        "Message": message,
        "Timestamp": "2026-11-20T08:15:04.253Z",
        "SignatureVersion": "1",
        "Signature": "EXAMPLE",
        "UnsubscribeURL": "https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe"
    })
}

fn in_sns(message: &str) -> Value {
    json!({"EventVersion": "1.0", "EventSource": "aws:sns", "Sns": notification(message),
        "EventSubscriptionArn": "arn:aws:sns:us-east-1:123456789012:orders-db:21be56ed"})
}

fn records(records: &[Value]) -> Value {
    json!({"Records": records})
}

/// A body in every way it can reach a function.
fn wrappings(body: &Value) -> [Value; 4] {
    let text = body.to_string();
    [
        body.clone(),
        records(&[in_sqs(&text)]),
        records(&[in_sns(&text)]),
        records(&[in_sqs(&notification(&text).to_string())]),
    ]
}

fn launch_hook() -> Hook {
    Hook {
        name: "hook-launching".to_owned(),
        asg: "orders-us-east-1".into(),
        instance: "i-017425ec54f22f994".into(),
        transition: Transition::Launch,
        token: Some("33965228-086a-4aeb-8c26-f82ed3bef495".to_owned()),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "it stands where none would mean every group")]
fn orders() -> Option<BTreeSet<AsgName>> {
    Some(BTreeSet::from(["orders-us-east-1".into()]))
}

fn changed(groups: Option<BTreeSet<AsgName>>, what: &str) -> Event {
    Event::Changed { groups, what: what.to_owned() }
}

#[test]
fn a_hook_is_the_same_hook_in_every_wrapping() {
    for body in [body!("eventbridge-launch"), body!("autoscaling-flat-launch")] {
        for payload in wrappings(&body) {
            assert_eq!(event(&payload), Event::Hook(launch_hook()), "{payload}");
        }
    }
}

#[test]
fn a_terminate_hook_is_one_wherever_the_instance_goes() {
    for body in [body!("eventbridge-terminate"), body!("eventbridge-replace-root-volume")] {
        let Event::Hook(hook) = event(&body) else { panic!("{body}") };
        assert_eq!(hook.transition, Transition::Terminate);
        assert_eq!(hook.name, "hook-terminating");
    }
}

#[test]
fn a_hook_needs_no_token() {
    for absent in [Value::Null, json!("")] {
        let mut body = body!("eventbridge-launch");
        body["detail"]["LifecycleActionToken"] = absent;
        assert_eq!(event(&body), Event::Hook(Hook { token: None, ..launch_hook() }));
    }
}

#[test]
fn test_notifications_are_dropped() {
    for payload in wrappings(&body!("autoscaling-flat-test")) {
        assert_eq!(event(&payload), Event::Test);
    }
}

#[test]
fn what_is_over_names_its_group() {
    for (body, what) in [
        (body!("eventbridge-launch-successful"), "EC2 Instance Launch Successful"),
        (body!("eventbridge-launch-unsuccessful"), "EC2 Instance Launch Unsuccessful"),
        (body!("eventbridge-terminate-successful"), "EC2 Instance Terminate Successful"),
        // Its detail has no group: the name comes from the group's ARN.
        (body!("eventbridge-detach-successful"), "EC2 Instance Detach Successful"),
        (body!("autoscaling-notification"), "autoscaling:EC2_INSTANCE_TERMINATE"),
    ] {
        assert_eq!(event(&body), changed(orders(), what));
    }
}

#[test]
fn a_state_change_asks_for_every_group() {
    let what = "EC2 Instance State-change Notification";
    assert_eq!(event(&body!("eventbridge-state-change")), changed(None, what));
}

#[test]
fn calls_on_a_managed_group_ask_for_a_run_unless_they_failed() {
    for (body, name) in [
        (body!("cloudtrail-authorize"), "AuthorizeSecurityGroupIngress"),
        (body!("cloudtrail-revoke"), "RevokeSecurityGroupIngress"),
        (body!("cloudtrail-modify"), "ModifySecurityGroupRules"),
    ] {
        assert_eq!(event(&body), changed(None, &format!("AWS API Call via CloudTrail: `{name}`")));
    }
    let Event::Ignored { what } = event(&body!("cloudtrail-authorize-failed")) else {
        panic!("a failed call changed nothing");
    };
    assert!(what.ends_with("failed: `Client.InvalidPermission.Duplicate`"), "{what}");
}

#[test]
fn true_ups_come_by_schedule_and_by_hand() {
    let true_up = |groups, dry_run, allow_removals, scheduled| Event::TrueUp {
        groups,
        dry_run,
        allow_removals,
        scheduled,
    };
    for (body, expected) in [
        (body!("scheduled-rule"), true_up(None, false, false, true)),
        (body!("scheduler-default"), true_up(None, false, false, true)),
        (body!("trueup-manual"), true_up(orders(), false, false, false)),
        (json!({"trueup": true}), true_up(None, false, false, false)),
        (json!({"trueup": true, "scheduled": true}), true_up(None, false, false, true)),
        (json!({"trueup": true, "detail": {}}), true_up(None, false, false, false)),
        (json!({"trueup": true, "dry_run": true}), true_up(None, true, false, false)),
        (json!({"trueup": true, "allow_removals": true}), true_up(None, false, true, false)),
    ] {
        for payload in wrappings(&body) {
            assert_eq!(event(&payload), expected, "{payload}");
        }
    }
}

#[test]
fn only_sqs_is_answered_with_failed_messages() {
    let [bare, sqs, sns, sns_in_sqs] = wrappings(&body!("eventbridge-launch"));
    for (payload, envelope) in [
        (bare, Envelope::Direct),
        (sqs, Envelope::Sqs),
        (sns, Envelope::Direct),
        (sns_in_sqs, Envelope::Sqs),
    ] {
        let invocation = invocation(&payload);
        assert_eq!(invocation.envelope, envelope);
        assert_eq!(invocation.messages[0].id.is_some(), envelope == Envelope::Sqs);
    }
}
