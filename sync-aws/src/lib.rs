//! The ports of `sync-core` over the AWS SDK, and the only place that knows AWS's types.
//!
//! [`Aws::connect`] is called once a process. It makes one set of clients for each
//! region and role that the mesh document names; members of one region share it.
//! What AWS answers is translated here or refused whole: an answer that cannot be
//! read in full is an error, never a shorter answer (promise 2).

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_types::SdkConfig;
use futures::future::join_all;
use sync_core::adopt::RuleTagger;
use sync_core::mesh::{Mesh, RowKey};
use sync_core::names::{MemberName, Region};
use sync_core::ports::{Called, MemberReaders, MemberWriters};

mod attributes;
mod audit;
mod auto_scaling;
mod catalog;
mod clients;
mod clock;
mod dynamodb;
mod ec2;
mod errors;
mod functions;
mod logs;
mod observer;
mod pages;
mod queues;
mod quotas;
mod role;
mod survey;
mod whole;

pub use audit::TracingAuditLog;
pub use catalog::Catalog;
pub use clients::{
    ATTEMPT_TIMEOUT, CONNECT_TIMEOUT, MAX_ATTEMPTS, OPERATION_TIMEOUT, POOL_IDLE_TIMEOUT, settings,
};
pub use clock::SystemClock;
pub use dynamodb::LeftRow;
pub use functions::{FunctionSettings, hooks_function, trueup_function};
pub use logs::{LogEvent, log_groups};
pub use queues::{DeadLetters, dead_letter_queue};
pub use survey::{HookSettings, Survey};

use clients::RegionClients;
use dynamodb::Mirror;
use observer::RegionObserver;

/// AWS as a mesh needs it: readers and writers for each member's region.
#[derive(Clone, Debug)]
pub struct Aws {
    members: BTreeMap<MemberName, MemberClients>,
}

/// One member's clients. The mirror is its own; the rest is its region's.
#[derive(Clone, Debug)]
struct MemberClients {
    region: RegionClients,
    mirror: Mirror,
}

impl Aws {
    /// Connects to the region of every member, with the credentials, endpoints and
    /// profile of the environment. A member with a `role_arn` is reached through it.
    ///
    /// Nothing is sent yet, except where the credential chain has to ask.
    pub async fn connect(mesh: &Mesh) -> Self {
        Self::connect_as(mesh, None).await
    }

    /// Like [`Aws::connect`], with another profile than the environment's, if one is named.
    pub async fn connect_as(mesh: &Mesh, profile: Option<&str>) -> Self {
        let config =
            clients::from_environment(mesh.members.first().map(|m| &m.region), profile).await;
        Self::with_configs(mesh, |_| config.clone()).await
    }

    /// Like [`Aws::connect`], with a configuration for each region instead of the
    /// environment's: begin with [`settings`] and add credentials and an endpoint.
    /// The region is put in here.
    pub async fn with_configs(mesh: &Mesh, config: impl Fn(&Region) -> SdkConfig) -> Self {
        let mut made: BTreeMap<_, RegionClients> = BTreeMap::new();
        let mut members = BTreeMap::new();
        for member in &mesh.members {
            let key = (member.region.clone(), member.role.clone());
            let region = match made.get(&key) {
                Some(clients) => clients.clone(),
                None => RegionClients::new(&config(&key.0), &key.0, key.1.as_ref()).await,
            };
            made.insert(key, region.clone());
            let mirror = region.mirror(&member.table);
            members.insert(member.name.clone(), MemberClients { region, mirror });
        }
        Self { members }
    }

    /// How each member's region is read.
    #[must_use]
    pub fn readers(&self) -> BTreeMap<MemberName, MemberReaders> {
        let readers = |clients: &MemberClients| MemberReaders {
            observer: Arc::new(RegionObserver::new(&clients.region)),
            rules: Arc::new(clients.region.ec2.clone()),
            mirror: Arc::new(clients.mirror.clone()),
        };
        self.members.iter().map(|(name, clients)| (name.clone(), readers(clients))).collect()
    }

    /// How each member's region is changed. Not asked for in a dry run.
    #[must_use]
    pub fn writers(&self) -> BTreeMap<MemberName, MemberWriters> {
        let writers = |clients: &MemberClients| MemberWriters {
            hooks: Arc::new(clients.region.auto_scaling.clone()),
            rules: Arc::new(clients.region.ec2.clone()),
            mirror: Arc::new(clients.mirror.clone()),
        };
        self.members.iter().map(|(name, clients)| (name.clone(), writers(clients))).collect()
    }

    /// A member's rows in each mirror, whether the document names that member or not.
    pub async fn rows_of(&self, member: &MemberName) -> BTreeMap<MemberName, Called<Vec<LeftRow>>> {
        let rows = self.members.iter().map(|(name, clients)| async move {
            (name.clone(), clients.mirror.rows_of(member).await)
        });
        join_all(rows).await.into_iter().collect()
    }

    /// Takes a row of a member that has left out of one mirror. For an operator; no function
    /// asks for it.
    pub async fn erase(&self, mirror: &MemberName, row: &RowKey) -> Called<()> {
        match self.members.get(mirror) {
            Some(clients) => clients.mirror.erase(row).await,
            None => Ok(()),
        }
    }

    /// How each member's targets are taken over from others. For an operator; no function
    /// asks for it.
    #[must_use]
    pub fn taggers(&self) -> BTreeMap<MemberName, Arc<dyn RuleTagger>> {
        let tagger = |clients: &MemberClients| Arc::new(clients.region.ec2.clone());
        let members = self.members.iter();
        members.map(|(name, clients)| (name.clone(), tagger(clients) as _)).collect()
    }
}
