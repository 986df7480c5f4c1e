//! Three workers for six jobs.
//!
//! ```go
//! type result struct{ n, fib uint64 }
//!
//! func fib(n uint64) uint64 {
//!     if n < 2 {
//!         return n
//!     }
//!     return fib(n-1) + fib(n-2)
//! }
//!
//! func worker(jobs <-chan uint64, results chan<- result) {
//!     for n := range jobs {
//!         results <- result{n, fib(n)}
//!     }
//! }
//!
//! func main() {
//!     jobs, results := make(chan uint64), make(chan result)
//!     var workers sync.WaitGroup
//!     for range 3 {
//!         workers.Go(func() { worker(jobs, results) })
//!     }
//!     go func() {
//!         for n := range uint64(6) {
//!             jobs <- 20 + n
//!         }
//!         close(jobs)
//!         workers.Wait()
//!         close(results)
//!     }()
//!
//!     fibs := map[uint64]uint64{}
//!     for r := range results {
//!         fibs[r.n] = r.fib
//!     }
//!     for _, n := range slices.Sorted(maps.Keys(fibs)) {
//!         fmt.Println(n, fibs[n])
//!     }
//! }
//! ```
//!
//! The workers own what they need of both channels: when the jobs are done they end, and with the
//! last of them the results do. No wait group is needed, and no `close` can come too early.

use std::collections::BTreeMap;

use gort::{Receiver, Sender, chan::SendError};

struct Done {
    n: u64,
    fib: u64,
}

fn fib(n: u64) -> u64 {
    if n < 2 { n } else { fib(n - 1) + fib(n - 2) }
}

async fn worker(jobs: Receiver<u64>, results: Sender<Done>) -> Result<(), SendError<Done>> {
    while let Some(n) = jobs.next().await {
        results.send(Done { n, fib: fib(n) }).await?;
    }
    Ok(())
}

async fn feed(jobs: Sender<u64>) -> Result<(), SendError<u64>> {
    for n in 20..26 {
        jobs.send(n).await?;
    }
    Ok(())
}

pub(crate) fn main() {
    gort::run(async {
        let (tx, jobs) = gort::chan(0);
        let (results, done) = gort::chan(0);
        for _ in 0..3 {
            gort::go(worker(jobs.clone(), results.clone()));
        }
        drop((jobs, results)); // the workers have theirs
        gort::go(feed(tx));

        let mut fibs = BTreeMap::new(); // the results come in any order
        while let Some(Done { n, fib }) = done.next().await {
            fibs.insert(n, fib);
        }
        for (n, fib) in fibs {
            println!("{n} {fib}");
        }
    });
}
