//! The own rows: read version, observe, write (design section 4).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use futures::future::join_all;
use tokio::time::{Instant, sleep, timeout_at};

use super::Run;
use super::look::no_answer;
use super::tell::Floors;
use super::unlisted::{depart_unremembered, list_pooled, unlisted};
use crate::cidr::Cidr;
use crate::events::{Hook, Transition};
use crate::mesh::{Member, RowKey};
use crate::names::{AsgName, InstanceId, MemberName};
use crate::observe::{Belongs, Observation, observe};
use crate::ports::{CallError, Called, Condition, Failure, InstanceView, LifecycleState, Put};
use crate::report::RowStatus;
use crate::row::{Instances, MemberRow, Rows, Stored, Version};

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
    /// The version of the row before, which the own mirror had when the group was observed.
    pub over: Option<Version>,
    /// Whether there was a row before. Without one nobody's absence has been confirmed
    /// by EC2, so this run only adds (promise 2).
    pub remembered: bool,
    /// Whether another run wrote the row meanwhile, so that it was observed anew.
    pub anew: bool,
    /// What EC2 showed.
    pub views: Views,
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
    /// member has now, as far as is `told` in a region.
    pub(super) fn departed(&self, told: &Instances) -> BTreeSet<(MemberName, Cidr)> {
        let mut departed = BTreeSet::new();
        for seen in self.seen() {
            let left = seen.observation.departed.keys().flat_map(|id| seen.left_by(id, told));
            departed.extend(left.map(|cidr| (seen.row.member.clone(), cidr)));
        }
        for seen in self.seen() {
            for cidr in seen.row.instances.values().flatten() {
                departed.remove(&(seen.row.member.clone(), *cidr));
            }
        }
        departed
    }

    /// What a mirror's rows tell of who left. Where the own mirror is behind, lost or away,
    /// they may know more than this run saw.
    pub(super) fn learn(&self, told: &mut Instances, rows: &Rows) {
        for seen in self.seen() {
            let Some(row) = rows.row(&seen.row.key()) else { continue };
            let gone = [&seen.observation.departed, &seen.observation.dropped];
            for id in gone.into_iter().flat_map(BTreeMap::keys) {
                told.entry(id.clone())
                    .or_default()
                    .extend(row.instances.get(id).into_iter().flatten());
            }
        }
    }

    /// What is known of a hook's group.
    pub(super) fn of_hook(&self, hook: &Hook) -> Option<&OwnGroup> {
        self.groups.iter().find(|(key, _)| key.asg == hook.asg).map(|(_, group)| group)
    }
}

impl Seen {
    /// Every address that an instance is known to have left behind: by the observation,
    /// and by what is `told` of it in a region.
    pub(super) fn left_behind(&self, id: &InstanceId, told: &Instances) -> BTreeSet<Cidr> {
        let mut left = self.left_by(id, told);
        left.retain(|cidr| !self.observation.instances.values().any(|held| held.contains(cidr)));
        left
    }

    fn left_by(&self, id: &InstanceId, told: &Instances) -> BTreeSet<Cidr> {
        let seen = [&self.observation.departed, &self.observation.dropped];
        if seen.iter().all(|gone| !gone.contains_key(id)) {
            return BTreeSet::new();
        }
        seen.into_iter().chain([told]).filter_map(|gone| gone.get(id)).flatten().copied().collect()
    }
}

