//! The ports, over the world.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use sync_core::events::Hook;
use sync_core::ingress::Ingress;
use sync_core::mesh::RowKey;
use sync_core::names::{AsgName, InstanceId, RuleId, SecurityGroupId};
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
        let (door, names) = (self.clone(), names.clone());
        self.call(call::GROUPS, String::new, move |state, passage| {
            // An answer may lack a whole group, or some of its instances.
            let whole = passage.hide && state.tick.is_multiple_of(2);
            if whole {
                return Ok(Groups::new());
            }
            let asgs = &state.place(&door.place).asgs;
            let groups: Groups =
                asgs.iter().filter(|(name, _)| names.contains(*name)).map(listed).collect();
            let groups =
                if passage.hide { groups.into_iter().map(halved).collect() } else { groups };
            state.watch_groups(door.run, &door.place, &groups);
            Ok(groups)
        })
        .await
    }

    async fn instances(
        &self,
        ids: &BTreeSet<InstanceId>,
    ) -> Called<BTreeMap<InstanceId, InstanceView>> {
        let (door, ids) = (self.clone(), ids.clone());
        self.call(call::INSTANCES, String::new, move |state, passage| {
            let there = state.place(&door.place).shown(passage.lag);
            let shown = ids.iter().filter_map(|id| Some((id.clone(), there.get(id)?.clone())));
            let mut shown: BTreeMap<InstanceId, InstanceView> = shown.collect();
            if passage.hide {
                for view in shown.values_mut() {
                    view.public_ipv4.clear();
                    view.ipv6.clear();
                    view.prefixes.clear();
                }
            }
            state.watch_instances(door.run, &door.place, &shown, passage);
            Ok(shown)
        })
        .await
    }

    async fn lifecycle_state(&self, id: &InstanceId) -> Called<Option<LifecycleState>> {
        let (door, id) = (self.clone(), id.clone());
        self.call(call::STATE, String::new, move |state, passage| {
            if passage.hide {
                return Ok(None);
            }
            state.watch_state(door.run, &door.place, &id);
            let asgs = &state.place(&door.place).asgs;
            Ok(asgs.values().find_map(|instances| instances.get(&id)).cloned())
        })
        .await
    }
}

