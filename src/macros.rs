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

/// Waits for the first of several operations.
#[macro_export]
macro_rules! select {
    ($($arms:tt)*) => {
        $crate::__private::select_impl! { ($crate) $($arms)* }
    };
}
