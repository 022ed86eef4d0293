//! Prefix lists, as the ports have it of security groups: entries for rules (decision 34).
//!
//! A change is asked for at the version whose entries were read a moment before, and is done
//! when a later version counts. AWS takes one change of a list at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_sdk_ec2::operation::modify_managed_prefix_list::builders::ModifyManagedPrefixListFluentBuilder as Modify;
use aws_sdk_ec2::types::{
    AddPrefixListEntry, ManagedPrefixList, PrefixListEntry, PrefixListState, RemovePrefixListEntry,
};
use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use futures::future::try_join_all;
use sync_core::cidr::Cidr;
use sync_core::ingress::{Ingress, PrefixList, entry_description, entry_id, entry_tags};
use sync_core::names::{RuleId, SecurityGroupId};
use sync_core::permission::{Permission, Rule, Source, Traffic};
use sync_core::ports::{CallError, Called, Failure, Grant, Receipt};
use tokio::time::sleep;

use super::{Ec2, Rules, VALUES_PER_FILTER, filter};
use crate::errors::{Call, listed, request_id, unreadable};
use crate::pages::Pages;

const DESCRIBE_LISTS: &str = "ec2:DescribeManagedPrefixLists";
const GET_ENTRIES: &str = "ec2:GetManagedPrefixListEntries";
const MODIFY: &str = "ec2:ModifyManagedPrefixList";

/// The most entries that one call adds, or removes (`facts/aws.md`, section 2).
const ENTRIES_PER_CALL: usize = 100;
/// The largest page of either call.
const PAGE: i32 = 100;
/// How often a change is asked for again that somebody else's came before.
const TRIES: usize = 5;
/// How often a list is looked at until a change is done: about a minute in all.
const LOOKS: usize = 40;

/// What AWS says when another change came first: look again, and ask again.
const OVERTAKEN: [&str; 3] =
    ["ConcurrentMutationLimitExceeded", "IncorrectState", "PrefixListVersionMismatch"];

/// A list that can be worked on, at the version that counts.
struct Listed {
    version: i64,
    holds: PrefixList,
    busy: bool,
}

impl Ec2 {
    /// What these lists hold. One that is not there, or is none of ours to change, says so for
    /// itself.
    pub(super) async fn lists(&self, ids: &[SecurityGroupId]) -> Called<Rules> {
        let described = self.described(ids).await?;
        let each = ids.iter().map(|id| {
            let list = usable(id, described.get(id));
            async move {
                let rules = match &list {
                    Ok(list) => self.entries(id, list.version).await?,
                    Err(_) => Vec::new(),
                };
                let list = Some(list.map(|list| list.holds));
                Ok((id.clone(), Ingress { rules, list }))
            }
        });
        Ok(try_join_all(each).await?.into_iter().collect())
    }

    /// Adds entries, comes back when they count. As with rules, one that is there already
    /// refuses its whole call.
    pub(super) async fn add_entries(&self, grant: &Grant) -> Called<Receipt> {
        let mut done = Receipt::default();
        for chunk in grant.permissions.chunks(ENTRIES_PER_CALL) {
            let entries: BTreeMap<Cidr, String> = chunk
                .iter()
                .map(|(p, text)| (p.cidr, entry_description(&grant.tags, text)))
                .collect();
            let clash = |there: &[Rule]| {
                let mut taken = there.iter().filter_map(Rule::permission).map(|p| p.cidr);
                let taken = taken.find(|cidr| entries.contains_key(cidr));
                taken.map(|cidr| refused(Failure::Duplicate, format!("{cidr} is there already")))
            };
            let add = |request: Modify| {
                entries.iter().fold(request, |request, (cidr, description)| {
                    let entry = AddPrefixListEntry::builder().cidr(cidr.to_string());
                    request.add_entries(entry.description(description).build())
                })
            };
            done.request_id = self.change(&grant.group, &clash, &add).await?;
            done.rules.extend(entries.iter().map(|(cidr, description)| {
                let permission = Permission { traffic: Traffic::EVERYTHING, cidr: *cidr };
                (permission, entry_id(*cidr, description))
            }));
        }
        Ok(done)
    }

