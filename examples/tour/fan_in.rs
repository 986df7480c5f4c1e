//! Several channels become one.
//!
//! ```go
//! func news(from string, period time.Duration) <-chan string {
//!     out := make(chan string)
//!     go func() {
//!         defer close(out)
//!         for n := 1; n <= 3; n++ {
//!             time.Sleep(period)
//!             out <- fmt.Sprint(from, " ", n)
//!         }
//!     }()
//!     return out
//! }
//!
//! func merge[T any](inputs ...<-chan T) <-chan T {
//!     out := make(chan T)
//!     var wg sync.WaitGroup
//!     for _, input := range inputs {
//!         wg.Go(func() {
//!             for v := range input {
//!                 out <- v
//!             }
//!         })
//!     }
//!     go func() {
//!         wg.Wait()
//!         close(out)
//!     }()
//!     return out
//! }
//!
//! func main() {
//!     near := news("near", 20*time.Millisecond)
//!     far := news("far", 50*time.Millisecond)
//!     for line := range merge(near, far) {
//!         fmt.Println(line)
//!     }
//! }
//! ```
//!
//! Nobody has to wait for the inputs in order to close the output: each forwarder owns a sender, and
//! the last one that ends closes the channel. If the reader goes first, the forwarders go with it, and
//! then the sources. (Sources of one's own need no `merge`: give each a clone of one sender.)

use gort::{
    Receiver,
    time::{Duration, sleep},
};

fn news(from: &'static str, period: Duration) -> Receiver<String> {
    let (tx, rx) = gort::chan(0);
    gort::go(async move {
        for n in 1..=3 {
            sleep(period).await;
            if tx.send(format!("{from} {n}")).await.is_err() {
                break; // nobody reads any more
            }
        }
    });
    rx
}

/// What comes from any of `inputs`. It ends when all of them have ended.
fn merge<T: Send + 'static>(inputs: impl IntoIterator<Item = Receiver<T>>) -> Receiver<T> {
    let (tx, rx) = gort::chan(0);
    for input in inputs {
        gort::go!(clone tx => {
            while let Some(v) = input.next().await {
                if tx.send(v).await.is_err() {
                    break;
                }
            }
        });
    }
    rx
}

#[gort::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let near = news("near", Duration::from_millis(20));
    let far = news("far", Duration::from_millis(50));
    let lines = merge([near, far]);
    while let Some(line) = lines.next().await {
        println!("{line}");
    }
}
