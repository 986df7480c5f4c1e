//! Building a runtime.

use super::shared::{Config, DEFAULT_THREAD_NAME, Shared};
use super::worker::{self, Worker};
use super::{Runtime, Schedule, sysmon};
use crate::reactor::{Backend, Driver};
use crate::sys::clock::{Clock, Nanos, Virtual};
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// Most workers that may stand in for stuck ones at the same time.
const MAX_SPARES: usize = 256;
/// Most workers a runtime may have; Go has no such bound, but a typing error should.
const MAX_WORKERS: usize = 32_768;

/// Configures and starts a [`Runtime`]. The names are tokio's.
///
/// ```
/// let runtime = gort::runtime::Builder::new_multi_thread()
///     .worker_threads(2)
///     .thread_name("crawler")
///     .enable_all()
///     .build()?;
/// assert_eq!(runtime.block_on(async { 6 * 7 }), 42);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct Builder {
    config: Config,
    workers: Option<usize>,
    backend: Backend,
    /// The clock stands still from the beginning.
    paused: bool,
}

impl Builder {
    fn new(current_thread: bool) -> Self {
        Self {
            config: Config {
                workers: 1,
                current_thread,
                schedule: None,
                spares: MAX_SPARES,
                max_blocking_threads: 512,
                thread_keep_alive: Duration::from_secs(10),
                thread_stack_size: None,
                thread_name: Arc::new(|| DEFAULT_THREAD_NAME.to_owned()),
                on_thread_start: None,
                on_thread_stop: None,
                global_queue_interval: 61,
                shutdown_grace: Duration::from_secs(1),
                global: false,
            },
            workers: None,
            backend: Backend::Native,
            paused: false,
        }
    }

    /// A runtime with worker threads: GOMAXPROCS of them unless
    /// [`worker_threads`](Self::worker_threads) says otherwise.
    pub fn new_multi_thread() -> Self {
        Self::new(false)
    }

    /// A runtime without threads of its own: goroutines run while some thread is inside
    /// [`block_on`](Runtime::block_on).
    pub fn new_current_thread() -> Self {
        Self::new(true)
    }

    /// A runtime whose every run can be repeated: one thread, the one that calls
    /// [`block_on`](Runtime::block_on), on which everything happens in an order that `schedule`, a seed or
    /// a [`Schedule`], decides.
    ///
    /// * Which runnable goroutine comes next, how many ready operations it may do before others get a
    ///   turn, and which ready arm of a `select!` wins, are choices of the schedule. So any interleaving
    ///   at an `.await` may come, and the same one comes again with the same schedule
    ///   ([`trace_hash`](super::Handle::trace_hash) tells).
    /// * Time stands still while anything is runnable. When nothing is, it moves to the next deadline at
    ///   once. [`time::advance`](crate::time::advance) moves it, too.
    /// * [`spawn_blocking`](super::spawn_blocking) runs its closure in place, as one more goroutine.
    /// * If nothing is runnable, no timer is pending and no socket is open, then nothing can ever happen
    ///   again: `block_on` and `run` panic with Go's `fatal error: all goroutines are asleep -
    ///   deadlock!`.
    ///
    /// The rest of the program must do its part, see [`Schedule`]. Sockets work, but the other end's
    /// timing is not part of the schedule.
    ///
    /// ```
    /// use gort::runtime::Builder;
    /// use gort::time::{Duration, Instant, sleep};
    ///
    /// let runtime = Builder::simulated(42).build()?;
    /// runtime.block_on(async {
    ///     let start = Instant::now();
    ///     sleep(Duration::from_secs(3600)).await; // returns at once
    ///     assert_eq!(start.elapsed(), Duration::from_secs(3600));
    /// });
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn simulated(schedule: impl Into<Schedule>) -> Self {
        let mut builder = Self::new(true);
        builder.config.schedule = Some(schedule.into());
        builder
    }

    /// Starts the runtime with its clock stopped, as after [`time::pause`](crate::time::pause).
    /// For a [current-thread](Self::new_current_thread) runtime; a
    /// [simulated](Self::simulated) one always starts so.
    pub fn start_paused(&mut self, paused: bool) -> &mut Self {
        self.paused = paused;
        self
    }

