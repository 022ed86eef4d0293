//! Scripts as text: a line for everything, in words that can be read and played again.

use std::fmt;
use std::time::Duration;

use sync_core::names::{InstanceId, MemberName};
use sync_core::ports::Failure;

use super::{Action, Deed, Script, Shape, Step, Who};
use crate::world::{Fault, Mishaps, Rates, Scope, call};

const FAILURES: [(&str, Failure); 4] = [
    ("throttled", Failure::Throttled),
    ("unavailable", Failure::Unavailable),
    ("no-answer", Failure::NoAnswer),
    ("denied", Failure::Denied),
];

const SCOPES: [(&str, Scope); 4] = [
    ("fails-far", Scope::Far),
    ("fails-mirror", Scope::Mirror),
    ("fails-rules", Scope::Rules),
    ("fails-all", Scope::All),
];

impl Shape {
    fn fields(&mut self) -> [(&'static str, &mut u64); 15] {
        [
            ("members", &mut self.members),
            ("double", &mut self.double),
            ("allow", &mut self.allow),
            ("base", &mut self.base),
            ("kinds", &mut self.kinds),
            ("limit", &mut self.limit),
            ("compact", &mut self.compact),
            ("spread", &mut self.spread),
            ("lists", &mut self.lists),
            ("guard", &mut self.guard),
            ("lenient", &mut self.lenient),
            ("each", &mut self.each),
            ("pool", &mut self.pool),
            ("window", &mut self.window),
            ("deaf", &mut self.deaf),
        ]
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Rates { calls, events, kills } = self.rates;
        writeln!(f, "seed {}", self.seed)?;
        write!(f, "shape")?;
        for (name, value) in self.shape.clone().fields() {
            write!(f, " {name}={value}")?;
        }
        writeln!(f, "\nrates {calls} {events} {kills}")?;
        for step in &self.steps {
            let Step { id, at, member, asg, action } = step;
            writeln!(f, "step {id} {at} {member} {asg} {action}")?;
        }
        for ((run, place, name, nth), fault) in &self.mishaps.calls {
            writeln!(f, "call {run} {place} {name} {nth} {}", fault_text(*fault))?;
        }
        for (label, times) in &self.mishaps.events {
            let times: Vec<_> = times.iter().map(u64::to_string).collect();
            writeln!(f, "event {label} {}", times.join(" "))?;
        }
        for (label, after) in &self.mishaps.kills {
            writeln!(f, "kill {label} {after}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())?;
        match self {
            Self::Launch(number)
            | Self::PersonAdds(number)
            | Self::PersonRemoves(number)
            | Self::EditsBase(number)
            | Self::Drift(number)
            | Self::FillsUp(number)
            | Self::Do(_, Who::Pick(number)) => write!(f, " {number}"),
            Self::Do(_, Who::Named(id)) => write!(f, " {id}"),
            Self::Fails(_, fault, millis) => write!(f, " {} {millis}", fault_text(*fault)),
            _ => Ok(()),
        }
    }
}

fn fault_text(fault: Fault) -> String {
    let name = fault.name();
    match fault {
        Fault::Before(failure) | Fault::After(failure) => {
            let word = FAILURES.iter().find(|(_, known)| *known == failure);
            format!("{name}:{}", word.map_or("other", |(word, _)| word))
        }
        Fault::Slow(more) | Fault::Late(more) | Fault::Lag(more) => {
            format!("{name}:{}", more.as_millis())
        }
        _ => name.to_owned(),
    }
}

fn fault(text: &str) -> Option<Fault> {
    let (name, more) = text.split_once(':').unwrap_or((text, ""));
    let failure = || Some(FAILURES.iter().find(|(word, _)| *word == more)?.1);
    let time = || Some(Duration::from_millis(more.parse().ok()?));
    Some(match name {
        "fail-before" => Fault::Before(failure()?),
        "fail-after" => Fault::After(failure()?),
        "hang" => Fault::Hang,
        "hang-after" => Fault::HangAfter,
        "kill-before" => Fault::KillBefore,
        "kill-after" => Fault::KillAfter,
        "slow" => Fault::Slow(time()?),
        "late" => Fault::Late(time()?),
        "lag" => Fault::Lag(time()?),
        "hide" => Fault::Hide,
        _ => return None,
    })
}

fn action(words: &[&str]) -> Option<Action> {
    let (word, rest) = words.split_first()?;
    let number = || rest.first()?.parse::<usize>().ok();
    if let Some(deed) = Deed::ALL.into_iter().find(|deed| deed.word() == *word) {
        let who = number().map_or_else(|| Who::Named(InstanceId::new(rest[0])), Who::Pick);
        return Some(Action::Do(deed, who));
    }
    if let Some((_, scope)) = SCOPES.iter().find(|(name, _)| name == word) {
        return Some(Action::Fails(*scope, fault(rest.first()?)?, rest.get(1)?.parse().ok()?));
    }
    Some(match *word {
        "launch" => Action::Launch(number()?),
        "attach" => Action::Attach,
        "into-pool" => Action::IntoPool,
        "stranger-comes" => Action::StrangerComes,
        "stranger-goes" => Action::StrangerGoes,
        "person-adds" => Action::PersonAdds(number()?),
        "person-removes" => Action::PersonRemoves(number()?),
        "edits-base" => Action::EditsBase(number()?),
        "drift" => Action::Drift(number()?),
        "lose-table" => Action::LoseTable,
        "fills-up" => Action::FillsUp(number()?),
        "true-up" => Action::TrueUp,
        "true-ups" => Action::TrueUps,
        "operator" => Action::Operator,
        _ => return None,
    })
}

impl Script {
    /// Reads a script. Lines that begin with `#` say nothing.
    ///
    /// # Errors
    /// The first line that is not understood.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut script = Self {
            seed: 0,
            shape: Shape::default(),
            rates: Rates::default(),
            steps: Vec::new(),
            mishaps: Mishaps::default(),
        };
        for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
            let words: Vec<&str> = line.split_whitespace().collect();
            script.read(&words).ok_or_else(|| format!("not understood: {line}"))?;
        }
        Ok(script)
    }

