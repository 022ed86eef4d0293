//! What a run can know: everything that it was shown, as the world saw it go by.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use sync_core::cidr::Cidr;
use sync_core::mesh::{Mesh, RowKey};
use sync_core::names::{AsgName, InstanceId, MemberName, SecurityGroupId};
use sync_core::permission::{Permission, Rule};
use sync_core::ports::{Grant, Groups, InstanceView};
use sync_core::row::MemberRow;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::door::Passage;
use super::faults::Fault;
use super::runs::RunId;
use super::state::{Place, State};
use super::table;
use super::truth::{Learned, learned};

/// The age of a look at which it may no longer be planned with, and what it takes to
/// tell the mirror of the own row in between.
const OLDEST: Duration = Duration::from_millis(1600);

/// One of a member's targets.
pub(super) type TargetKey = (MemberName, SecurityGroupId);

/// Who was in a member's groups, with which addresses.
pub(super) type Sight = BTreeSet<(AsgName, InstanceId, Cidr)>;

/// What the world keeps of a run.
pub struct RunState {
    pub(super) label: String,
    pub(super) home: Option<MemberName>,
    /// The members that its document names.
    pub(super) members: BTreeSet<MemberName>,
    /// How many calls had taken effect when it began.
    pub(super) began: u64,
    /// Told when the run's process dies.
    pub(super) dies: Arc<Notify>,
    /// Its calls so far.
    pub(super) counts: BTreeMap<(MemberName, &'static str), usize>,
    /// What went wrong with its calls to each region.
    pub(super) faulted: BTreeMap<MemberName, Vec<Fault>>,
    /// When a call of it to its own region last took effect, other than a hook's answer.
    pub(super) last_home: Instant,
    /// What it last read of each mirror, and when.
    pub(super) rows: BTreeMap<MemberName, (u64, BTreeMap<RowKey, MemberRow>)>,
    /// What it last wrote to each row of a region of its own.
    pub(super) wrote: BTreeMap<RowKey, MemberRow>,
    /// What the own rows it read had, from the first to the last.
    pub(super) remembered: BTreeSet<(InstanceId, Cidr)>,
    /// The own rows of the groups that it observed, as it had read them by then.
    pub(super) observed: BTreeMap<RowKey, MemberRow>,
    /// Who was there when it last asked Auto Scaling, and when.
    pub(super) listed: BTreeMap<MemberName, (u64, Sight)>,
    /// Who was there when it last asked EC2, and whether the answer was whole.
    pub(super) shown: BTreeMap<MemberName, (Sight, bool)>,
    /// Every address that EC2 showed it.
    pub(super) saw: BTreeSet<(InstanceId, Cidr)>,
    /// What it last read of each target.
    pub(super) views: BTreeMap<TargetKey, View>,
    /// Mirrors that it could not read when it last tried.
    pub(super) blind: BTreeSet<MemberName>,
    /// When it last told each mirror something that it had not read there.
    pub(super) told: BTreeMap<MemberName, u64>,
    /// Targets that may be other than a hook needs them, for its report to explain.
    pub(super) suspects: Vec<(MemberName, InstanceId, String)>,
}

/// What a run last read of a target, and did since.
#[derive(Default)]
pub(super) struct View {
    /// When, in the order of all calls.
    pub at: u64,
    /// When the run read the mirror's rows after that.
    pub rows_at: Option<u64>,
    /// When, in time.
    pub time: Option<Instant>,
    /// The permissions that it was shown.
    pub seen: BTreeSet<Permission>,
    /// How many rules of each address family there were.
    pub full: (usize, usize),
    /// What it asked to add since.
    pub attempted: BTreeSet<Permission>,
    /// What AWS ever said to it was added, or there already.
    pub there: BTreeSet<Permission>,
    /// Whether AWS ever said to it that there is no room.
    pub no_room: bool,
    /// Whether an add failed since.
    pub add_failed: bool,
    /// When it last asked to add each permission.
    pub added_at: BTreeMap<Permission, u64>,
    /// What the target opened to itself in each look, where there was one.
    pub always: Option<Learned>,
    /// What the target opened to itself in some look.
    pub ever: Learned,
}

impl RunState {
    pub(super) fn new(label: String, home: Option<MemberName>, mesh: &Mesh, began: u64) -> Self {
        Self {
            label,
            home,
            members: mesh.members.iter().map(|member| member.name.clone()).collect(),
            began,
            dies: Arc::default(),
            counts: BTreeMap::new(),
            faulted: BTreeMap::new(),
            last_home: Instant::now(),
            rows: BTreeMap::new(),
            wrote: BTreeMap::new(),
            remembered: BTreeSet::new(),
            observed: BTreeMap::new(),
            listed: BTreeMap::new(),
            shown: BTreeMap::new(),
            saw: BTreeSet::new(),
            views: BTreeMap::new(),
            blind: BTreeSet::new(),
            told: BTreeMap::new(),
            suspects: Vec::new(),
        }
    }

