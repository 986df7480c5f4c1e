//! Exported macros. Each only parses and forwards.

use std::fmt;

/// Starts a goroutine from a block: `go!{ … }` is [`go`](fn@crate::go)`(async move { … })`.
///
/// `go!(clone a, b => { … })` clones the named handles first, so that the goroutine owns clones and
/// the caller keeps the originals.
///
/// # Go
///
/// The `go` statement with a function literal. A Go closure shares what it captures; a goroutine here
/// owns it, so that what two goroutines use is cloned (handles) or does not compile.
///
/// ```
/// gort::run(async {
///     let name = String::from("gopher");
///     let greeting = gort::go!(clone name => { format!("hello, {name}") });
///     assert_eq!(greeting.await.unwrap(), "hello, gopher");
///     assert_eq!(name, "gopher");
/// });
/// ```
#[macro_export]
macro_rules! go {
    (clone $($name:ident),+ $(,)? => $body:block) => {{
        $(let $name = ::core::clone::Clone::clone(&$name);)+
        $crate::go(async move $body)
    }};
    ($($body:tt)*) => {
        $crate::go(async move { $($body)* })
    };
}

/// Runs a block when the scope ends, however it ends: Go's `defer`.
///
/// Several in one scope run in reverse order. The block borrows what it names; `defer!(move { .. })`
/// takes it along instead. What the block yields is dropped.
///
/// # Go
///
/// Go's `defer` belongs to the *function* and waits for its end, so that one in a loop piles up; this
/// one belongs to the *scope*, as every destructor does. Go evaluates the arguments of a deferred call
/// at once; here the whole block runs at the end (`defer!(move { .. })` keeps copies of now). There is
/// no `recover`. Dropping a future in the middle, as a cancelled or aborted goroutine is, ends its
/// scopes and thus runs their deferred blocks.
///
/// # Panics
///
/// The block also runs while a panic unwinds the scope; a second panic in it aborts the process.
///
/// ```
/// use std::cell::RefCell;
///
/// let log = RefCell::new(Vec::new());
/// {
///     gort::defer! { log.borrow_mut().push("first deferred") }
///     gort::defer! { log.borrow_mut().push("second deferred") }
///     log.borrow_mut().push("body");
/// }
/// assert_eq!(*log.borrow(), ["body", "second deferred", "first deferred"]);
/// ```
#[macro_export]
macro_rules! defer {
    (move $($body:tt)*) => {
        let _deferred = $crate::__private::Deferred::new(move || { $($body)* });
    };
    ($($body:tt)*) => {
        let _deferred = $crate::__private::Deferred::new(|| { $($body)* });
    };
}

/// A block that [`defer!`](crate::defer) has put off.
#[doc(hidden)]
pub struct Deferred<F: FnOnce() -> R, R>(Option<F>);

impl<F: FnOnce() -> R, R> Deferred<F, R> {
    /// Puts `block` off until the drop.
    #[must_use = "the block runs when this is dropped"]
    pub fn new(block: F) -> Self {
        Self(Some(block))
    }
}

impl<F: FnOnce() -> R, R> Drop for Deferred<F, R> {
    fn drop(&mut self) {
        if let Some(block) = self.0.take() {
            drop(block());
        }
    }
}

impl<F: FnOnce() -> R, R> fmt::Debug for Deferred<F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Deferred")
    }
}

