//! Plays a script.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sync_core::names::{InstanceId, MemberName};
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until};

use super::deeds::{act, do_it};
use super::{Action, Deed, Script, Step, Who};
use crate::world::{Ask, Later, Message, Mishaps, Says, Tally, World};

/// How often the queue hands a message out before it gives up.
const DELIVERIES: usize = 5;

/// How many messages make one run.
const BATCH: usize = 10;

/// What came of a script.
pub struct Played {
    /// Promises that were broken, and what was not as it should be in the end.
    pub violations: Vec<String>,
    /// What went wrong, by chance or by script.
    pub happened: Mishaps,
    /// Whom each step that picks picked.
    pub picked: BTreeMap<u64, InstanceId>,
    /// Totals.
    pub tally: Tally,
    /// All that happened, a line each; empty unless it was asked for.
    pub story: String,
    /// Every call in its order, in one number.
    pub digest: u64,
}

/// Plays a script.
#[must_use]
pub fn play(script: &Script) -> Played {
    Player::play(script, false)
}

/// Plays a script, and tells the story.
#[must_use]
pub fn play_telling(script: &Script) -> Played {
    Player::play(script, true)
}

struct Player<'a> {
    script: &'a Script,
    world: World,
    runs: JoinSet<()>,
    picked: BTreeMap<u64, InstanceId>,
}

