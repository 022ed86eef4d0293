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

mod message;

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
            // Of a prefix list: another change came first, and did so time and again.
            "IncorrectState",
            "InternalError",
            "InternalFailure",
            "InternalServerError",
            // A page's token went bad between two pages; a new read begins without one.
            "InvalidNextToken",
            "InvalidPaginationToken",
            "PrefixListVersionMismatch",
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
            "InvalidPrefixListID.NotFound",
            "InvalidSecurityGroupID.NotFound",
            "InvalidSecurityGroupRuleId.NotFound",
            "NoSuchResourceException",
            "ResourceNotFoundException",
        ],
    ),
    (Failure::Duplicate, &["InvalidPermission.Duplicate"]),
    (
        Failure::QuotaExceeded,
        &["PrefixListMaxEntriesExceeded", "RulesPerSecurityGroupLimitExceeded"],
    ),
    (
        Failure::Refused,
        &[
            "ConcurrentMutationLimitExceeded",
            "FilterLimitExceeded",
            "InvalidGroupId.Malformed",
            "InvalidInstanceID.Malformed",
            "InvalidParameterCombination",
            "InvalidParameterValue",
            "InvalidPermission.Malformed",
            "InvalidPrefixListId.Malformed",
            "InvalidPrefixListModification",
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

/// How EC2 answers a dry run that would have been allowed.
pub(crate) const WOULD_BE_DONE: &str = "DryRunOperation";

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

/// An answer's list. AWS writes an empty one as such; one that is not there at all says
/// nothing of what is in it (promise 2).
pub(crate) fn listed<'a, T>(call: &'static str, list: Option<&'a [T]>) -> Called<&'a [T]> {
    list.ok_or_else(|| unreadable(call, "an answer without its list"))
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
    let message = message::bounded(&message);
    if code != WOULD_BE_DONE {
        tracing::debug!(
            target: "sgsync::call",
            call,
            code,
            message,
            aws_request_id = request_id,
            "refused"
        );
    }
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
mod tests;