/// Waits for the first of several operations: Go's `select`, which also takes any future.
///
/// ```
/// use gort::{Chan, chan, select};
///
/// # struct Worker { jobs: [Chan<i32>; 2], out: Chan<i32>, done: Chan<()> }
/// # impl Worker {
/// async fn step(&mut self, item: i32, pending: &mut Option<i32>) -> Option<i32> {
///     let (tx, rx) = chan::<i32>(1);
///     select! {
///         v = <-self.jobs[0] => Some(v),              // receive: the zero value when closed
///         v, ok = <-self.jobs[1] => ok.then_some(v),  // receive with ok
///         <-self.done => return None,                 // receive and ignore: any type
///         self.out <- item => Some(0),                // send on a `Chan`
///         r = tx <- item => {                         // send on a `Sender`: may fail
///             r.ok()?;
///             Some(1)
///         }
///         self.out <- &mut *pending => Some(2),       // takes the value only if this arm wins
///         Some(v) = rx.next(), if item > 0 => Some(v), // any future, pattern, and precondition
///         default => None,                            // when nothing is ready
///     }
/// }
/// # }
/// # gort::run(async {
/// # let mut worker = Worker { jobs: [Chan::new(1), Chan::new(1)], out: Chan::nil(), done: Chan::nil() };
/// # worker.jobs[0].send(7).await;
/// # for _ in 0..20 { if let Some(7) = worker.step(1, &mut None).await { return; } }
/// # });
/// ```
///
/// # What happens when
///
/// 1. The preconditions (`, if ..`) are evaluated, then all operands (channels, values, futures) once
///    and in the order they are written, whether their arm is chosen or not. A panic in one of them
///    is the select's.
/// 2. If arms are ready, one of them takes effect. Each has the same chance; with `biased;` in front,
///    the first that is ready is taken. If none is ready, `default` runs, or the select waits.
///    With `default` it never waits for an arm; it may let other goroutines run first, as every operation
///    does now and then, and is for async code like every other select.
/// 3. The arms that lost are gone, and their borrows with them, before the body runs. It is plain
///    code of the function around: `break`, `continue`, `return`, `?` and `.await` work.
///
/// Exactly one arm takes effect; the others have none. `out <- value` owns its value while the select
/// lasts, and drops it if another arm wins; with `out <- &mut option` the value stays in the option.
/// (That is decided by the `&mut`: put parentheses around it to send a reference. An option can stand in
/// one arm only, as it is borrowed.)
///
/// While it waits, the select stands in line at each of its channels and locks, as each operation by itself
/// would. One that also waits for a future that has to be polled leaves all lines at each poll, whatever the
/// poll is for, and lines up again at their ends. It takes what is ready when it looks; but if it is polled
/// often, those who came after it may be served first, again and again. To keep its places, run the future in a
/// goroutine of its own, and wait for a channel that it sends on.
///
/// # Arms
///
/// A *receive* binds `v` or `v, ok`, to patterns that always match. On a closed channel it is ready and
/// yields the [zero value](crate::chan::ZeroValue) and `false`. Without pattern, or with `_` for `v`,
/// the values need no zero.
///
/// A *send* is ready on a closed channel too: if it is chosen, the select panics. On a
/// [`Chan`](crate::Chan) it yields nothing; on a [`Sender`](crate::Sender) a `Result` that has to be
/// bound, because the last receiver may be gone.
///
/// A *future* is polled. If what it yields does not match the pattern, its arm is disabled and the
/// select goes on. gort's own futures are not just polled but take part as `<-` does: those of channels
/// (`rx.next()`, `rx.recv()`, `tx.send(v)`, ..), of locks (`Mutex`, `RwLock` and their raw forms), and the
/// waits for a `WaitGroup`, a `Cond` and a semaphore (`Weighted::acquire`). A future that is not to be used
/// up is passed as `&mut future`, and is polled.
///
/// An arm is *off* if its precondition is false, its channel is nil, its option is `None`, or its
/// pattern did not match. `else => ..` runs when all arms are off. Without it, a select that has an arm
/// with `<-` waits for ever then, as in Go; one that has only futures panics, as tokio's does. `select!
/// {}` waits for ever.
///
/// Without `<-` and `default`, the grammar is that of `tokio::select!`, so that code that uses it
/// need not be changed.
///
/// # Panics
///
/// With Go's `send on closed channel` if such a send is chosen; and if only futures are waited for, all
/// are disabled, and there is no `else`.
///
/// # Cancel safety
///
/// Dropping the future around takes the select out of all queues. If it was chosen by a peer but did
/// not get to run, what it was handed goes to the next receiver, in its old order; a value that was
/// taken from it has been sent.
///
/// # Go
///
/// `case v, ok := <-ch:` is `v, ok = <-ch =>`, `case ch <- v:` is `ch <- v =>`, `default:` is `default =>`.
/// A `break` in a body leaves the loop around the select, not the select; use a labeled block.
/// `a < -b` (with the space) is a comparison, `a <-b` is a send.
///
/// There is no limit on the number of arms. For cases made at run time, see [`Select`](crate::Select).
#[doc(alias = "default")]
#[doc(alias = "case")]
#[macro_export]
macro_rules! select {
    ($($arms:tt)*) => {
        $crate::__private::select_impl! { ($crate) $($arms)* }
    };
}
