//! The second opinion on what is dealt out over several groups: knows nothing of how it was.

use std::collections::BTreeMap;

use super::spans::Spans;
use super::{Desired, Groups, Plan, Policy, Violation};
use crate::names::SecurityGroupId;
use crate::permission::{MESH_TAG, Permission, Rule};

/// Judges the shares of a spread, and the `plan` of one of its groups: everything that is
/// wanted is in one share, and what the plan closes, though another group is to have it, is
/// open there already, as the same look shows.
#[must_use]
pub fn check_dealt(
    (group, plan): (&SecurityGroupId, &Plan),
    desired: &Desired,
    shares: &BTreeMap<SecurityGroupId, Desired>,
    actual: &Groups,
    policy: &Policy,
) -> Vec<Violation> {
    let mut found = Vec::new();
    let dealt = |permission: &Permission| {
        shares.values().filter(|share| share.wanted.contains_key(permission)).count()
    };
    let unasked = shares.values().flat_map(|share| share.wanted.keys());
    let unasked = unasked.filter(|permission| !desired.wanted.contains_key(permission));
    let wrong = desired.wanted.keys().filter(|permission| dealt(permission) != 1).chain(unasked);
    found.extend(wrong.map(|permission| Violation::Misdealt(*permission)));
    let closing: Vec<_> = plan.removals().map(|removal| removal.rule.rule()).collect();
    let others: Vec<_> = shares.iter().filter(|(id, _)| *id != group).collect();
    for rule in closing {
        let Some(closed) = rule.permission() else { continue };
        let touched = |p: &&Permission| closed.covers(**p) || p.covers(closed);
        let shut = others.iter().any(|(id, share)| {
            let mut wanted = share.wanted.keys().filter(touched);
            wanted.any(|permission| !opens(&actual[*id], *permission, policy))
        });
        if shut {
            found.push(Violation::RevokesWanted(rule.id.clone()));
        }
    }
    found
}

/// Whether a group's rules open a permission: ours together, or one of others that is it.
fn opens(rules: &[Rule], permission: Permission, policy: &Policy) -> bool {
    let mesh =
        |rule: &&Rule| rule.tags.get(MESH_TAG).map(String::as_str) == Some(policy.mesh.as_str());
    rules.iter().any(|rule| rule.permission() == Some(permission))
        || Spans::of(rules.iter().filter(mesh).filter_map(Rule::permission)).hold(permission)
}
