//! What can go wrong with a call.

use std::collections::BTreeMap;
use std::time::Duration;

use sync_core::names::MemberName;
use sync_core::ports::Failure;
use tokio::time::Instant;

use super::chance;
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
    /// It takes effect this much later, even if its caller is gone by then.
    Late(Duration),
    /// It reads what was there this long ago. Only EC2's reads lag.
    Lag(Duration),
    /// Its answer leaves something out: Auto Scaling a group or instances, EC2 public
    /// addresses.
    Hide,
}

impl Fault {
    /// Its name in totals and scripts.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Before(_) => "fail-before",
            Self::After(_) => "fail-after",
            Self::Hang => "hang",
            Self::HangAfter => "hang-after",
            Self::KillBefore => "kill-before",
            Self::KillAfter => "kill-after",
            Self::Slow(_) => "slow",
            Self::Late(_) => "late",
            Self::Lag(_) => "lag",
            Self::Hide => "hide",
        }
    }

    /// Whether a region that did this to a run may count as unreachable for it.
    pub(super) fn may_lose_a_region(self) -> bool {
        match self {
            Self::Slow(more) | Self::Late(more) => more >= Duration::from_millis(500),
            Self::Lag(_) | Self::Hide => false,
            _ => true,
        }
    }
}

/// Which calls go wrong, and how.
#[derive(Clone, Debug)]
pub struct FaultRule {
    /// Of this run only.
    pub run: Option<RunId>,
    /// To this member's region only.
    pub place: Option<MemberName>,
    /// Not of runs whose function lives in that region.
    pub far: bool,
    /// This call only, as in [`call`].
    pub call: Option<&'static str>,
    /// Not from then on.
    pub until: Option<Instant>,
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
        let (run, place, call, until) = (None, None, None, None);
        Self { run, place, far: false, call, until, skip: 0, times: usize::MAX, fault }
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
    pub(super) fn hit(
        &mut self,
        (run, home): (RunId, Option<&MemberName>),
        place: &MemberName,
        name: &str,
    ) -> Option<Fault> {
        let matches = self.run.is_none_or(|only| only == run)
            && self.place.as_ref().is_none_or(|only| only == place)
            && !(self.far && home == Some(place))
            && self.call.is_none_or(|only| only == name)
            && self.until.is_none_or(|until| Instant::now() < until);
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

/// One call of one run: the run's label, the member's region, the call, and how many
/// such calls the run made there before.
pub type CallKey = (String, MemberName, &'static str, usize);

/// What goes wrong, as far as it is known beforehand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mishaps {
    /// With single calls.
    pub calls: BTreeMap<CallKey, Fault>,
    /// With events: when each is delivered, in milliseconds after it is sent. Others
    /// are delivered once, soon.
    pub events: BTreeMap<String, Vec<u64>>,
    /// With processes: how many milliseconds after its start a run is killed.
    pub kills: BTreeMap<String, u64>,
}

/// How often chance makes something go wrong, in a thousand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// Of calls.
    pub calls: u32,
    /// Of events.
    pub events: u32,
    /// Of runs that are killed by a timer.
    pub kills: u32,
}

/// What chance does to a call.
pub(super) fn mishap(seed: u64, rate: u32, key: &CallKey) -> Option<Fault> {
    let (run, place, name, nth) = key;
    let mut rng = chance::rng(seed, &format!("fault {run} {place} {name} {nth}"));
    if rng.u32(0..1000) >= rate {
        return None;
    }
    let soon = Duration::from_millis(rng.u64(100..6000));
    let reads_ec2 = [call::RULES, call::INSTANCES].contains(name);
    let is_write = call::WRITES.contains(name);
    Some(match rng.u8(0..16) {
        0 => Fault::Before(Failure::Throttled),
        1 => Fault::Before(Failure::Unavailable),
        2 => Fault::Before(Failure::NoAnswer),
        3 => Fault::Before(Failure::Denied),
        4 if is_write => Fault::After(Failure::NoAnswer),
        5 if is_write => Fault::After(Failure::Unavailable),
        6 => Fault::Hang,
        7 if is_write => Fault::HangAfter,
        8 => Fault::KillBefore,
        9 => Fault::KillAfter,
        10 | 11 if is_write => Fault::Late(soon * 2),
        4..=7 if reads_ec2 => Fault::Lag(soon * 20),
        10..=13 if reads_ec2 => Fault::Lag(soon * 5),
        14 | 15 if [call::GROUPS, call::INSTANCES, call::STATE].contains(name) => Fault::Hide,
        _ => Fault::Slow(soon),
    })
}
