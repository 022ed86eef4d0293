//! Runs of the real reconcile loop.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use sync_core::cidr::Cidr;
use sync_core::events::Hook;
use sync_core::mesh::{Mesh, RowKey};
use sync_core::names::{AsgName, InstanceId, MemberName};
use sync_core::reconcile::{Engine, Request};
use sync_core::report::{Report, Trigger};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::World;
use super::door::Door;
use super::faults::Fault;
use super::state::State;

/// How long an invocation has, as the stack sets it.
const INVOCATION: Duration = Duration::from_secs(30);

/// One run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunId(u64);

/// Whose address a row says it is.
pub(super) type Whose = (MemberName, InstanceId, Cidr);

/// What the world keeps of a run.
pub struct RunState {
    pub(super) home: Option<MemberName>,
    pub(super) began: Instant,
    /// Told when the run's process dies.
    pub(super) dies: Arc<Notify>,
    /// What went wrong with its calls to each region.
    pub(super) faulted: BTreeMap<MemberName, Vec<Fault>>,
    /// What it last read of each mirror.
    pub(super) knows: BTreeMap<MemberName, BTreeSet<Whose>>,
    /// What it last wrote to each row.
    pub(super) wrote: BTreeMap<RowKey, BTreeSet<Whose>>,
}

impl RunState {
    /// Whether the run had seen, when it last looked, that the address is somebody's.
    pub(super) fn knew(&self, place: &MemberName, whose: &Whose) -> bool {
        let own = self.wrote.iter().find(|(key, _)| key.member == whose.0);
        match own {
            Some((_, written)) => written.contains(whose),
            None => self.knows.get(place).is_some_and(|known| known.contains(whose)),
        }
    }

    /// Whether a row that the run last read said that the address is another instance's:
    /// that instance's member could not tell of its going yet.
    pub(super) fn knew_other(&self, place: &MemberName, cidr: &Cidr, than: &InstanceId) -> bool {
        let known = self.knows.get(place).into_iter().flatten();
        known.into_iter().any(|(_, id, held)| held == cidr && id != than)
    }
}

/// What a run is asked for.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Whose function it is; none on an operator's machine.
    pub home: Option<MemberName>,
    /// Why.
    pub trigger: Trigger,
    /// The hooks that wait.
    pub hooks: Vec<Hook>,
    /// Plan only.
    pub dry_run: bool,
    /// Carry out removals that the guard would hold.
    pub allow_removals: bool,
    /// How long it has.
    pub time: Duration,
    /// The mesh document of the run's function, where it is not the world's: regions
    /// get a new one at different times.
    pub document: Option<Mesh>,
}

impl Ask {
    fn new(home: Option<&str>, trigger: Trigger, hooks: Vec<Hook>) -> Self {
        let home = home.map(MemberName::new);
        let (dry_run, allow_removals, time, document) = (false, false, INVOCATION, None);
        Self { home, trigger, hooks, dry_run, allow_removals, time, document }
    }

    /// By a function that has this document.
    #[must_use]
    pub fn under(self, document: &Mesh) -> Self {
        Self { document: Some(document.clone()), ..self }
    }

    /// A true-up of this member.
    #[must_use]
    pub fn true_up(home: &str) -> Self {
        Self::new(Some(home), Trigger::TrueUp, Vec::new())
    }

    /// These hooks of this member.
    #[must_use]
    pub fn hooks(home: &str, hooks: &[Hook]) -> Self {
        Self::new(Some(home), Trigger::Lifecycle, hooks.to_vec())
    }

    /// An operator's run over every member.
    #[must_use]
    pub fn operator() -> Self {
        Self::new(None, Trigger::Operator, Vec::new())
    }
}

impl World {
    /// Makes a run known without starting it, so that faults can be aimed at it.
    #[must_use]
    pub fn prepare(&self, ask: &Ask) -> RunId {
        let mut state = self.state();
        let run = RunId(state.number());
        let known = RunState {
            home: ask.home.clone(),
            began: Instant::now(),
            dies: Arc::default(),
            faulted: BTreeMap::new(),
            knows: BTreeMap::new(),
            wrote: BTreeMap::new(),
        };
        state.runs.insert(run, known);
        run
    }

    /// Carries a run out: its report, or none if its process died or its time ran out.
    pub async fn carry_out(&self, run: RunId, ask: Ask) -> Option<Report> {
        let dies = self.state().runs[&run].dies.clone();
        let deadline = Instant::now() + ask.time;
        let (engine, request) = (self.engine(run, &ask), self.request(run, &ask, deadline));
        tokio::select! {
            biased;
            () = dies.notified() => None,
            report = engine.run(&request) => Some(report),
            () = tokio::time::sleep_until(deadline) => {
                self.state().broken(6, format!("{run:?} did not end within its time"));
                None
            }
        }
    }

    /// Runs, to the end.
    ///
    /// # Panics
    /// If the run does not come to an end within its time.
    pub async fn run(&self, ask: Ask) -> Report {
        let run = self.prepare(&ask);
        self.carry_out(run, ask).await.expect("the run comes to an end")
    }

    /// A true-up of each member, one after the other.
    pub async fn true_up_everywhere(&self) {
        let names: Vec<_> = self.state().places.keys().cloned().collect();
        for name in names {
            self.run(Ask::true_up(name.as_str())).await;
        }
    }

    fn engine(&self, run: RunId, ask: &Ask) -> Engine {
        let mesh = ask.document.clone().unwrap_or_else(|| self.state().mesh.clone());
        let door = |place: &MemberName| Door { world: self.clone(), run, place: place.clone() };
        let names: Vec<_> = mesh.members.iter().map(|member| member.name.clone()).collect();
        Engine {
            mesh,
            home: ask.home.clone(),
            readers: names.iter().map(|name| (name.clone(), door(name).readers())).collect(),
            writers: names.iter().map(|name| (name.clone(), door(name).writers())).collect(),
            clock: Arc::new(self.clone()),
            audit: Arc::new(self.clone()),
        }
    }

    fn request(&self, run: RunId, ask: &Ask, deadline: Instant) -> Request {
        let mesh = ask.document.clone().unwrap_or_else(|| self.state().mesh.clone());
        let asked: BTreeSet<&AsgName> = ask.hooks.iter().map(|hook| &hook.asg).collect();
        let members = mesh.members.iter();
        let observed =
            members.filter(|member| ask.home.as_ref().is_none_or(|home| *home == member.name));
        let scope = observed.map(|member| {
            let asgs = member.auto_scaling_groups.iter();
            let asgs = asgs.filter(|asg| asked.is_empty() || asked.contains(asg)).cloned();
            (member.name.clone(), asgs.collect())
        });
        Request {
            trigger: ask.trigger,
            scope: scope.collect(),
            hooks: ask.hooks.clone(),
            dry_run: ask.dry_run,
            allow_removals: ask.allow_removals,
            run_id: format!("run-{}", run.0),
            function: "sgsync".to_owned(),
            deadline,
        }
    }
}

impl State {
    pub(super) fn run(&mut self, run: RunId) -> &mut RunState {
        self.runs.get_mut(&run).expect("the run is known")
    }
}
