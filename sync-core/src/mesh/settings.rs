//! How a mesh is run: `[addresses]`, `[guard]`, `[limits]` and `[hooks]`.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::cidr::AddressKind;

use super::fields::{Place, Table};
use super::{Compact, Guard, Limits, OnLaunchFailure};

/// More removals than one target can have: EC2 grants at most 1,000 rules
/// (`facts/aws.md`, Quotas). To turn the guard off, set its percent to 100.
const MAX_REMOVALS: u32 = 10_000;

/// The most rules that AWS grants a group (`facts/aws.md`, Quotas).
const MAX_RULES: u32 = 1000;

/// A minute for peers is more than a hook can give: hooks wait at least 30 s
/// (`facts/aws.md`, Completing hooks).
const MAX_PEER_BUDGET_MS: u32 = 60_000;

/// A week without news is an outage by any measure.
const MAX_STALE_MINUTES: u32 = 7 * 24 * 60;

const COMPACT: [(&str, Compact); 3] =
    [("off", Compact::Off), ("when-needed", Compact::WhenNeeded), ("always", Compact::Always)];

pub(super) fn kinds(table: &Table<'_>) -> BTreeSet<AddressKind> {
    let default = BTreeSet::from([AddressKind::PublicIpv4]);
    let Some(addresses) = table.section("addresses", &["kinds"]) else { return default };
    let Some(place) = addresses.optional("kinds") else { return default };
    kind_list(&place).unwrap_or(default)
}

/// A list of kinds; none if it names none that is known.
pub(super) fn kind_list(place: &Place<'_>) -> Option<BTreeSet<AddressKind>> {
    let places = place.list("address kinds")?;
    if places.is_empty() {
        place.problem("is empty; leave the key out for `public-ipv4`");
    }
    let mut kinds = BTreeSet::new();
    for place in &places {
        if let Some(kind) = place.word(&AddressKind::ALL)
            && !kinds.insert(kind)
        {
            place.problem("is in this list already");
        }
    }
    (!kinds.is_empty()).then_some(kinds)
}

pub(super) fn guard(table: &Table<'_>) -> Guard {
    let mut guard = Guard::DEFAULT;
    if let Some(given) = table.section("guard", &["max_removals", "max_removal_percent"]) {
        if let Some(rules) = given.integer("max_removals", 0..=MAX_REMOVALS) {
            guard.max_removals = rules;
        }
        if let Some(percent) = given.integer("max_removal_percent", 0..=100) {
            guard.max_removal_percent = percent;
        }
    }
    guard
}

pub(super) fn limits(table: &Table<'_>) -> Limits {
    let mut limits = Limits::DEFAULT;
    let keys = ["rules_per_group", "compact", "peer_budget_ms", "stale_after_minutes"];
    if let Some(given) = table.section("limits", &keys) {
        if let Some(rules) = given.integer("rules_per_group", 1..=MAX_RULES) {
            limits.rules_per_group = rules;
        }
        if let Some(compact) = given.optional("compact").and_then(|place| place.word(&COMPACT)) {
            limits.compact = compact;
        }
        if let Some(ms) = given.integer("peer_budget_ms", 100..=MAX_PEER_BUDGET_MS) {
            limits.peer_budget = Duration::from_millis(ms.into());
        }
        if let Some(minutes) = given.integer("stale_after_minutes", 1..=MAX_STALE_MINUTES) {
            limits.stale_after = Duration::from_secs(u64::from(minutes) * 60);
        }
    }
    limits
}

pub(super) fn on_launch_failure(table: &Table<'_>) -> OnLaunchFailure {
    table
        .section("hooks", &["on_launch_failure"])
        .and_then(|hooks| hooks.optional("on_launch_failure"))
        .and_then(|place| {
            place.word(&[
                ("abandon", OnLaunchFailure::Abandon),
                ("continue", OnLaunchFailure::Continue),
            ])
        })
        .unwrap_or(OnLaunchFailure::Abandon)
}
