//! Prefix lists: `DescribeManagedPrefixLists`, `GetManagedPrefixListEntries` and
//! `ModifyManagedPrefixList`, as the ports have them.

use std::collections::BTreeMap;
use std::fmt::Write;

use sync_core::ingress::{Ingress, PrefixList, entry_id};
use sync_core::names::{RuleId, SecurityGroupId};
use sync_core::permission::{MEMBER_TAG, MESH_TAG, Permission, Traffic};
use sync_core::ports::{CallError, Called, Failure, Grant, Receipt};
use wiremock::ResponseTemplate;

use crate::bodies::{ec2, ec2_error};
use crate::server::{Endpoint, GROUP, Params, REQUEST_ID};

const LIST: &str = "pl-0123456789abcdef0";
const DESCRIBE: &str = "DescribeManagedPrefixLists";
const ENTRIES: &str = "GetManagedPrefixListEntries";
const MODIFY: &str = "ModifyManagedPrefixList";
const OURS: &str = "sgsync orders-db us-east-1 i-1";

/// The list in some state, at some version.
fn list(state: &str, version: u32) -> String {
    format!(
        "<item><prefixListId>{LIST}</prefixListId><addressFamily>IPv4</addressFamily>\
         <state>{state}</state><maxEntries>20</maxEntries><version>{version}</version>\
         <ownerId>123456789012</ownerId></item>"
    )
}

fn described(items: &str) -> ResponseTemplate {
    ec2(DESCRIBE, &format!("<prefixListSet>{items}</prefixListSet>"))
}

fn entries(entries: &[(&str, &str)], next: Option<&str>) -> ResponseTemplate {
    let mut items = String::new();
    for (cidr, description) in entries {
        let _ = write!(
            items,
            "<item><cidr>{cidr}</cidr><description>{description}</description></item>"
        );
    }
    let next = next.map(|token| format!("<nextToken>{token}</nextToken>")).unwrap_or_default();
    ec2(ENTRIES, &format!("<entrySet>{items}</entrySet>{next}"))
}

fn modified() -> ResponseTemplate {
    ec2(MODIFY, &format!("<prefixList>{}</prefixList>", "<state>modify-in-progress</state>"))
}

async fn read(endpoint: &Endpoint, id: &str) -> Called<Ingress> {
    let id = SecurityGroupId::new(id);
    let found = endpoint.readers().await.rules.rules(std::slice::from_ref(&id)).await;
    found.map(|mut found| found.remove(&id).expect("the list"))
}

async fn add(endpoint: &Endpoint, hosts: impl Iterator<Item = u16>) -> Called<Receipt> {
    let permission = |host: u16| Permission {
        traffic: Traffic::EVERYTHING,
        cidr: format!("54.1.{}.{}/32", host / 256, host % 256).parse().expect("a host"),
    };
    let tags = [(MESH_TAG, "orders-db"), (MEMBER_TAG, "us-east-1")];
    let grant = Grant {
        group: SecurityGroupId::new(LIST),
        tags: tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
        permissions: hosts.map(|host| (permission(host), "sgsync orders-db i-1".into())).collect(),
    };
    endpoint.writers().await.rules.authorize(&grant).await
}

async fn remove(endpoint: &Endpoint, ids: &[RuleId]) -> Called<Receipt> {
    endpoint.writers().await.rules.revoke(&SecurityGroupId::new(LIST), ids).await
}

fn id(cidr: &str, description: &str) -> RuleId {
    entry_id(cidr.parse().expect("a block"), description)
}

fn asked(params: &Params) -> Vec<String> {
    let known = |key: &str| !["Action", "Version"].contains(&key);
    params.iter().filter(|(key, _)| known(key)).map(|(k, v)| format!("{k}={v}")).collect()
}

#[tokio::test]
async fn every_page_of_the_version_that_counts_is_read_and_descriptions_say_whose_entries_are() {
    let endpoint = Endpoint::start().await;
    endpoint.answer(DESCRIBE, described(&list("modify-in-progress", 7))).await;
    endpoint
        .answer_where(ENTRIES, &[("NextToken", "b")], entries(&[("10.0.0.5/8", "office")], None))
        .await;
    endpoint.answer(ENTRIES, entries(&[("54.1.0.1/32", OURS)], Some("b"))).await;
    let found = read(&endpoint, LIST).await.expect("entries");
    assert_eq!(found.prefix_list(), Some(PrefixList { ipv4: true, max_entries: 20 }));
    let shown: Vec<_> = found.iter().map(|rule| (rule.to_string(), rule.member())).collect();
    let expected = [("all 54.1.0.1/32", Some("us-east-1".into())), ("all 10.0.0.0/8", None)];
    assert_eq!(shown, expected.map(|(rule, member)| (rule.to_owned(), member)));
    let first = endpoint.asked(ENTRIES).await.remove(0);
    assert_eq!(
        asked(&first),
        ["MaxResults=100", "PrefixListId=pl-0123456789abcdef0", "TargetVersion=7"]
    );
    let first = endpoint.asked(DESCRIBE).await.remove(0);
    assert_eq!(
        asked(&first),
        ["Filter.1.Name=prefix-list-id", "Filter.1.Value.1=pl-0123456789abcdef0", "MaxResults=100"]
    );
}