/// Observes a member's groups and writes their rows, as long as the run works. `views` is
/// what EC2 showed this run before.
pub(super) async fn observe_in_time(
    run: &Run<'_>,
    member: &Member,
    asgs: &BTreeSet<AsgName>,
    rows: Called<&Rows>,
    (floors, views): (&Floors, Views),
) -> BTreeMap<RowKey, OwnGroup> {
    let observed =
        timeout_at(run.work_until, observe_member(run, member, asgs, rows, (floors, views))).await;
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
    (floors, mut views): (&Floors, Views),
) -> BTreeMap<RowKey, OwnGroup> {
    let mut rows = rows.cloned();
    let mut done = BTreeMap::new();
    let (mut left, mut anew) = (asgs.clone(), false);
    let mut pauses = jittered(Duration::from_millis(30), Duration::from_millis(600), ROW_ROUNDS);
    loop {
        let groups = match observe_ready(run, member, &left, rows.as_ref().ok(), &mut views).await {
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
            if let Some(mut group) = group {
                if let OwnGroup::Seen(seen) = &mut group {
                    (seen.anew, seen.views) = (anew, views.clone());
                }
                left.remove(&key.asg);
                done.insert(key, group);
            }
        }
        if left.is_empty() {
            return done;
        }
        anew = true;
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

/// What EC2 showed a run of each instance, with all that earlier answers had.
pub(super) type Views = BTreeMap<InstanceId, InstanceView>;

/// A group as one observation found it: none where Auto Scaling does not show it.
type Observed = Option<(Observation, BTreeMap<InstanceId, LifecycleState>)>;

/// Observes until every hook's instance is where its hook can be answered, for a
/// few seconds at most.
async fn observe_ready(
    run: &Run<'_>,
    member: &Member,
    asgs: &BTreeSet<AsgName>,
    rows: Option<&Rows>,
    views: &mut Views,
) -> Called<BTreeMap<AsgName, Observed>> {
    let until = run.work_until.min(Instant::now() + ADDRESS_WAIT);
    let mut pauses = jittered(Duration::from_millis(250), Duration::from_secs(1), usize::MAX);
    loop {
        let groups = observe_once(run, member, asgs, rows, views).await?;
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
            let held = observation.instances.get(&hook.instance);
            held.is_some_and(|held| !held.is_empty())
                && !observation.without_address.contains_key(&hook.instance)
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
    views: &mut Views,
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
    let mut shown = if ids.is_empty() { BTreeMap::new() } else { observer.instances(&ids).await? };
    for (id, view) in &mut shown {
        if let Some(earlier) = views.get(id) {
            view.recall(earlier);
        }
        views.insert(id.clone(), view.clone());
    }
    if run.mesh().is_told_apart(&member.name) {
        shown.values_mut().for_each(InstanceView::tell_private_apart);
    }
    let kinds = run.mesh().kinds_of(&member.name);
    let waits = |id: &InstanceId| run.request.hooks.iter().any(|hook| hook.instance == *id);
    list_pooled(observer.as_ref(), &mut listed, &shown, waits).await?;
    Ok(asgs
        .iter()
        .map(|asg| {
            let group = listed.remove(asg).map(|states| {
                let mut observation = observe(asg, &states, remembered(asg), &shown, &kinds);
                observation.unlisted = unlisted(run, asg, &observation, &states, views);
                depart_unremembered(run, &mut observation, &states, &shown, &kinds);
                (observation, states)
            });
            (asg.clone(), group)
        })
        .collect())
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
        let over = before.map(|row| row.version);
        Some(OwnGroup::Seen(Seen {
            observation,
            states,
            row,
            changed,
            over,
            remembered,
            anew: false,
            views: Views::new(),
            status,
            error,
        }))
    };
    let overtaken = floor > old;
    let unrecorded = before.is_some_and(|row| left_unrecorded(run, key, &observation, row));
    let quiet = !changed && !redeployed && !heartbeat && !overtaken && !unrecorded;
    if let Some(row) = before.filter(|_| quiet) {
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

/// Whether somebody left whom the row does not name. Another run may have seen that
/// instance alive over the same row, and not have written it yet: only a new version
/// says that this observation is the later one.
fn left_unrecorded(
    run: &Run<'_>,
    key: &RowKey,
    observation: &Observation,
    row: &MemberRow,
) -> bool {
    let ended = run.request.hooks.iter().filter(|hook| {
        hook.asg == key.asg
            && hook.transition == Transition::Terminate
            && !observation.instances.contains_key(&hook.instance)
    });
    let left = observation.departed.keys().chain(ended.map(|hook| &hook.instance));
    left.into_iter().any(|id| !row.instances.contains_key(id))
}