    fn read(&mut self, words: &[&str]) -> Option<()> {
        match words {
            ["seed", seed] => self.seed = seed.parse().ok()?,
            ["shape", fields @ ..] => {
                for field in fields {
                    let (name, value) = field.split_once('=')?;
                    let mut known = self.shape.fields();
                    let field = known.iter_mut().find(|(known, _)| *known == name)?;
                    *field.1 = value.parse().ok()?;
                }
            }
            ["rates", calls, events, kills] => {
                let number = |word: &str| word.parse::<u32>().ok();
                self.rates =
                    Rates { calls: number(calls)?, events: number(events)?, kills: number(kills)? };
            }
            ["step", id, at, member, asg, what @ ..] => self.steps.push(Step {
                id: id.parse().ok()?,
                at: at.parse().ok()?,
                member: MemberName::new(*member),
                asg: (*asg).into(),
                action: action(what)?,
            }),
            ["call", run, place, name, nth, what] => {
                let name = call::ALL.into_iter().find(|known| known == name)?;
                let key = ((*run).to_owned(), MemberName::new(*place), name, nth.parse().ok()?);
                self.mishaps.calls.insert(key, fault(what)?);
            }
            ["event", label, times @ ..] => {
                let times = times.iter().map(|time| time.parse().ok()).collect::<Option<_>>()?;
                self.mishaps.events.insert((*label).to_owned(), times);
            }
            ["kill", label, after] => {
                self.mishaps.kills.insert((*label).to_owned(), after.parse().ok()?);
            }
            _ => return None,
        }
        Some(())
    }
}
