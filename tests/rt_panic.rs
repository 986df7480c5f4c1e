//! Panics: whose they are, and that they break nothing.

mod common;

use common::Polled;
use gort::runtime::Builder;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Panics when it is dropped.
struct Bomb(&'static str);

impl Drop for Bomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("{}", self.0);
        }
    }
}

fn text(payload: Box<dyn std::any::Any + Send>) -> String {
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => payload.downcast_ref::<&str>().copied().unwrap_or("?").to_owned(),
    }
}

#[test]
fn the_first_of_two_panics_is_told() {
    struct Second;
    impl Future for Second {
        type Output = ();
        fn poll(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<()> {
            panic!("first")
        }
    }
    impl Drop for Second {
        fn drop(&mut self) {
            panic!("second")
        }
    }
    gort::run(async {
        let error = gort::go(Second).await.unwrap_err();
        assert_eq!(text(error.into_panic()), "first");
    });
}

#[test]
fn a_panic_of_a_dropped_output_harms_nobody() {
    gort::run(async {
        // The handle is gone before the output is there.
        drop(gort::spawn(async { Bomb("nobody asked") }));
        // The output is there before the handle goes.
        let handle = gort::spawn(async { Bomb("nobody took it") });
        while !handle.is_finished() {
            gort::task::yield_now().await;
        }
        drop(handle);
        assert_eq!(gort::go(async { 1 }).await.unwrap(), 1);
    });
}

#[test]
fn a_spawned_panic_is_counted_and_not_fatal() {
    let runtime = gort::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        drop(gort::spawn(async { panic!("as in tokio") }));
        while gort::runtime::Handle::current().panics() == 0 {
            gort::task::yield_now().await;
        }
        assert_eq!(gort::spawn(async { 1 }).await.unwrap(), 1);
    });
}

#[test]
fn a_handle_that_goes_without_having_yielded_the_panic_makes_it_fatal() {
    let caught = catch_unwind(|| {
        gort::run(async {
            let handle = gort::go(async { panic!("boom") });
            while !handle.is_finished() {
                gort::task::yield_now().await;
            }
            drop(handle);
            std::future::pending::<()>().await;
        });
    });
    assert_eq!(text(caught.unwrap_err()), "boom");
}

#[test]
fn a_fatal_panic_reaches_every_block_on() {
    let runtime = gort::runtime::Runtime::new().unwrap();
    let waiting = std::sync::Barrier::new(3);
    std::thread::scope(|scope| {
        let blocked: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    catch_unwind(AssertUnwindSafe(|| {
                        waiting.wait();
                        runtime.block_on(std::future::pending::<()>());
                    }))
                })
            })
            .collect();
        waiting.wait();
        drop(runtime.handle().go(async { panic!("boom") }));
        for thread in blocked {
            let text = text(thread.join().unwrap().unwrap_err());
            // One gets the payload, the others Go's text.
            assert!(text.starts_with("boom") || text.starts_with("panic: boom\n\ngoroutine "));
        }
    });
}

/// Main returns at once after the crash of another goroutine, but after.
#[test]
fn run_does_not_return_after_a_crash() {
    let runtime = Builder::new_current_thread().build().unwrap();
    let caught = catch_unwind(AssertUnwindSafe(|| {
        runtime.run(async {
            let handle = gort::go(async { panic!("boom") });
            while !handle.is_finished() {
                gort::task::yield_now().await;
            }
            drop(handle);
        })
    }));
    assert_eq!(text(caught.unwrap_err()), "boom");
}

/// What it says cannot be written. That is no reason to go on.
#[cfg(target_os = "linux")]
#[test]
fn a_crash_ends_the_process_whose_standard_error_is_full() {
    const INSIDE: &str = "GORT_TEST_STDERR_FULL";
    if std::env::var_os(INSIDE).is_some() {
        return gort::run(async {
            drop(gort::go(async { panic!("boom") }));
            gort::time::sleep(std::time::Duration::from_secs(60)).await;
        });
    }
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args(["a_crash_ends_the_process_whose_standard_error_is_full", "--exact", "--nocapture"]);
    let status = child.env(INSIDE, "").stdout(std::process::Stdio::null()).stderr(full).status();
    assert_eq!(status.unwrap().code(), Some(101));
}