    /// The run's label.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Tells the run's process to die.
    pub fn kill(&self) {
        self.dies.notify_one();
    }

    /// What the run knows that rows want of a place's targets: what it read of the
    /// mirror, or of its own rows where that is newer.
    pub(super) fn knows(&self, place: &MemberName) -> BTreeMap<RowKey, &MemberRow> {
        let read = self.rows.get(place).into_iter().flat_map(|(_, rows)| rows.values());
        let mut known: BTreeMap<RowKey, &MemberRow> = BTreeMap::new();
        for row in read.chain(self.observed.values()).chain(self.wrote.values()) {
            let newer = known.get(&row.key()).is_none_or(|known| known.version <= row.version);
            if newer {
                known.insert(row.key(), row);
            }
        }
        known
    }

    /// What a target opened to itself whenever the run looked.
    pub(super) fn always(&self, place: &MemberName, target: &SecurityGroupId) -> Learned {
        let view = self.views.get(&(place.clone(), target.clone()));
        view.and_then(|view| view.always.clone()).unwrap_or_default()
    }

    /// What a target opened to itself in some look of the run.
    pub(super) fn ever(&self, place: &MemberName, target: &SecurityGroupId) -> Learned {
        let view = self.views.get(&(place.clone(), target.clone()));
        view.map(|view| view.ever.clone()).unwrap_or_default()
    }

    /// Who was in a place's own rows when the run last read them.
    fn last_remembered(&self, place: &MemberName) -> BTreeSet<(InstanceId, Cidr)> {
        let rows = self.rows.get(place).into_iter().flat_map(|(_, rows)| rows.values());
        let held = rows.filter(|row| row.member == *place).flat_map(|row| &row.instances);
        held.flat_map(|(id, cidrs)| cidrs.iter().map(|cidr| (id.clone(), *cidr))).collect()
    }

    /// When the run last read a target.
    pub(super) fn looked(&self, place: &MemberName, target: &SecurityGroupId) -> u64 {
        self.views.get(&(place.clone(), target.clone())).map_or(0, |view| view.at)
    }

    /// When the run last read a mirror's rows.
    pub(super) fn rows_read(&self, place: &MemberName) -> u64 {
        self.rows.get(place).map_or(0, |(at, _)| *at)
    }

    /// Whether some fault in a region may have made it count as unreachable.
    pub(super) fn may_have_lost(&self, place: &MemberName) -> bool {
        let faults = self.faulted.get(place).into_iter().flatten();
        faults.copied().any(Fault::may_lose_a_region)
    }
}

impl State {
    /// A run reads some of a mirror's rows.
    pub(super) fn watch_rows(&mut self, run: RunId, place: &MemberName, keys: &[RowKey]) {
        let (at, mut rows) = (self.tick, table::rows(&self.places[place], &self.mesh));
        rows.retain(|key, _| keys.contains(key));
        let known = self.run(run);
        let own = rows.values().filter(|row| row.member == *place);
        for (id, cidrs) in own.flat_map(|row| &row.instances) {
            known.remembered.extend(cidrs.iter().map(|cidr| (id.clone(), *cidr)));
        }
        known.blind.remove(place);
        let views = known.views.iter_mut().filter(|((of, _), _)| of == place);
        views.for_each(|(_, view)| view.rows_at = view.rows_at.or(Some(at)));
        let (last, read) = known.rows.entry(place.clone()).or_default();
        read.retain(|key, _| !keys.contains(key));
        read.extend(rows);
        *last = at;
    }

    /// A run could not read a mirror's rows.
    pub(super) fn watch_no_rows(&mut self, run: RunId, place: &MemberName) {
        self.run(run).blind.insert(place.clone());
    }

    /// A run asks Auto Scaling who is there.
    pub(super) fn watch_groups(&mut self, run: RunId, place: &MemberName, shown: &Groups) {
        let (at, sight) = (self.tick, sight(&self.places[place]));
        let known = self.run(run);
        let rows = known.rows.get(place).map(|(_, rows)| rows);
        let remembers = |asg: &AsgName| rows.is_some_and(|rows| rows.keys().any(|k| k.asg == *asg));
        let last = known.last_remembered(place);
        // What an answer leaves out the run can only know from its row, and so it can who
        // comes back, where there is a row.
        let knowable = |(asg, id, cidr): &(AsgName, InstanceId, Cidr)| {
            let state = shown.get(asg).and_then(|listed| listed.get(id));
            state.is_some_and(|state| state.as_str() != "Pending" || !remembers(asg))
                || last.contains(&(id.clone(), *cidr))
        };
        let sight = sight.into_iter().filter(knowable).collect();
        let rows = known.rows.get(place).into_iter().flat_map(|(_, rows)| rows);
        let ours = rows.filter(|(key, _)| key.member == *place && shown.contains_key(&key.asg));
        let ours: Vec<_> = ours.map(|(key, row)| (key.clone(), row.clone())).collect();
        known.observed.extend(ours);
        known.listed.insert(place.clone(), (at, sight));
    }

