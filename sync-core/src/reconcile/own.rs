//! The own rows: read version, observe, write (design section 4).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use futures::future::join_all;
use tokio::time::{Instant, sleep, timeout_at};

use super::Run;
use super::look::no_answer;
use super::tell::Floors;
use crate::cidr::Cidr;
use crate::events::{Hook, Transition};
use crate::mesh::{Member, RowKey};
use crate::names::{AsgName, InstanceId, MemberName};
use crate::observe::{Belongs, Observation, observe};
use crate::ports::{
    CallError, Called, Condition, Failure, Groups, InstanceView, LifecycleState, Observer, Put,
};
use crate::report::RowStatus;
use crate::row::{MemberRow, Rows, Stored, Version};

/// How often a group is observed anew because another run wrote its row meanwhile.
/// Each round at least one of the runs in each other's way gets through.
const ROW_ROUNDS: usize = 12;

/// How long a launching instance's address is waited for before the hook goes back
/// to the queue (`facts/aws.md`, section 4: absent even just after "running").
const ADDRESS_WAIT: Duration = Duration::from_secs(6);

/// What this run knows of its own groups.
#[derive(Clone, Debug, Default)]
pub(super) struct Own {
    /// Each group it was asked to observe.
    pub groups: BTreeMap<RowKey, OwnGroup>,
}

/// One group.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "a run has a handful of them")]
pub(super) enum OwnGroup {
    /// Observed.
    Seen(Seen),
    /// Auto Scaling does not show the group.
    Missing,
    /// A call failed; the group is as unknown as before.
    Failed(CallError),
}

/// An observed group.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// What it looked like.
    pub observation: Observation,
    /// Each listed instance's state.
    pub states: BTreeMap<InstanceId, LifecycleState>,
    /// The row that says so.
    pub row: MemberRow,
    /// Whether that row says something else than the one before.
    pub changed: bool,
    /// Whether there was a row before. Without one nobody's absence has been confirmed
    /// by EC2, so this run only adds (promise 2).
    pub remembered: bool,
    /// What became of it in the own mirror.
    pub status: RowStatus,
    /// Why the own mirror could not be used.
    pub error: Option<CallError>,
}

impl Own {
    pub(super) fn new(members: Vec<BTreeMap<RowKey, OwnGroup>>) -> Self {
        Self { groups: members.into_iter().flatten().collect() }
    }

    /// The observed groups.
    pub(super) fn seen(&self) -> impl Iterator<Item = &Seen> {
        self.groups.values().filter_map(|group| match group {
            OwnGroup::Seen(seen) => Some(seen),
            OwnGroup::Missing | OwnGroup::Failed(_) => None,
        })
    }

    /// Members some of whose asked-for groups are not known, or not written down.
    /// Nothing of theirs is revoked but what is certain.
    pub(super) fn uncertain(&self) -> BTreeSet<MemberName> {
        let certain = |group: &OwnGroup| match group {
            OwnGroup::Seen(seen) => seen.status != RowStatus::Unavailable && seen.remembered,
            OwnGroup::Missing | OwnGroup::Failed(_) => false,
        };
        let uncertain = self.groups.iter().filter(|(_, group)| !certain(group));
        uncertain.map(|(key, _)| key.member.clone()).collect()
    }

    /// Addresses whose instance this very run saw leave, and that no instance of the
    /// member has now.
    pub(super) fn departed(&self) -> BTreeSet<(MemberName, Cidr)> {
        let of = |seen: &Seen, from: fn(&Seen) -> &crate::row::Instances| {
            let member = seen.row.member.clone();
            from(seen).values().flatten().map(|cidr| (member.clone(), *cidr)).collect::<Vec<_>>()
        };
        let mut departed: BTreeSet<_> =
            self.seen().flat_map(|seen| of(seen, |seen| &seen.observation.departed)).collect();
        for alive in self.seen().flat_map(|seen| of(seen, |seen| &seen.row.instances)) {
            departed.remove(&alive);
        }
        departed
    }

