//! Answers, counted by their status.

use hyper::StatusCode;

use super::text::{grouped, list};

/// How many answers there were of each class, which is the first digit of the status.
#[derive(Debug, Default)]
pub(crate) struct Classes([u64; 6]);

/// A status may be up to 999, and the upper ones are of no class.
const NAMES: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", "other"];

impl Classes {
    pub(crate) fn count(&mut self, status: StatusCode) {
        let digit = usize::from(status.as_u16() / 100);
        self.0[digit.saturating_sub(1).min(5)] += 1;
    }

    /// Every class.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (&'static str, u64)> {
        NAMES.into_iter().zip(self.0)
    }

    /// Those that there were, for the table.
    pub(crate) fn list(&self) -> String {
        let seen = self.rows().filter(|&(_, count)| count > 0);
        list(seen.map(|(name, count)| format!("{name} {}", grouped(count))))
    }
}