    /// A run asks Auto Scaling for one instance: who has left since the groups were asked
    /// for need not be in what it writes.
    pub(super) fn watch_state(&mut self, run: RunId, place: &MemberName, id: &InstanceId) {
        if !self.places[place].members().contains_key(id)
            && let Some((_, sight)) = self.run(run).listed.get_mut(place)
        {
            sight.retain(|(_, of, _)| of != id);
        }
    }

    /// A run asks EC2 what it shows.
    pub(super) fn watch_instances(
        &mut self,
        run: RunId,
        place: &MemberName,
        shown: &BTreeMap<InstanceId, InstanceView>,
        passage: &Passage,
    ) {
        let here = &self.places[place];
        let (sight, whole) = (sight(here), passage.lag.is_zero());
        let saw: Vec<_> = shown
            .iter()
            .flat_map(|(id, view)| here.held(view).into_iter().map(|cidr| (id.clone(), cidr)))
            .collect();
        let known = self.run(run);
        let sight = if passage.hide {
            // The rows are all that the run can know these by.
            let last = known.last_remembered(place);
            let known =
                |(_, id, cidr): &(AsgName, InstanceId, Cidr)| last.contains(&(id.clone(), *cidr));
            sight.into_iter().filter(known).collect()
        } else {
            sight
        };
        known.saw.extend(saw);
        known.shown.insert(place.clone(), (sight, whole));
    }

    /// A run reads targets.
    pub(super) fn watch_rules(
        &mut self,
        run: RunId,
        place: &MemberName,
        rules: &BTreeMap<SecurityGroupId, Vec<Rule>>,
    ) {
        let at = self.tick;
        for (group, rules) in rules {
            let full = rules.iter().map(Rule::counts).fold((0, 0), |(v4, v6), rule| {
                (v4 + usize::from(rule.0), v6 + usize::from(rule.1))
            });
            let seen = rules.iter().filter_map(Rule::permission).collect();
            let key = (place.clone(), group.clone());
            let view = self.run(run).views.entry(key).or_default();
            (view.at, view.seen, view.full, view.rows_at) = (at, seen, full, None);
            view.time = Some(Instant::now());
            let learned = learned(group, rules);
            let always = view.always.take();
            view.ever.extend(&learned);
            view.always = Some(always.map_or(learned.clone(), |always| &always & &learned));
            view.attempted.clear();
            view.add_failed = false;
        }
    }

    /// Promise 5: the first change after a look follows it closely, or the run plans with
    /// what has long been otherwise.
    pub(super) fn watch_age(&mut self, run: RunId, place: &MemberName, target: &SecurityGroupId) {
        let known = self.run(run);
        let view = known.views.entry((place.clone(), target.clone())).or_default();
        let age = view.time.take().map(|time| time.elapsed()).unwrap_or_default();
        if age > OLDEST && !known.faulted.contains_key(place) {
            self.broken(5, format!("{run:?} changes {place} by a look that is {age:?} old"));
        }
    }

    /// A run asks to add rules.
    pub(super) fn watch_attempt(&mut self, run: RunId, place: &MemberName, grant: &Grant) {
        self.watch_age(run, place, &grant.group);
        let tick = self.tick;
        let view = self.run(run).views.entry((place.clone(), grant.group.clone())).or_default();
        for (permission, _) in &grant.permissions {
            view.attempted.insert(*permission);
            view.added_at.insert(*permission, tick);
        }
    }

    /// A run is told whether what it asked to add was added.
    pub(super) fn watch_added(
        &mut self,
        run: RunId,
        place: &MemberName,
        grant: &Grant,
        done: Option<bool>,
        full: bool,
    ) {
        if done == Some(true) {
            self.lines += grant.permissions.len();
        }
        let view = self.run(run).views.entry((place.clone(), grant.group.clone())).or_default();
        match done {
            Some(_) => view.there.extend(grant.permissions.iter().map(|(p, _)| *p)),
            None => view.add_failed = true,
        }
        view.no_room |= full;
    }
}

/// Who is in a place's groups now, with which addresses.
fn sight(place: &Place) -> Sight {
    let members = place.members();
    let asgs = place.asgs.iter();
    asgs.flat_map(|(asg, instances)| {
        let here = instances.keys().filter_map(|id| members.get_key_value(id));
        here.flat_map(|(id, held)| held.iter().map(|cidr| (asg.clone(), id.clone(), *cidr)))
    })
    .collect()
}
