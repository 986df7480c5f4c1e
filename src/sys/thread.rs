//! What another thread of this process is doing, as far as the system tells.

use super::clock::Nanos;
#[cfg(target_os = "linux")]
use imp::{activity, current};
#[cfg(not(target_os = "linux"))]
use portable::{activity, current};

#[cfg(target_os = "linux")]
pub(crate) use imp::waited;
#[cfg(not(target_os = "linux"))]
pub(crate) use portable::waited;

/// A thread, as the system numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tid(i32);

impl Tid {
    /// The calling thread; `None` where threads have no number.
    pub(crate) fn current() -> Option<Self> {
        current().map(Self)
    }

    pub(crate) fn from_raw(raw: i32) -> Option<Self> {
        (raw != 0).then_some(Self(raw))
    }

    pub(crate) fn as_raw(self) -> i32 {
        self.0
    }

    /// What the thread is doing; `None` if the system does not tell, or the thread has ended.
    pub(crate) fn activity(self) -> Option<Activity> {
        activity(self.0)
    }
}

/// A look at a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Activity {
    /// Processor time it has used so far.
    pub(crate) cpu: Nanos,
    /// It runs, or would run if it were given a processor; otherwise it sleeps.
    pub(crate) runnable: bool,
}

#[cfg(target_os = "linux")]
mod imp {
    use super::{Activity, Nanos};
    use std::ffi::OsStr;
    use std::fs::File;
    use std::io::{Cursor, Read, Write};
    use std::os::unix::ffi::OsStrExt;

    pub(super) fn current() -> Option<i32> {
        Some(rustix::thread::gettid().as_raw_nonzero().get())
    }

    /// How long the threads of this process have waited for processors so far, taken together. Less than before
    /// if some have ended.
    pub(crate) fn waited() -> Nanos {
        let Ok(threads) = std::fs::read_dir("/proc/self/task") else { return 0 };
        threads
            .filter_map(|thread| {
                let stat = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
                schedstat(stat.as_bytes(), 1)
            })
            .sum()
    }

    /// "nanoseconds on a processor, nanoseconds waiting for one, time slices".
    fn schedstat(stat: &[u8], field: usize) -> Option<Nanos> {
        let field = stat.split(u8::is_ascii_whitespace).nth(field)?;
        std::str::from_utf8(field).ok()?.parse().ok()
    }

    pub(super) fn activity(tid: i32) -> Option<Activity> {
        let mut space = [0; 512];
        let cpu = schedstat(start_of(tid, "schedstat", &mut space)?, 0)?;
        // "tid (name) state …": the name may contain anything.
        let stat = start_of(tid, "stat", &mut space)?;
        let after_name = &stat[stat.iter().rposition(|&byte| byte == b')')? + 1..];
        let state = after_name.trim_ascii_start().first()?;
        Some(Activity { cpu, runnable: *state == b'R' })
    }

    /// As much of a file about a thread as there is space for. Nothing is allocated: the monitor looks at a busy
    /// thread all the time.
    fn start_of<'a>(tid: i32, file: &str, space: &'a mut [u8]) -> Option<&'a [u8]> {
        let mut path = Cursor::new([0; 64]);
        write!(path, "/proc/self/task/{tid}/{file}").ok()?;
        let length = usize::try_from(path.position()).ok()?;
        let path = OsStr::from_bytes(&path.get_ref()[..length]);
        let read = File::open(path).ok()?.read(space).ok()?;
        Some(&space[..read])
    }
}

#[cfg(not(target_os = "linux"))]
mod portable {
    use super::{Activity, Nanos};

    pub(crate) fn waited() -> Nanos {
        0
    }

    pub(super) fn current() -> Option<i32> {
        None
    }

    pub(super) fn activity(_tid: i32) -> Option<Activity> {
        None
    }
}

#[cfg(all(test, target_os = "linux", not(any(gort_loom, gort_shuttle))))]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[test]
    fn a_thread_that_looks_at_itself_runs_and_its_time_rises() {
        let me = Tid::current().unwrap();
        let first = me.activity().unwrap();
        assert!(first.runnable);
        let mut last = first;
        while last.cpu == first.cpu {
            last = me.activity().unwrap();
        }
        assert!(last.cpu > first.cpu);
    }

    /// Two on one processor: one of them waits.
    #[test]
    fn a_thread_that_gets_no_processor_waits_for_one() {
        let before = waited();
        let one = rustix::thread::CpuSet::new();
        let all = rustix::thread::sched_getaffinity(None).unwrap();
        let first = (0..rustix::thread::CpuSet::MAX_CPU).find(|&cpu| all.is_set(cpu)).unwrap();
        // One for both: with the first that ends its time is gone from the sum, and the other waits no more.
        let seen = AtomicBool::new(false);
        let run = || {
            let mut one = one;
            one.set(first);
            rustix::thread::sched_setaffinity(None, &one).unwrap();
            while !seen.load(Ordering::Relaxed) {
                if waited() >= before + 1_000_000 {
                    seen.store(true, Ordering::Relaxed);
                }
            }
        };
        std::thread::scope(|scope| {
            scope.spawn(run);
            scope.spawn(run);
        });
    }

    #[test]
    fn a_thread_that_waits_is_not_runnable() {
        let (send, receive) = std::sync::mpsc::channel();
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            send.send(Tid::current().unwrap()).unwrap();
            let _ = stopped.recv();
        });
        let tid = receive.recv().unwrap();
        while tid.activity().unwrap().runnable {
            std::thread::yield_now();
        }
        drop(stop);
        thread.join().unwrap();
    }
}
