//! What a crawl of the embedded sites must find, page for page.

use std::{collections::BTreeMap, fmt};

use crate::{Visit, common::failure::Kind, page::Outcome};

/// What becomes of a page, as far as it is planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// An answer, and how many addresses it leads to.
    Answer {
        status: u16,
        links: usize,
    },
    /// A redirect.
    Moved {
        status: u16,
    },
    Excluded,
    Failed(Kind),
}

impl Fate {
    fn of(outcome: &Outcome) -> Fate {
        match outcome {
            Outcome::Page { status, links, .. } => {
                Fate::Answer { status: status.as_u16(), links: links.len() }
            }
            Outcome::Other { status } => Fate::Answer { status: status.as_u16(), links: 0 },
            Outcome::Moved { status, .. } => Fate::Moved { status: status.as_u16() },
            Outcome::Excluded => Fate::Excluded,
            Outcome::NoRules(failure) | Outcome::Failed(failure) => Fate::Failed(failure.kind),
        }
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fate::Answer { status, links } => write!(f, "{status} with {links} links"),
            Fate::Moved { status } => write!(f, "{status}"),
            Fate::Excluded => write!(f, "excluded"),
            Fate::Failed(kind) => write!(f, "{}", kind.name()),
        }
    }
}

/// The pages that are still to come, with their depths.
#[derive(Debug)]
pub(crate) struct Plan {
    pages: BTreeMap<String, (u32, Fate)>,
}

impl Plan {
    pub(crate) fn new(pages: impl IntoIterator<Item = (String, u32, Fate)>) -> Self {
        let pages = pages.into_iter().map(|(url, depth, fate)| (url, (depth, fate)));
        Plan { pages: pages.collect() }
    }

    /// Ticks a page off. Returns the line to print if it is not as planned.
    pub(crate) fn tick_off(&mut self, visit: &Visit) -> Option<String> {
        let (url, came) = (&visit.url, (visit.depth, Fate::of(&visit.outcome)));
        match self.pages.remove(url) {
            Some(planned) if planned == came => None,
            planned => {
                let planned = planned.map_or("nothing".to_owned(), describe);
                Some(format!("{url}: planned was {planned}, it was {}", describe(came)))
            }
        }
    }

    /// The lines to print about pages that never came.
    pub(crate) fn missing(&self) -> Vec<String> {
        let line = |(url, planned): (&String, &(u32, Fate))| {
            format!("{url}: planned was {}, it did not come", describe(*planned))
        };
        self.pages.iter().map(line).collect()
    }
}

fn describe((depth, fate): (u32, Fate)) -> String {
    format!("{fate} at depth {depth}")
}
