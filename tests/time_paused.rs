//! The clock of a current-thread runtime, stopped and moved by hand.

use gort::runtime::{Builder, Runtime};
use gort::time::{self, Duration, Instant, advance, pause, resume, sleep};
use gort::{go, task};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

const HOUR: Duration = Duration::from_secs(3600);

fn paused() -> Runtime {
    Builder::new_current_thread().start_paused(true).build().unwrap()
}

fn going() -> Runtime {
    Builder::new_current_thread().build().unwrap()
}

fn panic_text(f: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(f)).expect_err("it should panic");
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(other) => (*other.downcast::<&str>().expect("a text")).to_owned(),
    }
}

#[test]
fn a_paused_clock_stands_and_jumps_to_deadlines_when_idle() {
    for runtime in [paused(), going()] {
        runtime.block_on(async {
            if catch_unwind(pause).is_err() {
                // `start_paused` has done it.
            }
            let start = Instant::now();
            task::yield_now().await;
            assert_eq!(Instant::now(), start);
            sleep(HOUR).await;
            assert_eq!(start.elapsed(), HOUR);
            let late = time::timeout(HOUR, std::future::pending::<()>()).await;
            assert!(late.is_err());
            assert_eq!(start.elapsed(), 2 * HOUR);
        });
    }
}

#[test]
fn goroutines_wake_in_the_order_of_their_deadlines_at_exactly_their_time() {
    paused().block_on(async {
        let start = Instant::now();
        let (tx, rx) = gort::chan(0);
        for seconds in [30u64, 10, 20] {
            let tx = tx.clone();
            go(async move {
                sleep(Duration::from_secs(seconds)).await;
                tx.send((seconds, start.elapsed().as_secs())).await.unwrap();
            });
        }
        for due in [10, 20, 30] {
            assert_eq!(rx.next().await, Some((due, due)));
        }
    });
}

#[test]
fn advance_lets_everybody_run_who_is_due_and_nobody_else() {
    for inside in [false, true] {
        let program = async {
            let due = Arc::new(AtomicU64::new(0));
            for seconds in 1..=10 {
                let due = due.clone();
                go(async move {
                    sleep(Duration::from_secs(seconds)).await;
                    due.fetch_add(1, Ordering::Relaxed);
                });
            }
            for _ in 0..20 {
                task::yield_now().await;
            }
            advance(Duration::from_millis(999)).await;
            assert_eq!(due.load(Ordering::Relaxed), 0);
            advance(Duration::from_millis(1)).await;
            assert_eq!(due.load(Ordering::Relaxed), 1);
            advance(Duration::from_secs(6)).await;
            assert_eq!(due.load(Ordering::Relaxed), 7);
            advance(Duration::from_secs(3)).await;
            assert_eq!(due.load(Ordering::Relaxed), 10);
        };
        if inside {
            paused().run(program);
        } else {
            paused().block_on(program);
        }
    }
}

#[test]
fn a_resumed_clock_goes_on_from_where_it_stood() {
    paused().block_on(async {
        let start = Instant::now();
        advance(HOUR).await;
        resume();
        assert!(start.elapsed() >= HOUR);
        // It goes: this wait ends by itself.
        sleep(Duration::from_millis(2)).await;
        assert!(start.elapsed() >= HOUR + Duration::from_millis(2));
        pause();
        let stood = Instant::now();
        task::yield_now().await;
        assert_eq!(Instant::now(), stood);
    });
}

#[test]
fn the_clock_stands_still_for_a_blocking_job() {
    paused().block_on(async {
        let over = Arc::new(AtomicBool::new(false));
        let flag = over.clone();
        let sleeper = go(async move {
            sleep(HOUR).await;
            flag.store(true, Ordering::Relaxed);
        });
        let job = task::spawn_blocking(move || {
            // Long enough for a runtime that does not wait for the job to be idle.
            (0..2_000).for_each(|_| std::thread::yield_now());
            over.load(Ordering::Relaxed)
        });
        assert!(!job.await.unwrap(), "an hour passed while the job ran");
        sleeper.await.unwrap();
    });
}

#[test]
fn the_end_of_a_blocking_job_that_wakes_nobody_lets_time_go_on() {
    paused().block_on(async {
        let (tx, rx) = std::sync::mpsc::channel::<()>();
        drop(task::spawn_blocking(move || {
            let _ = rx.recv();
        }));
        let sleeper = go(sleep(HOUR));
        task::yield_now().await;
        drop(tx);
        sleeper.await.unwrap();
    });
}

#[test]
fn misuse_is_told() {
    assert_eq!(panic_text(pause), "time::pause was called outside of a runtime");
    assert_eq!(panic_text(resume), "time::resume was called outside of a runtime");
    let text = panic_text(|| going().block_on(async { resume() }));
    assert_eq!(text, "time is not frozen");
    let text = panic_text(|| paused().block_on(async { pause() }));
    assert_eq!(text, "time is already frozen");
    let text = panic_text(|| going().block_on(async { advance(HOUR).await }));
    assert_eq!(text, "time is not frozen");
    let text = panic_text(|| gort::run(async { pause() }));
    assert_eq!(text, "time::pause requires a current-thread runtime");
    let text = panic_text(|| Builder::simulated(0).build().unwrap().block_on(async { resume() }));
    assert_eq!(text, "the clock of a simulated runtime does not go by itself");
    let error = Builder::new_multi_thread().start_paused(true).build().unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    assert!(error.to_string().contains("start_paused"), "{error}");
}

#[gort::test(start_paused = true)]
async fn the_attribute_starts_paused() {
    let start = Instant::now();
    sleep(HOUR).await;
    assert_eq!(start.elapsed(), HOUR);
}

#[test]
fn sockets_work_while_the_clock_stands() {
    use futures::io::{AsyncReadExt, AsyncWriteExt};
    use gort::net::{TcpListener, TcpStream};
    paused().block_on(async {
        let start = Instant::now();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = go(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut byte = [0];
            stream.read_exact(&mut byte).await.unwrap();
            stream.write_all(&byte).await.unwrap();
        });
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"x").await.unwrap();
        let mut byte = [0];
        stream.read_exact(&mut byte).await.unwrap();
        server.await.unwrap();
        assert_eq!(&byte, b"x");
        assert_eq!(start.elapsed(), Duration::ZERO);
    });
}
