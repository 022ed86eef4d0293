//! Every call that sgsync makes, one at a time, and how its service reports errors.

use std::sync::atomic::{AtomicUsize, Ordering};

use sync_aws::Aws;
use sync_core::adopt::RuleTagger;
use sync_core::events::{Hook, Transition};
use sync_core::mesh::{Mesh, RowKey};
use sync_core::permission::MESH_TAG;
use sync_core::ports::{Called, Condition, HookAnswer, MemberReaders, MemberWriters};
use sync_core::row::{MemberRow, Version};
use wiremock::ResponseTemplate;

use crate::bodies::{auto_scaling_error, dynamodb_error, ec2_error, sts_error};
use crate::rules_write::{grant, permission};
use crate::server::{ASG, Endpoint, GROUP, config, mesh_in};

/// A call, by what it asks of whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    DescribeGroups,
    DescribeMember,
    Complete,
    DescribeInstances,
    DescribeRules,
    Authorize,
    Revoke,
    Tag,
    Rows,
    Put,
    AssumeRole,
}

use Call::{
    AssumeRole, Authorize, Complete, DescribeGroups, DescribeInstances, DescribeMember,
    DescribeRules, Put, Revoke, Rows, Tag,
};

pub const EC2: &[Call] = &[DescribeInstances, DescribeRules, Authorize, Revoke, Tag];
pub const AUTO_SCALING: &[Call] = &[DescribeGroups, DescribeMember, Complete];
pub const DYNAMODB: &[Call] = &[Rows, Put];
pub const STS: &[Call] = &[AssumeRole];

impl Call {
    /// The action, as the request names it.
    pub fn action(self) -> &'static str {
        match self {
            DescribeGroups => "DescribeAutoScalingGroups",
            DescribeMember => "DescribeAutoScalingInstances",
            Complete => "CompleteLifecycleAction",
            DescribeInstances => "DescribeInstances",
            DescribeRules => "DescribeSecurityGroupRules",
            Authorize => "AuthorizeSecurityGroupIngress",
            Revoke => "RevokeSecurityGroupIngress",
            Tag => "CreateTags",
            Rows => "BatchGetItem",
            Put => "PutItem",
            AssumeRole => "AssumeRole",
        }
    }

    /// The call that an error names. A role that cannot be assumed fails whatever was
    /// to be asked as that role.
    pub fn named(self) -> String {
        match self {
            DescribeGroups | DescribeMember | Complete => format!("autoscaling:{}", self.action()),
            Rows | Put => format!("dynamodb:{}", self.action()),
            AssumeRole => DescribeRules.named(),
            _ => format!("ec2:{}", self.action()),
        }
    }

    /// An error as this call's service writes it.
    pub fn error(self, status: u16, code: &str, message: &str) -> ResponseTemplate {
        match self {
            DescribeGroups | DescribeMember | Complete => auto_scaling_error(status, code, message),
            Rows | Put => dynamodb_error(status, code, message, &serde_json::Value::Null),
            AssumeRole => sts_error(status, code, message),
            _ => ec2_error(status, code, message),
        }
    }

    /// Makes the call, with clients of its own: the SDK keeps one budget of retries for
    /// each service and region of a process, and cases must not spend each other's.
    pub async fn make(self, endpoint: &Endpoint) -> Called<()> {
        let role = r#"role_arn = "arn:aws:iam::210987654321:role/sgsync""#;
        let mesh = mesh_in(&own_region(), if self == AssumeRole { role } else { "" });
        let clients = Clients::of(&mesh, &endpoint.url()).await;
        let Clients { readers, writers, tagger } = clients;
        let (group, rules) = (GROUP.into(), ["sgr-1".into()]);
        let wanted = grant(&[permission("tcp", 7000, 7001, "54.1.2.3/32")]);
        let tags = [(MESH_TAG.to_owned(), "orders-db".to_owned())].into();
        let key = RowKey { member: "us-east-1".into(), asg: ASG.into() };
        match self {
            DescribeGroups => readers.observer.groups(&[ASG.into()].into()).await.map(drop),
            DescribeMember => readers.observer.lifecycle_state(&"i-1".into()).await.map(drop),
            Complete => writers.hooks.complete(&hook(), HookAnswer::Continue).await.map(drop),
            DescribeInstances => readers.observer.instances(&["i-1".into()].into()).await.map(drop),
            DescribeRules | AssumeRole => readers.rules.rules(&[group]).await.map(drop),
            Authorize => writers.rules.authorize(&wanted).await.map(drop),
            Revoke => writers.rules.revoke(&group, &rules).await.map(drop),
            Tag => tagger.tag(&rules, &tags).await.map(drop),
            Rows => readers.mirror.rows(&[key]).await.map(drop),
            Put => writers.mirror.put(&row(key), Condition::Newer).await.map(drop),
        }
    }
}

struct Clients {
    readers: MemberReaders,
    writers: MemberWriters,
    tagger: std::sync::Arc<dyn RuleTagger>,
}

impl Clients {
    async fn of(mesh: &Mesh, url: &str) -> Self {
        let aws = Aws::with_configs(mesh, |_| config(url)).await;
        let name = &mesh.members[0].name;
        Self {
            readers: aws.readers().remove(name).expect("readers"),
            writers: aws.writers().remove(name).expect("writers"),
            tagger: aws.taggers().remove(name).expect("a tagger"),
        }
    }
}

/// A region that no other case has asked.
fn own_region() -> String {
    static CASES: AtomicUsize = AtomicUsize::new(0);
    let case = CASES.fetch_add(1, Ordering::Relaxed);
    let letter = |place: u32| char::from(b"abcdefghij"[case / 10_usize.pow(place) % 10]);
    format!("case-{}{}{}-1", letter(2), letter(1), letter(0))
}

fn hook() -> Hook {
    Hook {
        name: "sgsync-launch".to_owned(),
        asg: ASG.into(),
        instance: "i-1".into(),
        transition: Transition::Launch,
        token: None,
    }
}

fn row(key: RowKey) -> MemberRow {
    let time: jiff::Timestamp = "2026-11-22T11:07:55Z".parse().expect("a time");
    let instances = [("i-1".into(), ["54.1.2.3/32".parse().expect("a cidr")].into())].into();
    MemberRow::new(
        key,
        Version::next(None, time),
        time,
        instances,
        "lifecycle 1".to_owned(),
        "0123456789abcdef".into(),
    )
}