    /// What is known of a hook's group.
    pub(super) fn of_hook(&self, hook: &Hook) -> Option<&OwnGroup> {
        self.groups.iter().find(|(key, _)| key.asg == hook.asg).map(|(_, group)| group)
    }
}

/// Observes a member's groups and writes their rows, as long as the run works.
pub(super) async fn observe_in_time(
    run: &Run<'_>,
    member: &Member,
    asgs: &BTreeSet<AsgName>,
    rows: Called<&Rows>,
    floors: &Floors,
) -> BTreeMap<RowKey, OwnGroup> {
    let observed =
        timeout_at(run.work_until, observe_member(run, member, asgs, rows, floors)).await;
    observed.unwrap_or_else(|_| {
        keyed(member, asgs, &OwnGroup::Failed(no_answer("observe", member))).collect()
    })
}

/// Observes a member's groups and writes their rows, starting over whenever another
/// run wrote meanwhile. `rows` is what the look at the start found in the mirror.
async fn observe_member(
    run: &Run<'_>,
    member: &Member,
    asgs: &BTreeSet<AsgName>,
    rows: Called<&Rows>,
    floors: &Floors,
) -> BTreeMap<RowKey, OwnGroup> {
    let mut rows = rows.cloned();
    let mut done = BTreeMap::new();
    let mut left = asgs.clone();
    let mut pauses = jittered(Duration::from_millis(30), Duration::from_millis(600), ROW_ROUNDS);
    loop {
        let groups = match observe_ready(run, member, &left, rows.as_ref().ok()).await {
            Ok(groups) => groups,
            Err(error) => {
                done.extend(keyed(member, &left, &OwnGroup::Failed(error)));
                return done;
            }
        };
        let written = join_all(groups.into_iter().map(|(asg, group)| async {
            let key = RowKey { member: member.name.clone(), asg };
            let floor = floors.get(&key).copied();
            let group = write(run, member, &key, group, &rows, floor).await;
            (key, group)
        }));
        for (key, group) in written.await {
            if let Some(group) = group {
                left.remove(&key.asg);
                done.insert(key, group);
            }
        }
        if left.is_empty() {
            return done;
        }
        let Some(pause) = pauses.next().filter(|_| Instant::now() < run.work_until) else {
            done.extend(keyed(member, &left, &OwnGroup::Failed(contended(member))));
            return done;
        };
        sleep(pause).await;
        let keys: Vec<RowKey> = member.row_keys().collect();
        let read = run.readers(member).mirror.rows(&keys).await;
        rows = read.map(|items| Rows::read(&items, run.mesh()));
    }
}

/// Exponential pauses with jitter, so that runs in each other's way part.
pub(super) fn jittered(
    least: Duration,
    most: Duration,
    times: usize,
) -> impl Iterator<Item = Duration> + Send {
    ExponentialBuilder::new()
        .with_min_delay(least)
        .with_max_delay(most)
        .with_max_times(times)
        .with_jitter()
        .build()
}

fn keyed<'a>(
    member: &'a Member,
    asgs: &'a BTreeSet<AsgName>,
    group: &'a OwnGroup,
) -> impl Iterator<Item = (RowKey, OwnGroup)> + 'a {
    asgs.iter().map(|asg| (RowKey { member: member.name.clone(), asg: asg.clone() }, group.clone()))
}

pub(super) fn contended(member: &Member) -> CallError {
    CallError {
        call: "dynamodb:PutItem",
        kind: Failure::Unavailable,
        code: "RowContended".to_owned(),
        message: format!("other runs kept writing rows of {} first", member.name),
        request_id: None,
    }
}

/// A group as one observation found it: none where Auto Scaling does not show it.
type Observed = Option<(Observation, BTreeMap<InstanceId, LifecycleState>)>;

