//! Hazards of a system that starts no more threads. A process of its own: the limit is the whole
//! process's.
#![cfg(target_os = "linux")]

use gort::runtime::{Builder, Runtime};
use gort::time::{Instant, timeout};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::set_thread_uid;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, mpsc};
use std::time::Duration;

/// The limit is one, so the tests take turns. Whoever has the guard is a user to whom it applies, as
/// are the threads that it starts.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    let turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if rustix::process::getuid().is_root() {
        let nobody = rustix::process::Uid::from_raw(65_534);
        set_thread_uid(nobody).expect("root may become somebody else");
    }
    turn
}

/// Runs `f` while no thread can be started.
fn without_new_threads<R>(f: impl FnOnce() -> R) -> R {
    struct Restore(Rlimit);
    impl Drop for Restore {
        fn drop(&mut self) {
            setrlimit(Resource::Nproc, self.0).unwrap();
        }
    }
    let old = getrlimit(Resource::Nproc);
    let none = Rlimit { current: Some(0), maximum: old.maximum };
    let _restore = Restore(old);
    setrlimit(Resource::Nproc, none).unwrap();
    std::thread::Builder::new().spawn(|| ()).expect_err("the limit does not hold");
    f()
}

fn pool(threads: usize) -> Builder {
    let mut builder = Builder::new_current_thread();
    builder.max_blocking_threads(threads);
    builder
}

/// Waits for a job, and fails rather than hang.
#[track_caller]
fn join<T>(runtime: &Runtime, job: gort::task::JoinHandle<T>) -> Result<T, gort::task::JoinError> {
    let joined = runtime.block_on(async { timeout(Duration::from_secs(30), job).await });
    joined.expect("the job was left behind")
}

/// tokio#8406: `spawn_blocking` left its job in the queue when the system refused a thread, and
/// whoever awaited it waited for ever.
#[test]
fn t22_a_job_for_which_no_thread_can_be_started_fails() {
    let _alone = alone();
    let runtime = pool(4).build().unwrap();
    without_new_threads(|| {
        let jobs: Vec<_> = (0..10).map(|n| runtime.spawn_blocking(move || n)).collect();
        for job in jobs {
            let error = join(&runtime, job).unwrap_err();
            assert!(!error.is_cancelled() && !error.is_panic());
            let text = error.to_string();
            assert!(text.starts_with("no thread could be started for the task: "), "{text}");
        }
    });
    assert_eq!(join(&runtime, runtime.spawn_blocking(|| 7)).unwrap(), 7);
}

/// tokio#8406, when there is a thread that will come back to the queue: the job waits for it.
#[test]
fn t22_a_job_for_which_no_more_threads_can_be_started_waits_for_one_that_is_there() {
    let _alone = alone();
    let runtime = pool(4).build().unwrap();
    let (release, released) = mpsc::channel::<()>();
    let (started, has_started) = mpsc::channel();
    let first = runtime.spawn_blocking(move || {
        started.send(()).unwrap();
        released.recv().unwrap();
        1
    });
    has_started.recv().unwrap();
    without_new_threads(|| {
        let later: Vec<_> = (2..5).map(|n| runtime.spawn_blocking(move || n)).collect();
        release.send(()).unwrap();
        assert_eq!(join(&runtime, first).unwrap(), 1);
        for (job, n) in later.into_iter().zip(2..) {
            assert_eq!(join(&runtime, job).unwrap(), n);
        }
    });
}

/// The same again, when that thread has looked at the queue for the last time: it must not be
/// counted upon.
#[test]
fn t22_a_job_does_not_wait_for_a_thread_that_ends() {
    let _alone = alone();
    let (ends, has_ended) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    let runtime = pool(4)
        .thread_keep_alive(Duration::from_millis(1))
        .on_thread_stop(move || {
            ends.send(()).unwrap();
            let _ = released.lock().unwrap().recv();
        })
        .build()
        .unwrap();
    join(&runtime, runtime.spawn_blocking(|| ())).unwrap();
    has_ended.recv().unwrap();
    let job = without_new_threads(|| runtime.spawn_blocking(|| 7));
    drop(release);
    assert!(join(&runtime, job).is_err());
}

/// A spare worker for a stuck one is refused again and again; when it is granted at last, the others
/// go on.
#[test]
fn t22_a_stuck_worker_gets_its_spare_when_threads_can_be_started_again() {
    let _alone = alone();
    let attempts = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&attempts);
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .max_spare_workers(2)
        .thread_name_fn(move || {
            counted.fetch_add(1, Ordering::Relaxed);
            "worker".to_owned()
        })
        .build()
        .unwrap();
    let (release, released) = mpsc::channel();
    let stuck = without_new_threads(|| {
        let stuck = runtime.spawn(async move { released.recv().unwrap() });
        let before = attempts.load(Ordering::Relaxed);
        let start = Instant::now();
        // Each attempt asks for a name.
        while attempts.load(Ordering::Relaxed) < before + 10 {
            assert!(start.elapsed() < Duration::from_secs(30), "nobody tries any more");
            std::thread::yield_now();
        }
        stuck
    });
    drop(runtime.spawn(async move { release.send(7).unwrap() }));
    assert_eq!(join(&runtime, stuck).unwrap(), 7);
}

/// A runtime that cannot have its workers says so, and takes back those that it has.
#[test]
fn t22_a_runtime_without_threads_is_not_built() {
    let _alone = alone();
    without_new_threads(|| {
        let error = Builder::new_multi_thread().worker_threads(3).build().unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
    });
}
