//! Auto Scaling: who is in a group, and the answers to its lifecycle hooks.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use aws_sdk_autoscaling::Client;
use aws_sdk_autoscaling::config::Builder;
use aws_sdk_autoscaling::types::{
    AutoScalingGroup, AutoScalingInstanceDetails, LifecycleState as State,
};
use aws_types::SdkConfig;
use futures::future::try_join_all;
use sync_core::events::Hook;
use sync_core::names::{AsgName, InstanceId};
use sync_core::ports::{Called, Groups, HookAnswer, HookWriter, LifecycleState, Receipt};

use crate::errors::{Call, listed, request_id, unreadable};
use crate::pages::Pages;
use crate::survey::HookSettings;
use crate::whole::WholeAnswers;

const DESCRIBE_GROUPS: &str = "autoscaling:DescribeAutoScalingGroups";
const DESCRIBE_INSTANCES: &str = "autoscaling:DescribeAutoScalingInstances";
const DESCRIBE_HOOKS: &str = "autoscaling:DescribeLifecycleHooks";
const COMPLETE: &str = "autoscaling:CompleteLifecycleAction";

/// Names one call may ask for without a word on page size.
const NAMES_PER_CALL: usize = 50;
/// The largest page (`facts/aws.md`, section 3).
const PAGE: i32 = 100;

/// One region's Auto Scaling.
#[derive(Clone, Debug)]
pub(crate) struct AutoScaling {
    client: Client,
}

impl AutoScaling {
    pub(crate) fn new(config: &SdkConfig) -> Self {
        let config = Builder::from(config).interceptor(WholeAnswers).build();
        Self { client: Client::from_conf(config) }
    }

    /// The instances of these groups. No names means no groups, where AWS would list all.
    pub(crate) async fn groups(&self, names: &BTreeSet<AsgName>) -> Called<Groups> {
        let names: Vec<_> = names.iter().map(|name| name.as_str().to_owned()).collect();
        let chunks = names.chunks(NAMES_PER_CALL).map(|chunk| self.groups_of(chunk));
        Ok(try_join_all(chunks).await?.into_iter().flatten().collect())
    }

    async fn groups_of(&self, names: &[String]) -> Called<Groups> {
        let (mut pages, mut token, mut groups) = (Pages::of(DESCRIBE_GROUPS), None, Groups::new());
        loop {
            let page = self
                .client
                .describe_auto_scaling_groups()
                .set_auto_scaling_group_names(Some(names.to_vec()))
                .max_records(PAGE)
                .set_next_token(token)
                .send()
                .await
                .call(DESCRIBE_GROUPS)?;
            for group in page.auto_scaling_groups() {
                let (name, instances) = read(group).map_err(|m| unreadable(DESCRIBE_GROUPS, m))?;
                groups.entry(name).or_default().extend(instances);
            }
            token = pages.after(page.next_token())?;
            if token.is_none() {
                return Ok(groups);
            }
        }
    }

    /// Where one instance is in its life. An id that is not known is left out of the
    /// answer, without an error.
    pub(crate) async fn lifecycle_state(&self, id: &InstanceId) -> Called<Option<LifecycleState>> {
        let answer = self
            .client
            .describe_auto_scaling_instances()
            .instance_ids(id.as_str())
            .send()
            .await
            .call(DESCRIBE_INSTANCES)?;
        let instances = listed(DESCRIBE_INSTANCES, answer.auto_scaling_instances.as_deref())?;
        let found = instances.iter().find(|instance| instance.instance_id() == Some(id.as_str()));
        // Without its state it must not pass for an instance that does not wait: its hook
        // would count as done.
        let state = |instance: &AutoScalingInstanceDetails| {
            let state = set(instance.lifecycle_state()).map(LifecycleState::new);
            state.ok_or_else(|| unreadable(DESCRIBE_INSTANCES, format!("{id} without a state")))
        };
        found.map(state).transpose()
    }
}