#[test]
fn the_panic_of_main_comes_out_of_run_and_the_others_are_dropped() {
    let drops = Arc::new(AtomicUsize::new(0));
    struct Count(Arc<AtomicUsize>);
    impl Drop for Count {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let count = Count(Arc::clone(&drops));
    let caught = catch_unwind(AssertUnwindSafe(|| {
        gort::run(async move {
            drop(gort::go(async move {
                let _count = count;
                std::future::pending::<()>().await;
            }));
            panic!("main");
        })
    }));
    assert_eq!(text(caught.map(|never: ()| never).unwrap_err()), "main");
    assert_eq!(drops.load(Ordering::SeqCst), 1);
}

#[test]
#[should_panic(expected = "goexit was called outside of a goroutine")]
fn goexit_outside_of_a_goroutine() {
    gort::runtime::goexit();
}

#[test]
fn block_on_inside_a_runtime_panics_as_tokio_does() {
    gort::run(async {
        let error = gort::go(async { gort::runtime::block_on(async {}) }).await.unwrap_err();
        assert!(
            text(error.into_panic()).starts_with("Cannot start a runtime from within a runtime.")
        );
    });
}

/// Fails rather than hang.
fn within_time<R: Send + 'static>(f: impl FnOnce() -> R + Send + 'static) -> R {
    let (ended, has_ended) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        let result = f();
        ended.send(()).unwrap();
        result
    });
    match has_ended.recv_timeout(std::time::Duration::from_secs(30)) {
        Err(std::sync::mpsc::RecvTimeoutError::Timeout) => panic!("it hangs"),
        _ => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
    }
}

/// The thread goes on, does what it was started for, and is counted when it ends.
#[test]
fn a_hook_that_panics_costs_no_thread() {
    type Hook = fn(&mut Builder) -> &mut Builder;
    let hooks: [Hook; 4] = [
        |builder| builder.on_thread_start(|| panic!("on_thread_start")),
        |builder| builder.on_thread_stop(|| panic!("on_thread_stop")),
        |builder| builder.thread_name_fn(|| panic!("thread_name_fn")),
        |builder| builder.thread_name("a name with a NUL: \0"),
    ];
    for hook in hooks {
        for builder in [Builder::new_multi_thread(), Builder::new_current_thread()] {
            within_time(move || {
                let mut builder = builder.clone();
                hook(builder.worker_threads(1).shutdown_grace(std::time::Duration::MAX));
                let runtime = builder.build().unwrap();
                let name = || std::thread::current().name().map(str::to_owned);
                let job = runtime.block_on(runtime.spawn_blocking(name));
                assert_eq!(job.unwrap().as_deref(), Some("gort-worker"));
                let goroutine = runtime.spawn(async { 7 });
                assert_eq!(runtime.block_on(goroutine).unwrap(), 7);
                drop(runtime);
            });
        }
    }
}

/// What is polled by hand on the thread later is not told to come back.
#[test]
fn a_panic_inside_block_on_leaves_its_thread_without_a_budget() {
    for runtime in [
        Builder::new_multi_thread().worker_threads(1).build().unwrap(),
        Builder::new_current_thread().build().unwrap(),
    ] {
        let panicked =
            catch_unwind(AssertUnwindSafe(|| runtime.block_on(async { panic!("main") })));
        assert_eq!(text(panicked.map(|never: ()| never).unwrap_err()), "main");
        let (tx, rx) = gort::chan(1);
        for n in 0..1000 {
            Polled::new(tx.send(n)).ready().unwrap();
            assert_eq!(Polled::new(rx.recv()).ready(), n);
        }
    }
}

/// It belongs to no goroutine: the one whose output it is has ended.
#[test]
fn the_drop_of_an_output_is_in_no_goroutine_that_could_end() {
    struct Quits(std::sync::mpsc::Sender<String>);
    impl Drop for Quits {
        fn drop(&mut self) {
            let quit = catch_unwind(|| gort::runtime::goexit());
            let _ = self.0.send(text(quit.map(|never: ()| never).unwrap_err()));
        }
    }
    let (tells, is_told) = std::sync::mpsc::channel();
    gort::run(async move {
        drop(gort::spawn(async move { Quits(tells) }));
        let told = gort::task::spawn_blocking(move || is_told.recv()).await.unwrap();
        assert_eq!(told.unwrap(), "goexit was called outside of a goroutine");
    });
}
