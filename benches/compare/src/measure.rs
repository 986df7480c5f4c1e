//! One repetition's figures, and the plan by which a child process repeats its workload.

use std::future::Future;
use std::io::Write;
use std::time::Instant;

use crate::rt::Rt;

/// How much a child does: everything comes from its command line.
#[derive(Clone, Copy)]
pub struct Plan {
    /// Worker threads.
    pub threads: usize,
    /// Counts are divided by this (`--quick`).
    pub div: u64,
}

impl Plan {
    /// The count `full`, scaled, but at least `least`.
    pub fn n(self, full: u64, least: u64) -> u64 {
        (full / self.div).max(least)
    }
}

/// What one repetition took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sample {
    pub ops: u64,
    pub wall_ns: u64,
    pub cpu_ns: u64,
    /// Voluntary context switches.
    pub vcsw: u64,
    /// Minor page faults.
    pub faults: u64,
    /// RSS gained per operation, for the rows about memory.
    pub bytes: u64,
}

/// A running measurement. A workload starts it when its parts are set up and stops it when the
/// last item was counted, so that setting up and tearing down are not part of the figure.
pub struct Meter {
    start: Instant,
    usage: libc::rusage,
}

impl Meter {
    pub fn start() -> Self {
        let usage = usage();
        Meter { start: Instant::now(), usage }
    }

    pub fn stop(&self, ops: u64) -> Sample {
        let wall_ns = u64::try_from(self.start.elapsed().as_nanos()).unwrap();
        let now = usage();
        let since =
            |f: fn(&libc::rusage) -> i64| u64::try_from(f(&now) - f(&self.usage)).unwrap_or(0);
        Sample {
            ops,
            wall_ns,
            cpu_ns: since(|u| micros(u.ru_utime) + micros(u.ru_stime)) * 1000,
            vcsw: since(|u| u.ru_nvcsw),
            faults: since(|u| u.ru_minflt),
            bytes: 0,
        }
    }
}

fn micros(t: libc::timeval) -> i64 {
    t.tv_sec * 1_000_000 + t.tv_usec
}

fn usage() -> libc::rusage {
    // SAFETY: rusage is plain integers, for which all zeros is a value, and getrusage writes only
    // to the struct it is given.
    unsafe {
        let mut u = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut u);
        u
    }
}

/// Bytes of resident memory of this process.
pub fn rss() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

/// Warm-up, then five repetitions, or three when they take over 1.5 s.
fn reps_after(warm_up: Sample) -> u32 {
    if warm_up.wall_ns > 1_500_000_000 { 3 } else { 5 }
}

/// Repeats an async workload in one task of `R`.
pub fn drive<R: Rt, Fut>(plan: Plan, work: impl Fn(Plan) -> Fut + Send + 'static) -> Vec<Sample>
where
    Fut: Future<Output = Sample> + Send,
{
    R::run(plan.threads, async move {
        let warm_up = work(plan).await;
        let mut samples = Vec::new();
        for _ in 0..reps_after(warm_up) {
            samples.push(work(plan).await);
        }
        samples
    })
}

/// Runs an async workload once, for rows that leave the process as it cannot be measured again: they
/// do not return but [`leave`].
pub fn once<R: Rt, Fut>(plan: Plan, work: impl Fn(Plan) -> Fut + Send + 'static) -> Vec<Sample>
where
    Fut: Future<Output = Sample> + Send,
{
    R::run(plan.threads, async move { vec![work(plan).await] })
}

/// Prints a line for each repetition and ends the process where it stands. Nothing is torn down: a
/// million blocked tasks or the threads of an executor without an end are nobody's business any more.
pub fn leave(samples: &[Sample]) -> ! {
    let mut out = std::io::stdout().lock();
    for s in samples {
        let rep = [s.ops, s.wall_ns, s.cpu_ns, s.vcsw, s.faults, s.bytes];
        writeln!(out, "rep {}", rep.map(|x| x.to_string()).join(" ")).unwrap();
    }
    out.flush().unwrap();
    // SAFETY: it only ends the process. Unlike `exit` it runs no destructors of thread-locals, which
    // may be in use by the runtime whose task this is.
    unsafe { libc::_exit(0) }
}

/// Repeats a workload of plain threads or stackful coroutines.
pub fn drive_sync(plan: Plan, work: impl Fn(Plan) -> Sample) -> Vec<Sample> {
    let warm_up = work(plan);
    (0..reps_after(warm_up)).map(|_| work(plan)).collect()
}
