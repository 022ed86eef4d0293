//! The stack's functions, as they are deployed. For an operator.

use std::collections::BTreeMap;

use aws_sdk_lambda::Client;
use aws_types::SdkConfig;
use futures::future::join_all;
use sync_core::mesh::{Member, Mesh};
use sync_core::ports::{CallError, Called, Failure};

use crate::errors::{Call, unreadable};

const GET_FUNCTION_CONFIGURATION: &str = "lambda:GetFunctionConfiguration";

/// How a function is set up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FunctionSettings {
    /// How long it may take, in seconds.
    pub timeout: i32,
    /// The variables of its environment that are sgsync's.
    pub variables: BTreeMap<String, String>,
}

/// What the stack calls the function that answers lifecycle hooks.
#[must_use]
pub fn hooks_function(mesh: &Mesh, member: &Member) -> String {
    format!("{}-hooks", mesh.stack_name(member))
}

/// What the stack calls the function that runs by a schedule.
#[must_use]
pub fn trueup_function(mesh: &Mesh, member: &Member) -> String {
    format!("{}-trueup", mesh.stack_name(member))
}

/// A member's functions by name, asked side by side.
pub(crate) async fn functions(
    config: &SdkConfig,
    names: [String; 2],
) -> BTreeMap<String, Called<FunctionSettings>> {
    let client = Client::new(config);
    let asked = names.map(|name| async {
        let settings = settings(&client, &name).await;
        (name, settings)
    });
    join_all(asked).await.into_iter().collect()
}

async fn settings(client: &Client, name: &str) -> Called<FunctionSettings> {
    let request = client.get_function_configuration().function_name(name);
    let answer = request.send().await.call(GET_FUNCTION_CONFIGURATION)?;
    let timeout = answer.timeout.ok_or_else(|| {
        unreadable(GET_FUNCTION_CONFIGURATION, format!("{name} without its timeout"))
    })?;
    let Some(environment) = answer.environment else {
        return Ok(FunctionSettings { timeout, ..FunctionSettings::default() });
    };
    // Whoever may not use the key that encrypts the variables gets this in their place.
    if let Some(error) = environment.error() {
        return Err(CallError {
            call: GET_FUNCTION_CONFIGURATION,
            kind: Failure::Denied,
            code: error.error_code().unwrap_or("UnreadableEnvironment").to_owned(),
            message: error.message().unwrap_or_default().to_owned(),
            request_id: None,
        });
    }
    let ours = |(name, _): &(String, String)| name.starts_with("SGSYNC_");
    let variables = environment.variables.unwrap_or_default().into_iter().filter(ours).collect();
    Ok(FunctionSettings { timeout, variables })
}
