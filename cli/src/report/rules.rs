//! Why each rule of a target is there, or is not.

use std::collections::BTreeSet;

use ::report::{Rule as Shown, Standing};
use sync_core::ingress::Ingress;
use sync_core::mesh::{Member, Mesh};
use sync_core::names::{RuleId, SecurityGroupId};
use sync_core::permission::{MEMBER_TAG, Rule};
use sync_core::planner::{Addition, Desired, Plan, Removal};

use crate::world::{Seen, next_plan};

/// Every rule that is there or should be, what somebody should look at first.
pub(super) fn rules(
    mesh: &Mesh,
    member: &Member,
    seen: &Seen,
    group: &SecurityGroupId,
    rules: &Ingress,
) -> Vec<Shown> {
    // Without the rows nobody knows what is wanted: nothing is added, and nothing goes.
    let unknown = || {
        let members = mesh.members.iter().map(|member| member.name.clone());
        let members: BTreeSet<_> = members.collect();
        Desired { unknown: members.clone(), members, ..Desired::default() }
    };
    let desired = seen.desired(mesh, member, group).unwrap_or_else(unknown);
    let plan = next_plan(mesh, &desired, rules);
    let there = rules.iter().map(|rule| there(rule, &desired, &plan));
    let missing = plan.add.iter().map(|addition| absent(addition, Standing::ToAdd));
    let left_out = plan.over_quota.iter().map(|addition| absent(addition, Standing::LeftOut));
    let mut shown: Vec<Shown> = there.chain(missing).chain(left_out).collect();
    shown.sort_by_cached_key(|rule| {
        (place(rule.standing), rule.member.clone(), rule.source.clone(), rule.traffic.clone())
    });
    shown
}

fn there(rule: &Rule, desired: &Desired, plan: &Plan) -> Shown {
    let origin = rule.permission().and_then(|permission| desired.wanted.get(&permission));
    let standing = standing(rule, plan);
    // A rule of others may be for the same address, but nobody wrote it for that instance.
    let ours = !matches!(standing, Standing::Foreign | Standing::Granted);
    let member = origin.map(|origin| origin.member.to_string()).filter(|_| ours);
    Shown {
        id: Some(rule.id.to_string()),
        traffic: rule.traffic.to_string(),
        source: rule.source.to_string(),
        standing,
        member: member.or_else(|| rule.tags.get(MEMBER_TAG).cloned()),
        instance: origin.filter(|_| ours).map(|origin| origin.instance.to_string()),
        description: rule.description.clone(),
    }
}

fn standing(rule: &Rule, plan: &Plan) -> Standing {
    let among = |removals: &[Removal]| removals.iter().any(|r| r.rule.rule().id == rule.id);
    let is = |other: &RuleId| *other == rule.id;
    if plan.foreign.iter().any(|foreign| is(&foreign.id)) {
        let granted = rule.permission().is_some_and(|p| plan.foreign_satisfied.contains(&p));
        if granted { Standing::Granted } else { Standing::Foreign }
    } else if among(&plan.make_room) || among(&plan.revoke) {
        Standing::ToRevoke
    } else if among(&plan.held) {
        Standing::Held
    } else if among(&plan.frozen) {
        Standing::Frozen
    } else {
        Standing::Wanted
    }
}

fn absent(addition: &Addition, standing: Standing) -> Shown {
    Shown {
        id: None,
        traffic: addition.permission.traffic.to_string(),
        source: addition.permission.cidr.to_string(),
        standing,
        member: Some(addition.origin.member.to_string()),
        instance: Some(addition.origin.instance.to_string()),
        description: None,
    }
}

/// What waits for a person, what the next run does, what is of others, and the rest.
fn place(standing: Standing) -> u8 {
    match standing {
        Standing::LeftOut => 0,
        Standing::Held => 1,
        Standing::ToAdd => 2,
        Standing::ToRevoke => 3,
        Standing::Frozen => 4,
        Standing::Foreign => 5,
        Standing::Granted => 6,
        Standing::Wanted => 7,
    }
}
