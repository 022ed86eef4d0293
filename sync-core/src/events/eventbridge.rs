//! Events from EventBridge.

use serde::Deserialize;
use serde_json::Value;

use crate::mesh::quoted;

use super::error::{At, EventError};
use super::shapes::shape;
use super::{Event, Expected, Transition, autoscaling};

/// What every event from EventBridge has.
#[derive(Debug, Deserialize)]
struct Bridged<'v> {
    source: &'v str,
    #[serde(rename = "detail-type")]
    detail_type: &'v str,
    account: &'v str,
    region: &'v str,
    #[serde(default)]
    resources: Vec<&'v str>,
}

/// Reads an event from EventBridge.
pub(super) fn read(value: &Value, at: &At, expected: Expected<'_>) -> Result<Event, EventError> {
    let bridged: Bridged<'_> = shape(value, at)?;
    let detail = value.get("detail").unwrap_or(&Value::Null);
    expected.region(bridged.region, &at.key("region"))?;
    expected.account(bridged.account, &at.key("account"))?;
    let at_detail = at.key("detail");
    match (bridged.source, bridged.detail_type) {
        ("aws.autoscaling", "EC2 Instance-launch Lifecycle Action") => {
            hook(detail, &at_detail, Transition::Launch, expected)
        }
        ("aws.autoscaling", "EC2 Instance-terminate Lifecycle Action") => {
            hook(detail, &at_detail, Transition::Terminate, expected)
        }
        (
            "aws.autoscaling",
            "EC2 Instance Launch Successful"
            | "EC2 Instance Launch Unsuccessful"
            | "EC2 Instance Terminate Successful"
            | "EC2 Instance Terminate Unsuccessful"
            | "EC2 Instance Detach Successful"
            | "EC2 Instance Detach Unsuccessful",
        ) => finished(&bridged, detail, &at_detail, expected),
        // Names an instance and no group, so every group is looked at.
        ("aws.ec2", what @ "EC2 Instance State-change Notification") => {
            Ok(Event::Changed { groups: None, what: what.to_owned() })
        }
        ("aws.ec2", "AWS API Call via CloudTrail") => api_call(detail, &at_detail, expected),
        // A rule with a schedule, and EventBridge Scheduler with no input of its own.
        ("aws.events" | "aws.scheduler", "Scheduled Event") => Ok(Event::TrueUp {
            groups: None,
            dry_run: false,
            allow_removals: false,
            scheduled: true,
        }),
        (source, what) => {
            Err(at.unknown(format!("`detail-type` {} from {}", quoted(what), quoted(source))))
        }
    }
}

fn hook(
    detail: &Value,
    at: &At,
    transition: Transition,
    expected: Expected<'_>,
) -> Result<Event, EventError> {
    let hook = autoscaling::hook(detail, at, expected)?;
    if hook.transition != transition {
        return Err(at.key("LifecycleTransition").malformed("contradicts the `detail-type`"));
    }
    Ok(Event::Hook(hook))
}

#[derive(Debug, Deserialize)]
struct Activity<'v> {
    #[serde(rename = "AutoScalingGroupName")]
    asg: Option<&'v str>,
}

/// An activity that is over. Its `StatusCode` says nothing: it is `InProgress`
/// even on success (`facts/aws.md`, Lifecycle events on EventBridge).
fn finished(
    bridged: &Bridged<'_>,
    detail: &Value,
    at: &At,
    expected: Expected<'_>,
) -> Result<Event, EventError> {
    let activity: Activity<'_> = shape(detail, at)?;
    let at = at.key("AutoScalingGroupName");
    let resource = || bridged.resources.iter().find_map(|arn| group_in(arn));
    let asg = activity.asg.or_else(resource).ok_or_else(|| at.malformed("is missing"))?;
    let groups = Some(expected.groups(asg, &at)?);
    Ok(Event::Changed { groups, what: bridged.detail_type.to_owned() })
}

/// The group's name in a group's ARN, `…:autoScalingGroup:UUID:autoScalingGroupName/NAME`.
fn group_in(arn: &str) -> Option<&str> {
    arn.split_once(":autoScalingGroupName/").map(|(_, name)| name)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ApiCall<'v> {
    event_name: &'v str,
    error_code: Option<&'v str>,
}

/// Where a call names its group. `ModifySecurityGroupRules` has it elsewhere than
/// all others, and in another case (`facts/aws.md`, CloudTrail API-call events).
const GROUP_AT: [&[&str]; 2] = [
    &["requestParameters", "groupId"],
    &["requestParameters", "ModifySecurityGroupRulesRequest", "GroupId"],
];

/// A call that someone made on a managed group. Which call is no matter: the run
/// looks at what is.
fn api_call(detail: &Value, at: &At, expected: Expected<'_>) -> Result<Event, EventError> {
    let call: ApiCall<'_> = shape(detail, at)?;
    let name = quoted(call.event_name);
    let group_at = |path: &&[&str]| {
        let group = path.iter().try_fold(detail, |value, key| value.get(key))?.as_str()?;
        Some((group, at.key(path.join("."))))
    };
    let (group, at) = GROUP_AT.iter().find_map(group_at).ok_or_else(|| {
        at.key("requestParameters").malformed(format!("{name} names no security group by id"))
    })?;
    expected.security_group(group, &at)?;
    let what = format!("AWS API Call via CloudTrail: {name}");
    match call.error_code {
        None => Ok(Event::Changed { groups: None, what }),
        // Our own calls come back as events too. If those that failed asked for a
        // run, a full group would keep us running forever.
        Some(error) => Ok(Event::Ignored { what: format!("{what} failed: {}", quoted(error)) }),
    }
}
