//! The schedule of a simulated runtime, as its users give it.

use crate::sys::choose::Script;
use std::fmt;
use std::sync::Arc;

/// Where a [simulated](super::Builder::simulated) runtime takes its choices from: which goroutine runs
/// next and for how long, which ready arm of a `select!` wins.
///
/// The same schedule and the same program make the same run, as long as the program has no other source
/// of chance: no threads of its own, no system clock, no sockets, no hash maps with random keys.
///
/// ```
/// use gort::runtime::{Builder, Schedule};
///
/// let bytes = [3, 1, 4, 1, 5, 9, 2, 6];
/// let runtime = Builder::simulated(Schedule::from_bytes(bytes)).build().unwrap();
/// assert_eq!(runtime.block_on(async { 6 * 7 }), 42);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Schedule {
    given: Arc<[u8]>,
    seed: u64,
}

impl Schedule {
    /// Choices that come from a generator of random numbers with this seed.
    pub fn from_seed(seed: u64) -> Self {
        Self { given: Arc::default(), seed }
    }

    /// Choices that are given: a byte each (two where there are more than 256 alternatives), modulo
    /// the number of alternatives. 0 is the ordinary one: the order of the queue, the whole budget.
    /// When the bytes are used up the choices come from a generator.
    ///
    /// For fuzzers: small changes of the input are small changes of the schedule.
    pub fn from_bytes(bytes: impl AsRef<[u8]>) -> Self {
        Self { given: bytes.as_ref().into(), seed: 0 }
    }

    pub(crate) fn script(&self) -> Box<Script> {
        Box::new(Script::new(self.given.to_vec(), self.seed))
    }
}

impl From<u64> for Schedule {
    fn from(seed: u64) -> Self {
        Self::from_seed(seed)
    }
}

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.given.is_empty() {
            return f.debug_tuple("Schedule::from_seed").field(&self.seed).finish();
        }
        f.debug_tuple("Schedule::from_bytes").field(&self.given).finish()
    }
}
