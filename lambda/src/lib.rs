//! What the two functions share: start-up, and one invocation from its payload to
//! its answer. They differ in what they may be asked ([`Role`]).

use std::sync::Arc;

use anyhow::Context as _;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde_json::Value;
use sync_aws::{Aws, SystemClock, TracingAuditLog};
use sync_core::names::AccountId;
use sync_core::reconcile::Engine;

mod answer;
mod config;
mod metrics;
mod requests;

use answer::answer;
use config::Config;
use requests::Batch;

/// Which of the two functions this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Answers hooks, and runs for whatever else comes through the queue.
    Lifecycle,
    /// Runs by schedule and by hand; has no say over hooks.
    TrueUp,
}

/// Starts the function and serves invocations for as long as the process lives.
///
/// # Errors
/// A mesh document that is not valid, with every problem; a runtime that cannot be reached.
pub async fn serve(role: Role) -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .json()
        .with_env_filter(tracing_subscriber::EnvFilter::new("warn,audit=info,sgsync=info"))
        .without_time() // CloudWatch has the time.
        .init();
    let config = Config::from_environment().context("sgsync cannot start")?;
    let aws = Aws::connect(&config.as_reached_from_home()).await;
    let function = Function {
        role,
        name: config.function,
        engine: Engine {
            home: Some(config.home),
            readers: aws.readers(),
            writers: aws.writers(),
            mesh: config.mesh,
            clock: Arc::new(SystemClock),
            audit: Arc::new(TracingAuditLog),
        },
    };
    let function = &function;
    lambda_runtime::run(service_fn(move |event| function.invoke(event)))
        .await
        .map_err(|error| anyhow::anyhow!(error))
}

/// One function's process.
struct Function {
    role: Role,
    name: String,
    engine: Engine,
}

impl Function {
    /// One invocation.
    async fn invoke(&self, event: LambdaEvent<Value>) -> Result<Value, Diagnostic> {
        let (payload, context) = event.into_parts();
        let account = account_of(&context.invoked_function_arn);
        let batch = Batch::read(self, &payload, account.as_ref());
        let mut reports = Vec::new();
        for request in batch.requests(self, &context) {
            let report = self.engine.run(&request).await;
            answer::log(&report);
            metrics::log(&report, self.engine.clock.now().as_millisecond());
            reports.push(report);
        }
        answer(&batch, &reports)
    }
}

/// The account in a function's ARN: `arn:aws:lambda:REGION:ACCOUNT:function:NAME`.
fn account_of(arn: &str) -> Option<AccountId> {
    let account = arn.split(':').nth(4)?;
    let digits = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| AccountId::new(account))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_account_is_read_from_the_functions_arn() {
        let arn = "arn:aws:lambda:us-east-1:123456789012:function:sgsync-orders-db-hooks";
        assert_eq!(account_of(arn), Some("123456789012".into()));
        for nothing in ["", "arn:aws:lambda:us-east-1", "arn:aws:lambda:us-east-1:me:function:f"] {
            assert_eq!(account_of(nothing), None, "{nothing}");
        }
    }
}
