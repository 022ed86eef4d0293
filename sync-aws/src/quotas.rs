//! How many rules AWS grants a security group. For an operator.

use aws_sdk_servicequotas::Client;
use aws_types::SdkConfig;
use sync_core::ports::{Called, Failure};

use crate::errors::{Call, unreadable};

const GET_SERVICE_QUOTA: &str = "servicequotas:GetServiceQuota";
const GET_DEFAULT: &str = "servicequotas:GetAWSDefaultServiceQuota";

/// Inbound rules per security group, for each address family (`facts/aws.md`, Quotas).
const SERVICE: &str = "vpc";
const RULES_PER_GROUP: &str = "L-0EA8095F";

/// What this account has in this region: its own quota or, where it never got one of its own,
/// everybody's (`facts/aws.md`, Quotas).
pub(crate) async fn rules_per_group(config: &SdkConfig) -> Called<u32> {
    let client = Client::new(config);
    let request = client.get_service_quota().service_code(SERVICE).quota_code(RULES_PER_GROUP);
    match request.send().await.call(GET_SERVICE_QUOTA) {
        Ok(answer) => rules(GET_SERVICE_QUOTA, answer.quota.and_then(|quota| quota.value)),
        Err(error) if error.kind == Failure::NotFound => {
            let request = client.get_aws_default_service_quota();
            let request = request.service_code(SERVICE).quota_code(RULES_PER_GROUP);
            let answer = request.send().await.call(GET_DEFAULT)?;
            rules(GET_DEFAULT, answer.quota.and_then(|quota| quota.value))
        }
        Err(error) => Err(error),
    }
}

/// Service Quotas writes every number as one with a point.
fn rules(call: &'static str, value: Option<f64>) -> Called<u32> {
    let whole = value.filter(|value| value.fract() == 0.0).map(|value| format!("{value:.0}"));
    let rules = whole.and_then(|text| text.parse().ok());
    rules.ok_or_else(|| unreadable(call, format!("{value:?} is no number of rules")))
}