    /// Removes entries, each only as it was read: another description is another entry.
    pub(super) async fn remove_entries(
        &self,
        list: &SecurityGroupId,
        ids: &BTreeSet<RuleId>,
    ) -> Called<Receipt> {
        let (ids, mut done) = (ids.iter().collect::<Vec<_>>(), Receipt::default());
        for chunk in ids.chunks(ENTRIES_PER_CALL) {
            let clash = |there: &[Rule]| {
                let there: BTreeSet<&RuleId> = there.iter().map(|rule| &rule.id).collect();
                let gone = chunk.iter().find(|id| !there.contains(**id));
                gone.map(|id| refused(Failure::NotFound, format!("{id} is not there")))
            };
            let remove = |request: Modify| {
                chunk.iter().fold(request, |request, id| {
                    let cidr = id.as_str().split('#').next().unwrap_or_default();
                    request.remove_entries(RemovePrefixListEntry::builder().cidr(cidr).build())
                })
            };
            done.request_id = self.change(list, &clash, &remove).await?;
        }
        Ok(done)
    }

    /// Makes one change at the version that was read, and waits until it counts.
    #[allow(clippy::disallowed_methods, reason = "the one place that changes prefix lists")]
    async fn change(
        &self,
        id: &SecurityGroupId,
        clash: &(dyn Fn(&[Rule]) -> Option<CallError> + Sync),
        changed: &(dyn Fn(Modify) -> Modify + Sync),
    ) -> Called<Option<String>> {
        let _turn = self.lists.lock().await;
        let mut pauses = pauses(TRIES);
        loop {
            let version = self.until(id, |list| !list.busy).await?;
            if let Some(error) = clash(&self.entries(id, version).await?) {
                return Err(error);
            }
            let request = self.client.modify_managed_prefix_list().prefix_list_id(id.as_str());
            match changed(request.current_version(version)).send().await.call(MODIFY) {
                Ok(answer) => {
                    self.until(id, |list| !list.busy && list.version > version).await?;
                    return Ok(request_id(&answer));
                }
                Err(error) if OVERTAKEN.contains(&error.code.as_str()) => {
                    sleep(pauses.next().ok_or(error)?).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Looks at a list until it is as it has to be; the version that counts then.
    async fn until(
        &self,
        id: &SecurityGroupId,
        is_so: impl Fn(&Listed) -> bool + Sync,
    ) -> Called<i64> {
        let mut pauses = pauses(LOOKS);
        loop {
            let described = self.described(std::slice::from_ref(id)).await?;
            let described = described.get(id);
            let list = usable(id, described)?;
            if is_so(&list) {
                return Ok(list.version);
            }
            // What failed is over; the old entries count on.
            if let Some(failed) = described.filter(|list| is_failed(list)) {
                let why = failed.state_message().unwrap_or("it does not say why");
                return Err(refused(
                    Failure::Refused,
                    format!("AWS did not make the change: {why}"),
                ));
            }
            let late = || refused(Failure::NoAnswer, format!("a change of {id} is not done yet"));
            sleep(pauses.next().ok_or_else(late)?).await;
        }
    }

    async fn described(
        &self,
        ids: &[SecurityGroupId],
    ) -> Called<BTreeMap<SecurityGroupId, ManagedPrefixList>> {
        let ids: Vec<_> = ids.iter().map(|id| id.as_str().to_owned()).collect();
        let mut found = BTreeMap::new();
        for chunk in ids.chunks(VALUES_PER_FILTER) {
            let (mut pages, mut token) = (Pages::of(DESCRIBE_LISTS), None);
            loop {
                let request = self.client.describe_managed_prefix_lists().max_results(PAGE);
                let request = request.filters(filter("prefix-list-id", chunk));
                let page = request.set_next_token(token).send().await.call(DESCRIBE_LISTS)?;
                let lists = listed(DESCRIBE_LISTS, page.prefix_lists.as_deref())?;
                found.extend(lists.iter().filter_map(|list| {
                    Some((SecurityGroupId::new(list.prefix_list_id()?), list.clone()))
                }));
                token = pages.after(page.next_token())?;
                if token.is_none() {
                    break;
                }
            }
        }
        Ok(found)
    }

    async fn entries(&self, id: &SecurityGroupId, version: i64) -> Called<Vec<Rule>> {
        let (mut pages, mut token, mut rules) = (Pages::of(GET_ENTRIES), None, Vec::new());
        loop {
            let request = self.client.get_managed_prefix_list_entries();
            let request = request.prefix_list_id(id.as_str()).target_version(version);
            let request = request.max_results(PAGE).set_next_token(token);
            let page = request.send().await.call(GET_ENTRIES)?;
            for entry in listed(GET_ENTRIES, page.entries.as_deref())? {
                rules.push(rule(entry).map_err(|problem| unreadable(GET_ENTRIES, problem))?);
            }
            token = pages.after(page.next_token())?;
            if token.is_none() {
                return Ok(rules);
            }
        }
    }
}

fn pauses(most: usize) -> ExponentialBackoff {
    let (first, longest) = (Duration::from_millis(200), Duration::from_secs(2));
    let pauses = ExponentialBuilder::new().with_min_delay(first).with_max_delay(longest);
    pauses.with_max_times(most).with_jitter().build()
}

/// An entry as a rule on all traffic.
fn rule(entry: &PrefixListEntry) -> Result<Rule, String> {
    let text = entry.cidr().ok_or("an entry without an address")?;
    let cidr: Cidr = text.parse().map_err(|problem| format!("{problem}"))?;
    let description = entry.description().unwrap_or_default();
    Ok(Rule {
        id: entry_id(cidr, description),
        traffic: Traffic::EVERYTHING,
        source: Source::Cidr(cidr),
        description: entry.description().map(str::to_owned),
        tags: entry_tags(description),
    })
}

/// A list that is there, complete and a customer's; else why not.
fn usable(id: &SecurityGroupId, list: Option<&ManagedPrefixList>) -> Called<Listed> {
    let no = |kind, code: &str, message: String| CallError {
        call: DESCRIBE_LISTS,
        kind,
        code: code.to_owned(),
        message,
        request_id: None,
    };
    let Some(list) = list else {
        let message = format!("there is no prefix list {id} here");
        return Err(no(Failure::NotFound, "InvalidPrefixListID.NotFound", message));
    };
    let state = list.state().map_or("", PrefixListState::as_str);
    if ["create-in-progress", "create-failed"].contains(&state) || state.starts_with("delete-") {
        let why = list.state_message().map(|why| format!(": {why}")).unwrap_or_default();
        let kind =
            if state == "create-in-progress" { Failure::Unavailable } else { Failure::NotFound };
        return Err(no(kind, "IncorrectState", format!("{id} is in state {state}{why}")));
    }
    let ipv4 = match list.address_family() {
        Some("IPv4") => Some(true),
        Some("IPv6") => Some(false),
        _ => None,
    };
    let most = list.max_entries().and_then(|most| u32::try_from(most).ok());
    let (Some(ipv4), Some(max_entries), Some(version)) = (ipv4, most, list.version()) else {
        let message = format!("{id} is no customer-managed prefix list");
        return Err(no(Failure::Refused, "NotManaged", message));
    };
    let holds = PrefixList { ipv4, max_entries };
    Ok(Listed { version, holds, busy: state.ends_with("-in-progress") })
}

fn is_failed(list: &ManagedPrefixList) -> bool {
    list.state().is_some_and(|state| state.as_str().ends_with("-failed"))
}

fn refused(kind: Failure, message: String) -> CallError {
    let code = match kind {
        Failure::Duplicate => "DuplicateEntry",
        Failure::NotFound => "EntryNotFound",
        Failure::NoAnswer => "ModifyInProgress",
        _ => "ModifyFailed",
    };
    CallError { call: MODIFY, kind, code: code.to_owned(), message, request_id: None }
}
