//! A security group as `facts/aws.md`, section 1, describes it, and a prefix list as the port
//! promises it: each call does all of what it is asked for or nothing, and reads may lag behind.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sync_core::ingress::{Ingress, PrefixList};
use sync_core::names::RuleId;
use sync_core::permission::{Permission, Rule, Source, Traffic};
use sync_core::ports::{CallError, Failure, Grant};
use tokio::time::Instant;

use super::runs::RunId;

/// Rules of each address family that AWS lets a group have.
const QUOTA: usize = 60;

/// A security group's ingress, or a prefix list's entries.
pub struct Group {
    /// AWS's own limit.
    pub quota: usize,
    /// The limit before AWS took only a few rules more.
    squeezed: Option<usize>,
    /// What it may hold, if it is a prefix list.
    pub list: Option<PrefixList>,
    /// Whether AWS says that there is no such list.
    pub(super) lost: bool,
    rules: BTreeMap<RuleId, Rule>,
    /// What the rules were before, and until when.
    history: Vec<(Instant, BTreeMap<RuleId, Rule>)>,
    /// Every change that a run made.
    pub changes: Vec<Change>,
    /// Rules that people wrote, as they must stay.
    pub(super) theirs: BTreeMap<RuleId, Rule>,
    /// When people last changed a permission.
    pub(super) meddled: BTreeMap<Permission, u64>,
}

/// One change of one rule by a run.
#[derive(Clone, Debug)]
pub struct Change {
    /// When, in the order of all calls.
    pub tick: u64,
    /// By whom.
    pub run: RunId,
    /// When that run had last read the mirror's rows as it asked for the change.
    pub rows_read: u64,
    /// Of what.
    pub permission: Permission,
    /// Whether it was added; revoked otherwise.
    pub added: bool,
}

impl Default for Group {
    fn default() -> Self {
        Self {
            quota: QUOTA,
            squeezed: None,
            list: None,
            lost: false,
            rules: BTreeMap::new(),
            history: Vec::new(),
            changes: Vec::new(),
            theirs: BTreeMap::new(),
            meddled: BTreeMap::new(),
        }
    }
}

fn no_such_list() -> CallError {
    CallError {
        call: "ec2:DescribeManagedPrefixLists",
        kind: Failure::NotFound,
        code: "InvalidPrefixListID.NotFound".to_owned(),
        message: "there is no such list".to_owned(),
        request_id: None,
    }
}

impl Group {
    /// An empty prefix list.
    pub(super) fn of(list: PrefixList) -> Self {
        Self { quota: list.max_entries as usize, list: Some(list), ..Self::default() }
    }

    /// The rules as they are.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.rules.values()
    }

    /// The rules as they were `lag` ago.
    pub(super) fn read(&self, lag: Duration) -> Ingress {
        let then = Instant::now().checked_sub(lag).unwrap_or_else(Instant::now);
        let old = self.history.iter().find(|(until, _)| *until > then);
        let rules = old.map_or(&self.rules, |(_, rules)| rules).values().cloned().collect();
        match self.list {
            Some(_) if self.lost => Ingress { rules: Vec::new(), list: Some(Err(no_such_list())) },
            list => Ingress { rules, list: list.map(Ok) },
        }
    }

    /// Whether some rule is exactly this permission.
    #[must_use]
    pub fn has(&self, permission: &Permission) -> bool {
        self.rules().any(|rule| rule.permission().as_ref() == Some(permission))
    }

    /// Whether some rule, or all of the mesh's own together, open all of this permission.
    #[must_use]
    pub fn opens(&self, permission: Permission) -> bool {
        let open = self.rules().filter_map(Rule::permission).collect();
        super::truth::opened_by(&open, permission)
    }

    /// How many rules AWS takes yet.
    pub(super) fn room(&self) -> usize {
        self.quota.saturating_sub(self.rules.len())
    }

    /// Adds rules, all or none; `id` makes their ids.
    pub(super) fn authorize(
        &mut self,
        grant: &Grant,
        mut id: impl FnMut() -> RuleId,
    ) -> Result<BTreeMap<Permission, RuleId>, Failure> {
        let asked: BTreeSet<Permission> = grant.permissions.iter().map(|(p, _)| *p).collect();
        if asked.len() != grant.permissions.len() || asked.is_empty() {
            return Err(Failure::Refused);
        }
        let entry = |list: PrefixList, permission: &Permission| {
            permission.traffic == Traffic::EVERYTHING && permission.cidr.is_ipv4() == list.ipv4
        };
        if self.list.is_some_and(|list| !asked.iter().all(|asked| entry(list, asked))) {
            return Err(Failure::Refused);
        }
        if asked.iter().any(|permission| self.has(permission)) {
            return Err(Failure::Duplicate);
        }
        let mut after = self.rules.clone();
        let mut ids = BTreeMap::new();
        for (permission, description) in &grant.permissions {
            let rule = Rule {
                id: id(),
                traffic: permission.traffic,
                source: Source::Cidr(permission.cidr),
                description: Some(description.clone()),
                tags: grant.tags.clone(),
            };
            ids.insert(*permission, rule.id.clone());
            after.insert(rule.id.clone(), rule);
        }
        let (ipv4, ipv6) = after
            .values()
            .map(Rule::counts)
            .fold((0, 0), |(v4, v6), rule| (v4 + usize::from(rule.0), v6 + usize::from(rule.1)));
        if ipv4.max(ipv6) > self.quota {
            return Err(Failure::QuotaExceeded);
        }
        self.become_(after);
        Ok(ids)
    }

    /// Removes rules, all or none; gives them back.
    pub(super) fn revoke(&mut self, ids: &[RuleId]) -> Result<Vec<Rule>, Failure> {
        let mut after = self.rules.clone();
        let removed: Option<Vec<Rule>> = ids.iter().map(|id| after.remove(id)).collect();
        let removed = removed.ok_or(Failure::NotFound)?;
        self.become_(after);
        Ok(removed)
    }

    /// Puts a rule there that is not ours to write: a person's.
    pub fn insert(&mut self, rule: Rule) {
        self.theirs.insert(rule.id.clone(), rule.clone());
        self.insert_ours(rule);
    }

    /// Puts a rule there that some run may have written.
    pub fn insert_ours(&mut self, rule: Rule) {
        let mut after = self.rules.clone();
        after.insert(rule.id.clone(), rule);
        self.become_(after);
    }

    /// Removes the rules that `which` picks, as a person may.
    pub fn remove(&mut self, which: impl Fn(&Rule) -> bool) {
        let mut after = self.rules.clone();
        after.retain(|_, rule| !which(rule));
        self.theirs.retain(|_, rule| !which(rule));
        self.become_(after);
    }

    /// AWS's limit is what it was.
    pub(super) fn ease(&mut self) {
        self.quota = self.squeezed.take().unwrap_or(self.quota);
    }

    /// AWS takes only this many rules more, for a while.
    pub(super) fn squeeze(&mut self, more: usize) {
        self.squeezed = self.squeezed.or(Some(self.quota));
        self.quota = self.rules.len() + more;
    }

    /// A rule that people wrote and that is no longer as they wrote it.
    pub(super) fn touched(&self) -> Option<&Rule> {
        self.theirs.values().find(|rule| self.rules.get(&rule.id) != Some(rule))
    }

    fn become_(&mut self, rules: BTreeMap<RuleId, Rule>) {
        let before = std::mem::replace(&mut self.rules, rules);
        self.history.push((Instant::now(), before));
    }
}
