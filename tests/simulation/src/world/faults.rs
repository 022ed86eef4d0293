//! What can go wrong with a call.

use std::time::Duration;

use sync_core::names::MemberName;
use sync_core::ports::Failure;

use super::door::call;
use super::runs::RunId;

/// What goes wrong with one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It fails and nothing happens.
    Before(Failure),
    /// What it asks for happens, and its answer is this failure.
    After(Failure),
    /// It swallows the request: no answer ever, and nothing happens.
    Hang,
    /// What it asks for happens, and no answer ever comes.
    HangAfter,
    /// The run's process dies as the call is sent.
    KillBefore,
    /// The run's process dies as the call takes effect.
    KillAfter,
    /// It takes this much longer.
    Slow(Duration),
    /// It reads what was there this long ago. Only reads of rules lag.
    Lag(Duration),
}

/// Which calls go wrong, and how.
#[derive(Clone, Debug)]
pub struct FaultRule {
    /// Of this run only.
    pub run: Option<RunId>,
    /// To this member's region only.
    pub place: Option<MemberName>,
    /// This call only, as in [`call`].
    pub call: Option<&'static str>,
    /// Spares this many of the calls that match.
    pub skip: usize,
    /// Then hits this many.
    pub times: usize,
    /// How.
    pub fault: Fault,
}

impl FaultRule {
    /// Hits every call.
    #[must_use]
    pub fn all(fault: Fault) -> Self {
        Self { run: None, place: None, call: None, skip: 0, times: usize::MAX, fault }
    }

    /// Only in this member's region.
    #[must_use]
    pub fn at(self, member: &str) -> Self {
        Self { place: Some(member.into()), ..self }
    }

    /// Only this call.
    #[must_use]
    pub fn on(self, call: &'static str) -> Self {
        Self { call: Some(call), ..self }
    }

    /// Only this run.
    #[must_use]
    pub fn of(self, run: RunId) -> Self {
        Self { run: Some(run), ..self }
    }

    /// Only `times` calls, after sparing `skip`.
    #[must_use]
    pub fn window(self, skip: usize, times: usize) -> Self {
        Self { skip, times, ..self }
    }

    /// The fault for this call, if it is one to hit.
    pub(super) fn hit(&mut self, run: RunId, place: &MemberName, name: &str) -> Option<Fault> {
        let matches = self.run.is_none_or(|only| only == run)
            && self.place.as_ref().is_none_or(|only| only == place)
            && self.call.is_none_or(|only| only == name);
        if !matches || self.times == 0 {
            return None;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return None;
        }
        self.times -= 1;
        Some(self.fault)
    }
}

/// Faults by chance.
#[derive(Clone, Debug)]
pub struct Chaos {
    /// Where chance comes from.
    pub rng: fastrand::Rng,
    /// Of every call, how many in a thousand go wrong.
    pub per_mille: u32,
}

impl Chaos {
    pub(super) fn hit(&mut self, name: &str) -> Option<Fault> {
        if self.rng.u32(0..1000) >= self.per_mille {
            return None;
        }
        let slow = Duration::from_millis(self.rng.u64(100..6000));
        Some(match self.rng.u8(0..10) {
            0 => Fault::Before(Failure::Throttled),
            1 => Fault::Before(Failure::Unavailable),
            2 => Fault::Before(Failure::NoAnswer),
            3 => Fault::After(Failure::NoAnswer),
            4 => Fault::After(Failure::Unavailable),
            5 => Fault::Hang,
            6 => Fault::KillBefore,
            7 => Fault::KillAfter,
            8 if name == call::RULES => Fault::Lag(slow * 10),
            _ => Fault::Slow(slow),
        })
    }
}
