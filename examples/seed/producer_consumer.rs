//! A producer, a stage in the middle and a consumer, each with only the end of the channel that it
//! needs.
//!
//! ```go
//! func produce(out chan<- int) {
//!     for i := 1; i <= 5; i++ {
//!         out <- i
//!     }
//!     close(out)
//! }
//!
//! func square(in <-chan int, out chan<- int) {
//!     for v := range in {
//!         out <- v * v
//!     }
//!     close(out)
//! }
//!
//! func consume(in <-chan int) int {
//!     sum := 0
//!     for v := range in {
//!         fmt.Println(v)
//!         sum += v
//!     }
//!     return sum
//! }
//!
//! func main() {
//!     numbers, squares := make(chan int), make(chan int)
//!     go produce(numbers)
//!     go square(numbers, squares)
//!     fmt.Println("sum", consume(squares))
//! }
//! ```
//!
//! `close` is not needed here: the channel closes when its last sender is dropped. And a producer
//! whose consumer has gone learns it from `send`.

#![expect(clippy::print_stdout, reason = "a program that prints")]

use gort::{Receiver, Sender, chan::SendError};

async fn produce(out: Sender<u32>) -> Result<(), SendError<u32>> {
    for i in 1..=5 {
        out.send(i).await?;
    }
    Ok(())
}

async fn square(input: Receiver<u32>, out: Sender<u32>) -> Result<(), SendError<u32>> {
    while let Some(v) = input.next().await {
        out.send(v * v).await?;
    }
    Ok(())
}

async fn consume(input: Receiver<u32>) -> u32 {
    let mut sum = 0;
    while let Some(v) = input.next().await {
        println!("{v}");
        sum += v;
    }
    sum
}

fn main() {
    gort::run(async {
        let (numbers_tx, numbers_rx) = gort::chan(0);
        let (squares_tx, squares_rx) = gort::chan(0);
        gort::go(produce(numbers_tx));
        gort::go(square(numbers_rx, squares_tx));
        println!("sum {}", consume(squares_rx).await);
    });
}