/// Observes until every hook's instance is where its hook can be answered, for a
/// few seconds at most.
async fn observe_ready(
    run: &Run<'_>,
    member: &Member,
    asgs: &BTreeSet<AsgName>,
    rows: Option<&Rows>,
) -> Called<BTreeMap<AsgName, Observed>> {
    let until = run.work_until.min(Instant::now() + ADDRESS_WAIT);
    let mut pauses = jittered(Duration::from_millis(250), Duration::from_secs(1), usize::MAX);
    loop {
        let groups = observe_once(run, member, asgs, rows).await?;
        let waits = run.request.hooks.iter().any(|hook| !is_ready(hook, groups.get(&hook.asg)));
        let pause = pauses.next().filter(|pause| waits && Instant::now() + *pause < until);
        match pause {
            Some(pause) => sleep(pause).await,
            None => return Ok(groups),
        }
    }
}

/// Whether what is seen of a hook's instance agrees with its hook. Auto Scaling and
/// EC2 may both show it as it was a moment ago.
fn is_ready(hook: &Hook, group: Option<&Observed>) -> bool {
    let Some(group) = group else { return true };
    let Some((observation, states)) = group else { return false };
    let member = observation.instances.contains_key(&hook.instance);
    let state = states.get(&hook.instance);
    match hook.transition {
        Transition::Launch if member => {
            observation.instances.get(&hook.instance).is_some_and(|held| !held.is_empty())
        }
        Transition::Launch => {
            observation.departed.contains_key(&hook.instance)
                || state.is_some_and(|s| s.belongs() == Belongs::No && s.as_str() != "Pending")
        }
        Transition::Terminate => {
            !member || state.is_some_and(LifecycleState::is_replacing_root_volume)
        }
    }
}

async fn observe_once(
    run: &Run<'_>,
    member: &Member,
    asgs: &BTreeSet<AsgName>,
    rows: Option<&Rows>,
) -> Called<BTreeMap<AsgName, Observed>> {
    let observer = &run.readers(member).observer;
    let remembered = |asg: &AsgName| {
        let key = RowKey { member: member.name.clone(), asg: asg.clone() };
        rows.and_then(|rows| rows.row(&key)).map(|row| &row.instances)
    };
    let mut listed = observer.groups(asgs).await?;
    let mut ids: BTreeSet<InstanceId> = listed.values().flat_map(BTreeMap::keys).cloned().collect();
    ids.extend(asgs.iter().filter_map(remembered).flat_map(BTreeMap::keys).cloned());
    let hooked = run.request.hooks.iter().filter(|hook| asgs.contains(&hook.asg));
    ids.extend(hooked.map(|hook| hook.instance.clone()));
    let shown = if ids.is_empty() { BTreeMap::new() } else { observer.instances(&ids).await? };
    let waits = |id: &InstanceId| run.request.hooks.iter().any(|hook| hook.instance == *id);
    list_pooled(observer.as_ref(), &mut listed, &shown, waits).await?;
    Ok(asgs
        .iter()
        .map(|asg| {
            let group = listed.remove(asg).map(|states| {
                let kinds = &run.mesh().kinds;
                let mut observation = observe(asg, &states, remembered(asg), &shown, kinds);
                observation.unlisted = unlisted(run, asg, &observation, &states, &shown);
                depart_unremembered(run, &mut observation, &states, &shown);
                (observation, states)
            });
            (asg.clone(), group)
        })
        .collect())
}

/// Adds instances that EC2 shows alive in a group, and that Auto Scaling did not list
/// with it: it leaves those of the warm pool out, where hooks wait too (`facts/aws.md`,
/// section 3). One that it does not tell of stays unknown; one whose hook `waits` cannot
/// be answered without.
async fn list_pooled(
    observer: &dyn Observer,
    listed: &mut Groups,
    shown: &BTreeMap<InstanceId, InstanceView>,
    waits: impl Fn(&InstanceId) -> bool,
) -> Called<()> {
    let unlisted = shown.iter().filter_map(|(id, view)| {
        let asg = view.asg.clone().filter(|_| !view.is_dead())?;
        let missing = listed.get(&asg).is_some_and(|states| !states.contains_key(id));
        missing.then_some((id, asg))
    });
    let states = join_all(
        unlisted
            .map(|(id, asg)| async move { (id.clone(), asg, observer.lifecycle_state(id).await) }),
    );
    for (id, asg, state) in states.await {
        match state {
            Ok(Some(state)) => {
                listed.entry(asg).or_default().insert(id, state);
            }
            Err(error) if waits(&id) => return Err(error),
            Ok(None) | Err(_) => {}
        }
    }
    Ok(())
}

