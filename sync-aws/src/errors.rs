//! What the SDK reports, as the core's errors. EC2 and Auto Scaling model next to
//! none of their errors, so everything goes by code (`facts/aws.md`, Error codes).

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::ErrorMetadata;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId;
use sync_core::ports::{CallError, Called, Failure};

/// What each code means. A code that is not here is judged by its HTTP status.
const CODES: &[(Failure, &[&str])] = &[
    (
        Failure::Throttled,
        &[
            "EC2ThrottledException",
            "PriorRequestNotComplete",
            "ProvisionedThroughputExceededException",
            "RequestLimitExceeded",
            "RequestThrottled",
            "RequestThrottledException",
            "SlowDown",
            "Throttling",
            "ThrottlingException",
            "ThrottledException",
            "TooManyRequestsException",
        ],
    ),
    (
        Failure::Unavailable,
        &[
            "ConcurrentTagAccess",
            "InternalError",
            "InternalFailure",
            "InternalServerError",
            "ReplicatedWriteConflictException",
            "ResourceContention",
            "ResourceContentionFault",
            "ServerInternal",
            "ServiceUnavailable",
            "ServiceUnavailableException",
            "TransactionConflictException",
            "Unavailable",
        ],
    ),
    (
        Failure::Denied,
        &[
            "AccessDenied",
            "AccessDeniedException",
            "AuthFailure",
            "Blocked",
            "ExpiredToken",
            "ExpiredTokenException",
            "IncompleteSignature",
            "IncompleteSignatureException",
            "InvalidClientTokenId",
            "InvalidSignatureException",
            "MissingAuthenticationToken",
            "MissingAuthenticationTokenException",
            "NotAuthorized",
            "OptInRequired",
            "PendingVerification",
            "RegionDisabledException",
            "RequestExpired",
            "SignatureDoesNotMatch",
            "UnauthorizedOperation",
            "UnrecognizedClientException",
        ],
    ),
    (
        Failure::NotFound,
        &[
            "InvalidGroup.NotFound",
            "InvalidInstanceID.NotFound",
            "InvalidPermission.NotFound",
            "InvalidSecurityGroupID.NotFound",
            "InvalidSecurityGroupRuleId.NotFound",
            "ResourceNotFoundException",
        ],
    ),
    (Failure::Duplicate, &["InvalidPermission.Duplicate"]),
    (Failure::QuotaExceeded, &["RulesPerSecurityGroupLimitExceeded"]),
    (
        Failure::Refused,
        &[
            "ConcurrentMutationLimitExceeded",
            "FilterLimitExceeded",
            "InvalidGroupId.Malformed",
            "InvalidPaginationToken",
            "InvalidParameterCombination",
            "InvalidParameterValue",
            "InvalidPermission.Malformed",
            "InvalidSecurityGroupId.Malformed",
            "InvalidSecurityGroupRuleId.Malformed",
            "MissingParameter",
            "TagPolicyViolation",
            "ValidationException",
        ],
    ),
];

/// Auto Scaling says most things with this one code; its text tells them apart.
const VALIDATION: &str = "ValidationError";
/// Finished, expired, or not yet there (`facts/aws.md`, Completing hooks).
const NO_ACTIVE_ACTION: &str = "No active Lifecycle Action";
/// Auto Scaling's throttle, whatever its code.
const RATE_EXCEEDED: &str = "Rate exceeded";

/// Names the call that failed.
pub(crate) trait Call<T> {
    /// The result as the core knows it.
    fn call(self, call: &'static str) -> Called<T>;
}

impl<T, E> Call<T> for Result<T, SdkError<E, HttpResponse>>
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    fn call(self, call: &'static str) -> Called<T> {
        self.map_err(|error| call_error(call, &error))
    }
}

/// An answer that came, but cannot be read in full.
pub(crate) fn unreadable(call: &'static str, message: impl Into<String>) -> CallError {
    CallError {
        call,
        kind: Failure::Refused,
        code: "UnreadableAnswer".to_owned(),
        message: message.into(),
        request_id: None,
    }
}

/// The request's id, from whatever carries one.
pub(crate) fn request_id(answer: &impl RequestId) -> Option<String> {
    answer.request_id().map(str::to_owned)
}

fn call_error<E>(call: &'static str, error: &SdkError<E, HttpResponse>) -> CallError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let request_id = request_id(error);
    let (kind, code, message) = match error {
        SdkError::ServiceError(context) => {
            let (status, service) = (context.raw().status().as_u16(), context.err());
            let code = service.code().map_or_else(|| format!("HTTP {status}"), str::to_owned);
            let message = service.message().map_or_else(|| chain(service), str::to_owned);
            (failure(&code, &message, status), code, message)
        }
        SdkError::ConstructionFailure(_) => (Failure::Refused, "NotSent".to_owned(), chain(error)),
        SdkError::TimeoutError(_) => (Failure::NoAnswer, "Timeout".to_owned(), chain(error)),
        SdkError::DispatchFailure(_) => not_dispatched(error),
        // An answer that breaks off, and whatever the SDK adds: it may have happened.
        _ => (Failure::NoAnswer, "NoAnswer".to_owned(), chain(error)),
    };
    CallError { call, kind, code, message, request_id }
}

fn failure(code: &str, message: &str, status: u16) -> Failure {
    let known = || CODES.iter().find(|(_, codes)| codes.contains(&code)).map(|(kind, _)| *kind);
    match status {
        _ if code == VALIDATION && message.contains(NO_ACTIVE_ACTION) => Failure::NoActiveAction,
        _ if message.starts_with(RATE_EXCEEDED) => Failure::Throttled,
        _ if known().is_some() => known().unwrap_or(Failure::Refused),
        // A success that could not be read: what was asked for has happened.
        ..=399 => Failure::NoAnswer,
        401 | 403 => Failure::Denied,
        429 => Failure::Throttled,
        500.. => Failure::Unavailable,
        _ => Failure::Refused,
    }
}

/// Never sent, or cut off. The SDK reports missing credentials and a role that may
/// not be assumed in the same way; those are no network trouble.
fn not_dispatched(error: &(dyn Error + 'static)) -> (Failure, String, String) {
    if let Some(sts) = links(error).find_map(|link| link.downcast_ref::<ErrorMetadata>())
        && let Some(code) = sts.code()
    {
        let message = sts.message().unwrap_or_default().to_owned();
        // STS refuses with 403 what it refuses; throttles and failures have their codes.
        return (failure(code, &message, 403), code.to_owned(), message);
    }
    match links(error).find_map(|link| link.downcast_ref::<CredentialsError>()) {
        Some(
            CredentialsError::CredentialsNotLoaded(_) | CredentialsError::InvalidConfiguration(_),
        ) => (Failure::Denied, "NoCredentials".to_owned(), chain(error)),
        _ => (Failure::NoAnswer, "NoAnswer".to_owned(), chain(error)),
    }
}

/// An error and its sources, outermost first.
fn links<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |link| (**link).source())
}

/// An error and its sources as one line, each said once.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut line = String::new();
    for link in links(error) {
        let text = link.to_string();
        if line.ends_with(&text) {
            continue;
        }
        if !line.is_empty() {
            line.push_str(": ");
        }
        line.push_str(&text);
    }
    line
}

#[cfg(test)]
mod tests {
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
            ("InvalidPaginationToken", 400, Failure::Refused),
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
}
