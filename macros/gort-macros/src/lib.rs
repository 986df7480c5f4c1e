//! Proc macros of [gort](https://docs.rs/gort). Use them through that crate, never directly.
//!
//! * `select_impl!` is what `gort::select!` forwards to: `select` parses the arms and expands them
//!   to calls of gort's ordinary select engine; nothing is decided here.
//! * `#[main]` and `#[test]` (`entry`) build a runtime around an `async fn`.

mod entry;
mod krate;
mod select;

use proc_macro::TokenStream;

/// Expands `gort::select!`. The first token is a group that holds the path of the gort crate.
#[doc(hidden)]
#[proc_macro]
pub fn select_impl(input: TokenStream) -> TokenStream {
    select::expand(input.into()).into()
}

#[expect(missing_docs, reason = "documented where gort exports it")]
#[proc_macro_attribute]
pub fn main(args: TokenStream, item: TokenStream) -> TokenStream {
    entry::expand(entry::Kind::Main, args.into(), item.into()).into()
}

#[expect(missing_docs, reason = "documented where gort exports it")]
#[proc_macro_attribute]
pub fn test(args: TokenStream, item: TokenStream) -> TokenStream {
    entry::expand(entry::Kind::Test, args.into(), item.into()).into()
}
