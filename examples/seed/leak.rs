//! A function that leaks goroutines, and its two fixes.
//!
//! Three replicas are asked and the first answer is taken. Nobody receives the other two: on an
//! unbuffered channel their goroutines wait for ever.
//!
//! ```go
//! func leaky() string {
//!     answers := make(chan string)
//!     for range 3 {
//!         go func() { answers <- "42" }()
//!     }
//!     return <-answers
//! }
//!
//! func buffered() string { // fix 1: room for every answer
//!     answers := make(chan string, 3)
//!     for range 3 {
//!         go func() { answers <- "42" }()
//!     }
//!     return <-answers
//! }
//!
//! func canceled() string { // fix 2: tell the others to stop
//!     answers, done := make(chan string), make(chan struct{})
//!     defer close(done)
//!     for range 3 {
//!         go func() {
//!             select {
//!             case answers <- "42":
//!             case <-done:
//!             }
//!         }()
//!     }
//!     return <-answers
//! }
//!
//! func left(before, expected int) int { // gives those that can end a second for it
//!     for range 1000 {
//!         if runtime.NumGoroutine() <= before+expected {
//!             break
//!         }
//!         time.Sleep(time.Millisecond)
//!     }
//!     return runtime.NumGoroutine() - before
//! }
//!
//! func main() {
//!     before := runtime.NumGoroutine()
//!     fmt.Printf("buffered: %s, %d left\n", buffered(), left(before, 0))
//!     fmt.Printf("canceled: %s, %d left\n", canceled(), left(before, 0))
//!     fmt.Printf("leaky: %s, %d left\n", leaky(), left(before, 2))
//! }
//! ```
//!
//! gort has a third fix, which comes by itself when the ends of the channel are kept apart: the
//! last receiver is dropped, so the senders are told that nobody will listen. It has a line of its
//! own, `owned`.

#![expect(clippy::print_stdout, reason = "a program that prints")]

use gort::{
    Chan, go,
    runtime::num_goroutine,
    time::{Duration, sleep},
};

async fn leaky() -> String {
    let answers = Chan::<String>::new(0);
    for _ in 0..3 {
        go!(clone answers => { answers.send("42".into()).await });
    }
    answers.recv().await
}

/// Fix 1: room for every answer.
async fn buffered() -> String {
    let answers = Chan::<String>::new(3);
    for _ in 0..3 {
        go!(clone answers => { answers.send("42".into()).await });
    }
    answers.recv().await
}

/// Fix 2: tell the others to stop.
async fn canceled() -> String {
    let (answers, done) = (Chan::<String>::new(0), Chan::<()>::new(0));
    gort::defer!(done.close());
    for _ in 0..3 {
        go!(clone answers, done => {
            gort::select! {
                answers <- "42".into() => {}
                <-done => {}
            }
        });
    }
    answers.recv().await
}

/// Fix 3: separate ends. Dropping `rx` makes the sends that wait return an error.
async fn owned() -> String {
    let (tx, rx) = gort::chan::<String>(0);
    for _ in 0..3 {
        go!(clone tx => { tx.send("42".into()).await });
    }
    rx.recv().await
}

/// How many goroutines are left when those that can end have had a second for it.
pub(crate) async fn left(before: usize, expected: usize) -> usize {
    for _ in 0..1000 {
        if num_goroutine() <= before + expected {
            break;
        }
        sleep(Duration::from_millis(1)).await;
    }
    num_goroutine() - before
}

fn main() {
    gort::run(async {
        let before = num_goroutine();
        println!("buffered: {}, {} left", buffered().await, left(before, 0).await);
        println!("canceled: {}, {} left", canceled().await, left(before, 0).await);
        println!("owned: {}, {} left", owned().await, left(before, 0).await);
        println!("leaky: {}, {} left", leaky().await, left(before, 2).await);
    });
}
