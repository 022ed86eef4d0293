//! An in-memory world behind sync-core's ports: regions with Auto Scaling groups,
//! instances, security groups and mirrors, as `facts/aws.md` describes them; runs of
//! the real reconcile loop in it; faults on any call; and a watch over the promises
//! of design section 2, which looks at every write as it takes effect.
//!
//! Time is tokio's and paused, chance hangs on a seed and on names, so a test that
//! fails fails again.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use jiff::Timestamp;
use sync_core::mesh::Mesh;
use sync_core::ports::{AuditLine, AuditLog, Clock};
use tokio::time::Instant;

use group::Group;

mod agenda;
mod answers;
mod bucket;
pub mod chance;
mod cluster;
mod door;
mod faults;
mod group;
mod known;
mod life;
mod misfortune;
mod people;
mod ports;
mod runs;
mod state;
mod table;
mod tally;
mod truth;
mod watch;

pub use agenda::{Later, Message, Phase, Says};
pub use bucket::Bucket;
pub use door::{CallRecord, call};
pub use faults::{CallKey, Fault, FaultRule, Mishaps, Rates};
pub use known::RunState;
pub use misfortune::Scope;
pub use runs::{Ask, RunId};
pub use state::State;
pub use tally::Tally;

/// `us-east-1`, the first member of every world.
pub const EAST: &str = "us-east-1";
/// `us-west-2`, the second.
pub const WEST: &str = "us-west-2";
/// `eu-west-1`, the third, in worlds of three.
pub const IRELAND: &str = "eu-west-1";
/// The members of worlds, in order.
pub const REGIONS: [&str; 5] = [EAST, WEST, IRELAND, "ap-southeast-2", "eu-central-1"];

/// When every world begins.
const BEGINNING: i64 = 1_793_000_000;

/// The world; clones are the same world.
#[derive(Clone)]
pub struct World {
    state: Arc<Mutex<State>>,
    origin: Instant,
}

impl World {
    /// A world of the first `members` regions, on tcp 7000-7001; `more` is appended
    /// to the mesh document.
    ///
    /// # Panics
    /// If that makes no mesh document.
    #[must_use]
    pub fn new(members: usize, more: &str) -> Self {
        fastrand::seed(1);
        Self::with(mesh(members, more))
    }

    /// The world of a mesh document.
    ///
    /// # Panics
    /// If it is none.
    #[must_use]
    pub fn of(document: &str) -> Self {
        Self::with(Mesh::parse(document).unwrap_or_else(|wrong| panic!("{wrong}\n{document}")))
    }

    fn with(mesh: Mesh) -> Self {
        Self { state: Arc::new(Mutex::new(State::new(mesh))), origin: Instant::now() }
    }

    /// Gives out only these many public addresses, so that they are used again soon.
    #[must_use]
    pub fn with_addresses(self, count: u8) -> Self {
        self.state().free = (1..=count).map(|host| IpAddr::from([54, 0, 0, host])).collect();
        self
    }

    /// Two members in balance, each with this many instances in service.
    pub async fn settled(east: usize, west: usize) -> Self {
        Self::new(2, "").populated(&[(EAST, east), (WEST, west)]).await
    }

    /// Brings instances into service and the world into balance; forgets how.
    pub async fn populated(self, instances: &[(&str, usize)]) -> Self {
        for (member, count) in instances {
            self.in_service(member, *count);
        }
        self.true_up_everywhere().await;
        self.expect_exact();
        self.forget();
        self
    }

    /// Forgets which calls and changes were made.
    pub fn forget(&self) {
        let mut state = self.state();
        state.calls.clear();
        state.audit.clear();
        (state.lines, state.happened) = (0, Mishaps::default());
    }

    /// EC2 takes only so many changes from now on.
    pub fn throttle(&self) {
        let mut state = self.state();
        state.buckets = state.places.keys().map(|name| (name.clone(), Bucket::full())).collect();
    }

    /// Makes calls go wrong from now on.
    pub fn fault(&self, rule: FaultRule) {
        self.state().faults.push(rule);
    }

    /// Nothing goes wrong any more.
    pub fn heal(&self) {
        let mut state = self.state();
        state.faults.clear();
        (state.mishaps, state.rates) = (Mishaps::default(), Rates::default());
        state.places.values_mut().flat_map(|place| place.groups.values_mut()).for_each(Group::ease);
    }

    /// The calls since the world last forgot them.
    #[must_use]
    pub fn calls(&self) -> Vec<&'static str> {
        self.state().calls.iter().map(|call| call.name).collect()
    }

    /// Every call since the world last forgot them, and what else happened, a line each.
    #[must_use]
    pub fn story(&self) -> String {
        let state = self.state();
        let since = |at: Instant| at.duration_since(self.origin).as_millis();
        let call = |call: &CallRecord| {
            let CallRecord { run, place, name, at, what, fault, failure } = call;
            let mut line = format!("{:>8} {} {place} {name}", since(*at), state.runs[run].label());
            for more in [Some(what.clone()), fault.map(|f| format!("[{f:?}]"))] {
                line.extend(more.filter(|more| !more.is_empty()).map(|more| format!(" {more}")));
            }
            line.extend(failure.map(|failure| format!(" -> {failure:?}")));
            line
        };
        let mut news = state.news.iter().peekable();
        let mut lines = Vec::new();
        for (number, record) in state.calls.iter().enumerate() {
            while let Some((_, at, what)) = news.next_if(|(before, ..)| *before <= number) {
                lines.push(format!("{:>8} * {what}", since(*at)));
            }
            lines.push(call(record));
        }
        lines.extend(news.map(|(_, at, what)| format!("{:>8} * {what}", since(*at))));
        lines.join("\n") + "\n"
    }

    /// Everything there is.
    ///
    /// # Panics
    /// If another user of it panicked.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics while holding the world")
    }
}

/// A document of the first `members` regions, on tcp 7000-7001, with `more` appended.
///
/// # Panics
/// If that makes no mesh document.
#[must_use]
pub fn mesh(members: usize, more: &str) -> Mesh {
    let text = document(&REGIONS[..members], more);
    Mesh::parse(&text).unwrap_or_else(|wrong| panic!("{wrong}\n{text}"))
}

fn document(regions: &[&str], more: &str) -> String {
    let members = regions.iter().enumerate().map(|(place, region)| {
        format!(
            "[[member]]\nregion = \"{region}\"\nauto_scaling_groups = [\"orders-{region}\"]\n\
             security_groups = [\"sg-{place:017x}\"]\n"
        )
    });
    let allow = "name = \"orders-db\"\n[[allow]]\nprotocol = \"tcp\"\nports = \"7000-7001\"\n";
    format!("{allow}{}{more}\n", members.collect::<String>())
}

impl Clock for World {
    fn now(&self) -> Timestamp {
        let begun = Timestamp::from_second(BEGINNING).expect("a time");
        begun.saturating_add(self.origin.elapsed()).expect("no calendar units")
    }
}

impl AuditLog for World {
    fn write(&self, line: &AuditLine) {
        self.state().audit.push(line.clone());
    }
}