    /// How many goroutines may run at the same time. Without this call: the environment variable
    /// `GOMAXPROCS`, else the number of processors this process may use (affinity and cgroup quota
    /// counted in).
    ///
    /// # Panics
    ///
    /// If `count` is 0 or above 32,768.
    ///
    /// # Go
    ///
    /// `GOMAXPROCS`.
    #[track_caller]
    #[doc(alias = "GOMAXPROCS")]
    pub fn worker_threads(&mut self, count: usize) -> &mut Self {
        assert!(count > 0, "worker_threads cannot be 0");
        assert!(count <= MAX_WORKERS, "worker_threads {count} exceeds {MAX_WORKERS}");
        self.workers = Some(count);
        self
    }

    /// How many threads `spawn_blocking` may use at the same time, 512 by default. Jobs beyond that
    /// wait.
    ///
    /// # Panics
    ///
    /// If `count` is 0.
    ///
    /// # Go
    ///
    /// A part of what `debug.SetMaxThreads` limits.
    #[doc(alias = "SetMaxThreads")]
    #[track_caller]
    pub fn max_blocking_threads(&mut self, count: usize) -> &mut Self {
        assert!(count > 0, "max_blocking_threads cannot be 0");
        self.config.max_blocking_threads = count;
        self
    }

    /// How many spare workers may stand in for workers that are stuck inside a poll, 256 by default.
    /// Beyond that a stuck worker's goroutines wait for the workers that are left.
    ///
    /// # Go
    ///
    /// A part of what `debug.SetMaxThreads` limits.
    #[doc(alias = "SetMaxThreads")]
    pub fn max_spare_workers(&mut self, count: usize) -> &mut Self {
        self.config.spares = count;
        self
    }

    /// How long an idle thread of the blocking pool lives, 10 seconds by default.
    pub fn thread_keep_alive(&mut self, duration: Duration) -> &mut Self {
        self.config.thread_keep_alive = duration;
        self
    }

    /// The name of the runtime's threads.
    pub fn thread_name(&mut self, name: impl Into<String>) -> &mut Self {
        let name = name.into();
        self.thread_name_fn(move || name.clone())
    }

    /// A function that names each thread. If it panics, or gives a name with a NUL in it, the name is
    /// `gort-worker`, as without it.
    ///
    /// It may be called inside of a goroutine that blocks its thread, and must not wait for others: they may
    /// have to wait for the thread that it names.
    pub fn thread_name_fn(
        &mut self,
        name: impl Fn() -> String + Send + Sync + 'static,
    ) -> &mut Self {
        self.config.thread_name = Arc::new(name);
        self
    }

    /// The stack size of the runtime's threads, in bytes.
    pub fn thread_stack_size(&mut self, bytes: usize) -> &mut Self {
        self.config.thread_stack_size = Some(bytes);
        self
    }

    /// A function that every worker and every thread of the blocking pool calls first. (The monitor, which
    /// runs nothing of the user's, does not.) Its panics end there: the panic hook has told about them.
    pub fn on_thread_start(&mut self, hook: impl Fn() + Send + Sync + 'static) -> &mut Self {
        self.config.on_thread_start = Some(Arc::new(hook));
        self
    }

    /// A function that every worker and every thread of the blocking pool calls last; see
    /// [`on_thread_start`](Self::on_thread_start).
    pub fn on_thread_stop(&mut self, hook: impl Fn() + Send + Sync + 'static) -> &mut Self {
        self.config.on_thread_stop = Some(Arc::new(hook));
        self
    }

    /// A worker looks at the global queue first every so many polls, 61 by default as in Go.
    ///
    /// # Panics
    ///
    /// If `polls` is 0.
    #[track_caller]
    pub fn global_queue_interval(&mut self, polls: u32) -> &mut Self {
        assert!(polls > 0, "global_queue_interval must be greater than 0");
        self.config.global_queue_interval = polls;
        self
    }

