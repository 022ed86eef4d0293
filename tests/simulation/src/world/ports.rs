//! The ports, over the world.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use sync_core::events::Hook;
use sync_core::mesh::RowKey;
use sync_core::names::{AsgName, InstanceId, RuleId, SecurityGroupId};
use sync_core::permission::Rule;
use sync_core::ports::{
    Called, Condition, Failure, Grant, Groups, HookAnswer, HookWriter, InstanceView, Item,
    LifecycleState, MemberReaders, MemberWriters, MirrorReader, MirrorWriter, Observer, Put,
    Receipt, RuleReader, RuleWriter,
};
use sync_core::row::MemberRow;

use super::door::{Door, call};

impl Door {
    pub(super) fn readers(self) -> MemberReaders {
        let door = Arc::new(self);
        MemberReaders { observer: door.clone(), rules: door.clone(), mirror: door }
    }

    pub(super) fn writers(self) -> MemberWriters {
        let door = Arc::new(self);
        MemberWriters { hooks: door.clone(), rules: door.clone(), mirror: door }
    }
}

#[async_trait]
impl Observer for Door {
    async fn groups(&self, names: &BTreeSet<AsgName>) -> Called<Groups> {
        self.call(call::GROUPS, "", |state, _| {
            let asgs = &state.place(&self.place).asgs;
            let shown = asgs.iter().filter(|(name, _)| names.contains(*name));
            Ok(shown.map(|(name, instances)| (name.clone(), instances.clone())).collect())
        })
        .await
    }

    async fn instances(
        &self,
        ids: &BTreeSet<InstanceId>,
    ) -> Called<BTreeMap<InstanceId, InstanceView>> {
        self.call(call::INSTANCES, "", |state, _| {
            let instances = &state.place(&self.place).instances;
            let shown = ids.iter().filter_map(|id| Some((id.clone(), instances.get(id)?.clone())));
            Ok(shown.collect())
        })
        .await
    }

    async fn lifecycle_state(&self, id: &InstanceId) -> Called<Option<LifecycleState>> {
        self.call(call::STATE, id, |state, _| {
            let asgs = &state.place(&self.place).asgs;
            Ok(asgs.values().find_map(|instances| instances.get(id)).cloned())
        })
        .await
    }
}

#[async_trait]
impl HookWriter for Door {
    async fn complete(&self, hook: &Hook, answer: HookAnswer) -> Called<Receipt> {
        self.call(
            call::COMPLETE,
            format!("{} {:?} {answer:?}", hook.instance, hook.transition),
            |state, passage| {
                let waits = (hook.instance.clone(), hook.transition);
                if !state.place(&self.place).waiting.remove(&waits) {
                    return Err(Failure::NoActiveAction);
                }
                state.watch_completion(self.run, &self.place, hook, answer);
                state.place(&self.place).proceed(hook, answer);
                Ok(Receipt { request_id: Some(passage.request_id.clone()), ..Receipt::default() })
            },
        )
        .await
    }
}

#[async_trait]
impl RuleReader for Door {
    async fn rules(
        &self,
        groups: &[SecurityGroupId],
    ) -> Called<BTreeMap<SecurityGroupId, Vec<Rule>>> {
        self.call(call::RULES, "", |state, passage| {
            let there = &state.place(&self.place).groups;
            let read = |id: &SecurityGroupId| {
                let group = there.get(id).ok_or(Failure::NotFound)?;
                Ok((id.clone(), group.read(passage.lag)))
            };
            groups.iter().map(read).collect()
        })
        .await
    }
}

#[async_trait]
impl RuleWriter for Door {
    async fn authorize(&self, grant: &Grant) -> Called<Receipt> {
        self.call(
            call::AUTHORIZE,
            listed(grant.permissions.iter().map(|(permission, _)| permission)),
            |state, passage| {
                let first = state.numbers(grant.permissions.len() as u64);
                let mut ids = (first..).map(|number| RuleId::new(format!("sgr-{number:06}")));
                let group = state.place(&self.place).groups.get_mut(&grant.group);
                let group = group.ok_or(Failure::NotFound)?;
                let rules =
                    group.authorize(grant, || ids.next().expect("there is no last number"))?;
                state.watch_authorize(self.run, &self.place, grant);
                Ok(Receipt { request_id: Some(passage.request_id.clone()), rules })
            },
        )
        .await
    }

    async fn revoke(&self, group: &SecurityGroupId, rules: &[RuleId]) -> Called<Receipt> {
        self.call(call::REVOKE, listed(rules), |state, passage| {
            let there = state.place(&self.place).groups.get_mut(group);
            let removed = there.ok_or(Failure::NotFound)?.revoke(rules)?;
            state.watch_revoke(self.run, &self.place, group, &removed);
            Ok(Receipt { request_id: Some(passage.request_id.clone()), ..Receipt::default() })
        })
        .await
    }
}

#[async_trait]
impl MirrorReader for Door {
    async fn rows(&self, _keys: &[RowKey]) -> Called<Vec<Item>> {
        self.call(call::ROWS, "", |state, _| {
            let items = state.place(&self.place).items();
            state.watch_rows(self.run, &self.place, &items);
            Ok(items)
        })
        .await
    }
}

#[async_trait]
impl MirrorWriter for Door {
    async fn put(&self, row: &MemberRow, condition: Condition) -> Called<Put> {
        self.call(
            call::PUT,
            format!("{} {:?} {condition:?}", row.version, row.instances),
            |state, _| {
                let before = state.place(&self.place).table.get(&row.key()).cloned();
                let put = state.place(&self.place).put(row, &condition);
                if put == Put::Written {
                    state.watch_put(self.run, before.as_ref(), row);
                }
                Ok(put)
            },
        )
        .await
    }
}

fn listed<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}