#[async_trait]
impl HookWriter for Door {
    async fn complete(&self, hook: &Hook, answer: HookAnswer) -> Called<Receipt> {
        let (door, hook) = (self.clone(), hook.clone());
        let what = format!("{} {:?} {answer:?}", hook.instance, hook.transition);
        self.call(
            call::COMPLETE,
            || what,
            move |state, passage| {
                let waits = (hook.instance.clone(), hook.transition);
                let waiting = &mut state.place(&door.place).waiting;
                let waited = waiting.get(&waits).is_some_and(|token| {
                    // The instance id works alone; a token is of one action.
                    hook.token.as_ref().is_none_or(|named| named == token)
                });
                if !waited {
                    return Err(Failure::NoActiveAction);
                }
                waiting.remove(&waits);
                state.watch_completion(door.run, &door.place, &hook, answer);
                state.proceed(&door.place, &hook, answer);
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
        targets: &[SecurityGroupId],
    ) -> Called<BTreeMap<SecurityGroupId, Ingress>> {
        let (door, targets) = (self.clone(), targets.to_vec());
        self.call(call::RULES, String::new, move |state, passage| {
            let there = &state.place(&door.place).groups;
            let read = |id: &SecurityGroupId| {
                let group = there.get(id).ok_or(Failure::NotFound)?;
                Ok((id.clone(), group.read(passage.lag)))
            };
            let rules: BTreeMap<_, _> = targets.iter().map(read).collect::<Result<_, _>>()?;
            state.watch_rules(door.run, &door.place, &rules);
            Ok(rules)
        })
        .await
    }
}

#[async_trait]
impl RuleWriter for Door {
    async fn authorize(&self, grant: &Grant) -> Called<Receipt> {
        let (door, grant) = (self.clone(), grant.clone());
        let rows_read = {
            let mut state = self.world.state();
            state.watch_request(self.run, &self.place, &grant);
            state.runs[&self.run].rows_read(&self.place)
        };
        let what = named(grant.permissions.iter().map(|(permission, _)| permission));
        let asked = grant.clone();
        let answer = self.call(
            call::AUTHORIZE,
            || what,
            move |state, passage| {
                let first = state.numbers(grant.permissions.len() as u64);
                let mut ids = (first..).map(|number| RuleId::new(format!("sgr-{number:06}")));
                let group = state.place(&door.place).groups.get_mut(&grant.group);
                let group = group.ok_or(Failure::NotFound)?;
                let rules =
                    group.authorize(&grant, || ids.next().expect("there is no last number"))?;
                state.watch_authorize(door.run, &door.place, &grant, rows_read);
                Ok(Receipt { request_id: Some(passage.request_id.clone()), rules })
            },
        );
        let answer = answer.await;
        let done = match &answer {
            Ok(_) => Some(true),
            // Of one permission alone, Duplicate says that it is there.
            Err(error) if error.kind == Failure::Duplicate && asked.permissions.len() == 1 => {
                Some(false)
            }
            Err(_) => None,
        };
        let full = matches!(&answer, Err(error) if error.kind == Failure::QuotaExceeded);
        self.world.state().watch_added(self.run, &self.place, &asked, done, full);
        answer
    }

    async fn revoke(&self, group: &SecurityGroupId, rules: &[RuleId]) -> Called<Receipt> {
        let (door, group, rules) = (self.clone(), group.clone(), rules.to_vec());
        let basis = {
            let mut state = self.world.state();
            state.watch_age(self.run, &self.place, &group);
            state.watch_order(self.run, &self.place, &group, &rules);
            let known = &state.runs[&self.run];
            (known.looked(&self.place, &group), known.rows_read(&self.place))
        };
        let (what, count) = (named(&rules), rules.len());
        let answer = self.call(
            call::REVOKE,
            || what,
            move |state, passage| {
                let there = state.place(&door.place).groups.get_mut(&group);
                let removed = there.ok_or(Failure::NotFound)?.revoke(&rules)?;
                state.watch_revoke(door.run, &door.place, &group, (&removed, basis));
                Ok(Receipt { request_id: Some(passage.request_id.clone()), ..Receipt::default() })
            },
        );
        let answer = answer.await;
        self.world.state().lines += if answer.is_ok() { count } else { 0 };
        answer
    }
}

#[async_trait]
impl MirrorReader for Door {
    async fn rows(&self, keys: &[RowKey]) -> Called<Vec<Item>> {
        let (door, keys) = (self.clone(), keys.to_vec());
        let read = self.call(call::ROWS, String::new, move |state, _| {
            state.watch_rows(door.run, &door.place, &keys);
            Ok(state.places[&door.place].items(&keys, &state.mesh))
        });
        let read = read.await;
        if read.is_err() {
            self.world.state().watch_no_rows(self.run, &self.place);
        }
        read
    }
}

#[async_trait]
impl MirrorWriter for Door {
    async fn put(&self, row: &MemberRow, condition: Condition) -> Called<Put> {
        let (door, row) = (self.clone(), row.clone());
        let what = format!("{} {} {:?} {condition:?}", row.asg, row.version, row.instances);
        self.call(
            call::PUT,
            || what,
            move |state, _| {
                let put = state.place(&door.place).put(&row, &condition);
                if put == Put::Written {
                    state.watch_put(door.run, &door.place, &row);
                }
                Ok(put)
            },
        )
        .await
    }
}

type Listed = (AsgName, BTreeMap<InstanceId, LifecycleState>);

/// A group as Auto Scaling lists it: without its warm pool (`facts/aws.md`, section 3).
fn listed((name, instances): (&AsgName, &BTreeMap<InstanceId, LifecycleState>)) -> Listed {
    let shown = instances.iter().filter(|(_, state)| !state.as_str().starts_with("Warmed:"));
    (name.clone(), shown.map(|(id, state)| (id.clone(), state.clone())).collect())
}

/// A group of which every other instance is left out.
fn halved((name, instances): Listed) -> Listed {
    (name, instances.into_iter().step_by(2).collect())
}

fn named<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}
