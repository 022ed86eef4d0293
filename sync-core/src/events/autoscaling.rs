//! What Auto Scaling says about a hook, in EventBridge's `detail` and in the flat
//! JSON it sends to SQS and SNS by itself.

use serde::Deserialize;
use serde_json::Value;

use crate::mesh::quoted;
use crate::names::InstanceId;

use super::error::{At, EventError};
use super::shapes::{Delivery, shape};
use super::{Event, Expected, Hook, Transition};

/// A lifecycle action. Keys that decide nothing here are not read: a run looks at
/// what is, so the way an instance comes or goes (`Origin`, `Destination`) is only a hint.
#[derive(Debug, Deserialize)]
struct Action<'v> {
    #[serde(rename = "LifecycleHookName")]
    hook: &'v str,
    #[serde(rename = "AutoScalingGroupName")]
    asg: &'v str,
    #[serde(rename = "EC2InstanceId")]
    instance: &'v str,
    #[serde(rename = "LifecycleTransition")]
    transition: &'v str,
    #[serde(rename = "LifecycleActionToken")]
    token: Option<&'v str>,
}

/// The hook that waits, for a group of the member.
pub(super) fn hook(value: &Value, at: &At, expected: Expected<'_>) -> Result<Hook, EventError> {
    let action: Action<'_> = shape(value, at)?;
    let transition = transition(action.transition, &at.key("LifecycleTransition"))?;
    let asg = expected.auto_scaling_group(action.asg, &at.key("AutoScalingGroupName"))?;
    let token = action.token.filter(|token| !token.is_empty());
    Ok(Hook {
        name: name(action.hook, &at.key("LifecycleHookName"))?,
        asg,
        instance: instance(action.instance, &at.key("EC2InstanceId"))?,
        transition,
        token: token.map(|token| name(token, &at.key("LifecycleActionToken"))).transpose()?,
    })
}

fn transition(text: &str, at: &At) -> Result<Transition, EventError> {
    match text {
        "autoscaling:EC2_INSTANCE_LAUNCHING" => Ok(Transition::Launch),
        "autoscaling:EC2_INSTANCE_TERMINATING" => Ok(Transition::Terminate),
        other => {
            Err(at.malformed(format!("{} is no transition that is known here", quoted(other))))
        }
    }
}

fn instance(text: &str, at: &At) -> Result<InstanceId, EventError> {
    let id = InstanceId::new(text);
    if id.is_plausible() {
        return Ok(id);
    }
    Err(at.malformed(format!("{} is no instance id", quoted(text))))
}

/// The longest name of a hook. A token is shorter (`facts/aws.md`, Completing hooks).
const NAME_LEN: usize = 255;

/// A hook's name or token: it goes back to Auto Scaling, and into the log.
fn name(text: &str, at: &At) -> Result<String, EventError> {
    let why = if text.is_empty() {
        "is empty"
    } else if text.chars().nth(NAME_LEN).is_some() {
        "is longer than 255 characters"
    } else if text.chars().any(char::is_control) {
        "has a control character"
    } else {
        return Ok(text.to_owned());
    };
    Err(at.malformed(why))
}

/// What the flat JSON has around an action.
#[derive(Debug, Deserialize)]
struct Flat<'v> {
    #[serde(rename = "AccountId")]
    account: Option<&'v str>,
    #[serde(rename = "Event")]
    event: Option<&'v str>,
    #[serde(rename = "AutoScalingGroupName")]
    asg: Option<&'v str>,
}

/// A hook or a notification that Auto Scaling sent to SQS or SNS by itself.
pub(super) fn read(value: &Value, at: &At, delivery: Delivery<'_>) -> Result<Event, EventError> {
    let flat: Flat<'_> = shape(value, at)?;
    // Comes when a hook gets a target, names no instance, and is dropped whatever
    // it is about (`facts/aws.md`, Via SNS or SQS).
    if flat.event == Some("autoscaling:TEST_NOTIFICATION") {
        return Ok(Event::Test);
    }
    let expected = delivery.expected;
    if let Some(account) = flat.account {
        expected.account(account, &at.key("AccountId"))?;
    }
    if let Some((arn, at)) = delivery.topic {
        expected.region(arn.split(':').nth(3).unwrap_or_default(), at)?;
    }
    match flat.event {
        None => Ok(Event::Hook(hook(value, at, expected)?)),
        // A group's notification configuration sends these four to the same topics.
        Some(
            what @ ("autoscaling:EC2_INSTANCE_LAUNCH"
            | "autoscaling:EC2_INSTANCE_LAUNCH_ERROR"
            | "autoscaling:EC2_INSTANCE_TERMINATE"
            | "autoscaling:EC2_INSTANCE_TERMINATE_ERROR"),
        ) => {
            let at = at.key("AutoScalingGroupName");
            let asg = flat.asg.ok_or_else(|| at.malformed("is missing"))?;
            Ok(Event::Changed { groups: Some(expected.groups(asg, &at)?), what: what.to_owned() })
        }
        Some(other) => Err(at.unknown(format!("its `Event` is {}", quoted(other)))),
    }
}
