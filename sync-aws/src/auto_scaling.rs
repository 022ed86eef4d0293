//! Auto Scaling: who is in a group, and the answers to its lifecycle hooks.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use aws_sdk_autoscaling::Client;
use aws_sdk_autoscaling::types::AutoScalingGroup;
use aws_types::SdkConfig;
use futures::future::try_join_all;
use sync_core::events::Hook;
use sync_core::names::{AsgName, InstanceId};
use sync_core::ports::{Called, Groups, HookAnswer, HookWriter, LifecycleState, Receipt};

use crate::errors::{Call, request_id, unreadable};
use crate::pages::Pages;

const DESCRIBE_GROUPS: &str = "autoscaling:DescribeAutoScalingGroups";
const DESCRIBE_INSTANCES: &str = "autoscaling:DescribeAutoScalingInstances";
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
        Self { client: Client::new(config) }
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
        let mut instances = answer.auto_scaling_instances().iter();
        Ok(instances
            .find(|instance| instance.instance_id() == Some(id.as_str()))
            .and_then(|instance| instance.lifecycle_state())
            .map(LifecycleState::new))
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
    let name = group.auto_scaling_group_name().ok_or("a group without a name")?;
    let mut instances = BTreeMap::new();
    for instance in group.instances() {
        let id =
            instance.instance_id().ok_or_else(|| format!("{name}: an instance without an id"))?;
        let state = instance
            .lifecycle_state()
            .ok_or_else(|| format!("{name}: {id} without a lifecycle state"))?;
        instances.insert(InstanceId::new(id), LifecycleState::new(state.as_str()));
    }
    Ok((AsgName::new(name), instances))
}
