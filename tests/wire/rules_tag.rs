//! `CreateTags`, by which `sgsync adopt` takes rules over.

use std::collections::BTreeMap;
use std::sync::Arc;

use sync_aws::Aws;
use sync_core::adopt::RuleTagger;
use sync_core::permission::{MEMBER_TAG, MESH_TAG};
use sync_core::ports::{Failure, Receipt};

use crate::bodies::{ec2, ec2_error};
use crate::server::{Endpoint, REQUEST_ID, config, mesh};

const TAG: &str = "CreateTags";

async fn tagger(endpoint: &Endpoint) -> Arc<dyn RuleTagger> {
    let (mesh, url) = (mesh(""), endpoint.url());
    let mut taggers = Aws::with_configs(&mesh, |_| config(&url)).await.taggers();
    taggers.remove(&mesh.members[0].name).expect("a tagger")
}

fn tags() -> BTreeMap<String, String> {
    [(MESH_TAG, "orders-db"), (MEMBER_TAG, "us-west-2")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
}

#[tokio::test]
async fn one_call_tags_every_rule_and_names_no_group() {
    let endpoint = Endpoint::start().await;
    endpoint.answer(TAG, ec2(TAG, "<return>true</return>")).await;
    let rules = ["sgr-2".into(), "sgr-1".into(), "sgr-2".into()];

    let receipt = tagger(&endpoint).await.tag(&rules, &tags()).await.expect("tagged");

    assert_eq!(receipt.request_id.as_deref(), Some(REQUEST_ID));
    let sent: Vec<_> =
        endpoint.asked(TAG).await[0].iter().map(|(k, v)| format!("{k}={v}")).collect();
    assert_eq!(
        sent,
        [
            "Action=CreateTags",
            "ResourceId.1=sgr-1",
            "ResourceId.2=sgr-2",
            "Tag.1.Key=sgsync:member",
            "Tag.1.Value=us-west-2",
            "Tag.2.Key=sgsync:mesh",
            "Tag.2.Value=orders-db",
            "Version=2016-11-15",
        ]
    );
}

#[tokio::test]
async fn a_rule_that_went_meanwhile_is_not_found() {
    let endpoint = Endpoint::start().await;
    let code = "InvalidSecurityGroupRuleId.NotFound";
    endpoint.answer(TAG, ec2_error(400, code, "The ID 'sgr-1' does not exist")).await;
    let error = tagger(&endpoint).await.tag(&["sgr-1".into()], &tags()).await.expect_err("gone");
    assert_eq!((error.kind, error.code.as_str()), (Failure::NotFound, code));
    assert_eq!(error.call, "ec2:CreateTags");
}

#[tokio::test]
async fn nothing_to_tag_is_no_call() {
    let endpoint = Endpoint::start().await;
    assert_eq!(tagger(&endpoint).await.tag(&[], &tags()).await, Ok(Receipt::default()));
    assert!(endpoint.asked(TAG).await.is_empty());
}