/// For an operator.
impl AutoScaling {
    /// The largest size of each of these groups that is there.
    pub(crate) async fn max_sizes(
        &self,
        names: &BTreeSet<AsgName>,
    ) -> Called<BTreeMap<AsgName, i32>> {
        let names: Vec<_> = names.iter().map(|name| name.as_str().to_owned()).collect();
        let mut sizes = BTreeMap::new();
        for chunk in names.chunks(NAMES_PER_CALL) {
            let answer = self
                .client
                .describe_auto_scaling_groups()
                .set_auto_scaling_group_names(Some(chunk.to_vec()))
                .max_records(PAGE)
                .send()
                .await
                .call(DESCRIBE_GROUPS)?;
            sizes.extend(answer.auto_scaling_groups().iter().filter_map(|group| {
                let name = set(group.auto_scaling_group_name())?;
                Some((AsgName::new(name), group.max_size().unwrap_or(0)))
            }));
        }
        Ok(sizes)
    }

    /// Every group of the region.
    pub(crate) async fn every_group(&self) -> Called<BTreeSet<AsgName>> {
        let (mut pages, mut token, mut names) = (Pages::of(DESCRIBE_GROUPS), None, BTreeSet::new());
        loop {
            let request = self.client.describe_auto_scaling_groups().max_records(PAGE);
            let page = request.set_next_token(token).send().await.call(DESCRIBE_GROUPS)?;
            let groups = page.auto_scaling_groups().iter();
            names.extend(
                groups.filter_map(|group| set(group.auto_scaling_group_name())).map(AsgName::new),
            );
            token = pages.after(page.next_token())?;
            if token.is_none() {
                return Ok(names);
            }
        }
    }

    /// The lifecycle hooks of a group.
    pub(crate) async fn hooks(&self, asg: &AsgName) -> Called<Vec<HookSettings>> {
        let answer = self
            .client
            .describe_lifecycle_hooks()
            .auto_scaling_group_name(asg.as_str())
            .send()
            .await
            .call(DESCRIBE_HOOKS)?;
        let hooks = answer.lifecycle_hooks().iter().map(|hook| HookSettings {
            name: hook.lifecycle_hook_name().unwrap_or_default().to_owned(),
            transition: hook.lifecycle_transition().unwrap_or_default().to_owned(),
            heartbeat: hook.heartbeat_timeout().unwrap_or_default(),
        });
        Ok(hooks.collect())
    }
}

#[async_trait]
impl HookWriter for AutoScaling {
    async fn complete(&self, hook: &Hook, answer: HookAnswer) -> Called<Receipt> {
        let answer = self
            .client
            .complete_lifecycle_action()
            .lifecycle_hook_name(&hook.name)
            .auto_scaling_group_name(hook.asg.as_str())
            .instance_id(hook.instance.as_str())
            .set_lifecycle_action_token(hook.token.clone())
            .lifecycle_action_result(answer.as_str())
            .send()
            .await
            .call(COMPLETE)?;
        Ok(Receipt { request_id: request_id(&answer), rules: BTreeMap::new() })
    }
}

type Read = (AsgName, BTreeMap<InstanceId, LifecycleState>);

fn read(group: &AutoScalingGroup) -> Result<Read, String> {
    let name = set(group.auto_scaling_group_name()).ok_or("a group without a name")?;
    // Empty when scaled to zero; absent it says nothing.
    let listed = group.instances.as_ref();
    let listed = listed.ok_or_else(|| format!("{name}: no list of instances"))?;
    let mut instances = BTreeMap::new();
    for instance in listed {
        let id = set(instance.instance_id());
        let id = id.ok_or_else(|| format!("{name}: an instance without an id"))?;
        let state = set(instance.lifecycle_state().map(State::as_str));
        let state = state.ok_or_else(|| format!("{name}: {id} without a lifecycle state"))?;
        instances.insert(InstanceId::new(id), LifecycleState::new(state));
    }
    Ok((AsgName::new(name), instances))
}

/// A text that was in the answer: where the model requires one, the SDK puts a text of
/// its own in the place of one that is missing.
fn set(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !["", "no value was set"].contains(text))
}
