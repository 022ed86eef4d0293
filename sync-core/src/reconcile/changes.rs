//! What a run did to a target, or would do, permission by permission.

use super::Run;
use super::apply::instance_of;
use super::own::Own;
use super::region::Target;
use crate::names::InstanceId;
use crate::permission::{OwnedRule, Permission, Rule};
use crate::planner::{Addition, NotWanted, Origin, Removal};
use crate::report::{Action, Change, Why};
use crate::row::Instances;

/// Every change of an operator's run, in order. A function's run lists none: its audit
/// lines say the same, and a report of many changes is one line of its log.
pub(super) fn changes(run: &Run<'_>, own: &Own, told: &Instances, target: &Target) -> Vec<Change> {
    if run.engine.home.is_some() {
        return Vec::new();
    }
    let plan = &target.plan;
    let added = |action, list: &[Addition]| -> Vec<Change> {
        list.iter().map(|a| addition(target, action, a.permission, Some(&a.origin))).collect()
    };
    let removed = |action, list: &[Removal]| -> Vec<Change> {
        list.iter().map(|r| removal(action, r.rule.rule(), instance_of(&r.rule), r.why)).collect()
    };
    let mut changes = if run.request.dry_run {
        let mut planned = added(Action::Add, &plan.add);
        planned.extend(removed(Action::Revoke, &plan.make_room));
        planned.extend(removed(Action::Revoke, &plan.revoke));
        planned
    } else {
        done(run, own, told, target)
    };
    changes.extend(removed(Action::Held, &plan.held));
    changes.extend(added(Action::OverQuota, &plan.over_quota));
    changes.extend(removed(Action::Frozen, &plan.frozen));
    changes.extend(plan.foreign_satisfied.iter().map(|permission| {
        let grants = |rule: &&Rule| rule.permission() == Some(*permission);
        let rule = plan.foreign.iter().find(grants).map(|rule| rule.id.clone());
        let origin = target.wanted.get(permission);
        Change { rule, ..addition(target, Action::Foreign, *permission, origin) }
    }));
    changes.sort();
    changes
}

/// What the run did, whatever it planned.
fn done(run: &Run<'_>, own: &Own, told: &Instances, target: &Target) -> Vec<Change> {
    let departed = own.departed(told);
    let why = |rule: &Rule| match (rule.member(), rule.permission()) {
        (Some(member), Some(p)) if departed.contains(&(member.clone(), p.cidr)) => {
            NotWanted::Departed
        }
        (Some(member), _) if run.mesh().member(&member).is_none() => NotWanted::MemberRemoved,
        _ => NotWanted::NoLongerDesired,
    };
    let revoked = target.revoked.values().map(|rule| {
        let owned = OwnedRule::claim(rule, &run.mesh().name);
        removal(Action::Revoke, rule, owned.as_ref().and_then(instance_of), why(rule))
    });
    let added = target.added.iter();
    added.map(|p| addition(target, Action::Add, *p, target.wanted.get(p))).chain(revoked).collect()
}

fn addition(
    target: &Target,
    action: Action,
    permission: Permission,
    origin: Option<&Origin>,
) -> Change {
    let missing = target.drifted.contains(&permission);
    Change {
        action,
        permission: permission.to_string(),
        member: origin.map(|origin| origin.member.clone()),
        asg: origin.map(|origin| origin.asg.clone()),
        instance: origin.map(|origin| origin.instance.clone()),
        rule: None,
        why: if missing { Why::Missing } else { Why::InGroup },
    }
}

fn removal(action: Action, rule: &Rule, instance: Option<InstanceId>, why: NotWanted) -> Change {
    Change {
        action,
        permission: rule.to_string(),
        member: rule.member(),
        asg: None,
        instance,
        rule: Some(rule.id.clone()),
        why: match why {
            NotWanted::Departed => Why::Departed,
            NotWanted::NoLongerDesired => Why::NoLongerDesired,
            NotWanted::MemberRemoved => Why::MemberRemoved,
            NotWanted::Superseded => Why::Superseded,
            NotWanted::Split => Why::Split,
        },
    }
}