/// Instances that leave for the warm pool, as their hooks say, and that no row tells of:
/// what EC2 shows of them is what they leave behind.
fn depart_unremembered(
    run: &Run<'_>,
    observation: &mut Observation,
    states: &BTreeMap<InstanceId, LifecycleState>,
    shown: &BTreeMap<InstanceId, InstanceView>,
) {
    let leaving = run.request.hooks.iter().filter(|hook| hook.transition == Transition::Terminate);
    for id in leaving.map(|hook| &hook.instance) {
        let out = states.get(id).is_some_and(|state| state.belongs() == Belongs::No);
        if let Some(view) = shown.get(id).filter(|_| out) {
            let left = || view.addresses(&run.mesh().kinds);
            observation.departed.entry(id.clone()).or_insert_with(left);
        }
    }
}

/// Launching instances that EC2 shows in the group and Auto Scaling does not list yet.
fn unlisted(
    run: &Run<'_>,
    asg: &AsgName,
    observation: &Observation,
    states: &BTreeMap<InstanceId, LifecycleState>,
    shown: &BTreeMap<InstanceId, InstanceView>,
) -> BTreeSet<InstanceId> {
    let launching = run.request.hooks.iter().filter(|hook| hook.transition == Transition::Launch);
    launching
        .map(|hook| &hook.instance)
        .filter(|id| !states.contains_key(*id) && !observation.instances.contains_key(*id))
        .filter(|id| {
            shown.get(*id).is_some_and(|view| !view.is_dead() && view.asg.as_ref() == Some(asg))
        })
        .cloned()
        .collect()
}

/// Writes one group's row over the version that was read before the observation.
/// None means that another run wrote meanwhile.
async fn write(
    run: &Run<'_>,
    member: &Member,
    key: &RowKey,
    observed: Observed,
    rows: &Called<Rows>,
    floor: Option<Version>,
) -> Option<OwnGroup> {
    let Some((observation, states)) = observed else { return Some(OwnGroup::Missing) };
    let stored = rows.as_ref().ok().and_then(|rows| rows.stored.get(key));
    let (old, condition) = match stored {
        Some(Stored::Row(row)) => (Some(row.version), Condition::Over(Some(row.version))),
        Some(Stored::Rejected { version: Some(raw), .. }) => {
            (None, Condition::Replace(raw.clone()))
        }
        _ => (None, Condition::Over(None)),
    };
    let before = stored.and_then(Stored::row);
    let changed = before.is_none_or(|row| row.instances != observation.instances);
    let redeployed = before.is_some_and(|row| row.document != run.mesh().hash);
    let now = run.engine.clock.now();
    let heartbeat = before.is_some_and(|row| {
        let age = now.duration_since(row.observed_at);
        age.unsigned_abs() * 2 > run.mesh().limits.stale_after
    });
    let seen = |row: MemberRow, status, error| {
        let (observation, states) = (observation.clone(), states.clone());
        let remembered = before.is_some();
        Some(OwnGroup::Seen(Seen { observation, states, row, changed, remembered, status, error }))
    };
    let overtaken = floor > old;
    if let Some(row) = before.filter(|_| !changed && !redeployed && !heartbeat && !overtaken) {
        return seen(row.clone(), RowStatus::Unchanged, None);
    }
    let version = Version::next(old.max(floor), now);
    let instances = observation.instances.clone();
    let document = run.mesh().hash.clone();
    let row = MemberRow::new(key.clone(), version, now, instances, run.who(), document);
    if let Err(error) = rows {
        return seen(row, RowStatus::Unavailable, Some(error.clone()));
    }
    let Some(writers) = run.writers(member) else { return seen(row, RowStatus::Written, None) };
    match writers.mirror.put(&row, condition).await {
        Ok(Put::Written) => seen(row, RowStatus::Written, None),
        Ok(Put::Rejected) => None,
        Err(error) => seen(row, RowStatus::Unavailable, Some(error)),
    }
}
