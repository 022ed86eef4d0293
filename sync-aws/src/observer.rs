//! Who is in the cluster, asked of Auto Scaling and EC2.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use sync_core::names::{AsgName, InstanceId};
use sync_core::ports::{Called, Groups, InstanceView, LifecycleState, Observer};

use crate::auto_scaling::AutoScaling;
use crate::clients::RegionClients;
use crate::ec2::Ec2;

/// One region's Auto Scaling groups and instances.
#[derive(Clone, Debug)]
pub(crate) struct RegionObserver {
    auto_scaling: AutoScaling,
    ec2: Ec2,
}

impl RegionObserver {
    pub(crate) fn new(clients: &RegionClients) -> Self {
        Self { auto_scaling: clients.auto_scaling.clone(), ec2: clients.ec2.clone() }
    }
}

#[async_trait]
impl Observer for RegionObserver {
    async fn groups(&self, names: &BTreeSet<AsgName>) -> Called<Groups> {
        self.auto_scaling.groups(names).await
    }

    async fn instances(
        &self,
        ids: &BTreeSet<InstanceId>,
    ) -> Called<BTreeMap<InstanceId, InstanceView>> {
        self.ec2.instances(ids).await
    }

    async fn lifecycle_state(&self, id: &InstanceId) -> Called<Option<LifecycleState>> {
        self.auto_scaling.lifecycle_state(id).await
    }
}
