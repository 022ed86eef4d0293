//! Codes against what they mean.

use super::*;

/// Every code that `facts/aws.md` names for the calls we make, with the status it
/// comes with, against what it means.
#[test]
fn every_documented_code_has_its_meaning() {
    for (code, status, kind) in [
        ("InvalidPermission.Duplicate", 400, Failure::Duplicate),
        ("InvalidPermission.NotFound", 400, Failure::NotFound),
        ("InvalidPermission.Malformed", 400, Failure::Refused),
        ("RulesPerSecurityGroupLimitExceeded", 400, Failure::QuotaExceeded),
        ("InvalidGroup.NotFound", 400, Failure::NotFound),
        ("InvalidSecurityGroupID.NotFound", 400, Failure::NotFound),
        ("InvalidSecurityGroupId.Malformed", 400, Failure::Refused),
        ("InvalidSecurityGroupRuleId.Malformed", 400, Failure::Refused),
        ("InvalidSecurityGroupRuleId.NotFound", 400, Failure::NotFound),
        ("InvalidInstanceID.NotFound", 400, Failure::NotFound),
        ("InvalidInstanceID.Malformed", 400, Failure::Refused),
        ("InvalidParameterValue", 400, Failure::Refused),
        ("InvalidParameterCombination", 400, Failure::Refused),
        ("MissingParameter", 400, Failure::Refused),
        ("UnauthorizedOperation", 403, Failure::Denied),
        ("AuthFailure", 401, Failure::Denied),
        ("OptInRequired", 401, Failure::Denied),
        ("RequestExpired", 400, Failure::Denied),
        ("Blocked", 403, Failure::Denied),
        ("PendingVerification", 400, Failure::Denied),
        ("ExpiredToken", 403, Failure::Denied),
        ("ExpiredTokenException", 400, Failure::Denied),
        ("AccessDenied", 403, Failure::Denied),
        ("AccessDeniedException", 400, Failure::Denied),
        ("UnrecognizedClientException", 400, Failure::Denied),
        ("RequestLimitExceeded", 503, Failure::Throttled),
        ("Throttling", 400, Failure::Throttled),
        ("ThrottlingException", 400, Failure::Throttled),
        ("EC2ThrottledException", 503, Failure::Throttled),
        ("TooManyRequestsException", 429, Failure::Throttled),
        ("ProvisionedThroughputExceededException", 400, Failure::Throttled),
        ("Unavailable", 503, Failure::Unavailable),
        ("ServiceUnavailable", 503, Failure::Unavailable),
        ("InternalError", 500, Failure::Unavailable),
        ("InternalFailure", 500, Failure::Unavailable),
        ("ServerInternal", 500, Failure::Unavailable),
        ("InternalServerError", 500, Failure::Unavailable),
        ("ResourceContention", 500, Failure::Unavailable),
        ("ConcurrentTagAccess", 400, Failure::Unavailable),
        ("ReplicatedWriteConflictException", 400, Failure::Unavailable),
        ("FilterLimitExceeded", 400, Failure::Refused),
        ("InvalidPaginationToken", 400, Failure::Unavailable),
        ("TagPolicyViolation", 400, Failure::Refused),
        ("ResourceNotFoundException", 400, Failure::NotFound),
        ("ValidationException", 400, Failure::Refused),
        ("ValidationError", 400, Failure::Refused),
    ] {
        assert_eq!(failure(code, "", status), kind, "{code}");
    }
}

#[test]
fn a_code_stands_once_in_the_table() {
    let all: Vec<_> = CODES.iter().flat_map(|(_, codes)| *codes).collect();
    let once: std::collections::BTreeSet<_> = all.iter().collect();
    assert_eq!(all.len(), once.len());
}

#[test]
fn an_unknown_code_is_judged_by_its_status() {
    for (status, kind) in [
        (200, Failure::NoAnswer),
        (400, Failure::Refused),
        (403, Failure::Denied),
        (413, Failure::Refused),
        (429, Failure::Throttled),
        (500, Failure::Unavailable),
        (504, Failure::Unavailable),
    ] {
        assert_eq!(failure("Novel", "", status), kind, "{status}");
    }
}

#[test]
fn auto_scaling_is_told_apart_by_its_text() {
    for (code, message, kind) in [
        (
            "ValidationError",
            "No active Lifecycle Action found with instance ID i-1",
            Failure::NoActiveAction,
        ),
        ("ValidationError", "1 validation error detected: Value '' …", Failure::Refused),
        ("Throttling", "Rate exceeded", Failure::Throttled),
        ("Novel", "Rate exceeded", Failure::Throttled),
    ] {
        assert_eq!(failure(code, message, 400), kind, "{message}");
    }
}
