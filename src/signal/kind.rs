//! Kinds of signals: their numbers, and what Go calls them.

use signal_hook::consts;
use std::ffi::c_int;
use std::fmt;

/// A kind of signal. It is shown as Go shows it. The default is 0, which is none: the zero value that a
/// closed channel yields.
///
/// # Go
///
/// `os.Signal`, `syscall.Signal`.
///
/// ```
/// use gort::signal::SignalKind;
///
/// assert_eq!(SignalKind::interrupt().to_string(), "interrupt");
/// assert_eq!(SignalKind::from_raw(SignalKind::quit().as_raw_value()), SignalKind::quit());
/// ```
#[doc(alias = "Signal")]
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SignalKind(c_int);

macro_rules! kinds {
    ($($(#[doc = $doc:literal])* $name:ident = $number:ident;)+) => {
        impl SignalKind {
            $(
                $(#[doc = $doc])*
                #[must_use]
                pub const fn $name() -> Self {
                    Self(consts::$number)
                }
            )+
        }
    };
}

kinds! {
    /// A timer of the system has run out. Ends the program by default.
    alarm = SIGALRM;
    /// A child process has changed its state. Ignored by default.
    child = SIGCHLD;
    /// The terminal has gone. Ends the program by default.
    hangup = SIGHUP;
    /// The user pressed Ctrl-C. Ends the program by default.
    interrupt = SIGINT;
    /// A descriptor is ready. Ends the program by default.
    io = SIGIO;
    /// Somebody writes to a pipe that nobody reads. Rust programs ignore it from their start on.
    pipe = SIGPIPE;
    /// The user pressed Ctrl-\. Ends the program by default.
    quit = SIGQUIT;
    /// The program is asked to end. Ends the program by default.
    terminate = SIGTERM;
    /// For any use. Ends the program by default.
    user_defined1 = SIGUSR1;
    /// For any use. Ends the program by default.
    user_defined2 = SIGUSR2;
    /// The terminal's window has another size. Ignored by default.
    window_change = SIGWINCH;
}

impl SignalKind {
    /// The kind with this number, whether or not there is such a kind.
    #[must_use]
    pub const fn from_raw(number: c_int) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn as_raw_value(&self) -> c_int {
        self.0
    }

    /// Kinds that a channel that asks for all of them gets: all that have a name, except those that
    /// cannot be caught and those that the program brings upon itself.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        let own_fault = [consts::SIGBUS, consts::SIGTRAP, consts::SIGABRT, consts::SIGSYS];
        (1..32)
            .filter(move |number| !own_fault.contains(number))
            .filter(|number| signal_hook::low_level::signal_name(*number).is_some())
            .map(Self)
            .filter(|kind| kind.can_be_caught())
    }

    /// Whether a handler for it can be installed, as far as that is known before it is tried.
    pub(super) fn can_be_caught(self) -> bool {
        self.0 > 0 && !consts::FORBIDDEN.contains(&self.0)
    }
}

impl From<c_int> for SignalKind {
    fn from(number: c_int) -> Self {
        Self(number)
    }
}

impl From<SignalKind> for c_int {
    fn from(kind: SignalKind) -> c_int {
        kind.0
    }
}

/// What Go calls them.
const NAMES: &[(c_int, &str)] = &[
    (consts::SIGHUP, "hangup"),
    (consts::SIGINT, "interrupt"),
    (consts::SIGQUIT, "quit"),
    (consts::SIGILL, "illegal instruction"),
    (consts::SIGTRAP, "trace/breakpoint trap"),
    (consts::SIGABRT, "aborted"),
    (consts::SIGBUS, "bus error"),
    (consts::SIGFPE, "floating point exception"),
    (consts::SIGKILL, "killed"),
    (consts::SIGUSR1, "user defined signal 1"),
    (consts::SIGSEGV, "segmentation fault"),
    (consts::SIGUSR2, "user defined signal 2"),
    (consts::SIGPIPE, "broken pipe"),
    (consts::SIGALRM, "alarm clock"),
    (consts::SIGTERM, "terminated"),
    (consts::SIGCHLD, "child exited"),
    (consts::SIGCONT, "continued"),
    (consts::SIGSTOP, "stopped (signal)"),
    (consts::SIGTSTP, "stopped"),
    (consts::SIGTTIN, "stopped (tty input)"),
    (consts::SIGTTOU, "stopped (tty output)"),
    (consts::SIGURG, "urgent I/O condition"),
    (consts::SIGXCPU, "CPU time limit exceeded"),
    (consts::SIGXFSZ, "file size limit exceeded"),
    (consts::SIGVTALRM, "virtual timer expired"),
    (consts::SIGPROF, "profiling timer expired"),
    (consts::SIGWINCH, "window changed"),
    (consts::SIGIO, "I/O possible"),
    (consts::SIGSYS, "bad system call"),
];

impl fmt::Display for SignalKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.iter().find(|(number, _)| *number == self.0) {
            Some((_, name)) => f.write_str(name),
            None => write!(f, "signal {}", self.0),
        }
    }
}
