//! Instances that Auto Scaling does not list with their group, or that no row tells of
//! (decision 16).

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;

use super::Run;
use super::own::Views;
use crate::cidr::AddressKind;
use crate::events::Transition;
use crate::names::{AsgName, InstanceId};
use crate::observe::{Belongs, Observation};
use crate::ports::{Called, Groups, InstanceView, LifecycleState, Observer};

/// Adds instances that EC2 shows alive in a group, and that Auto Scaling did not list
/// with it: it leaves those of the warm pool out, where hooks wait too (`facts/aws.md`,
/// section 3). One that it does not tell of stays unknown; one whose hook `waits` cannot
/// be answered without.
pub(super) async fn list_pooled(
    observer: &dyn Observer,
    listed: &mut Groups,
    shown: &BTreeMap<InstanceId, InstanceView>,
    waits: impl Fn(&InstanceId) -> bool,
) -> Called<()> {
    let unlisted = shown.iter().filter_map(|(id, view)| {
        let asg = view.asg.clone().filter(|_| !view.is_dead())?;
        let missing = listed.get(&asg).is_some_and(|states| !states.contains_key(id));
        missing.then_some((id, asg))
    });
    let states = join_all(
        unlisted
            .map(|(id, asg)| async move { (id.clone(), asg, observer.lifecycle_state(id).await) }),
    );
    for (id, asg, state) in states.await {
        match state {
            Ok(Some(state)) => {
                listed.entry(asg).or_default().insert(id, state);
            }
            Err(error) if waits(&id) => return Err(error),
            Ok(None) | Err(_) => {}
        }
    }
    Ok(())
}

/// Instances that leave for the warm pool, as their hooks say, and that no row tells of:
/// what EC2 shows of them is what they leave behind.
pub(super) fn depart_unremembered(
    run: &Run<'_>,
    observation: &mut Observation,
    states: &BTreeMap<InstanceId, LifecycleState>,
    shown: &BTreeMap<InstanceId, InstanceView>,
    kinds: &BTreeSet<AddressKind>,
) {
    let leaving = run.request.hooks.iter().filter(|hook| hook.transition == Transition::Terminate);
    for id in leaving.map(|hook| &hook.instance) {
        let out = states.get(id).is_some_and(|state| state.belongs() == Belongs::No);
        if let Some(view) = shown.get(id).filter(|_| out) {
            let left = || view.addresses(kinds);
            observation.departed.entry(id.clone()).or_insert_with(left);
        }
    }
}

/// Instances of hooks that EC2 showed this run alive in the group and Auto Scaling does not
/// list: it does not yet, or its answer lacks them. Nor need EC2's last answer have them.
pub(super) fn unlisted(
    run: &Run<'_>,
    asg: &AsgName,
    observation: &Observation,
    states: &BTreeMap<InstanceId, LifecycleState>,
    views: &Views,
) -> BTreeSet<InstanceId> {
    let waiting = run.request.hooks.iter().map(|hook| &hook.instance);
    waiting
        .filter(|id| !states.contains_key(*id) && !observation.instances.contains_key(*id))
        .filter(|id| {
            views.get(*id).is_some_and(|view| !view.is_dead() && view.asg.as_ref() == Some(asg))
        })
        .cloned()
        .collect()
}
