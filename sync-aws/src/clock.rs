//! The wall clock.

use jiff::Timestamp;
use sync_core::ports::Clock;

/// The machine's clock. Nothing else in sgsync looks at the time of day.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "this is the one place with the wall clock")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}
