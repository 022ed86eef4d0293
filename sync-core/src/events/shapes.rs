//! One event, once it is out of its wrappings: which of the known shapes it has.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;

use crate::mesh::quoted;
use crate::names::{AsgName, SecurityGroupId};

use super::error::{At, EventError};
use super::{Event, Expected, autoscaling, by_hand, eventbridge};

/// How an event came, and what it must be about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Delivery<'a> {
    /// The ARN of the SNS topic it came through, and where that stands. Auto Scaling
    /// sends only to topics of its own region (`facts/aws.md`, Via SNS or SQS).
    pub(super) topic: Option<(&'a str, &'a At)>,
    pub(super) expected: Expected<'a>,
}

/// Reads one event.
pub(super) fn event(value: &Value, at: &At, delivery: Delivery<'_>) -> Result<Event, EventError> {
    let Some(object) = value.as_object() else {
        return Err(at.unknown("it is no JSON object"));
    };
    let has = |key| object.contains_key(key);
    if has("trueup") {
        by_hand::read(value, at, delivery.expected)
    } else if has("detail-type") {
        eventbridge::read(value, at, delivery.expected)
    } else if has("LifecycleTransition") || has("Event") {
        autoscaling::read(value, at, delivery)
    } else {
        let keys: BTreeSet<&String> = object.keys().collect();
        let keys: Vec<String> = keys.iter().take(8).map(|key| quoted(key)).collect();
        let hint = "a true-up by hand is asked for with `\"trueup\": true`";
        Err(at.unknown(format!("its keys are [{}]; {hint}", keys.join(", "))))
    }
}

/// A value as one of the shapes, or what is wrong with it and where.
pub(super) fn shape<'v, T: Deserialize<'v>>(value: &'v Value, at: &At) -> Result<T, EventError> {
    // A derived reader takes a list as well, value by value.
    if !value.is_object() {
        let what = if value.is_null() { "is missing, or null" } else { "is no JSON object" };
        return Err(at.malformed(what));
    }
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let at = if path == "." { at.clone() } else { at.key(path) };
        // How serde calls a text that is not copied.
        at.malformed(error.inner().to_string().replace("a borrowed string", "a string"))
    })
}

impl Expected<'_> {
    /// Refuses another account's event, if it is known whose this function is.
    pub(super) fn account(&self, found: &str, at: &At) -> Result<(), EventError> {
        match self.account.or(self.member.account.as_ref()) {
            Some(ours) if ours.as_str() != found => {
                Err(at.not_ours("account", found, format!("account {ours}")))
            }
            _ => Ok(()),
        }
    }

    /// Refuses another region's event.
    pub(super) fn region(&self, found: &str, at: &At) -> Result<(), EventError> {
        let ours = &self.member.region;
        if ours.as_str() == found {
            return Ok(());
        }
        Err(at.not_ours("region", found, format!("region {ours}")))
    }

    /// A group of the member.
    pub(super) fn auto_scaling_group(&self, found: &str, at: &At) -> Result<AsgName, EventError> {
        let groups = &self.member.auto_scaling_groups;
        groups.iter().find(|group| group.as_str() == found).cloned().ok_or_else(|| {
            at.not_ours("Auto Scaling group", found, named(groups.iter().map(AsgName::as_str)))
        })
    }

    /// The same, as the set of groups to observe.
    pub(super) fn groups(&self, found: &str, at: &At) -> Result<BTreeSet<AsgName>, EventError> {
        self.auto_scaling_group(found, at).map(|group| BTreeSet::from([group]))
    }

    /// Refuses an event about a security group that is no target of the member.
    pub(super) fn security_group(&self, found: &str, at: &At) -> Result<(), EventError> {
        let groups = &self.member.security_groups;
        if groups.iter().any(|group| group.as_str() == found) {
            return Ok(());
        }
        Err(at.not_ours("security group", found, named(groups.iter().map(SecurityGroupId::as_str))))
    }
}

/// The most names that a message lists: nothing bounds how many groups a member has.
const NAMED: usize = 4;

fn named<'n>(mut names: impl Iterator<Item = &'n str>) -> String {
    let shown: Vec<&str> = names.by_ref().take(NAMED).collect();
    match (shown.is_empty(), names.count()) {
        (true, _) => "none".to_owned(),
        (false, 0) => shown.join(", "),
        (false, more) => format!("{} and {more} more", shown.join(", ")),
    }
}
