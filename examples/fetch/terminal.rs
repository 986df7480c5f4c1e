//! What touches the terminal and the process: the progress line, Ctrl-C, the descriptor limit.

use std::io::{self, IsTerminal, Write};

use gort::context::{Context, background};

use crate::report::{Report, grouped};

/// A line on standard error that is redrawn, if that is a terminal.
#[derive(Debug)]
pub(crate) struct Progress {
    on: bool,
    requests: usize,
}

impl Progress {
    pub(crate) fn new(requests: usize) -> Self {
        Progress { on: io::stderr().is_terminal(), requests }
    }

    pub(crate) fn is_on(&self) -> bool {
        self.on
    }

    pub(crate) fn draw(&mut self, report: &Report) {
        let (done, all) = (grouped(report.done()), grouped(self.requests as u64));
        let (failed, running) = (grouped(report.failed()), gort::runtime::num_goroutine());
        let running = grouped(running as u64);
        let text = format!("\r\x1b[K{done} of {all} done, {failed} failed, {running} goroutines");
        _ = io::stderr().lock().write_all(text.as_bytes());
    }

    /// Takes the line away.
    pub(crate) fn clear(&mut self) {
        if self.on {
            _ = io::stderr().lock().write_all(b"\r\x1b[K");
        }
    }

    /// Prints a line above it.
    pub(crate) fn line(&mut self, line: &str) {
        self.clear();
        _ = writeln!(io::stderr().lock(), "fetch: {line}");
    }
}

/// A context that lasts until the first Ctrl-C (or `kill`), and what ends it when it is dropped. The
/// second Ctrl-C ends the process at once.
#[cfg(unix)]
pub(crate) fn until_ctrl_c() -> (Context, impl Sized) {
    use gort::signal::{SignalKind, notify_context};

    notify_context(&background(), [SignalKind::interrupt(), SignalKind::terminate()])
}

/// Any Ctrl-C ends the process at once here, without a summary.
#[cfg(not(unix))]
pub(crate) fn until_ctrl_c() -> (Context, impl Sized) {
    gort::context::with_cancel(&background())
}

/// Asks for as many descriptors as the system allows, as Go does at the start of every program.
/// Returns how many that are, where there is a limit.
pub(crate) fn raise_descriptor_limit() -> Option<usize> {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

        let maximum = getrlimit(Resource::Nofile).maximum;
        _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
        getrlimit(Resource::Nofile).current.and_then(|limit| limit.try_into().ok())
    }
    #[cfg(not(unix))]
    None
}
