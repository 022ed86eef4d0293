//! What there is in the world.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use sync_core::cidr::{AddressKind, Cidr};
use sync_core::events::Transition;
use sync_core::ingress::PrefixList;
use sync_core::mesh::{Member, Mesh, RowKey};
use sync_core::names::{AsgName, InstanceId, MemberName, SecurityGroupId};
use sync_core::permission::{Protocol, Traffic};
use sync_core::ports::{AuditLine, InstanceView, Item, LifecycleState};
use sync_core::row::MemberRow;
use tokio::time::Instant;

use super::agenda::Agenda;
use super::bucket::Bucket;
use super::door::CallRecord;
use super::faults::{FaultRule, Mishaps, Rates};
use super::group::Group;
use super::known::RunState;
use super::misfortune::base;
use super::runs::RunId;
use super::tally::Tally;

/// Everything there is.
pub struct State {
    /// Where chance comes from.
    pub seed: u64,
    /// The document every function has.
    pub mesh: Mesh,
    /// Each member's region.
    pub places: BTreeMap<MemberName, Place>,
    /// Public addresses that nobody holds, the next one first.
    pub free: VecDeque<IpAddr>,
    /// Whether an address that is given back may be the next one to be given out.
    pub hasty: bool,
    /// Public addresses that somebody outside the cluster holds.
    pub strangers: VecDeque<IpAddr>,
    /// Every address that an instance of a member ever held while in its group.
    pub ever: BTreeSet<(MemberName, Cidr)>,
    /// What is going to happen.
    pub agenda: Agenda,
    /// Every call, in the order in which they took effect or failed.
    pub calls: Vec<CallRecord>,
    /// Whether calls say what they ask for, for a story.
    pub telling: bool,
    /// What else happened, with the number of calls there were before.
    pub news: Vec<(usize, Instant, String)>,
    /// The audit lines.
    pub audit: Vec<AuditLine>,
    /// How many rule changes runs were told of: as many lines as there must be.
    pub lines: usize,
    /// Promises that were broken.
    pub violations: Vec<String>,
    /// How many changes each region's EC2 takes, where that is counted.
    pub buckets: BTreeMap<MemberName, Bucket>,
    /// Faults by rule.
    pub faults: Vec<FaultRule>,
    /// Mishaps by script.
    pub mishaps: Mishaps,
    /// Mishaps by chance.
    pub rates: Rates,
    /// Mishaps that happened.
    pub happened: Mishaps,
    /// Totals.
    pub tally: Tally,
    /// Every run, dead ones too.
    pub runs: BTreeMap<RunId, RunState>,
    /// Counts calls that took effect: an order, where instants may be equal.
    pub tick: u64,
    counter: u64,
}

/// A member's region.
#[derive(Default)]
pub struct Place {
    /// Its Auto Scaling groups.
    pub asgs: BTreeMap<AsgName, BTreeMap<InstanceId, LifecycleState>>,
    /// What EC2 shows.
    pub instances: BTreeMap<InstanceId, InstanceView>,
    /// What EC2 showed before, and until when.
    pub(super) past: Vec<(Instant, BTreeMap<InstanceId, InstanceView>)>,
    /// Instances that are on their way back into service, `Pending` for a moment.
    pub returning: BTreeSet<InstanceId>,
    /// Its security groups and prefix lists.
    pub groups: BTreeMap<SecurityGroupId, Group>,
    /// Its mirror.
    pub table: BTreeMap<RowKey, Item>,
    /// Lifecycle actions that wait for an answer.
    pub waiting: BTreeMap<(InstanceId, Transition), String>,
    /// The kinds of addresses that count.
    pub kinds: BTreeSet<AddressKind>,
    /// Private addresses and IPv6 addresses that nobody holds.
    pub(super) private: [VecDeque<IpAddr>; 2],
    /// Prefixes that are delegated to nobody, an IPv4 and an IPv6 one by turns.
    pub(super) prefixes: VecDeque<Cidr>,
    pub(super) mirror: Mirrored,
}

/// What the world remembers of a mirror.
#[derive(Default)]
pub(super) struct Mirrored {
    /// Since when each row wants each address, for whom.
    pub wanted: BTreeMap<RowKey, BTreeMap<(Cidr, InstanceId), u64>>,
    /// When a row last ceased to want an address.
    pub unwanted: BTreeMap<(MemberName, Cidr), u64>,
    /// What was last written to each row, and when.
    pub newest: BTreeMap<RowKey, (MemberRow, u64)>,
    /// Rows that are lost, and since when.
    pub lost: BTreeMap<RowKey, u64>,
}

