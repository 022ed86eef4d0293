//! What there is in a region, before there is a mesh document. For an operator.

use std::collections::{BTreeMap, BTreeSet};

use sync_core::names::{AsgName, Region, SecurityGroupId};
use sync_core::ports::Called;

use crate::clients::{RegionClients, from_environment};

/// What a mesh document could name in a region.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalog {
    /// Every Auto Scaling group.
    pub auto_scaling_groups: BTreeSet<AsgName>,
    /// Every security group, with its name.
    pub security_groups: BTreeMap<SecurityGroupId, String>,
}

impl Catalog {
    /// Lists a region.
    ///
    /// # Errors
    /// A call that failed: a list that is not whole is none.
    pub async fn of(region: &Region, profile: Option<&str>) -> Called<Self> {
        let config = from_environment(Some(region), profile).await;
        let clients = RegionClients::new(&config, region, None).await;
        let (auto_scaling_groups, security_groups) =
            futures::join!(clients.auto_scaling.every_group(), clients.ec2.every_group());
        Ok(Self { auto_scaling_groups: auto_scaling_groups?, security_groups: security_groups? })
    }
}
