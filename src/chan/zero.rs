//! Go's zero values.

/// Types that have a zero value: what Go's `<-ch` yields from a closed channel. Everything that is
/// [`Default`].
///
/// For other types there is [`next`](crate::chan::Receiver::next), which yields `None`.
///
/// ```compile_fail,E0277
/// struct NoDefault;
/// async fn f(rx: gort::chan::Receiver<NoDefault>) {
///     rx.recv().await;
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no zero value to receive from a closed channel",
    label = "`{Self}` does not implement `Default`",
    note = "use `next()`, which yields `Option<{Self}>` and ends with `None`; in `select!`, write `v = rx.next() => ...`",
    note = "or derive `Default` for `{Self}`"
)]
pub trait ZeroValue: sealed::Sealed {
    /// The zero value.
    fn zero_value() -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: Default> ZeroValue for T {
    fn zero_value() -> Self {
        T::default()
    }
}

mod sealed {
    #[expect(unnameable_types, reason = "that is how it seals")]
    pub trait Sealed {}

    #[diagnostic::do_not_recommend]
    impl<T: Default> Sealed for T {}
}
