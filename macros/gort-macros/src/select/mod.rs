//! `select!`: from tokens to calls of gort's select engine.
//!
//! 1. [`parse`] cuts the input into arms. An arm's head is everything up to `=>`; [`arrow`] looks
//!    for Go's `<-` in it, which no Rust parser knows, and thereby tells the three kinds apart:
//!    receive, send, future.
//! 2. [`expand`] writes the code: operands into `let`s in source order, one tuple of arms, one poll
//!    function that hands arm numbers to the engine, and one `match` over what came out.
//!
//! An error carries the span of the arm it is about.

mod arrow;
mod expand;
mod parse;
mod pattern;

use proc_macro2::TokenStream;

/// Expands one `select!`, or reports why not.
pub(crate) fn expand(input: TokenStream) -> TokenStream {
    match syn::parse2::<parse::Select>(input) {
        Ok(select) => expand::expand(&select),
        Err(error) => error.into_compile_error(),
    }
}
