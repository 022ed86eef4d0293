//! Whether groups are there and may be changed. For an operator.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types::{IpPermission, IpRange};
use sync_core::names::SecurityGroupId;
use sync_core::ports::Called;

use super::{AUTHORIZE, Ec2, PAGE, VALUES_PER_FILTER, filter};
use crate::errors::{Call, WOULD_BE_DONE, listed};
use crate::pages::Pages;

const DESCRIBE_GROUPS: &str = "ec2:DescribeSecurityGroups";

/// An address that nobody has (RFC 5737), for a call that does nothing.
const NOBODY: &str = "192.0.2.1/32";

impl Ec2 {
    /// Which of these groups are there. A filter answers with what there is, where a list
    /// would fail whole for one that is not.
    pub(crate) async fn existing(
        &self,
        groups: &[SecurityGroupId],
    ) -> Called<BTreeSet<SecurityGroupId>> {
        let ids: Vec<_> = groups.iter().map(|group| group.as_str().to_owned()).collect();
        let mut there = BTreeSet::new();
        for chunk in ids.chunks(VALUES_PER_FILTER) {
            let request = self.client.describe_security_groups().filters(filter("group-id", chunk));
            let answer = request.send().await.call(DESCRIBE_GROUPS)?;
            let found = listed(DESCRIBE_GROUPS, answer.security_groups.as_deref())?;
            there.extend(found.iter().filter_map(|g| g.group_id().map(SecurityGroupId::new)));
        }
        Ok(there)
    }

    /// Every group of the region, with its name.
    pub(crate) async fn every_group(&self) -> Called<BTreeMap<SecurityGroupId, String>> {
        let (mut pages, mut token, mut found) = (Pages::of(DESCRIBE_GROUPS), None, BTreeMap::new());
        loop {
            let request = self.client.describe_security_groups().max_results(PAGE);
            let page = request.set_next_token(token).send().await.call(DESCRIBE_GROUPS)?;
            let groups = listed(DESCRIBE_GROUPS, page.security_groups.as_deref())?;
            found.extend(groups.iter().filter_map(|group| {
                let name = group.group_name().unwrap_or_default().to_owned();
                Some((SecurityGroupId::new(group.group_id()?), name))
            }));
            token = pages.after(page.next_token())?;
            if token.is_none() {
                return Ok(found);
            }
        }
    }

    /// Whether whoever asks may add rules to a group: a dry run, which adds none.
    #[allow(clippy::disallowed_methods, reason = "a dry run changes nothing")]
    pub(crate) async fn may_authorize(&self, group: &SecurityGroupId) -> Called<()> {
        let range = IpRange::builder().cidr_ip(NOBODY).build();
        let rule = IpPermission::builder().ip_protocol("tcp").from_port(9).to_port(9);
        let answer = self
            .client
            .authorize_security_group_ingress()
            .dry_run(true)
            .group_id(group.as_str())
            .ip_permissions(rule.ip_ranges(range).build())
            .send()
            .await
            .call(AUTHORIZE);
        match answer {
            Err(error) if error.code != WOULD_BE_DONE => Err(error),
            _ => Ok(()),
        }
    }
}
