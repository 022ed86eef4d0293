//! Every error code that a call of ours can come back with, as it comes from the wire:
//! how often we ask, and what the core is told. `facts.rs` holds the tables complete.

use sync_core::ports::Failure;
use sync_core::ports::Failure::{
    Denied, Duplicate, NotFound, QuotaExceeded, Refused, Throttled, Unavailable,
};

use crate::calls::Call::{
    Authorize, Complete, DescribeGroups, DescribeInstances, DescribeMember, DescribeRules, Put,
    Revoke, Tag,
};
use crate::calls::{AUTO_SCALING, Call, DYNAMODB, EC2, STS};
use crate::server::{Endpoint, REQUEST_ID};

/// Code, HTTP status, what it means, how often the call is made, and by which calls.
type Case = (&'static str, u16, Failure, usize, &'static [Call]);

const ALL: &[Call] = &[
    DescribeInstances,
    DescribeRules,
    Authorize,
    Revoke,
    Tag,
    DescribeGroups,
    DescribeMember,
    Complete,
];

/// EC2's own (`facts/aws.md`, section 1, Error codes, and section 4).
const OF_EC2: &[Case] = &[
    ("InvalidPermission.Duplicate", 400, Duplicate, 1, &[Authorize]),
    ("InvalidPermission.NotFound", 400, NotFound, 1, &[Revoke]),
    ("InvalidPermission.Malformed", 400, Refused, 1, &[Authorize]),
    ("RulesPerSecurityGroupLimitExceeded", 400, QuotaExceeded, 1, &[Authorize]),
    ("InvalidGroup.NotFound", 400, NotFound, 1, &[Authorize, Revoke, DescribeRules]),
    ("InvalidSecurityGroupID.NotFound", 400, NotFound, 1, &[Authorize, Revoke, DescribeRules]),
    ("InvalidSecurityGroupId.Malformed", 400, Refused, 1, &[Authorize, Revoke, DescribeRules]),
    ("InvalidGroupId.Malformed", 400, Refused, 1, &[Authorize, Revoke, DescribeRules]),
    ("InvalidSecurityGroupRuleId.NotFound", 400, NotFound, 1, &[Revoke, Tag]),
    ("InvalidSecurityGroupRuleId.Malformed", 400, Refused, 1, &[Revoke, Tag]),
    ("InvalidInstanceID.NotFound", 400, NotFound, 1, &[DescribeInstances]),
    ("InvalidInstanceID.Malformed", 400, Refused, 1, &[DescribeInstances]),
    ("InvalidParameterValue", 400, Refused, 1, EC2),
    ("InvalidParameterCombination", 400, Refused, 1, EC2),
    ("MissingParameter", 400, Refused, 1, EC2),
    ("UnauthorizedOperation", 403, Denied, 1, EC2),
    ("AuthFailure", 401, Denied, 1, EC2),
    ("Blocked", 403, Denied, 1, EC2),
    ("PendingVerification", 400, Denied, 1, EC2),
    ("RequestLimitExceeded", 503, Throttled, 3, EC2),
    ("EC2ThrottledException", 400, Throttled, 3, &[Authorize, DescribeInstances]),
    ("TooManyRequestsException", 429, Throttled, 3, &[Authorize]),
    ("Unavailable", 503, Unavailable, 3, EC2),
    ("InternalError", 500, Unavailable, 3, EC2),
    ("ServerInternal", 500, Unavailable, 3, EC2),
    ("FilterLimitExceeded", 400, Refused, 1, &[DescribeInstances, DescribeRules]),
    ("InvalidPaginationToken", 400, Unavailable, 1, &[DescribeInstances, DescribeRules]),
    ("TagPolicyViolation", 400, Refused, 1, &[Authorize, Tag]),
    ("ConcurrentTagAccess", 400, Unavailable, 1, &[Authorize, Tag]),
];

/// Of every service that speaks XML.
const OF_QUERY: &[Case] = &[
    ("OptInRequired", 401, Denied, 1, ALL),
    ("RequestExpired", 400, Denied, 1, ALL),
    ("ServiceUnavailable", 503, Unavailable, 3, ALL),
    ("InternalFailure", 500, Unavailable, 3, ALL),
    ("Throttling", 400, Throttled, 3, ALL),
    ("ThrottlingException", 400, Throttled, 3, &[DescribeInstances, DescribeGroups]),
    ("ExpiredToken", 403, Denied, 1, ALL),
    ("AccessDenied", 403, Denied, 1, ALL),
    ("InvalidClientTokenId", 403, Denied, 1, ALL),
    ("SignatureDoesNotMatch", 403, Denied, 1, ALL),
    ("IncompleteSignature", 400, Denied, 1, &[Revoke, Complete]),
    ("MissingAuthenticationToken", 403, Denied, 1, &[Revoke, Complete]),
    // S3 has it for a clock that is off; elsewhere it would go by its status.
    ("RequestTimeTooSkewed", 403, Denied, 1, &[Revoke, Complete]),
];

