//! Tells a mirror what this run saw (design section 4).

use futures::future::{join_all, try_join_all};
use jiff::Timestamp;
use tokio::time::timeout_at;

use super::Run;
use super::own::{Own, OwnGroup, Seen, contended, observe_in_time};
use super::region::RegionRun;
use crate::mesh::RowKey;
use crate::names::MemberName;
use crate::ports::{Called, Condition, Put};
use crate::report::{MirrorStatus, RowStatus};
use crate::row::{MemberRow, Rows, Stored, Version};

/// How often a mirror is told something that other runs keep changing.
const TELLINGS: usize = 4;

impl<'a> RegionRun<'a> {
    /// Puts the own rows into this mirror, where it does not have them. Row before
    /// rule: if one cannot be written, the region is unreachable for this run.
    pub(super) async fn tell(&mut self, run: &Run<'a>, own: &Own) -> Called<()> {
        let Some(writers) = run.writers(self.member) else { return Ok(()) };
        for _ in 0..TELLINGS {
            let news: Vec<_> =
                own.seen().filter_map(|seen| News::of(seen, self, &self.rows)).collect();
            let puts =
                news.iter().map(|news| writers.mirror.put(&news.row, news.condition.clone()));
            let puts = try_join_all(puts).await?;
            let rejected: Vec<_> =
                news.iter().zip(&puts).filter(|(_, put)| **put == Put::Rejected).collect();
            if rejected.len() < news.len() {
                self.mirror = self.mirror.max(MirrorStatus::Written);
            }
            if rejected.is_empty() {
                for news in news {
                    self.rows.overlay(news.row);
                }
                return Ok(());
            }
            self.mirror = MirrorStatus::Newer;
            let keys: Vec<_> = run.mesh().row_keys().collect();
            let items = run.readers(self.member).mirror.rows(&keys).await?;
            self.rows = Rows::read(&items, run.mesh());
            if rejected.iter().all(|(news, _)| news.condition == Condition::Newer) {
                return Ok(());
            }
        }
        Err(contended(self.member))
    }
}

/// A row that a mirror does not have.
struct News {
    row: MemberRow,
    condition: Condition,
}

impl News {
    fn of(seen: &Seen, region: &RegionRun<'_>, rows: &Rows) -> Option<Self> {
        if seen.row.member == region.member.name {
            return None;
        }
        let key = seen.row.key();
        let told = rows.row(&key);
        let replace = match rows.stored.get(&key) {
            Some(Stored::Rejected { version: Some(raw), .. }) => {
                Some(Condition::Replace(raw.clone()))
            }
            _ => None,
        };
        if seen.status == RowStatus::Unavailable {
            let row = amended(seen, told, &region.first);
            let over = Condition::Over(told.map(|row| row.version));
            let news = told.is_none_or(|told| told.instances != row.instances);
            return news.then(|| Self { row, condition: replace.unwrap_or(over) });
        }
        (told.map(|row| row.version) != Some(seen.row.version))
            .then(|| Self { row: seen.row.clone(), condition: replace.unwrap_or(Condition::Newer) })
    }
}

/// The row that a peer's mirror gets while the own mirror is away and nothing orders
/// observations: the one it has, with whom this run saw come since its `first` look
/// added and whom it saw leave left out. One version further and no more, so that any
/// ordered row replaces it.
fn amended(seen: &Seen, told: Option<&MemberRow>, first: &Rows) -> MemberRow {
    let first = first.row(&seen.row.key());
    let came = seen
        .row
        .instances
        .iter()
        .filter(|(id, cidrs)| first.is_none_or(|row| row.instances.get(*id) != Some(cidrs)));
    let mut instances = told.map(|row| row.instances.clone()).unwrap_or_default();
    instances.retain(|id, _| !seen.observation.departed.contains_key(id));
    instances.extend(came.map(|(id, cidrs)| (id.clone(), cidrs.clone())));
    let version = Version::next(told.map(|row| row.version), Timestamp::UNIX_EPOCH);
    let mut row = seen.row.clone();
    (row.instances, row.version) = (instances, version);
    row
}

