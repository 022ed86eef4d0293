//! Chance that hangs on names, not on order: one seed and one name always give the
//! same numbers, whatever else happens, and whatever is left out of a script.

use std::future::{Future, poll_fn};
use std::pin::pin;

use fastrand::Rng;

/// Where the numbers of this name come from.
#[must_use]
pub fn rng(seed: u64, name: &str) -> Rng {
    // FNV-1a: std's hasher is not promised to stay the same between releases.
    let start = 0xcbf2_9ce4_8422_2325 ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    Rng::with_seed(name.bytes().fold(start, mix))
}

/// Gives a run's jitter a stream of its own: what other runs of the thread draw from
/// `fastrand`'s common one does not move it.
pub(super) async fn with_own_chance<T>(mut own: Rng, future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut seed = own.u64(..);
    poll_fn(move |context| {
        let others = fastrand::get_seed();
        fastrand::seed(seed);
        let polled = future.as_mut().poll(context);
        seed = fastrand::get_seed();
        fastrand::seed(others);
        polled
    })
    .await
}