#[tokio::test]
async fn a_list_that_cannot_be_worked_on_says_so_for_itself() {
    let aws = list("create-complete", 1).replace("<maxEntries>20</maxEntries>", "");
    for (items, kind, said) in [
        (String::new(), Failure::NotFound, "there is no prefix list"),
        (list("delete-in-progress", 3), Failure::NotFound, "state delete-in-progress"),
        (list("create-in-progress", 1), Failure::Unavailable, "state create-in-progress"),
        (aws, Failure::Refused, "no customer-managed prefix list"),
    ] {
        let endpoint = Endpoint::start().await;
        endpoint.answer(DESCRIBE, described(&items)).await;
        let rules = "<securityGroupRuleSet></securityGroupRuleSet>";
        endpoint
            .answer("DescribeSecurityGroupRules", ec2("DescribeSecurityGroupRules", rules))
            .await;
        let ids = [SecurityGroupId::new(GROUP), SecurityGroupId::new(LIST)];
        let found = endpoint.readers().await.rules.rules(&ids).await.expect("the group");
        assert_eq!(found[&ids[0]], Ingress::default());
        let error = found[&ids[1]].list.clone().expect("a list").expect_err("no list to work on");
        assert_eq!(error.kind, kind);
        assert!(error.message.contains(said), "{}", error.message);
    }
}

#[tokio::test]
async fn promise_3_entries_are_added_at_the_version_that_was_read_and_awaited_until_they_count() {
    let endpoint = Endpoint::start().await;
    let states = [("modify-in-progress", 6), ("modify-complete", 7)];
    for (state, version) in states {
        endpoint.answer_once(DESCRIBE, described(&list(state, version))).await;
    }
    // What a change looks like meanwhile: first as if nothing had been asked for.
    for (state, version) in [("modify-complete", 7), ("modify-in-progress", 7)] {
        endpoint.answer_once(DESCRIBE, described(&list(state, version))).await;
    }
    endpoint.answer_last(DESCRIBE, described(&list("modify-complete", 8))).await;
    endpoint.answer(ENTRIES, entries(&[("10.0.0.0/8", "office")], None)).await;
    endpoint.answer(MODIFY, modified()).await;
    let receipt = add(&endpoint, 1..3).await.expect("added");
    assert_eq!(receipt.request_id.as_deref(), Some(REQUEST_ID));
    assert_eq!(receipt.rules.into_values().next(), Some(id("54.1.0.1/32", OURS)));
    let change = endpoint.asked(MODIFY).await;
    assert_eq!(change.len(), 1);
    assert_eq!(
        asked(&change[0]),
        [
            "AddEntry.1.Cidr=54.1.0.1/32".to_owned(),
            format!("AddEntry.1.Description={OURS}"),
            "AddEntry.2.Cidr=54.1.0.2/32".to_owned(),
            format!("AddEntry.2.Description={OURS}"),
            "CurrentVersion=7".to_owned(),
            "PrefixListId=pl-0123456789abcdef0".to_owned(),
        ]
    );
    assert_eq!(endpoint.asked(DESCRIBE).await.len(), 5, "until version 8 counts");
}

#[tokio::test]
async fn no_call_adds_or_removes_more_than_a_hundred() {
    let endpoint = growing(Vec::new()).await;
    let receipt = add(&endpoint, 0..150).await.expect("added");
    assert_eq!(receipt.rules.len(), 150);
    let added = |params: &Params| params.keys().filter(|key| key.ends_with(".Cidr")).count();
    let calls = endpoint.asked(MODIFY).await;
    assert_eq!(calls.iter().map(added).collect::<Vec<_>>(), [100, 50]);
    let versions: Vec<_> = calls.iter().map(|call| call["CurrentVersion"].clone()).collect();
    assert_eq!(versions, ["1", "2"]);
}

