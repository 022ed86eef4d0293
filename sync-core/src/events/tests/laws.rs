//! What holds for every event, and for everything that is none.

use proptest::prelude::*;

use super::*;

fn bodies() -> Vec<Value> {
    vec![
        body!("autoscaling-flat-launch"),
        body!("autoscaling-flat-test"),
        body!("autoscaling-notification"),
        body!("cloudtrail-authorize"),
        body!("cloudtrail-authorize-failed"),
        body!("cloudtrail-modify"),
        body!("cloudtrail-revoke"),
        body!("eventbridge-detach-successful"),
        body!("eventbridge-launch"),
        body!("eventbridge-launch-successful"),
        body!("eventbridge-launch-unsuccessful"),
        body!("eventbridge-replace-root-volume"),
        body!("eventbridge-state-change"),
        body!("eventbridge-terminate"),
        body!("eventbridge-terminate-successful"),
        body!("scheduled-rule"),
        body!("scheduler-default"),
        body!("trueup-manual"),
    ]
}

/// Changes the value that is `at` steps into the document, counted through all its values.
fn mutate(value: &mut Value, at: &mut usize, new: &Value) {
    if *at == 0 {
        *value = new.clone();
    }
    let Some(left) = at.checked_sub(1) else {
        *at = usize::MAX;
        return;
    };
    *at = left;
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| mutate(item, at, new)),
        Value::Object(entries) => entries.values_mut().for_each(|entry| mutate(entry, at, new)),
        _ => {}
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let key = prop::sample::select(vec![
        "Records",
        "body",
        "Sns",
        "Message",
        "TopicArn",
        "Type",
        "detail",
        "detail-type",
        "source",
        "eventSource",
        "EventSource",
        "messageId",
        "trueup",
        "Event",
        "LifecycleTransition",
        "account",
        "region",
        "resources",
        "requestParameters",
        "groupId",
    ]);
    let text = prop::sample::select(vec![
        "",
        "{",
        "{}",
        "[]",
        "aws:sqs",
        "aws:sns",
        "aws.ec2",
        "aws.autoscaling",
        "us-east-1",
        "123456789012",
        "Scheduled Event",
        "AWS API Call via CloudTrail",
        "Notification",
        "é\n",
        "EC2 Instance-launch Lifecycle Action",
        "{\"trueup\": true}",
        "i-0",
        "orders-us-east-1",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text.prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..6).prop_map(|entries| {
                entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
            }),
        ]
    })
}

proptest! {
    #[test]
    fn no_json_panics(payload in any_json()) {
        let read = invocation(&payload);
        prop_assert!(!read.messages.is_empty());
    }

    #[test]
    fn no_change_to_a_body_panics_or_touches_its_neighbour(
        body in prop::sample::select(bodies()),
        at in 0..30_usize,
        new in any_json(),
        cut in any::<prop::sample::Index>(),
        wrapping in 0..4_usize,
    ) {
        let mut payload = wrappings(&body)[wrapping].clone();
        mutate(&mut payload, &mut at.clone(), &new);
        invocation(&payload);
        let mut body = body;
        mutate(&mut body, &mut at.clone(), &new);
        let text = body.to_string();
        let half: String = text.chars().take(cut.index(text.len())).collect();
        let good = body!("eventbridge-launch").to_string();
        let batch = records(&[in_sqs(&good), in_sqs(&text), in_sqs(&half), in_sqs(&good)]);
        let read = invocation(&batch).messages;
        prop_assert_eq!(read.len(), 4);
        for neighbour in [0, 3] {
            prop_assert_eq!(read[neighbour].event.clone(), Ok(Event::Hook(launch_hook())));
        }
    }

    #[test]
    fn every_hook_reads_the_same_in_every_wrapping(
        name in "[ -~é]{1,40}",
        instance in "i-[0-9a-f]{17}",
        launch in any::<bool>(),
        token in prop::option::of("[0-9a-f-]{36}"),
        extra in any_json(),
    ) {
        let (transition, word, kind) = if launch {
            (Transition::Launch, "LAUNCHING", "launch")
        } else {
            (Transition::Terminate, "TERMINATING", "terminate")
        };
        let mut flat = json!({"LifecycleHookName": name, "AutoScalingGroupName": "orders-extra",
            "EC2InstanceId": instance, "NotificationMetadata": extra,
            "LifecycleTransition": format!("autoscaling:EC2_INSTANCE_{word}")});
        if let Some(token) = &token {
            flat["LifecycleActionToken"] = json!(token);
        }
        let mut bridged = body!("eventbridge-launch");
        bridged["detail-type"] = json!(format!("EC2 Instance-{kind} Lifecycle Action"));
        bridged["detail"] = flat.clone();
        let asg = "orders-extra".into();
        let hook = Hook { name, asg, instance: instance.as_str().into(), transition, token };
        for body in [flat, bridged] {
            for payload in wrappings(&body) {
                prop_assert_eq!(event(&payload), Event::Hook(hook.clone()));
            }
        }
    }
}
