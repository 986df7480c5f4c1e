//! Three at once, and then one per tick: a bucket of tokens that a ticker fills.
//!
//! ```go
//! func bucket(burst int, period time.Duration, done <-chan struct{}) <-chan struct{} {
//!     tokens := make(chan struct{}, burst)
//!     for range burst {
//!         tokens <- struct{}{}
//!     }
//!     go func() {
//!         ticker := time.NewTicker(period)
//!         for {
//!             select {
//!             case <-ticker.C:
//!                 select {
//!                 case tokens <- struct{}{}:
//!                 default: // full
//!                 }
//!             case <-done:
//!                 return
//!             }
//!         }
//!     }()
//!     return tokens
//! }
//!
//! func main() {
//!     done := make(chan struct{})
//!     defer close(done)
//!     start, tokens := time.Now(), bucket(3, 20*time.Millisecond, done)
//!     for request := 1; request <= 9; request++ {
//!         if request == 6 {
//!             time.Sleep(95 * time.Millisecond) // the bucket fills meanwhile
//!         }
//!         <-tokens
//!         fmt.Println(time.Since(start).Milliseconds(), "ms: request", request)
//!     }
//! }
//! ```
//!
//! `try_send` says why it failed: a full bucket lets the token go, and when the other end has been
//! dropped the goroutine ends, without a channel to tell it.

use gort::{
    Receiver,
    chan::TrySendError,
    time::{Duration, Instant, Ticker, sleep},
};

/// `burst` tokens, and one more every `period`, of which `burst` are kept.
fn bucket(burst: usize, period: Duration) -> Receiver<()> {
    let (tx, tokens) = gort::chan(burst);
    gort::go(async move {
        for _ in 0..burst {
            _ = tx.try_send(());
        }
        let ticker = Ticker::new(period);
        loop {
            ticker.c().recv().await;
            match tx.try_send(()) {
                Ok(()) | Err(TrySendError::Full(())) => {}
                Err(TrySendError::Closed(()) | TrySendError::Disconnected(())) => return,
            }
        }
    });
    tokens
}

#[gort::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let (start, tokens) = (Instant::now(), bucket(3, Duration::from_millis(20)));
    for request in 1..=9 {
        if request == 6 {
            sleep(Duration::from_millis(95)).await; // the bucket fills meanwhile
        }
        tokens.recv().await;
        println!("{} ms: request {request}", start.elapsed().as_millis());
    }
}
