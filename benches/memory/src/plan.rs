//! Where the bytes of a goroutine are: sizes of its parts, and what starting one asks of the
//! allocator until it blocks.

use std::future::{Future, pending};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::counting;

/// Goroutines started for one figure.
const MANY: u64 = 100_000;

/// Those that were polled.
static POLLED: AtomicU64 = AtomicU64::new(0);

/// What a block of glibc's malloc takes: 8 bytes before it, rounded up to 16.
fn block(size: u64) -> u64 {
    (size + 8).next_multiple_of(16)
}

/// Prints the plan: each line by a process of its own, for tables are kept for the next runtime.
pub fn print() -> Result<(), String> {
    println!(
        "Sender {} bytes, Receiver {}, JoinHandle {}.\n",
        size_of::<gort::Sender<u64>>(),
        size_of::<gort::Receiver<u64>>(),
        size_of::<gort::task::JoinHandle<()>>()
    );
    println!(
        "| goroutine | operation | its future | task | malloc's own | record, timers, queues | all |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|");
    let program = std::env::current_exe().map_err(|e| e.to_string())?;
    for what in ["recv", "sleep", "pending"] {
        let output =
            Command::new(&program).args(["plan", what]).output().map_err(|e| e.to_string())?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        print!("{}", String::from_utf8_lossy(&output.stdout));
    }
    println!(
        "\nThe operation is a part of the future, the future of the task; the task is one allocation \
         of the header of async-task, our metadata, and the future."
    );
    Ok(())
}

/// Prints one line.
pub fn line(what: &str) -> Result<(), String> {
    match what {
        "recv" => {
            let (open, rx) = gort::chan::<u64>(0);
            let operation = size_of_val(&rx.next());
            measure("blocked in a receive", operation, move || {
                let rx = rx.clone();
                async move {
                    POLLED.fetch_add(1, Ordering::Relaxed);
                    rx.next().await;
                }
            });
            drop(open);
        }
        "sleep" => {
            let operation = size_of_val(&gort::time::sleep(Duration::ZERO));
            measure("asleep", operation, || async {
                POLLED.fetch_add(1, Ordering::Relaxed);
                gort::time::sleep(Duration::from_secs(3600)).await;
            });
        }
        "pending" => measure("pending, with nothing in it", 0, || async {
            POLLED.fetch_add(1, Ordering::Relaxed);
            pending::<()>().await;
        }),
        _ => return Err(format!("no line {what}")),
    }
    Ok(())
}

fn measure<F>(name: &str, operation: usize, make: impl Fn() -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let future = size_of_val(&make());
    let runtime = gort::runtime::Builder::new_current_thread().build().unwrap();
    let counted = runtime.block_on(async {
        counting::start();
        for _ in 0..MANY {
            gort::spawn(make());
        }
        while POLLED.load(Ordering::Relaxed) < MANY {
            gort::task::yield_now().await;
        }
        counting::stop()
    });
    // What was asked for once for each goroutine is its task; all else is the tables it stands in.
    let task = counted.sizes.iter().find(|(_, n)| *n >= MANY).map_or(0, |(size, _)| *size as u64);
    let live = u64::try_from(counted.live).unwrap_or(0);
    let tables = live.saturating_sub(task * MANY) / MANY;
    println!(
        "| {name} | {operation} | {future} | {task} | {} | {tables} | {} |",
        block(task) - task,
        block(task) + tables
    );
}
