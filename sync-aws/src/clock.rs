//! The wall clock.

use jiff::Timestamp;
use sync_core::ports::Clock;

/// The machine's clock, to the millisecond, as versions count. Nothing else in sgsync looks
/// at the time of day.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "this is the one place with the wall clock")]
    fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }
}
