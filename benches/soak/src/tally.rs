//! What happened so far, in numbers, and what must not happen.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only rises.
#[derive(Debug)]
pub struct Counter(AtomicU64);

impl Counter {
    pub const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    pub fn one(&self) {
        self.add(1);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

macro_rules! tally {
    ($($name:ident: $what:literal,)*) => {
        /// Everything that is counted.
        pub struct Tally { $(pub $name: Counter,)* }

        /// The counts of this process.
        pub static TALLY: Tally = Tally { $($name: Counter::new(),)* };

        impl Tally {
            /// What each number means, and the number.
            pub fn rows(&self) -> Vec<(&'static str, u64)> {
                vec![$(($what, self.$name.get()),)*]
            }
        }
    };
}

tally! {
    rounds: "rounds",
    runtimes: "runtimes started and stopped",
    runtimes_refused: "runtimes that the system refused threads or descriptors",
    goroutines: "goroutines started by hand",
    finished: "  that returned",
    aborted: "  that were aborted, or dropped with their runtime",
    panicked: "  that panicked",
    messages: "messages made",
    received: "  received",
    returned: "  returned to the sender: no receiver was left",
    rejected: "  rejected by try_send",
    given_up: "  given up: their send was dropped or lost a select",
    discarded: "  dropped with a channel that had lost its receivers",
    connects: "connections tried",
    connected: "  made",
    connects_given_up: "  given up",
    connects_refused: "  refused for want of descriptors",
    accepts_refused: "accepts refused for want of descriptors",
    whole: "connections echoed to the last byte",
    cut: "  cut short by either side",
    resets: "  of these reset",
    bytes_sent: "bytes sent",
    bytes_read: "  read by the server",
    bytes_written: "  written by the server",
    bytes_back: "  that came back",
    operations_given_up: "accepts, reads and writes given up on the way",
    requests: "HTTP requests",
    requests_planned: "  that went as the plan says",
    requests_given_up: "  given up",
    jobs: "blocking jobs",
    jobs_done: "  done",
    jobs_aborted: "  aborted before they began",
    jobs_refused: "  for which there was no thread",
    stuck: "polls that blocked their thread",
    stuck_workers: "  on a worker's thread, with another to be had",
    stood_in: "  for which another worker stood in",
    timers: "timers set",
    timers_fired: "  that fired",
    locks: "critical sections",
    things: "things taken by those who were told of them",
    groups: "wait groups waited for",
}

static VIOLATIONS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Something that must not happen has happened.
pub fn violation(text: String) {
    let mut violations = VIOLATIONS.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if violations.len() < 20 {
        eprintln!("soak: violation: {text}");
        violations.push(text);
    }
}

/// How many things that must not happen have happened.
pub fn violations() -> usize {
    VIOLATIONS.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).len()
}

/// Notes a violation unless the condition holds.
#[macro_export]
macro_rules! demand {
    ($condition:expr, $($text:tt)+) => {
        if !$condition {
            $crate::tally::violation(format!($($text)+));
        }
    };
}
