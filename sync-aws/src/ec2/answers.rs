//! What EC2's answers to changes say was changed. A success that says less than was asked
//! for is not believed: a hook would be answered on it. What was asked for may have
//! happened, so the error is that of a lost reply, and the next look finds out.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::operation::authorize_security_group_ingress::AuthorizeSecurityGroupIngressOutput;
use aws_sdk_ec2::operation::revoke_security_group_ingress::RevokeSecurityGroupIngressOutput;
use sync_core::names::RuleId;
use sync_core::permission::Permission;
use sync_core::ports::{CallError, Called, Failure};

use super::{AUTHORIZE, REVOKE, rules};
use crate::errors::request_id;

/// The rules that an Authorize made. An answer that names a rule we cannot read names one
/// the less: it was made.
pub(super) fn made(
    answer: &AuthorizeSecurityGroupIngressOutput,
    wanted: &[(Permission, String)],
) -> Called<BTreeMap<Permission, RuleId>> {
    let named = answer.security_group_rules();
    let read = named.iter().filter_map(|rule| rules::rule(rule).ok());
    let made: BTreeMap<_, _> =
        read.filter_map(|rule| Some((rule.permission()?, rule.id))).collect();
    let missing = wanted.iter().filter(|(permission, _)| !made.contains_key(permission)).count();
    // Where every rule that the answer names was read, and one that was asked for is not
    // among them, it was not made. An answer that names none at all is an older one.
    let doubted = !named.is_empty() && made.len() == named.len() && missing > 0;
    if doubted || answer.r#return() == Some(false) {
        let said = format!("{} of {} rules are not in the answer", missing, wanted.len());
        return Err(not_all(AUTHORIZE, said, request_id(answer)));
    }
    Ok(made)
}

/// Whether a Revoke took away every rule it was asked to. In a default VPC rules that
/// match nothing are no error, only listed as unknown (`facts/aws.md`, section 1).
pub(super) fn revoked(
    answer: &RevokeSecurityGroupIngressOutput,
    wanted: &BTreeSet<String>,
) -> Called<()> {
    let unknown = answer.unknown_ip_permissions().len();
    let named: BTreeSet<_> =
        answer.revoked_security_group_rules().iter().map(|r| r.security_group_rule_id()).collect();
    let missing = wanted.iter().filter(|id| !named.contains(&Some(id.as_str()))).count();
    // An answer that names none at all is an older one.
    let doubted = !named.is_empty() && missing > 0;
    if unknown > 0 || doubted || answer.r#return() == Some(false) {
        let said = format!("{unknown} permissions unknown, {} rules revoked", named.len());
        return Err(not_all(REVOKE, format!("{said} of {}", wanted.len()), request_id(answer)));
    }
    Ok(())
}

fn not_all(call: &'static str, message: String, request_id: Option<String>) -> CallError {
    let code = "NotAllOfIt".to_owned();
    CallError { call, kind: Failure::NoAnswer, code, message, request_id }
}
