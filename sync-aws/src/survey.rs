//! Whether what a mesh document names is there, and may be changed. For an operator.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;
use sync_core::mesh::{Member, Mesh};
use sync_core::names::{AsgName, MemberName, SecurityGroupId};
use sync_core::ports::Called;

use crate::functions::{self, FunctionSettings};
use crate::{Aws, MemberClients, hooks_function, quotas, trueup_function};

/// One lifecycle hook of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookSettings {
    /// Its name.
    pub name: String,
    /// `autoscaling:EC2_INSTANCE_LAUNCHING` or `autoscaling:EC2_INSTANCE_TERMINATING`.
    pub transition: String,
    /// How long it waits for an answer, in seconds.
    pub heartbeat: i32,
}

/// What was found of one member.
#[derive(Clone, Debug)]
pub struct Survey {
    /// Which of its security groups are there.
    pub security_groups: Called<BTreeSet<SecurityGroupId>>,
    /// The largest size of each of its Auto Scaling groups that is there.
    pub max_sizes: Called<BTreeMap<AsgName, i32>>,
    /// The hooks of each group that is there.
    pub hooks: BTreeMap<AsgName, Called<Vec<HookSettings>>>,
    /// Whether whoever asks may add rules to each group that is there: asked as a dry run.
    pub may_change: BTreeMap<SecurityGroupId, Called<()>>,
    /// How many inbound rules AWS grants each security group, for each address family.
    pub rules_granted: Called<u32>,
    /// The stack's functions by name.
    pub functions: BTreeMap<String, Called<FunctionSettings>>,
}

impl Aws {
    /// Looks at what the document names in every member's region, side by side. Changes nothing.
    pub async fn survey(&self, mesh: &Mesh) -> BTreeMap<MemberName, Survey> {
        let members = mesh.members.iter().filter_map(|member| {
            let clients = self.members.get(&member.name)?;
            Some(async move { (member.name.clone(), survey(mesh, member, clients).await) })
        });
        join_all(members).await.into_iter().collect()
    }
}

async fn survey(mesh: &Mesh, member: &Member, clients: &MemberClients) -> Survey {
    let (ec2, auto_scaling) = (&clients.region.ec2, &clients.region.auto_scaling);
    let config = clients.region.config();
    let names: BTreeSet<AsgName> = member.auto_scaling_groups.iter().cloned().collect();
    let (security_groups, max_sizes, rules_granted, functions) = futures::join!(
        ec2.existing(&member.security_groups),
        auto_scaling.max_sizes(&names),
        quotas::rules_per_group(config),
        functions::functions(config, [hooks_function(mesh, member), trueup_function(mesh, member)]),
    );
    let there = max_sizes.iter().flat_map(BTreeMap::keys);
    let hooks =
        join_all(there.map(|asg| async move { (asg.clone(), auto_scaling.hooks(asg).await) }));
    let groups = security_groups.iter().flatten();
    let may_change = join_all(
        groups.map(|group| async move { (group.clone(), ec2.may_authorize(group).await) }),
    );
    let (hooks, may_change) = futures::join!(hooks, may_change);
    Survey {
        security_groups,
        max_sizes,
        hooks: hooks.into_iter().collect(),
        may_change: may_change.into_iter().collect(),
        rules_granted,
        functions,
    }
}