    /// How long dropping the runtime waits for goroutines that are inside a poll, 1 second by
    /// default. Those that take longer are left to their threads, and named on standard error.
    pub fn shutdown_grace(&mut self, duration: Duration) -> &mut Self {
        self.config.shutdown_grace = duration;
        self
    }

    /// Uses the portable reactor instead of the platform's own.
    #[doc(hidden)]
    pub fn portable_reactor(&mut self) -> &mut Self {
        self.backend = Backend::Portable;
        self
    }

    /// As in tokio. Timers and sockets are always there, and cost nothing until they are used.
    pub fn enable_all(&mut self) -> &mut Self {
        self
    }

    /// As [`enable_all`](Self::enable_all).
    pub fn enable_io(&mut self) -> &mut Self {
        self
    }

    /// As [`enable_all`](Self::enable_all).
    pub fn enable_time(&mut self) -> &mut Self {
        self
    }

    /// Starts the runtime.
    ///
    /// # Errors
    ///
    /// If the system refuses a descriptor for the reactor or a thread for a worker; if the clock of a
    /// runtime with worker threads is to be stopped.
    pub fn build(&mut self) -> io::Result<Runtime> {
        self.start().map(Runtime::from_shared)
    }

    pub(crate) fn build_global(&mut self) -> io::Result<Arc<Shared>> {
        self.config.global = true;
        self.start()
    }

    fn start(&mut self) -> io::Result<Arc<Shared>> {
        let mut config = self.config.clone();
        if !config.current_thread {
            config.workers = self.workers.unwrap_or_else(default_workers);
        }
        let clock = self.clock()?;
        let workers = config.workers;
        // Spare workers share the shards of the others.
        let driver = if config.schedule.is_some() {
            Driver::lazy(clock.clone(), self.backend, workers)
        } else {
            Driver::new(clock.clone(), self.backend, workers)?
        };
        let shared = Shared::new(config, driver, clock);
        let started = if shared.config.current_thread {
            start_current_thread(&shared)
        } else {
            start_workers(&shared, workers)
        };
        if let Err(error) = started {
            super::shutdown::shut_down(&shared, None);
            return Err(error);
        }
        Ok(shared)
    }

    /// The clock of a runtime to be started.
    fn clock(&self) -> io::Result<Clock> {
        if self.config.schedule.is_some() {
            return Ok(Clock::Virtual(Virtual::stopped_at(SIMULATED_START).into()));
        }
        if !self.config.current_thread {
            return if self.paused {
                let message =
                    "start_paused is for runtimes without worker threads (current_thread)";
                Err(io::Error::new(io::ErrorKind::InvalidInput, message))
            } else {
                Ok(Clock::Real)
            };
        }
        let clock = Virtual::going();
        if self.paused {
            clock.stop();
        }
        Ok(Clock::Virtual(clock.into()))
    }
}

/// Where a simulated clock starts: not at the very beginning, so that there is a past.
const SIMULATED_START: Nanos = 1 << 50;

fn start_current_thread(shared: &Arc<Shared>) -> io::Result<()> {
    let mut spares = shared.spares.lock();
    shared.make_processor();
    spares.active = 1;
    drop(spares);
    shared.hosts.put(Box::new(Worker::new(Arc::clone(shared), 0)));
    Ok(())
}

fn start_workers(shared: &Arc<Shared>, workers: usize) -> io::Result<()> {
    let mut spares = shared.spares.lock();
    for _ in 0..workers {
        shared.make_processor();
    }
    spares.active = workers;
    drop(spares);
    for index in 0..workers {
        worker::start_thread(shared, index)?;
    }
    sysmon::start(shared)
}

/// GOMAXPROCS: the environment's word, else the processors this process may use.
pub(crate) fn default_workers() -> usize {
    std::env::var("GOMAXPROCS")
        .ok()
        .and_then(|value| value.trim().parse().ok())
        .filter(|&count| (1..=MAX_WORKERS).contains(&count))
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("config", &self.config)
            .field("workers", &self.workers)
            .finish_non_exhaustive()
    }
}
