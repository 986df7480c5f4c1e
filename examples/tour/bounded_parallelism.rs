//! A goroutine for each picture, and together they may use 100 MB.
//!
//! A `worker_pool` has a fixed number of goroutines, and jobs come to them through a channel. Here each
//! job has a goroutine of its own, which is not started before there is room for it; and room can be
//! measured in something else than goroutines. Where each job counts the same, `errgroup_limit` is
//! shorter.
//!
//! ```go
//! type picture struct {
//!     name  string
//!     size  int64
//!     takes time.Duration
//! }
//!
//! func main() {
//!     pictures := []picture{
//!         {"sunset", 60, 20 * time.Millisecond},
//!         {"cat", 40, 35 * time.Millisecond},
//!         {"map", 50, 10 * time.Millisecond},
//!         {"plan", 50, 10 * time.Millisecond},
//!     }
//!     ctx, start := context.Background(), time.Now()
//!     memory := semaphore.NewWeighted(100)
//!     var wg sync.WaitGroup
//!     for _, p := range pictures {
//!         memory.Acquire(ctx, p.size)
//!         fmt.Println(time.Since(start).Milliseconds(), "ms:", p.name, "starts")
//!         wg.Go(func() {
//!             defer memory.Release(p.size)
//!             time.Sleep(p.takes)
//!             fmt.Println(time.Since(start).Milliseconds(), "ms:", p.name, "is done")
//!         })
//!     }
//!     wg.Wait()
//! }
//! ```
//!
//! What is deferred also runs if the goroutine panics or is dropped in the middle of its work.

use gort::{
    context::background,
    semaphore::Weighted,
    sync::WaitGroup,
    time::{Duration, Instant, sleep},
};

struct Picture {
    name: &'static str,
    size: usize,
    takes: Duration,
}

const PICTURES: [Picture; 4] = [
    Picture { name: "sunset", size: 60, takes: Duration::from_millis(20) },
    Picture { name: "cat", size: 40, takes: Duration::from_millis(35) },
    Picture { name: "map", size: 50, takes: Duration::from_millis(10) },
    Picture { name: "plan", size: 50, takes: Duration::from_millis(10) },
];

#[gort::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let (ctx, start) = (background(), Instant::now());
    let memory = Weighted::new(100);
    let wg = WaitGroup::new();
    for Picture { name, size, takes } in PICTURES {
        memory.acquire(&ctx, size).await.expect("the background context never ends");
        println!("{} ms: {name} starts", start.elapsed().as_millis());
        let memory = memory.clone();
        wg.go(async move {
            gort::defer! { memory.release(size) }
            sleep(takes).await;
            println!("{} ms: {name} is done", start.elapsed().as_millis());
        });
    }
    wg.wait().await;
}
