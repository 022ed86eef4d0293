//! What there is in the world.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;

use sync_core::cidr::Cidr;
use sync_core::events::Transition;
use sync_core::mesh::{Mesh, RowKey};
use sync_core::names::{AsgName, InstanceId, MemberName, SecurityGroupId};
use sync_core::ports::{AuditLine, InstanceView, Item, LifecycleState};

use super::door::CallRecord;
use super::faults::{Chaos, FaultRule};
use super::group::Group;
use super::runs::{RunId, RunState};

/// Everything there is.
pub struct State {
    /// The document every function has.
    pub mesh: Mesh,
    /// Each member's region.
    pub places: BTreeMap<MemberName, Place>,
    /// Public addresses that nobody holds, the next one first.
    pub free: VecDeque<IpAddr>,
    /// Every address that an instance of a member ever held while in its group.
    pub ever: BTreeSet<(MemberName, Cidr)>,
    /// Every call, in the order in which they took effect or failed.
    pub calls: Vec<CallRecord>,
    /// The audit lines.
    pub audit: Vec<AuditLine>,
    /// Promises that were broken.
    pub violations: Vec<String>,
    /// Faults by rule.
    pub faults: Vec<FaultRule>,
    /// Faults by chance.
    pub chaos: Option<Chaos>,
    /// Every run, dead ones too.
    pub runs: BTreeMap<RunId, RunState>,
    counter: u64,
}

/// A member's region.
#[derive(Default)]
pub struct Place {
    /// Its Auto Scaling groups.
    pub asgs: BTreeMap<AsgName, BTreeMap<InstanceId, LifecycleState>>,
    /// What EC2 shows.
    pub instances: BTreeMap<InstanceId, InstanceView>,
    /// Its security groups.
    pub groups: BTreeMap<SecurityGroupId, Group>,
    /// Its mirror.
    pub table: BTreeMap<RowKey, Item>,
    /// Lifecycle actions that wait for an answer.
    pub waiting: BTreeSet<(InstanceId, Transition)>,
}

impl State {
    pub(super) fn new(mesh: Mesh) -> Self {
        let places = mesh.members.iter().map(|member| {
            let asgs = member.auto_scaling_groups.iter();
            let groups = member.security_groups.iter();
            let place = Place {
                asgs: asgs.map(|asg| (asg.clone(), BTreeMap::new())).collect(),
                groups: groups.map(|group| (group.clone(), Group::default())).collect(),
                ..Place::default()
            };
            (member.name.clone(), place)
        });
        Self {
            places: places.collect(),
            mesh,
            free: (1..=3)
                .flat_map(|net| (1..=250).map(move |host| IpAddr::from([54, 0, net, host])))
                .collect(),
            ever: BTreeSet::new(),
            calls: Vec::new(),
            audit: Vec::new(),
            violations: Vec::new(),
            faults: Vec::new(),
            chaos: None,
            runs: BTreeMap::new(),
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
        self.violations.push(format!("promise {promise}: {}", what.as_ref()));
    }
}
