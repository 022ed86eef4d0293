//! How many changes EC2 takes: 50 at once and 5 a second, in each account and region
//! (`facts/aws.md`, Throttling). One bucket for adding and revoking, as older pages have it.

use tokio::time::Instant;

/// Calls at once.
const MOST: u64 = 50;
/// Calls a second.
const REFILL: u64 = 5;

/// One region's calls, counted in thousandths.
#[derive(Clone, Debug)]
pub struct Bucket {
    level: u64,
    at: Instant,
    /// The fewest calls that were left.
    pub lowest: u64,
    /// Calls that were taken.
    pub taken: usize,
    /// Calls that were throttled.
    pub throttled: usize,
}

impl Bucket {
    pub(super) fn full() -> Self {
        Self { level: MOST * 1000, at: Instant::now(), lowest: MOST, taken: 0, throttled: 0 }
    }

    /// Takes one call; false if there is none.
    pub(super) fn take(&mut self) -> bool {
        let passed = u64::try_from(self.at.elapsed().as_millis()).unwrap_or(u64::MAX / REFILL);
        (self.level, self.at) = ((self.level + passed * REFILL).min(MOST * 1000), Instant::now());
        let Some(left) = self.level.checked_sub(1000) else {
            self.throttled += 1;
            return false;
        };
        self.level = left;
        self.taken += 1;
        self.lowest = self.lowest.min(left / 1000);
        true
    }
}