/// A target; where ports are learned from it, with a port to learn. A list is of IPv6 where
/// its id ends with a six, and has as much room as a group.
fn target(mesh: &Mesh, member: &Member, id: &SecurityGroupId) -> Group {
    if id.is_list() {
        let ipv4 = !id.as_str().ends_with('6');
        return Group::of(PrefixList { ipv4, max_entries: mesh.limits.rules_per_group });
    }
    let mut group = Group::default();
    if mesh.learns(&member.name) {
        group.insert(base(id, Traffic::ports(Protocol::Tcp, 7000, 7000)));
    }
    group
}

impl State {
    pub(super) fn new(mesh: Mesh) -> Self {
        let places = (0..).zip(&mesh.members).map(|(number, member)| {
            let asgs = member.auto_scaling_groups.iter();
            let targets = member.targets().into_iter();
            let place = Place {
                asgs: asgs.map(|asg| (asg.clone(), BTreeMap::new())).collect(),
                groups: targets.map(|id| (id.clone(), target(&mesh, member, &id))).collect(),
                kinds: super::truth::kinds_of(&mesh, &member.name),
                private: [
                    (1..=16).map(|host| IpAddr::from([10, number, 0, host])).collect(),
                    (1..=16)
                        .map(|host| IpAddr::from([0x2600, 0x1f18, number.into(), 0, 0, 0, 0, host]))
                        .collect(),
                ],
                prefixes: (1..=16)
                    .flat_map(|block| {
                        let ipv4 = format!("10.{number}.1.{}/28", (block - 1) * 16);
                        [ipv4, format!("2600:1f18:{number:x}:1:{block:x}::/80")]
                    })
                    .map(|text| text.parse().expect("a prefix"))
                    .collect(),
                ..Place::default()
            };
            (member.name.clone(), place)
        });
        Self {
            seed: 1,
            places: places.collect(),
            mesh,
            free: (1..=3)
                .flat_map(|net| (1..=250).map(move |host| IpAddr::from([54, 0, net, host])))
                .collect(),
            hasty: false,
            strangers: VecDeque::new(),
            ever: BTreeSet::new(),
            agenda: Agenda::default(),
            calls: Vec::new(),
            telling: false,
            news: Vec::new(),
            audit: Vec::new(),
            lines: 0,
            violations: Vec::new(),
            buckets: BTreeMap::new(),
            faults: Vec::new(),
            mishaps: Mishaps::default(),
            rates: Rates::default(),
            happened: Mishaps::default(),
            tally: Tally::default(),
            runs: BTreeMap::new(),
            tick: 0,
            counter: 0,
        }
    }

    /// A number that was not given out before.
    pub fn number(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    /// A member's region.
    ///
    /// # Panics
    /// If there is no such member.
    pub fn place(&mut self, member: &MemberName) -> &mut Place {
        self.places.get_mut(member).unwrap_or_else(|| panic!("{member} is no member"))
    }

    /// Writes down that a promise was broken.
    pub fn broken(&mut self, promise: u8, what: impl AsRef<str>) {
        let text = format!("promise {promise}: {}", what.as_ref());
        self.tell(|| format!("! {text}"));
        self.violations.push(text);
    }

    /// Writes down what happened, if somebody listens.
    pub(super) fn tell(&mut self, what: impl FnOnce() -> String) {
        if self.telling {
            self.news.push((self.calls.len(), Instant::now(), what()));
        }
    }

    /// Chance of this name.
    #[must_use]
    pub fn rng(&self, name: &str) -> fastrand::Rng {
        super::chance::rng(self.seed, name)
    }
}

impl Place {
    /// What EC2 shows, or showed `lag` ago.
    pub(super) fn shown(&self, lag: Duration) -> &BTreeMap<InstanceId, InstanceView> {
        let then = Instant::now().checked_sub(lag).unwrap_or_else(Instant::now);
        let past = self.past.iter().find(|(until, _)| *until > then);
        past.map_or(&self.instances, |(_, instances)| instances)
    }

    /// Changes what EC2 shows, and remembers what it was.
    pub(super) fn alter<T>(
        &mut self,
        change: impl FnOnce(&mut BTreeMap<InstanceId, InstanceView>) -> T,
    ) -> T {
        self.past.push((Instant::now(), self.instances.clone()));
        change(&mut self.instances)
    }
}
