//! One configuration and one set of clients per region and role, made once a process.

use std::time::Duration;

use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion};
use aws_sdk_ec2::config::{IdentityCache, SharedHttpClient};
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_types::SdkConfig;
use aws_types::sdk_config::SharedTimeSource;
use sync_core::mesh::Role;
use sync_core::names::Region;

use crate::auto_scaling::AutoScaling;
use crate::dynamodb::Mirror;
use crate::ec2::Ec2;
use crate::role;

/// How long a connection may take to be made. Regions are at most about 260 ms apart
/// (`facts/aws.md`, section 7); what has not answered in a second is cut off.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// How long one attempt may take. Authorize answers in some 150 ms, and a cold
/// connection to the farthest region adds three round trips (`facts/aws.md`,
/// section 7): three seconds leaves room for a slow day, and still lets a lost
/// reply be noticed within the default peer budget of four.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);

/// How long one call may take with all its attempts: two that hang, the pauses, and
/// a third that answers. The reconcile loop's own budget usually ends it sooner.
pub const OPERATION_TIMEOUT: Duration = Duration::from_secs(8);

/// Attempts a call, by the SDK's standard retries. Loops that read and plan again
/// are the core's; the two never nest on one call.
pub const MAX_ATTEMPTS: u32 = 3;

/// How long an unused connection is kept. A function is frozen between events, and
/// a connection that idled through that may be dead without a word; finding it out
/// costs an attempt, making a new one three round trips.
pub const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// The name in the user agent, by which CloudTrail tells our calls.
pub(crate) const APP_NAME: &str = "sgsync";

/// How every client is set up, without region, credentials or endpoint: one HTTP
/// client, the time limits above, standard retries.
#[must_use]
pub fn settings() -> aws_types::sdk_config::Builder {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(OPERATION_TIMEOUT)
        .build();
    let mut settings = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(http_client())
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(MAX_ATTEMPTS))
        .identity_cache(IdentityCache::lazy().build())
        .time_source(SharedTimeSource::default());
    settings.set_app_name(app_name());
    settings
}

/// rustls with ring; plain `http` endpoints, which emulators have, work too.
fn http_client() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new()
        .pool_idle_timeout(POOL_IDLE_TIMEOUT)
        .tls_provider(Provider::rustls(CryptoMode::Ring))
        .build_https()
}

fn app_name() -> Option<AppName> {
    AppName::new(APP_NAME).ok()
}

/// The environment's credentials, endpoints (`AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_EC2`
/// and so on) and profile, with our settings. The region is the first member's until
/// each member puts its own in; a document without members has nobody to ask for.
pub(crate) async fn from_environment(region: Option<&Region>, profile: Option<&str>) -> SdkConfig {
    let ours = settings().build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest());
    if let Some(region) = region {
        loader = loader.region(aws_region(region));
    }
    if let Some(profile) = profile {
        // Whoever names one wants it, whatever keys the environment has: the default chain
        // would take those first.
        let mut sources = ProviderConfig::default();
        if let Some(region) = region {
            sources = sources.with_region(Some(aws_region(region)));
        }
        if let Some(client) = ours.http_client() {
            sources = sources.with_http_client(client);
        }
        let named = ProfileFileCredentialsProvider::builder().profile_name(profile);
        let named = named.configure(&sources).build();
        loader = loader.profile_name(profile).credentials_provider(named);
    }
    if let Some(client) = ours.http_client() {
        loader = loader.http_client(client);
    }
    if let Some(timeouts) = ours.timeout_config() {
        loader = loader.timeout_config(timeouts.clone());
    }
    if let Some(retries) = ours.retry_config() {
        loader = loader.retry_config(retries.clone());
    }
    if let Some(cache) = ours.identity_cache() {
        loader = loader.identity_cache(cache);
    }
    if let Some(name) = app_name() {
        loader = loader.app_name(name);
    }
    loader.load().await
}

/// The clients of one region, as one role.
#[derive(Clone, Debug)]
pub(crate) struct RegionClients {
    pub(crate) ec2: Ec2,
    pub(crate) auto_scaling: AutoScaling,
    dynamodb: aws_sdk_dynamodb::Client,
    /// For clients that only an operator has.
    config: SdkConfig,
}

impl RegionClients {
    pub(crate) async fn new(base: &SdkConfig, region: &Region, role: Option<&Role>) -> Self {
        let mut config = base.to_builder().region(aws_region(region)).build();
        if let Some(role) = role {
            config = role::assume(&config, role).await;
        }
        Self {
            ec2: Ec2::new(&config),
            auto_scaling: AutoScaling::new(&config),
            dynamodb: aws_sdk_dynamodb::Client::new(&config),
            config,
        }
    }

    /// What the region's clients are made from.
    pub(crate) fn config(&self) -> &SdkConfig {
        &self.config
    }

    /// The mirror in this region.
    pub(crate) fn mirror(&self, table: &str) -> Mirror {
        Mirror::new(self.dynamodb.clone(), table)
    }
}

fn aws_region(region: &Region) -> aws_types::region::Region {
    aws_types::region::Region::new(region.as_str().to_owned())
}
