//! EC2: the rules of security groups, read and changed, and instances, read.
//!
//! Nothing else in sgsync calls what changes EC2.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_ec2::Client;
use aws_sdk_ec2::config::Builder;
use aws_sdk_ec2::types::{Filter, Reservation, SecurityGroupRule};
use aws_types::SdkConfig;
use futures::future::{try_join, try_join_all};
use futures::lock::Mutex;
use sync_core::adopt::RuleTagger;
use sync_core::ingress::Ingress;
use sync_core::names::{InstanceId, RuleId, SecurityGroupId};
use sync_core::ports::{Called, Grant, InstanceView, Receipt, RuleReader, RuleWriter};

use crate::errors::{Call, listed, request_id, unreadable};
use crate::pages::Pages;
use crate::whole::WholeAnswers;

mod answers;
mod existing;
mod instances;
mod lists;
mod rules;

const DESCRIBE_INSTANCES: &str = "ec2:DescribeInstances";
const DESCRIBE_RULES: &str = "ec2:DescribeSecurityGroupRules";
const AUTHORIZE: &str = "ec2:AuthorizeSecurityGroupIngress";
const REVOKE: &str = "ec2:RevokeSecurityGroupIngress";
const TAG: &str = "ec2:CreateTags";
const UNTAG: &str = "ec2:DeleteTags";

/// EC2's limit on the values of one filter.
const VALUES_PER_FILTER: usize = 200;
/// EC2's limit on the instance ids of one call (`facts/aws.md`, section 4).
const IDS_PER_CALL: usize = 1000;
/// The largest page (`facts/aws.md`, section 1).
const PAGE: i32 = 1000;

/// How the codes begin that say that an id of a list is not known, or none of EC2's.
const UNKNOWN_ID: &str = "InvalidInstanceID.";