/// Auto Scaling's own (section 3).
const OF_AUTO_SCALING: &[Case] = &[
    ("ValidationError", 400, Refused, 1, AUTO_SCALING),
    ("ResourceContention", 500, Unavailable, 3, AUTO_SCALING),
    ("InvalidNextToken", 400, Unavailable, 1, &[DescribeGroups, DescribeMember]),
    ("NotAuthorized", 400, Denied, 1, &[Complete]),
];

/// DynamoDB's (section 5).
const OF_DYNAMODB: &[Case] = &[
    ("ResourceNotFoundException", 400, NotFound, 1, DYNAMODB),
    ("ValidationException", 400, Refused, 1, DYNAMODB),
    ("ProvisionedThroughputExceededException", 400, Throttled, 3, DYNAMODB),
    ("ThrottlingException", 400, Throttled, 3, DYNAMODB),
    ("RequestLimitExceeded", 400, Throttled, 3, DYNAMODB),
    ("InternalServerError", 500, Unavailable, 3, DYNAMODB),
    ("ServiceUnavailable", 503, Unavailable, 3, DYNAMODB),
    ("AccessDeniedException", 400, Denied, 1, DYNAMODB),
    ("UnrecognizedClientException", 400, Denied, 1, DYNAMODB),
    ("ExpiredTokenException", 400, Denied, 1, DYNAMODB),
    ("InvalidSignatureException", 400, Denied, 1, DYNAMODB),
    ("IncompleteSignatureException", 400, Denied, 1, DYNAMODB),
    ("MissingAuthenticationTokenException", 400, Denied, 1, DYNAMODB),
    ("ItemCollectionSizeLimitExceededException", 400, Refused, 1, &[Put]),
    ("TransactionConflictException", 400, Unavailable, 1, &[Put]),
    ("ReplicatedWriteConflictException", 400, Unavailable, 3, &[Put]),
];

/// What STS says where a role is to be assumed.
const OF_STS: &[Case] = &[
    ("AccessDenied", 403, Denied, 1, STS),
    ("InvalidClientTokenId", 403, Denied, 1, STS),
    ("ExpiredToken", 403, Denied, 1, STS),
    ("SignatureDoesNotMatch", 403, Denied, 1, STS),
    ("Throttling", 400, Throttled, 3, STS),
    ("InternalFailure", 500, Unavailable, 3, STS),
    ("ServiceUnavailable", 503, Unavailable, 3, STS),
];

/// Every code with a test, here or in its call's own file.
pub fn tested() -> impl Iterator<Item = &'static str> {
    let tables = [OF_EC2, OF_QUERY, OF_AUTO_SCALING, OF_DYNAMODB, OF_STS];
    tables.into_iter().flatten().map(|case| case.0)
}

async fn check(cases: &[Case]) {
    for (code, status, kind, attempts, calls) in cases {
        for call in *calls {
            let endpoint = Endpoint::start().await;
            let message = "The service's own words.";
            endpoint.answer(call.action(), call.error(*status, code, message)).await;
            let error = call.make(&endpoint).await.expect_err(code);
            let said = (error.kind, error.code.as_str(), error.message.as_str());
            assert_eq!(said, (*kind, *code, message), "{call:?}");
            assert_eq!(error.call, call.named());
            let asked = endpoint.asked(call.action()).await;
            assert_eq!(asked.len(), *attempts, "{call:?} {code}");
            assert!(asked.iter().all(|request| *request == asked[0]), "the same each time");
            // A role's failure is STS's word inside another call's; its id stays behind.
            let id = (*call != Call::AssumeRole).then_some(REQUEST_ID);
            assert_eq!(error.request_id.as_deref(), id, "{call:?} {code}");
        }
    }
}

#[tokio::test]
async fn what_ec2_refuses_with() {
    check(OF_EC2).await;
}

#[tokio::test]
async fn what_every_query_service_refuses_with() {
    check(OF_QUERY).await;
}

#[tokio::test]
async fn what_auto_scaling_refuses_with() {
    check(OF_AUTO_SCALING).await;
}

#[tokio::test]
async fn what_dynamodb_refuses_with() {
    check(OF_DYNAMODB).await;
}

#[tokio::test]
async fn what_sts_refuses_with() {
    check(OF_STS).await;
}
