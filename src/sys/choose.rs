//! Every choice the library makes: which ready arm of a select, which victim to steal from.
//!
//! One source per thread, behind one function. It is a generator of random numbers, until somebody
//! [installs](install) a [`Script`]: then every choice comes from there, and leaves its trace there.

use std::cell::Cell;

thread_local! {
    static SOURCE: Cell<Source> = const { Cell::new(Source::Unset) };
    /// There while `SOURCE` is `Script`. Apart from it, since what must be dropped makes a
    /// thread-local slower.
    static SCRIPT: Cell<Option<Box<Script>>> = const { Cell::new(None) };
}

/// Where the choices of a thread come from.
#[derive(Debug, Default)]
enum Source {
    #[default]
    Unset,
    Random(fastrand::Rng),
    Script,
}

/// A number in `0..n`, uniform. `choose(0)` and `choose(1)` are 0 and draw nothing.
#[inline]
pub(crate) fn choose(n: usize) -> usize {
    if n <= 1 {
        return 0;
    }
    if let Some(pick) = of_model(n) {
        return pick;
    }
    SOURCE
        .try_with(|cell| match cell.take() {
            Source::Random(mut rng) => {
                let pick = rng.usize(..n);
                cell.set(Source::Random(rng));
                pick
            }
            Source::Script => {
                cell.set(Source::Script);
                with_script(|script| script.choose(n)).unwrap_or(0)
            }
            Source::Unset => {
                let mut rng = fastrand::Rng::new();
                let pick = rng.usize(..n);
                cell.set(Source::Random(rng));
                pick
            }
        })
        // The thread is ending and its source is gone: any choice is as good as another.
        .unwrap_or(0)
}

/// What a model checker chooses. Shuttle draws from the numbers of its schedule, so that a schedule can
/// be run again. Loom has no choice to offer but that between threads: it takes the first, and models
/// that need another order write it down (`biased`).
#[inline(always)]
fn of_model(_n: usize) -> Option<usize> {
    #[cfg(gort_shuttle)]
    return Some(shuttle::rand::Rng::gen_range(&mut shuttle::rand::thread_rng(), 0.._n));
    #[cfg(not(gort_shuttle))]
    super::MODEL.then_some(0)
}

/// Calls `f` with the thread's script, if it has one. `f` does not choose.
fn with_script<R>(f: impl FnOnce(&mut Script) -> R) -> Option<R> {
    SCRIPT
        .try_with(|cell| {
            let mut script = cell.take()?;
            let result = f(&mut script);
            cell.set(Some(script));
            Some(result)
        })
        .ok()
        .flatten()
}

/// Whether the thread's choices come from a script, or from a model checker: whoever would let an
/// address decide something must not.
#[inline]
pub(crate) fn is_scripted() -> bool {
    let scripted = |cell: &Cell<Source>| {
        let source = cell.take();
        let scripted = matches!(source, Source::Script);
        cell.set(source);
        scripted
    };
    super::MODEL || SOURCE.try_with(scripted).unwrap_or(false)
}

/// Makes `script` the source of the thread's choices, and returns the one before. `None`: random
/// numbers.
pub(crate) fn install(script: Option<Box<Script>>) -> Option<Box<Script>> {
    SOURCE.set(if script.is_some() { Source::Script } else { Source::Unset });
    SCRIPT.replace(script)
}

/// Starts the thread's random numbers anew, from a seed: one input of a fuzz target is one run.
#[cfg(fuzzing)]
pub(crate) fn seed(seed: u64) {
    SOURCE.set(Source::Random(fastrand::Rng::with_seed(seed)));
}

/// Adds an event to the trace of the thread's script, if it has one.
pub(crate) fn note(event: u64) {
    with_script(|script| script.note(event));
}

/// The [trace](Script::trace) of the thread's script, if it has one.
pub(crate) fn trace() -> Option<u64> {
    with_script(|script| script.trace())
}

/// Choices that can be made again: given ones first, then those of a seeded generator.
///
/// A given choice is a byte. 0 is the first of the alternatives, which callers make the ordinary one;
/// so a script of zeros is a schedule without surprises, and shorter scripts are simpler ones.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    given: std::vec::IntoIter<u8>,
    rng: fastrand::Rng,
    trace: u64,
}

impl Script {
    pub(crate) fn new(given: Vec<u8>, seed: u64) -> Self {
        Self { given: given.into_iter(), rng: fastrand::Rng::with_seed(seed), trace: FNV_OFFSET }
    }

    fn choose(&mut self, n: usize) -> usize {
        let pick = match self.given.next() {
            Some(byte) if n <= 256 => usize::from(byte) % n,
            // So many alternatives take another byte.
            Some(byte) => {
                (usize::from(byte) << 8 | usize::from(self.given.next().unwrap_or(0))) % n
            }
            None => self.rng.usize(..n),
        };
        self.note(pick as u64);
        pick
    }

    /// FNV-1a over the bytes of what happened
    /// (<https://datatracker.ietf.org/doc/html/draft-eastlake-fnv>).
    fn note(&mut self, event: u64) {
        for byte in event.to_le_bytes() {
            self.trace = (self.trace ^ u64::from(byte)).wrapping_mul(FNV_PRIME);
        }
    }

    /// A hash of everything that was chosen and noted so far.
    pub(crate) fn trace(&self) -> u64 {
        self.trace
    }
}

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

#[cfg(all(test, not(any(gort_loom, gort_shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn a_script_gives_its_bytes_and_then_numbers_of_its_seed() {
        let outer = install(Some(Box::new(Script::new(vec![0, 7, 255, 1, 2], 3))));
        assert!(outer.is_none() && is_scripted());
        assert_eq!([choose(4), choose(4), choose(4)], [0, 3, 3]);
        assert_eq!(choose(1000), 258);
        let drawn: Vec<_> = (0..100).map(|_| choose(10)).collect();
        let first = install(None).expect("it was installed");
        assert!(!is_scripted());

        install(Some(Box::new(Script::new(vec![0, 7, 255, 1, 2], 3))));
        for n in [4, 4, 4, 1000] {
            choose(n);
        }
        let again: Vec<_> = (0..100).map(|_| choose(10)).collect();
        assert_eq!(again, drawn);
        assert_eq!(trace(), Some(first.trace()));
        note(1);
        assert_ne!(trace(), Some(first.trace()));
        install(None);
        assert_eq!(trace(), None);
    }

    #[test]
    fn choices_without_a_script_are_within_bounds_and_not_all_the_same() {
        let drawn: Vec<_> = (0..100).map(|_| choose(7)).collect();
        assert!(drawn.iter().all(|&pick| pick < 7));
        assert!(drawn.iter().any(|&pick| pick != drawn[0]));
    }
}