/// Whether a mirror lacks an own row that it had `before` in this run: the table was lost,
/// or somebody has spoilt the row. A newer one may have been there, so what this run saw
/// can stand in for it no more (promise 2). The next run observes anew.
pub(super) fn lost(own: &Own, place: &MemberName, before: &Rows, now: &Rows) -> bool {
    let unwritten =
        |seen: &&Seen| seen.status == RowStatus::Unavailable && seen.row.member == *place;
    let mut keys = own.seen().filter(|seen| !unwritten(seen)).map(|seen| seen.row.key());
    keys.any(|key| before.row(&key).is_some() && now.row(&key).is_none())
}

/// Lays the own rows over those of a member's mirror, unless a newer one is there.
/// A peer's mirror has been told what could not be ordered; nothing goes over that.
pub(super) fn lay_over(rows: &mut Rows, own: &Own, place: &MemberName) {
    for seen in own.seen() {
        let newer = |row: &MemberRow| row.version > seen.row.version;
        let amended = seen.status == RowStatus::Unavailable && seen.row.member != *place;
        if !amended && !rows.row(&seen.row.key()).is_some_and(newer) {
            rows.overlay(seen.row.clone());
        }
    }
}

/// Whether a mirror's rows already said what an own row says now. The same instances in
/// an older version are not enough: in between somebody may have come, been admitted and
/// gone. Only in the version right before the own one nothing can have been in between.
pub(super) fn reflects(rows: &Rows, seen: &Seen, first: &Rows) -> bool {
    rows.row(&seen.row.key()).is_some_and(|row| {
        if seen.status == RowStatus::Unavailable {
            return amended(seen, Some(row), first).instances == row.instances;
        }
        let right_before = Some(row.version) == seen.over;
        row.version >= seen.row.version || (right_before && row.instances == seen.row.instances)
    })
}

/// The least versions that new rows must pass.
pub(super) type Floors = std::collections::BTreeMap<RowKey, Version>;

/// Own rows that some peer's mirror has in a newer version than the own mirror: a run
/// wrote them while the own mirror was away. They were not ordered with other
/// observations, so the groups are observed anew and written over them. True if any were.
pub(super) async fn observe_overtaken(
    run: &Run<'_>,
    own: &mut Own,
    regions: &[RegionRun<'_>],
) -> bool {
    let floors = overtaken(own, regions);
    let members = run.mesh().members.iter();
    let theirs = members.filter(|member| floors.keys().any(|key| key.member == member.name));
    let anew = join_all(theirs.map(|member| async {
        let keys: Vec<RowKey> = member.row_keys().collect();
        let items = timeout_at(run.work_until, run.readers(member).mirror.rows(&keys));
        let items = items.await.ok()?.ok()?;
        let rows = Rows::read(&items, run.mesh());
        // Most often another run is ahead of this one, in the own mirror as well.
        let behind = |key: &RowKey| {
            let version = rows.row(key).map(|row| row.version);
            floors.get(key).is_some_and(|floor| version < Some(*floor))
        };
        let asgs = keys.iter().filter(|key| behind(key)).map(|key| key.asg.clone()).collect();
        Some(observe_in_time(run, member, &asgs, Ok(&rows), &floors).await)
    }))
    .await;
    let seen = |(_, group): &(_, OwnGroup)| matches!(group, OwnGroup::Seen(_));
    let anew: Vec<_> = anew.into_iter().flatten().flatten().filter(seen).collect();
    let some = !anew.is_empty();
    own.groups.extend(anew);
    some
}

fn overtaken(own: &Own, regions: &[RegionRun<'_>]) -> Floors {
    let mut floors = Floors::new();
    for seen in own.seen().filter(|seen| seen.status != RowStatus::Unavailable) {
        let key = seen.row.key();
        let newest = regions.iter().filter_map(|region| region.rows.row(&key)).map(|r| r.version);
        if let Some(newest) = newest.max().filter(|newest| *newest > seen.row.version) {
            floors.insert(key, newest);
        }
    }
    floors
}
