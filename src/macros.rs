//! Exported macros. Each only parses and forwards.

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

/// Waits for the first of several operations.
#[macro_export]
macro_rules! select {
    ($($arms:tt)*) => {
        $crate::__private::select_impl! { ($crate) $($arms)* }
    };
}
