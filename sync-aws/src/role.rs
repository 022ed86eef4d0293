//! Members in other accounts: their roles, as credentials.

use std::fmt;

use aws_config::sts::AssumeRoleProvider;
use aws_credential_types::Credentials;
use aws_credential_types::attributes::AccountId;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use aws_sdk_ec2::config::SharedCredentialsProvider;
use aws_types::SdkConfig;
use sync_core::mesh::Role;

use crate::clients::APP_NAME;

/// The same configuration as a role. STS is asked in the member's own region, so that a
/// region that is down takes nobody else with it. The configuration's identity cache keeps
/// the credentials, for all clients of the member, until shortly before they expire.
pub(crate) async fn assume(config: &SdkConfig, role: &Role) -> SdkConfig {
    let mut provider =
        AssumeRoleProvider::builder(role.arn.as_str()).session_name(APP_NAME).configure(config);
    if let Some(id) = &role.external_id {
        provider = provider.external_id(id);
    }
    let provider = MemberRole { provider: provider.build().await, role: role.clone() };
    config.to_builder().credentials_provider(SharedCredentialsProvider::new(provider)).build()
}

/// Assumes a member's role, and believes no other account's credentials.
#[derive(Debug)]
struct MemberRole {
    provider: AssumeRoleProvider,
    role: Role,
}

impl MemberRole {
    async fn credentials(&self) -> Result<Credentials, CredentialsError> {
        let credentials = self.provider.provide_credentials().await?;
        match credentials.account_id().map(AccountId::as_str) {
            Some(account) if account == self.role.account.as_str() => Ok(credentials),
            found => Err(CredentialsError::invalid_configuration(WrongAccount {
                role: self.role.arn.clone(),
                found: found.map(str::to_owned),
            })),
        }
    }
}

impl ProvideCredentials for MemberRole {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.credentials())
    }
}

/// STS gave credentials of an account that the role's ARN does not name.
#[derive(Debug)]
struct WrongAccount {
    role: String,
    found: Option<String>,
}

impl fmt::Display for WrongAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = self.found.as_deref().unwrap_or("no account at all");
        write!(f, "credentials for {} are of {found}: not used", self.role)
    }
}

impl std::error::Error for WrongAccount {}
