//! A worker beats while it works. One that has been silent for too long is taken for dead.
//!
//! ```go
//! func worker(beats chan<- struct{}, steps chan<- int) {
//!     pulse := time.NewTicker(10 * time.Millisecond)
//!     for n := 1; n <= 2; n++ {
//!         step := time.After(24 * time.Millisecond)
//!         for working := true; working; {
//!             select {
//!             case <-pulse.C:
//!                 select {
//!                 case beats <- struct{}{}:
//!                 default: // nobody listens right now
//!                 }
//!             case <-step:
//!                 steps <- n
//!                 working = false
//!             }
//!         }
//!     }
//!     select {} // the third step hangs
//! }
//!
//! func main() {
//!     start, beats, steps := time.Now(), make(chan struct{}, 1), make(chan int)
//!     go worker(beats, steps)
//!     for {
//!         select {
//!         case <-beats:
//!             fmt.Println(time.Since(start).Milliseconds(), "ms: alive")
//!         case n := <-steps:
//!             fmt.Println(time.Since(start).Milliseconds(), "ms: did step", n)
//!         case <-time.After(25 * time.Millisecond):
//!             fmt.Println(time.Since(start).Milliseconds(), "ms: silent for too long")
//!             return // the goroutine is left to itself
//!         }
//!     }
//! }
//! ```
//!
//! The beats come from the loop that works, not from a goroutine beside it, which would go on beating.
//! Both kinds of signs come through one channel, as an `enum`. And the worker that hangs can be ended: to
//! abort a goroutine drops its future where it waits.

use gort::{
    Sender,
    chan::SendError,
    select,
    time::{Duration, Instant, Ticker, after},
};

enum Sign {
    Beat,
    Step(u32),
}

async fn worker(signs: Sender<Sign>) -> Result<(), SendError<Sign>> {
    let pulse = Ticker::new(Duration::from_millis(10));
    for n in 1..=2 {
        let step = after(Duration::from_millis(24));
        loop {
            select! {
                // Work does not wait for a listener: a beat that finds the channel full is lost.
                <-pulse.c() => _ = signs.try_send(Sign::Beat),
                <-step => {
                    signs.send(Sign::Step(n)).await?;
                    break;
                }
            }
        }
    }
    select! {} // the third step hangs
}

#[gort::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let (start, (tx, signs)) = (Instant::now(), gort::chan(1));
    let worker = gort::go(worker(tx));
    loop {
        select! {
            sign = signs.next() => match sign {
                Some(Sign::Beat) => println!("{} ms: alive", start.elapsed().as_millis()),
                Some(Sign::Step(n)) => println!("{} ms: did step {n}", start.elapsed().as_millis()),
                None => break,
            },
            <-after(Duration::from_millis(25)) => {
                println!("{} ms: silent for too long", start.elapsed().as_millis());
                worker.abort();
            }
        }
    }
    assert!(worker.await.unwrap_err().is_cancelled());
}
