//! `Aws::connect` with the environment, in a process of its own, since a test must not
//! change its neighbours' environment.

use std::process::Command;

use sync_aws::Aws;
use sync_core::ports::Failure;

use crate::bodies::{groups, rules};
use crate::server::{ASG, Endpoint, GROUP, mesh};

const READS: &str = "connect::child_reads_with_its_environment";
const IS_NOBODY: &str = "connect::child_has_no_credentials";
/// Credentials as a function finds them.
const KEY: [(&str, &str); 2] =
    [("AWS_ACCESS_KEY_ID", "AKIDCHILD"), ("AWS_SECRET_ACCESS_KEY", "secret")];
const RULES: &str = "DescribeSecurityGroupRules";
const GROUPS: &str = "DescribeAutoScalingGroups";

/// Runs one ignored test in a process with this environment and no other.
fn child(name: &str, variables: &[(&str, &str)]) -> bool {
    let test = std::env::current_exe().expect("this program");
    Command::new(test)
        .args(["--exact", name, "--ignored"])
        .env_clear()
        .envs(variables.iter().copied())
        .status()
        .expect("a run")
        .success()
}

#[tokio::test]
#[ignore = "run by the tests below, with an environment"]
async fn child_reads_with_its_environment() {
    let mesh = mesh("");
    let mut readers = Aws::connect(&mesh).await.readers();
    let readers = readers.remove(&mesh.members[0].name).expect("readers");
    readers.rules.rules(&[GROUP.into()]).await.expect("rules");
    readers.observer.groups(&[ASG.into()].into()).await.expect("groups");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endpoints_come_from_the_environment_the_services_own_first() {
    let (ec2, other) = (Endpoint::start().await, Endpoint::start().await);
    ec2.answer(RULES, rules(&[], None)).await;
    other.answer(GROUPS, groups(&[], None)).await;
    let (ec2_url, other_url) = (ec2.url(), other.url());
    let run = |others: &str| {
        child(
            READS,
            &[&KEY[..], &[("AWS_ENDPOINT_URL_EC2", &ec2_url), (others, &other_url)]].concat(),
        )
    };
    assert!(run("AWS_ENDPOINT_URL"));
    assert_eq!((ec2.asked(RULES).await.len(), other.asked(GROUPS).await.len()), (1, 1));

    let agent = ec2.requests(RULES).await[0].headers["user-agent"].to_str().map(str::to_owned);
    assert!(agent.as_ref().is_ok_and(|agent| agent.contains("app/sgsync")), "{agent:?}");

    assert!(run("AWS_ENDPOINT_URL_AUTO_SCALING"));
    assert_eq!((ec2.asked(RULES).await.len(), other.asked(GROUPS).await.len()), (2, 2));
}

#[tokio::test]
#[ignore = "run by the test below, with an environment"]
async fn child_has_no_credentials() {
    let mesh = mesh("");
    let mut readers = Aws::connect(&mesh).await.readers();
    let readers = readers.remove(&mesh.members[0].name).expect("readers");
    let error = readers.rules.rules(&[GROUP.into()]).await.expect_err("nobody asks");
    assert_eq!((error.kind, error.code.as_str()), (Failure::Denied, "NoCredentials"), "{error}");
}

#[test]
fn without_credentials_nobody_is_asked() {
    assert!(child(IS_NOBODY, &[("AWS_EC2_METADATA_DISABLED", "true")]));
}
