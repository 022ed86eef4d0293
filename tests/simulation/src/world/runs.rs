//! Runs of the real reconcile loop.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use sync_core::events::Hook;
use sync_core::mesh::Mesh;
use sync_core::names::{AsgName, MemberName};
use sync_core::reconcile::{Engine, Request};
use sync_core::report::{Report, Trigger};
use tokio::time::Instant;

use super::World;
use super::agenda::Later;
use super::chance::with_own_chance;
use super::door::Door;
use super::known::RunState;
use super::state::State;

/// How long an invocation has, as the stack sets it.
const INVOCATION: Duration = Duration::from_secs(30);

/// One run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunId(u64);

/// What a run is asked for.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Whose function it is; none on an operator's machine.
    pub home: Option<MemberName>,
    /// Why.
    pub trigger: Trigger,
    /// The hooks that wait.
    pub hooks: Vec<Hook>,
    /// Other groups that something changed in. With no hooks either: every group.
    pub changed: BTreeSet<AsgName>,
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
        let (home, changed) = (home.map(MemberName::new), BTreeSet::new());
        let (dry_run, allow_removals, time, document) = (false, false, INVOCATION, None);
        Self { home, trigger, hooks, changed, dry_run, allow_removals, time, document }
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

    /// Something changed in these groups of this member.
    #[must_use]
    pub fn changed(home: &str, changed: BTreeSet<AsgName>) -> Self {
        Self { changed, ..Self::new(Some(home), Trigger::Change, Vec::new()) }
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
        self.prepare_as(ask, None)
    }

    /// The same, under a label of the script's.
    #[must_use]
    pub fn prepare_as(&self, ask: &Ask, label: Option<String>) -> RunId {
        let mut state = self.state();
        let run = RunId(state.number());
        let label = label.unwrap_or_else(|| format!("run-{}", run.0));
        let mesh = ask.document.as_ref().unwrap_or(&state.mesh);
        let known = RunState::new(label, ask.home.clone(), mesh, state.tick);
        state.runs.insert(run, known);
        run
    }

    /// Carries a run out: its report, or none if its process died or its time ran out.
    pub async fn carry_out(&self, run: RunId, ask: Ask) -> Option<Report> {
        let (dies, jitter) = {
            let state = self.state();
            let known = &state.runs[&run];
            (known.dies.clone(), state.rng(&format!("jitter {}", known.label)))
        };
        let deadline = Instant::now() + ask.time;
        let (engine, request) = (self.engine(run, &ask), self.request(run, &ask, deadline));
        let report = tokio::select! {
            biased;
            () = dies.notified() => None,
            report = with_own_chance(jitter, engine.run(&request)) => Some(report),
            () = tokio::time::sleep_until(deadline) => {
                self.state().broken(6, format!("{run:?} did not end within its time"));
                None
            }
        };
        self.state().watch_end(run, &ask, report.as_ref());
        report
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
        let asked: BTreeSet<&AsgName> =
            ask.hooks.iter().map(|hook| &hook.asg).chain(&ask.changed).collect();
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

impl State {
    /// Kills a run some time after its start, if the script or chance says so.
    pub fn may_kill(&mut self, run: RunId, label: &str) {
        let mut rng = self.rng(&format!("kill {label}"));
        let chance = (rng.u32(0..1000) < self.rates.kills).then(|| rng.u64(1..5000));
        let Some(after) = self.mishaps.kills.get(label).copied().or(chance) else { return };
        self.happened.kills.insert(label.to_owned(), after);
        *self.tally.faults.entry("kill-by-timer").or_insert(0) += 1;
        self.agenda.enter(Duration::from_millis(after), Later::Kill(run));
    }

    /// Writes a step down, if somebody listens.
    pub fn tell_step(&mut self, what: String) {
        self.tell(|| what);
    }
}
