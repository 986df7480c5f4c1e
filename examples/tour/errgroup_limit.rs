//! Two pages at a time; the first error ends the others, and is the one that `wait` returns.
//!
//! ```go
//! type page struct {
//!     name  string
//!     takes time.Duration
//!     err   error
//! }
//!
//! func fetch(ctx context.Context, p page, start time.Time) error {
//!     select {
//!     case <-time.After(p.takes):
//!     case <-ctx.Done():
//!         fmt.Println(time.Since(start).Milliseconds(), "ms:", p.name, "gives up:", context.Cause(ctx))
//!         return context.Cause(ctx)
//!     }
//!     if p.err != nil {
//!         return p.err
//!     }
//!     fmt.Println(time.Since(start).Milliseconds(), "ms:", p.name)
//!     return nil
//! }
//!
//! func main() {
//!     start := time.Now()
//!     g, ctx := errgroup.WithContext(context.Background())
//!     g.SetLimit(2)
//!     for _, p := range []page{
//!         {"a", 20 * time.Millisecond, nil},
//!         {"b", 30 * time.Millisecond, nil},
//!         {"c", 20 * time.Millisecond, errors.New("c not found")},
//!         {"d", time.Hour, nil},
//!     } {
//!         g.Go(func() error { return fetch(ctx, p, start) })
//!     }
//!     if err := g.Wait(); err != nil {
//!         fmt.Println("error:", err)
//!     } else {
//!         fmt.Println("all pages are there")
//!     }
//! }
//! ```
//!
//! `Go` is a wait in Go, too, but only here one sees it: `group.go(..).await`. The error that `wait` gives out
//! is the caller's own; what `cause` shows is made from it. (`Group::typed` is for errors of one type.)

use gort::{
    context::{Context, background},
    errgroup::{BoxError, Group},
    select,
    time::{Duration, Instant, sleep},
};

struct Page {
    name: &'static str,
    takes: Duration,
    found: bool,
}

const PAGES: [Page; 4] = [
    Page { name: "a", takes: Duration::from_millis(20), found: true },
    Page { name: "b", takes: Duration::from_millis(30), found: true },
    Page { name: "c", takes: Duration::from_millis(20), found: false },
    Page { name: "d", takes: Duration::from_secs(3600), found: true },
];

async fn fetch(ctx: Context, page: Page, start: Instant) -> Result<(), BoxError> {
    let Page { name, takes, found } = page;
    select! {
        () = sleep(takes) => {}
        <-ctx.done() => {
            let cause = ctx.cause().expect("it has ended");
            println!("{} ms: {name} gives up: {cause}", start.elapsed().as_millis());
            return Err(cause.into());
        }
    }
    if !found {
        return Err(format!("{name} not found").into());
    }
    println!("{} ms: {name}", start.elapsed().as_millis());
    Ok(())
}

#[gort::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let start = Instant::now();
    let (group, ctx) = Group::with_context(&background());
    group.set_limit(2);
    for page in PAGES {
        group.go(fetch(ctx.clone(), page, start)).await;
    }
    match group.wait().await {
        Ok(()) => println!("all pages are there"),
        Err(error) => println!("error: {error}"),
    }
}