impl<'a> Player<'a> {
    fn play(script: &'a Script, telling: bool) -> Played {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.expect("a runtime").block_on(async {
            let world = World::of(&script.shape.document()).with_addresses(pool(script));
            let (runs, picked) = (JoinSet::new(), BTreeMap::new());
            let mut player = Player { script, world, runs, picked };
            player.settle_in().await;
            player.world.state().telling = telling;
            player.begin();
            player.go_on().await;
            player.calm_down().await;
            player.result(telling)
        })
    }

    /// Everybody is in service and admitted, before anything goes wrong.
    async fn settle_in(&mut self) {
        let shape = &self.script.shape;
        {
            let mut state = self.world.state();
            (state.seed, state.hasty) = (self.script.seed, true);
            state.agenda.window = Duration::from_millis(shape.window);
            for (place, region) in shape.regions().iter().enumerate() {
                let groups = shape.groups(place);
                for number in 0..shape.each {
                    let asg = groups[usize::try_from(number).unwrap_or(0) % groups.len()].as_str();
                    let id = InstanceId::new(format!("i-{place}{number}"));
                    state.in_service(&(*region).into(), &asg.into(), &id);
                }
            }
        }
        self.world.true_up_everywhere().await;
        self.world.expect_exact();
        self.world.forget();
    }

    fn begin(&mut self) {
        let mut state = self.world.state();
        (state.rates, state.mishaps) = (self.script.rates, self.script.mishaps.clone());
        for (place, step) in self.script.steps.iter().enumerate() {
            state.agenda.enter(Duration::from_millis(step.at), Later::Step(place));
        }
    }

    /// Until nothing is left to happen.
    async fn go_on(&mut self) {
        loop {
            let (at, bell) = {
                let state = self.world.state();
                (state.agenda.next_at(), state.agenda.bell.clone())
            };
            let idle = self.runs.is_empty();
            if at.is_none() && idle {
                return;
            }
            tokio::select! {
                biased;
                Some(ended) = self.runs.join_next(), if !idle => {
                    if let Err(error) = ended {
                        std::panic::resume_unwind(error.into_panic());
                    }
                }
                () = bell.notified() => {}
                () = sleep_until(at.unwrap_or_else(tokio::time::Instant::now)), if at.is_some() => {
                    let next = self.world.state().agenda.take();
                    if let Some(next) = next {
                        self.happens(next);
                    }
                }
            }
        }
    }

    fn happens(&mut self, next: Later) {
        match next {
            Later::Step(place) => self.step(&self.script.steps[place]),
            Later::Message(member, message) => self.queue(member, message),
            Later::Poll(member) => self.poll(&member),
            Later::Kill(run) => self.world.state().runs[&run].kill(),
            Later::Life(member, id, phase) => self.world.state().live(&member, &id, phase),
        }
        // Nothing goes wrong any more once the last step is done.
        let mut state = self.world.state();
        if !state.agenda.has_steps() && state.agenda.calm_at.is_none() {
            state.agenda.calm_at = Some(tokio::time::Instant::now());
            drop(state);
            self.heal();
        }
    }

    fn heal(&mut self) {
        self.world.heal();
        if self.script.shape.deaf == 1 {
            let mut state = self.world.state();
            state.agenda.drop_all(|later| matches!(later, Later::Message(..) | Later::Poll(_)));
            state.agenda.deaf = true;
        }
    }

    fn queue(&mut self, member: MemberName, message: Message) {
        let mut state = self.world.state();
        state.agenda.queues.entry(member.clone()).or_default().push(message);
        if state.agenda.polled.insert(member.clone()) {
            let window = state.agenda.window;
            state.agenda.enter(window, Later::Poll(member));
        }
    }

    /// One batch is one run, and those of its messages that fail come back.
    fn poll(&mut self, member: &MemberName) {
        let batches: Vec<Vec<Message>> = {
            let mut state = self.world.state();
            state.agenda.polled.remove(member);
            let waiting = state.agenda.queues.remove(member).unwrap_or_default();
            waiting.chunks(BATCH).map(<[Message]>::to_vec).collect()
        };
        for batch in batches {
            let label = format!("{}/{}", batch[0].label, batch[0].attempt);
            let (mut hooks, mut changed) = (BTreeSet::new(), BTreeSet::new());
            for message in &batch {
                match &message.says {
                    Says::Hook(hook) => hooks.insert(hook.clone()),
                    Says::Changed(asg) => changed.insert(asg.clone()),
                };
            }
            let home = member.as_str();
            let ask = if hooks.is_empty() {
                Ask::changed(home, changed)
            } else {
                let hooks: Vec<_> = hooks.into_iter().collect();
                Ask { changed, ..Ask::hooks(home, &hooks) }
            };
            self.spawn(label, ask, Some((member.clone(), batch)));
        }
    }

    /// Starts a run; what it leaves unanswered comes again.
    fn spawn(&mut self, label: String, ask: Ask, batch: Option<(MemberName, Vec<Message>)>) {
        let run = self.world.prepare_as(&ask, Some(label.clone()));
        self.world.state().may_kill(run, &label);
        let world = self.world.clone();
        self.runs.spawn(async move {
            let report = world.carry_out(run, ask).await;
            let Some((member, batch)) = batch else { return };
            let fails = |message: &Message| match (&message.says, &report) {
                (_, None) => true,
                (Says::Changed(_), Some(_)) => false,
                (Says::Hook(hook), Some(report)) => report.unanswered().any(|left| {
                    left.instance == hook.instance && left.transition == hook.transition
                }),
            };
            let mut state = world.state();
            for message in batch.iter().filter(|message| fails(message)) {
                let again = Message { attempt: message.attempt + 1, ..message.clone() };
                if again.attempt < DELIVERIES && !state.agenda.deaf {
                    let after = state.rng(&format!("again {label}")).u64(5000..30_000);
                    let later = Later::Message(member.clone(), again);
                    state.agenda.enter(Duration::from_millis(after), later);
                }
            }
        });
    }

    fn step(&mut self, step: &Step) {
        let done = match &step.action {
            Action::TrueUp => {
                self.spawn(format!("t{}", step.id), Ask::true_up(step.member.as_str()), None);
                true
            }
            Action::TrueUps => {
                for region in self.script.shape.regions() {
                    self.spawn(format!("t{}-{region}", step.id), Ask::true_up(region), None);
                }
                true
            }
            Action::Operator => {
                self.spawn(format!("o{}", step.id), Ask::operator(), None);
                true
            }
            Action::Do(deed, who) => {
                let picked = self.pick(step, *deed, who);
                if let Some(id) = &picked {
                    self.picked.insert(step.id, id.clone());
                }
                let crowd = self.script.shape.crowd();
                picked.is_some_and(|id| do_it(&mut self.world.state(), step, *deed, &id, crowd))
            }
            _ => act(&mut self.world.state(), step, self.script.shape.crowd()),
        };
        let mut state = self.world.state();
        state.tell_step(format!("step {} {} {}: {done}", step.id, step.member, step.action.word()));
        if done {
            *state.tally.steps.entry(step.action.word()).or_insert(0) += 1;
        }
    }

    fn pick(&self, step: &Step, deed: Deed, who: &Who) -> Option<InstanceId> {
        let state = self.world.state();
        match who {
            Who::Named(id) => Some(id.clone()),
            Who::Pick(pick) => {
                let mut those = state.those(&step.member, deed.fits());
                let there = &state.places[&step.member].instances;
                let stopped = |id: &InstanceId| there.get(id).is_some_and(|v| v.state == "stopped");
                if deed == Deed::Start {
                    those.retain(stopped);
                }
                those.get(pick % those.len().max(1)).cloned()
            }
        }
    }

    /// Two periods of true-ups in every region, after all reads have caught up.
    async fn calm_down(&mut self) {
        let calm = self.script.shape.guard == 1;
        sleep(Duration::from_mins(3)).await;
        for _ in 0..2 {
            for region in self.script.shape.regions() {
                let ask = Ask { allow_removals: calm, ..Ask::true_up(region) };
                self.world.run(ask).await;
            }
        }
        let mut state = self.world.state();
        state.watch_audit();
        let wrong = [state.differences(), state.wrong_rows()].concat();
        let wrong = wrong.into_iter().map(|what| format!("promise 5: at the end {what}"));
        let wrong: Vec<_> = wrong.collect();
        state.violations.extend(wrong);
    }

    fn result(self, telling: bool) -> Played {
        let story = if telling { self.world.story() } else { String::new() };
        let mut state = self.world.state();
        state.tally.seeds = 1;
        state.tally.calls = state.calls.len() as u64;
        let digest = state.calls.iter().fold(0_u64, |digest, call| {
            let line = format!("{:?} {} {} {:?}", call.run, call.place, call.name, call.failure);
            line.bytes().fold(digest, |d, byte| d.wrapping_mul(31).wrapping_add(byte.into()))
        });
        Played {
            violations: state.violations.clone(),
            happened: state.happened.clone(),
            picked: self.picked,
            tally: state.tally.clone(),
            story,
            digest,
        }
    }
}

fn pool(script: &Script) -> u8 {
    u8::try_from(script.shape.pool).unwrap_or(12)
}