/// How instances are asked for.
#[derive(Clone, Copy)]
enum Asked<'a> {
    Filter(&'a [String]),
    List(&'a [String]),
}

type Instances = BTreeMap<InstanceId, InstanceView>;
type Rules = BTreeMap<SecurityGroupId, Ingress>;

/// One region's EC2.
#[derive(Clone, Debug)]
pub(crate) struct Ec2 {
    client: Client,
    /// Held while a prefix list is changed: AWS takes one change at a time.
    lists: Arc<Mutex<()>>,
}

impl Ec2 {
    pub(crate) fn new(config: &SdkConfig) -> Self {
        let config = Builder::from(config).interceptor(WholeAnswers).build();
        Self { client: Client::from_conf(config), lists: Arc::default() }
    }

    /// The instances of these ids that EC2 shows. A filter answers with what there is, but
    /// takes few ids; more go as a list, which fails whole for one that is gone, and is
    /// then asked for by filter after all (decision 10).
    pub(crate) async fn instances(&self, ids: &BTreeSet<InstanceId>) -> Called<Instances> {
        let ids: Vec<_> = ids.iter().map(|id| id.as_str().to_owned()).collect();
        let chunks = ids.chunks(IDS_PER_CALL).map(|chunk| async move {
            if chunk.len() <= VALUES_PER_FILTER {
                return self.instances_where(Asked::Filter(chunk)).await;
            }
            match self.instances_where(Asked::List(chunk)).await {
                Err(error) if error.code.starts_with(UNKNOWN_ID) => {
                    let filters = chunk.chunks(VALUES_PER_FILTER).map(Asked::Filter);
                    let found = filters.map(|asked| self.instances_where(asked));
                    Ok(try_join_all(found).await?.into_iter().flatten().collect())
                }
                answer => answer,
            }
        });
        Ok(try_join_all(chunks).await?.into_iter().flatten().collect())
    }

    async fn instances_where(&self, asked: Asked<'_>) -> Called<Instances> {
        let (mut pages, mut token, mut instances) =
            (Pages::of(DESCRIBE_INSTANCES), None, Instances::new());
        loop {
            let request = self.client.describe_instances();
            let request = match asked {
                Asked::Filter(ids) => request.filters(filter("instance-id", ids)).max_results(PAGE),
                // EC2 refuses a page size beside a list, and answers it in one piece.
                Asked::List(ids) => request.set_instance_ids(Some(ids.to_vec())),
            };
            let page = request
                // Else those that a service runs for us would seem gone.
                .include_managed_resources(true)
                .set_next_token(token)
                .send()
                .await
                .call(DESCRIBE_INSTANCES)?;
            let reservations = listed(DESCRIBE_INSTANCES, page.reservations.as_deref())?;
            for instance in reservations.iter().flat_map(Reservation::instances) {
                let view =
                    instances::view(instance).map_err(|m| unreadable(DESCRIBE_INSTANCES, m))?;
                instances.extend([view]);
            }
            token = pages.after(page.next_token())?;
            if token.is_none() {
                return Ok(instances);
            }
        }
    }

    async fn rules_of(&self, groups: &[String]) -> Called<Rules> {
        let empty = groups.iter().map(|group| (SecurityGroupId::new(group), Ingress::default()));
        let mut rules: Rules = empty.collect();
        let (mut pages, mut token) = (Pages::of(DESCRIBE_RULES), None);
        loop {
            let page = self
                .client
                .describe_security_group_rules()
                .filters(filter("group-id", groups))
                .max_results(PAGE)
                .set_next_token(token)
                .send()
                .await
                .call(DESCRIBE_RULES)?;
            sort_in(&mut rules, listed(DESCRIBE_RULES, page.security_group_rules.as_deref())?)?;
            token = pages.after(page.next_token())?;
            if token.is_none() {
                return Ok(rules);
            }
        }
    }
}

#[async_trait]
impl RuleReader for Ec2 {
    async fn rules(&self, targets: &[SecurityGroupId]) -> Called<Rules> {
        let targets: BTreeSet<_> = targets.iter().cloned().collect();
        let (lists, groups): (Vec<_>, Vec<_>) =
            targets.into_iter().partition(SecurityGroupId::is_list);
        let ids: Vec<_> = groups.iter().map(|group| group.as_str().to_owned()).collect();
        let groups = ids.chunks(VALUES_PER_FILTER).map(|chunk| self.rules_of(chunk));
        let (groups, lists) = try_join(try_join_all(groups), self.lists(&lists)).await?;
        Ok(groups.into_iter().flatten().chain(lists).collect())
    }
}

#[async_trait]
impl RuleWriter for Ec2 {
    #[allow(clippy::disallowed_methods, reason = "the one place that changes EC2")]
    async fn authorize(&self, grant: &Grant) -> Called<Receipt> {
        if grant.permissions.is_empty() {
            return Ok(Receipt::default());
        }
        if grant.group.is_list() {
            return self.add_entries(grant).await;
        }
        let answer = self
            .client
            .authorize_security_group_ingress()
            .group_id(grant.group.as_str())
            .set_ip_permissions(Some(rules::ip_permissions(&grant.permissions)))
            .set_tag_specifications(rules::tag_specifications(&grant.tags))
            .send()
            .await
            .call(AUTHORIZE)?;
        let rules = answers::made(&answer, &grant.permissions)?;
        Ok(Receipt { request_id: request_id(&answer), rules })
    }

    #[allow(clippy::disallowed_methods, reason = "the one place that changes EC2")]
    async fn revoke(&self, group: &SecurityGroupId, rules: &[RuleId]) -> Called<Receipt> {
        if rules.is_empty() {
            return Ok(Receipt::default());
        }
        if group.is_list() {
            return self.remove_entries(group, &rules.iter().cloned().collect()).await;
        }
        let ids: BTreeSet<_> = rules.iter().map(|rule| rule.as_str().to_owned()).collect();
        let answer = self
            .client
            .revoke_security_group_ingress()
            .group_id(group.as_str())
            .set_security_group_rule_ids(Some(ids.iter().cloned().collect()))
            .send()
            .await
            .call(REVOKE)?;
        answers::revoked(&answer, &ids)?;
        Ok(Receipt { request_id: request_id(&answer), rules: BTreeMap::new() })
    }
}

#[async_trait]
impl RuleTagger for Ec2 {
    #[allow(clippy::disallowed_methods, reason = "the one place that changes EC2")]
    async fn tag(&self, rules: &[RuleId], tags: &BTreeMap<String, String>) -> Called<Receipt> {
        if rules.is_empty() || tags.is_empty() {
            return Ok(Receipt::default());
        }
        let ids: BTreeSet<_> = rules.iter().map(|rule| rule.as_str().to_owned()).collect();
        let answer = self
            .client
            .create_tags()
            .set_resources(Some(ids.into_iter().collect()))
            .set_tags(Some(rules::tags(tags)))
            .send()
            .await
            .call(TAG)?;
        Ok(Receipt { request_id: request_id(&answer), rules: BTreeMap::new() })
    }

    #[allow(clippy::disallowed_methods, reason = "the one place that changes EC2")]
    async fn untag(&self, rules: &[RuleId], tags: &BTreeMap<String, String>) -> Called<Receipt> {
        // Without tags EC2 would take all of them off.
        if rules.is_empty() || tags.is_empty() {
            return Ok(Receipt::default());
        }
        let ids: BTreeSet<_> = rules.iter().map(|rule| rule.as_str().to_owned()).collect();
        let answer = self
            .client
            .delete_tags()
            .set_resources(Some(ids.into_iter().collect()))
            .set_tags(Some(rules::tags(tags)))
            .send()
            .await
            .call(UNTAG)?;
        Ok(Receipt { request_id: request_id(&answer), rules: BTreeMap::new() })
    }
}

/// Puts a page's ingress rules under their groups. EC2 has no filter for the
/// direction (`facts/aws.md`, section 1).
fn sort_in(rules: &mut Rules, page: &[SecurityGroupRule]) -> Called<()> {
    for described in page.iter().filter(|rule| rule.is_egress() != Some(true)) {
        let rule = rules::rule(described).map_err(|m| unreadable(DESCRIBE_RULES, m))?;
        let group = described.group_id().and_then(|id| rules.get_mut(&SecurityGroupId::new(id)));
        let group = group.ok_or_else(|| {
            unreadable(DESCRIBE_RULES, format!("{}: in none of the groups asked for", rule.id))
        })?;
        // Pages shift while rules come and go: one may stand on two of them, and the later
        // page knows better. Twice in the list it would be revoked twice.
        match group.rules.iter_mut().find(|known| known.id == rule.id) {
            Some(known) => *known = rule,
            None => group.rules.push(rule),
        }
    }
    Ok(())
}

fn filter(name: &str, values: &[String]) -> Filter {
    Filter::builder().name(name).set_values(Some(values.to_vec())).build()
}
