//! The sieve of primes: a chain of goroutines, one for each prime, that removes its multiples.
//!
//! ```go
//! func count(out chan<- int) {
//!     for n := 2; ; n++ {
//!         out <- n
//!     }
//! }
//!
//! func filter(prime int, in <-chan int, out chan<- int) {
//!     for n := range in {
//!         if n%prime != 0 {
//!             out <- n
//!         }
//!     }
//! }
//!
//! func main() {
//!     numbers := make(chan int)
//!     go count(numbers)
//!     for range 10 {
//!         prime := <-numbers
//!         fmt.Println(prime)
//!         rest := make(chan int)
//!         go filter(prime, numbers, rest)
//!         numbers = rest
//!     }
//!     // The goroutines are still there, and would stay if this were not the end of main.
//! }
//! ```
//!
//! Here the chain comes down by itself: the last receiver is dropped, the last filter fails to send and
//! drops its receiver, and so on up to the one that counts.

use std::mem;

use gort::{Receiver, Sender, chan::SendError, sync::WaitGroup};

type Sent = Result<(), SendError<u32>>;

async fn count(out: Sender<u32>) -> Sent {
    for n in 2.. {
        out.send(n).await?;
    }
    Ok(())
}

async fn filter(prime: u32, input: Receiver<u32>, out: Sender<u32>) -> Sent {
    while let Some(n) = input.next().await {
        if n % prime != 0 {
            out.send(n).await?;
        }
    }
    Ok(())
}

pub(crate) fn main() {
    gort::run(async {
        let chain = WaitGroup::new();
        let (tx, mut numbers) = gort::chan(0);
        chain.go(count(tx));
        for _ in 0..10 {
            let prime = numbers.recv().await;
            println!("{prime}");
            let (tx, rest) = gort::chan(0);
            chain.go(filter(prime, mem::replace(&mut numbers, rest), tx));
        }
        drop(numbers);
        chain.wait().await;
        println!("the goroutines have ended");
    });
}
