//! A function that returns a channel: whoever receives asks for the next value.
//!
//! ```go
//! // squares sends 1, 4, 9, … until done is closed, and then tells which one nobody wanted.
//! func squares(done <-chan struct{}) (<-chan int, <-chan int) {
//!     out, unwanted := make(chan int), make(chan int, 1)
//!     go func() {
//!         for n := 1; ; n++ {
//!             select {
//!             case out <- n * n:
//!             case <-done:
//!                 unwanted <- n * n
//!                 return
//!             }
//!         }
//!     }()
//!     return out, unwanted
//! }
//!
//! func main() {
//!     done := make(chan struct{})
//!     numbers, unwanted := squares(done)
//!     for n := range numbers {
//!         fmt.Println(n)
//!         if n > 10 {
//!             break
//!         }
//!     }
//!     close(done)
//!     fmt.Println("unwanted:", <-unwanted)
//! }
//! ```
//!
//! There is no `done` here, which a caller could forget to close: when the receiver is dropped, `send`
//! fails and gives the value back. What the goroutine returns comes through its handle.

use gort::{Receiver, chan::SendError, runtime::JoinHandle};

/// 1, 4, 9, … while the receiver lives; then the handle tells which one nobody wanted.
fn squares() -> (Receiver<u64>, JoinHandle<u64>) {
    let (tx, rx) = gort::chan(0);
    let generator = gort::go(async move {
        let mut n = 1;
        loop {
            match tx.send(n * n).await {
                Ok(()) => n += 1,
                Err(SendError(unwanted)) => return unwanted,
            }
        }
    });
    (rx, generator)
}

pub(crate) fn main() {
    gort::run(async {
        let (numbers, generator) = squares();
        while let Some(n) = numbers.next().await {
            println!("{n}");
            if n > 10 {
                break;
            }
        }
        drop(numbers);
        println!("unwanted: {}", generator.await.unwrap());
    });
}
