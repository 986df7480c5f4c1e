//! What touches the terminal and the process: lines on it, Ctrl-C, the descriptor limit, memory.

use std::{
    error::Error,
    fmt, fs,
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use gort::context::{Context, background};

/// Standard output takes no more.
#[derive(Debug)]
pub(crate) struct Unprinted(io::Error);

impl fmt::Display for Unprinted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "standard output: {}", self.0)
    }
}

impl Error for Unprinted {}

/// Writes to standard output.
pub(crate) fn print(text: &str) -> Result<(), Unprinted> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(Unprinted)
}

/// Writes a line to standard error, in the name of the program. If that takes no more, there is nobody to tell.
pub(crate) fn complain(program: &str, line: impl fmt::Display) {
    _ = writeln!(io::stderr().lock(), "{program}: {line}");
}

/// Tells why the program has failed. Returns what it ends with.
pub(crate) fn fail(program: &str, error: &(dyn Error + 'static)) -> ExitCode {
    match error.downcast_ref() {
        // Who has read enough (`fetch | head -1`) wants no complaint. Go's programs are killed then, by
        // SIGPIPE, and this is what a shell says of that.
        Some(Unprinted(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::from(141),
        _ => {
            complain(program, error);
            ExitCode::FAILURE
        }
    }
}

/// A line on standard error that is redrawn, if that is a terminal.
#[derive(Debug)]
pub(crate) struct Progress {
    on: bool,
    program: &'static str,
}

impl Progress {
    /// For the program of this name.
    pub(crate) fn new(program: &'static str) -> Self {
        Progress { on: io::stderr().is_terminal(), program }
    }

    pub(crate) fn is_on(&self) -> bool {
        self.on
    }

    pub(crate) fn draw(&mut self, text: &str) {
        _ = io::stderr().lock().write_all(format!("\r\x1b[K{text}").as_bytes());
    }

    /// Takes the line away.
    pub(crate) fn clear(&mut self) {
        if self.on {
            _ = io::stderr().lock().write_all(b"\r\x1b[K");
        }
    }

    /// Prints a line above it, in the name of the program.
    pub(crate) fn line(&mut self, line: &str) {
        self.clear();
        complain(self.program, line);
    }
}

/// A context that lasts until the first Ctrl-C (or `kill`), and what ends it when it is dropped. The
/// second Ctrl-C ends the process at once.
#[cfg(unix)]
pub(crate) fn until_ctrl_c() -> (Context, impl Sized) {
    use gort::context::{after_func, with_cancel};
    use gort::signal::{SignalKind, notify_context};

    let (parent, cancel) = with_cancel(&background());
    let (ctx, stop) = notify_context(&parent, [SignalKind::interrupt(), SignalKind::terminate()]);
    // From the first one on they do again what they do by default.
    after_func(&ctx, async move { stop.stop() });
    (ctx, cancel)
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

/// How many requests at a time so many descriptors are enough for, of which each takes `each` of its own.
///
/// Those are three: for the connection, for an idle one to another host, and for one that is just being
/// closed. If the other ends are of this process too, they are twice as many.
pub(crate) fn most_requests(descriptors: usize, each: usize) -> usize {
    // Some more are for the runtime, the signals, the terminal, and what listens.
    (descriptors.saturating_sub(20) / each).max(1)
}

/// The most memory this process has had resident, in bytes, where the system tells.
pub(crate) fn peak_rss() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}
