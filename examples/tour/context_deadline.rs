//! Steps of 40 ms, and a deadline after 100 ms that comes in the middle of the third.
//!
//! ```go
//! func step(ctx context.Context) error {
//!     select {
//!     case <-time.After(40 * time.Millisecond):
//!         return nil
//!     case <-ctx.Done():
//!         return ctx.Err()
//!     }
//! }
//!
//! func work(ctx context.Context, start time.Time) error {
//!     for n := 1; n <= 5; n++ {
//!         if err := step(ctx); err != nil {
//!             return err
//!         }
//!         fmt.Println(time.Since(start).Milliseconds(), "ms: step", n)
//!     }
//!     return nil
//! }
//!
//! func main() {
//!     start := time.Now()
//!     ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
//!     defer cancel()
//!     if err := work(ctx, start); err != nil {
//!         fmt.Println(time.Since(start).Milliseconds(), "ms:", err)
//!     }
//! }
//! ```
//!
//! In Go each function that waits has to know the context. Here `with_context` bounds any future, from
//! outside, even one that has never heard of contexts, as `step`. And `work` says in its type that
//! nothing but the context can make it fail.

use gort::{
    context::{Context, ContextExt, Error, background, with_timeout},
    time::{Duration, Instant, sleep},
};

async fn step() {
    sleep(Duration::from_millis(40)).await;
}

async fn work(ctx: &Context, start: Instant) -> Result<(), Error> {
    for n in 1..=5 {
        step().with_context(ctx).await?;
        println!("{} ms: step {n}", start.elapsed().as_millis());
    }
    Ok(())
}

#[gort::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let start = Instant::now();
    let (ctx, _cancel) = with_timeout(&background(), Duration::from_millis(100));
    if let Err(error) = work(&ctx, start).await {
        println!("{} ms: {error}", start.elapsed().as_millis());
    }
}
