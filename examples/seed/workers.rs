//! Five workers share the jobs of one channel, and a wait group tells when all of them are done.
//!
//! ```go
//! func worker(id int, jobs <-chan int) {
//!     for job := range jobs {
//!         fmt.Printf("worker %d did job %d\n", id, job)
//!     }
//! }
//!
//! func main() {
//!     jobs := make(chan int)
//!     var wg sync.WaitGroup
//!     for id := 1; id <= 5; id++ {
//!         wg.Go(func() { worker(id, jobs) })
//!     }
//!     for job := range 20 {
//!         jobs <- job
//!     }
//!     close(jobs)
//!     wg.Wait()
//!     fmt.Println("all done")
//! }
//! ```

#![expect(clippy::print_stdout, reason = "a program that prints")]

use gort::{Chan, Receiver, sync::WaitGroup};

async fn worker(id: u32, jobs: Receiver<u32>) {
    while let Some(job) = jobs.next().await {
        println!("worker {id} did job {job}");
    }
}

fn main() {
    gort::run(async {
        let jobs = Chan::new(0);
        let wg = WaitGroup::new();
        for id in 1..=5 {
            wg.go(worker(id, jobs.rx()));
        }
        for job in 0..20 {
            jobs.send(job).await;
        }
        jobs.close();
        wg.wait().await;
        println!("all done");
    });
}
