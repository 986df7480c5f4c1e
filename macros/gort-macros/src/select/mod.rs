//! `select!`: from tokens to calls of gort's select engine.
//!
//! 1. [`parse`] cuts the input into arms. An arm's head is everything up to `=>`; [`arrow`] looks
//!    for Go's `<-` in it, which no Rust parser knows, and thereby tells the three kinds apart:
//!    receive, send, future.
//! 2. [`expand`](mod@expand) writes the code: operands into `let`s in source order, one tuple of arms, one poll
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

#[cfg(test)]
mod tests {
    use super::{expand, parse};

    fn parsed(arms: &str) -> Result<parse::Select, String> {
        let input = format!("(crate) {arms}");
        let tokens: proc_macro2::TokenStream = input.parse().unwrap();
        syn::parse2(tokens).map_err(|error| error.to_string())
    }

    #[track_caller]
    fn rejects(arms: &str, text: &str) {
        match parsed(arms) {
            Ok(_) => panic!("`{arms}` was accepted"),
            Err(error) => assert!(error.contains(text), "`{arms}`: {error}"),
        }
    }

    /// A letter per arm: (r)eceive, receive (i)gnoring, (o)k; (s)end, (b)ound send, send of an
    /// o(p)tion; (f)uture; capital with a condition.
    #[track_caller]
    fn kinds(arms: &str) -> String {
        use parse::Kind;
        let letter = |arm: &parse::Arm| {
            let letter = match &arm.kind {
                Kind::Recv { value: None, .. } => 'i',
                Kind::Recv { ok: None, .. } => 'r',
                Kind::Recv { .. } => 'o',
                Kind::Send { option: true, .. } => 'p',
                Kind::Send { result: None, .. } => 's',
                Kind::Send { .. } => 'b',
                Kind::Future { .. } => 'f',
            };
            if arm.condition.is_some() { letter.to_ascii_uppercase() } else { letter }
        };
        let select = parsed(arms).unwrap();
        let mut kinds: String = select.arms.iter().map(letter).collect();
        for (there, letter) in [
            (select.default.is_some(), 'd'),
            (select.otherwise.is_some(), 'e'),
            (select.biased, '!'),
        ] {
            kinds.extend(there.then_some(letter));
        }
        kinds
    }

    #[test]
    fn every_kind_of_arm() {
        assert_eq!(
            kinds(
                "v = <-rx => { body }
                 v, ok = <-self.jobs[i] => body(),
                 <-ctx.done() => return,
                 self.out <- item => {}
                 r = out <- item => {},
                 out <- &mut pending => break 'a,
                 opt = rx.next() => opt,
                 Some(x) = stream.next(), if n > 0 => x,
                 (a, b) = <-rx, if n > 0 => a < -b,
                 default => {}",
            ),
            "roisbpfFRd"
        );
        assert_eq!(kinds("biased; Ok(_) | Err(_) = f(a <-b) => 1, else => 2"), "fe!");
        assert_eq!(kinds("default = f() => 1, case = g() => 2, biased = h() => 3"), "fff");
        assert_eq!(kinds("x = if a { b } else { c } => match x { _ => 1 } y = f => 2"), "ff");
        assert_eq!(kinds("x = f::<-1>() => { 1 } y = a < -b => g::<A, B>(), z = h => 3"), "fff");
        assert_eq!(kinds(""), "");
    }

    #[test]
    fn says_what_is_wrong() {
        rejects("v = <-rx", "no `=> body`");
        rejects("=> 1", "expected an arm before `=>`");
        rejects("rx.recv() => 1", "expected `v = <-rx`, `v, ok = <-rx`");
        rejects("let v = <-rx => 1", "an arm has no `let`");
        rejects("case v = <-rx => 1", "an arm has no `case`");
        rejects("v := <-rx => 1", "write `=` for Go's `:=`");
        rejects("v = <- => 1", "expected a channel to receive from after `<-`");
        rejects("out <- => 1", "expected a value to send after `<-`");
        rejects("r = <-rx, if => 1", "expected a condition after `if`");
        rejects("out <- <-rx => 1", "an arm has one `<-`");
        rejects("a, b, c = <-rx => 1", "a receive binds `v` or `v, ok`");
        rejects("x = => 1", "expected a future after `=`");
        rejects("x = f => 1 y = g => 2", "expected `,` after the arm's body");
        rejects("default => 1, default => 2", "a select has one `default`");
        rejects("else => 1, else => 2", "a select has one `else`");
        rejects("unbiased; x = f => 1", "expected `biased;`");
    }

    #[test]
    fn an_error_becomes_a_compile_error() {
        let tokens = expand("(crate) rx.recv() => 1".parse().unwrap()).to_string();
        assert!(tokens.contains("compile_error"), "{tokens}");
    }
}