/// A list whose version grows with each change; its entries stay as they are.
async fn growing(there: Vec<(&'static str, &'static str)>) -> Endpoint {
    let endpoint = Endpoint::start().await;
    let version = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(1));
    let now = version.clone();
    endpoint
        .answer_by(DESCRIBE, move |_| {
            let version = now.load(std::sync::atomic::Ordering::SeqCst);
            described(&list("modify-complete", version))
        })
        .await;
    endpoint.answer(ENTRIES, entries(&there, None)).await;
    endpoint
        .answer_by(MODIFY, move |_| {
            version.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            modified()
        })
        .await;
    endpoint
}

#[tokio::test]
async fn promise_1_an_entry_that_was_described_anew_is_not_removed() {
    let endpoint = growing(vec![("54.1.0.1/32", OURS), ("54.1.0.2/32", "kept by Ann")]).await;
    let ours = [id("54.1.0.1/32", OURS), id("54.1.0.2/32", OURS)];
    let error = remove(&endpoint, &ours).await.expect_err("one of them is Ann's by now");
    assert_eq!((error.kind, error.code.as_str()), (Failure::NotFound, "EntryNotFound"));
    assert!(endpoint.asked(MODIFY).await.is_empty());
    remove(&endpoint, &ours[..1]).await.expect("removed");
    let calls = endpoint.asked(MODIFY).await;
    assert_eq!(
        asked(&calls[0]),
        ["CurrentVersion=1", "PrefixListId=pl-0123456789abcdef0", "RemoveEntry.1.Cidr=54.1.0.1/32"]
    );
}

#[tokio::test]
async fn promise_1_an_address_that_somebody_has_entered_is_not_entered_again() {
    let endpoint = growing(vec![("54.1.0.2/32", "kept by Ann")]).await;
    let error = add(&endpoint, 1..4).await.expect_err("it is there");
    assert_eq!((error.kind, error.code.as_str()), (Failure::Duplicate, "DuplicateEntry"));
    assert!(endpoint.asked(MODIFY).await.is_empty(), "none of them was added");
}

#[tokio::test]
async fn promise_5_a_change_that_another_one_overtook_is_asked_for_anew_from_what_is_there_then() {
    for code in ["PrefixListVersionMismatch", "IncorrectState", "ConcurrentMutationLimitExceeded"] {
        let endpoint = Endpoint::start().await;
        endpoint.answer_once(DESCRIBE, described(&list("modify-complete", 4))).await;
        endpoint.answer_once(DESCRIBE, described(&list("modify-complete", 5))).await;
        endpoint.answer_last(DESCRIBE, described(&list("modify-complete", 6))).await;
        endpoint.answer(ENTRIES, entries(&[], None)).await;
        endpoint.answer_once(MODIFY, ec2_error(400, code, "somebody was first")).await;
        endpoint.answer_last(MODIFY, modified()).await;
        add(&endpoint, 1..2).await.expect("added after all");
        let calls = endpoint.asked(MODIFY).await;
        let versions: Vec<_> = calls.iter().map(|call| call["CurrentVersion"].clone()).collect();
        assert_eq!(versions, ["4", "5"], "{code}");
    }
}

#[tokio::test]
async fn what_aws_refuses_is_told_as_what_it_is() {
    let failed = list("modify-failed", 4)
        .replace("</state>", "</state><stateMessage>no room in sg-1</stateMessage>");
    for (answer, after, kind, code) in [
        (
            ec2_error(400, "PrefixListMaxEntriesExceeded", "full"),
            list("modify-complete", 4),
            Failure::QuotaExceeded,
            "PrefixListMaxEntriesExceeded",
        ),
        (modified(), failed, Failure::Refused, "ModifyFailed"),
        (
            ec2_error(403, "UnauthorizedOperation", "no"),
            list("modify-complete", 4),
            Failure::Denied,
            "UnauthorizedOperation",
        ),
    ] {
        let endpoint = Endpoint::start().await;
        endpoint.answer_once(DESCRIBE, described(&list("modify-complete", 4))).await;
        endpoint.answer_last(DESCRIBE, described(&after)).await;
        endpoint.answer(ENTRIES, entries(&[], None)).await;
        endpoint.answer(MODIFY, answer).await;
        let error: CallError = add(&endpoint, 1..2).await.expect_err(code);
        assert_eq!((error.kind, error.code.as_str()), (kind, code));
    }
}

#[test]
fn what_a_list_is_called_is_known_by_its_id() {
    let kinds: BTreeMap<_, _> =
        [GROUP, LIST].map(|id| (id, SecurityGroupId::new(id).is_list())).into();
    assert_eq!(kinds, [(GROUP, false), (LIST, true)].into());
}
