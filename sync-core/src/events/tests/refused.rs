//! What is refused, and in which words.

use super::*;

/// A body after one value is changed, or taken out for null.
fn with(mut body: Value, pointer: &str, new: &Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    let parent = body.pointer_mut(parent).and_then(Value::as_object_mut).expect("an object");
    if new.is_null() {
        parent.remove(key)
    } else {
        parent.insert(key.to_owned(), new.clone())
    };
    body
}

/// Everything that is refused, each with its message, as one text for a snapshot.
fn refusals(payloads: &[Value]) -> String {
    let line = |payload: &Value| one(payload).expect_err(&payload.to_string()).to_string();
    payloads.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_is_not_ours_is_refused_by_name() {
    let launch = || body!("eventbridge-launch");
    let flat = || body!("autoscaling-flat-launch");
    let elsewhere =
        notification(&flat().to_string()).to_string().replace("sns:us-east-1", "sns:eu-west-1");
    insta::assert_snapshot!(refusals(&[
        with(launch(), "/region", &json!("us-west-2")),
        with(launch(), "/account", &json!("210987654321")),
        with(launch(), "/detail/AutoScalingGroupName", &json!("payments")),
        with(flat(), "/AccountId", &json!("210987654321")),
        with(flat(), "/AutoScalingGroupName", &json!("payments")),
        records(&[in_sqs(&elsewhere)]),
        with(body!("autoscaling-notification"), "/AutoScalingGroupName", &json!("payments")),
        with(
            body!("eventbridge-launch-successful"),
            "/detail/AutoScalingGroupName",
            &json!("payments")
        ),
        with(body!("cloudtrail-authorize"), "/detail/requestParameters/groupId", &json!("sg-1")),
        with(
            body!("cloudtrail-modify"),
            "/detail/requestParameters/ModifySecurityGroupRulesRequest/GroupId",
            &json!("sg-1")
        ),
        with(
            body!("cloudtrail-authorize-failed"),
            "/detail/requestParameters/groupId",
            &json!("sg-1")
        ),
        with(body!("scheduled-rule"), "/region", &json!("us-west-2")),
        json!({"trueup": true, "detail": {"AutoScalingGroupName": "payments"}}),
    ]));
}

#[test]
fn the_functions_account_counts_before_the_documents() {
    let account = "210987654321".into();
    let read =
        read(&body!("eventbridge-launch"), Expected { member: &member(), account: Some(&account) });
    let error = read.messages[0].event.clone().expect_err("another account");
    assert!(error.to_string().contains("answers for account 210987654321"), "{error}");
}

#[test]
fn hooks_that_lack_something_say_what() {
    let launch = || body!("eventbridge-launch");
    insta::assert_snapshot!(refusals(&[
        with(launch(), "/detail/AutoScalingGroupName", &Value::Null),
        with(launch(), "/detail/LifecycleHookName", &Value::Null),
        with(launch(), "/detail/LifecycleHookName", &json!("")),
        with(launch(), "/detail/EC2InstanceId", &Value::Null),
        with(launch(), "/detail/EC2InstanceId", &json!("i-xyz\n")),
        with(launch(), "/detail/EC2InstanceId", &json!(17)),
        with(launch(), "/detail/LifecycleTransition", &Value::Null),
        with(launch(), "/detail/LifecycleTransition", &json!("autoscaling:EC2_INSTANCE_SLEEPING")),
        with(
            launch(),
            "/detail/LifecycleTransition",
            &json!("autoscaling:EC2_INSTANCE_TERMINATING")
        ),
        with(launch(), "/detail/LifecycleActionToken", &json!(["x"])),
        with(launch(), "/detail", &Value::Null),
        with(launch(), "/detail", &json!(["hook-launching", "orders-us-east-1", "i-0", "", ""])),
        with(launch(), "/region", &Value::Null),
        with(launch(), "/source", &json!("com.example.pretender")),
        with(launch(), "/detail-type", &json!("EC2 Instance-reboot Lifecycle Action")),
        with(body!("eventbridge-detach-successful"), "/resources", &json!([])),
        with(body!("cloudtrail-revoke"), "/detail/requestParameters", &Value::Null),
    ]));
}

#[test]
fn a_true_up_that_is_asked_for_wrongly_is_none() {
    insta::assert_snapshot!(refusals(&[
        json!({"trueup": false}),
        json!({"trueup": "true"}),
        json!({"trueup": null}),
        json!({"trueup": true, "dryrun": true}),
        json!({"trueup": true, "dry_run": 1}),
        json!({"trueup": true, "detail": {"AutoScalingGroup": "orders-us-east-1"}}),
        json!({"trueup": true, "detail": {"AutoScalingGroupName": ["orders-us-east-1"]}}),
        json!({"trueup": true, "detail": ["orders-us-east-1"]}),
        json!({"dry_run": true}),
    ]));
}

#[test]
fn shapes_that_are_not_known_are_refused() {
    let launch = body!("eventbridge-launch").to_string();
    let twice = notification(&notification(&launch).to_string());
    insta::assert_snapshot!(refusals(&[
        Value::Null,
        json!("text"),
        json!({}),
        json!([{"trueup": true}]),
        json!({"Records": []}),
        json!({"Records": {}}),
        records(&[Value::Null]),
        records(&[json!({"eventSource": "aws:s3", "s3": {}})]),
        records(&[json!({"EventSource": "aws:sns"})]),
        records(&[json!({"EventSource": "aws:sns", "Sns": {"Message": 1}})]),
        records(&[in_sqs(&twice.to_string())]),
        records(&[in_sqs(&records(&[in_sqs(&launch)]).to_string())]),
        records(&[in_sqs(
            &with(notification(&launch), "/Type", &json!("SubscriptionConfirmation")).to_string()
        )]),
        records(&[with(in_sqs(&launch), "/body", &Value::Null)]),
        records(&[with(in_sqs(&launch), "/messageId", &Value::Null)]),
        json!({"Event": "autoscaling:SOMETHING_NEW", "AutoScalingGroupName": "orders-us-east-1"}),
    ]));
}

#[test]
fn a_poisoned_body_fails_alone_and_by_name() {
    let good = body!("eventbridge-launch").to_string();
    let half = &good[..good.len() / 2];
    let deep = "[".repeat(100_000);
    let long = format!("{{\"trueup\": true, \"x\": \"{}\"}}", "x".repeat(1024 * 1024));
    let with_id = |body: &str, id: &str| with(in_sqs(body), "/messageId", &json!(id));
    let batch = records(&[
        with_id(&good, "a"),
        with_id(half, "b"),
        with_id(&deep, "c"),
        with_id(&long, "d"),
        with_id(&notification(half).to_string(), "e"),
        with_id("", "f"),
        with_id(&good, ""),
        with_id(&good, "g"),
    ]);
    let invocation = invocation(&batch);
    assert_eq!(invocation.envelope, Envelope::Sqs);
    let shown: Vec<String> = invocation
        .messages
        .iter()
        .map(|message| {
            let id = message.id.as_deref().unwrap_or("none");
            match &message.event {
                Ok(Event::Hook(hook)) => format!("{id}: {}", hook.name),
                Ok(event) => format!("{id}: {event:?}"),
                Err(error) => format!("{id}: {error}"),
            }
        })
        .collect();
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn what_a_message_repeats_of_an_event_is_bounded() {
    let long = "x\n".repeat(100_000);
    for pointer in [
        "/detail/AutoScalingGroupName",
        "/detail/EC2InstanceId",
        "/detail/LifecycleTransition",
        "/region",
        "/account",
        "/source",
        "/detail-type",
    ] {
        let error =
            one(&with(body!("eventbridge-launch"), pointer, &json!(long))).expect_err(pointer);
        assert!(error.to_string().len() < 600, "{error}");
        assert!(!error.to_string().contains('\n'), "{error}");
    }
    let error = one(&json!({"trueup": true, long.as_str(): true})).expect_err("an unknown key");
    assert!(error.to_string().len() < 600, "{error}");
}

#[test]
fn a_body_is_read_up_to_the_longest_that_sqs_carries() {
    let body = |length: usize| {
        let around = r#"{"trueup": true, "detail": {}}"#;
        let body = format!("{around}{}", " ".repeat(length - around.len()));
        one(&records(&[in_sqs(&body)]))
    };
    assert!(matches!(body(1024 * 1024), Ok(Event::TrueUp { .. })));
    assert!(matches!(body(1024 * 1024 + 1), Err(EventError::TooLong { .. })));
}

#[test]
fn half_a_notification_is_none() {
    for key in ["TopicArn", "Message"] {
        let mut flat = body!("autoscaling-flat-launch");
        flat[key] = json!("text");
        assert!(matches!(one(&flat), Ok(Event::Hook(_))), "{key}");
    }
}

#[test]
fn a_hooks_name_and_token_are_short_and_printable() {
    for pointer in ["/detail/LifecycleHookName", "/detail/LifecycleActionToken"] {
        let read = |text: &str| one(&with(body!("eventbridge-launch"), pointer, &json!(text)));
        assert!(read(&"é".repeat(255)).is_ok(), "{pointer}");
        for text in [&*"x".repeat(256), "a\nb", "\u{1b}[31m", "\0"] {
            let error = read(text).expect_err(pointer).to_string();
            assert!(error.contains(&pointer[1..].replace('/', ".")), "{error}");
        }
    }
}

#[test]
fn what_a_member_answers_for_is_listed_up_to_a_few() {
    let groups = |count: usize| {
        let names: Vec<String> = (0..count).map(|at| format!("\"g{at}\"")).collect();
        let groups = format!("[{}]", names.join(", "));
        let text = MESH.replace("[\"orders-us-east-1\", \"orders-extra\"]", &groups);
        let member = Mesh::parse(&text).expect("a mesh").members.remove(0);
        let read = read(&body!("eventbridge-launch"), Expected { member: &member, account: None });
        read.messages[0].event.as_ref().expect_err("refused").to_string()
    };
    for (count, listed) in [
        (0, "for none"),
        (1, "for g0"),
        (4, "for g0, g1, g2, g3"),
        (9, "for g0, g1, g2, g3 and 5 more"),
    ] {
        let error = groups(count);
        assert!(error.ends_with(listed), "{error}");
    }
}
