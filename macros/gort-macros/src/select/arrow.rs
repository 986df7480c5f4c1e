//! Finding `<-`, `=` and `, if` among the top-level tokens of an arm's head.
//!
//! Rust has no `<-`, so `a <-b` and `a < -b` differ by spacing only: the operator is a `<` that is
//! joined to the `-` after it, which is how the compiler's own lexer reads it too.

use proc_macro2::{Spacing, TokenTree};

/// Where the `<-` operators are: the index of each `<`.
pub(crate) fn arrows(tokens: &[TokenTree]) -> Vec<usize> {
    (0..tokens.len()).filter(|&at| is_arrow(tokens, at)).collect()
}

fn is_arrow(tokens: &[TokenTree], at: usize) -> bool {
    // Not the end of `<<-x`, and not the start of a const argument in `f::<-1>()`.
    joint(tokens, at, '<')
        && punct(tokens, at + 1, '-')
        && !(at > 0 && (joint(tokens, at - 1, '<') || path_sep_before(tokens, at)))
}

fn path_sep_before(tokens: &[TokenTree], at: usize) -> bool {
    at >= 2 && joint(tokens, at - 2, ':') && punct(tokens, at - 1, ':')
}

/// Where the first `=` stands that is no part of a longer operator.
pub(crate) fn assignment(tokens: &[TokenTree]) -> Option<usize> {
    (0..tokens.len()).find(|&at| is_assignment(tokens, at))
}

/// Whether the token at `at` is a lone `=`.
pub(crate) fn is_assignment(tokens: &[TokenTree], at: usize) -> bool {
    let glued_before = at > 0
        && matches!(&tokens[at - 1], TokenTree::Punct(p)
            if p.spacing() == Spacing::Joint && "=!<>+-*/%^&|.:".contains(p.as_char()));
    let glued_after =
        joint(tokens, at, '=') && (punct(tokens, at + 1, '=') || punct(tokens, at + 1, '>'));
    punct(tokens, at, '=') && !glued_before && !glued_after
}

/// Where the comma of `, if condition` stands.
pub(crate) fn condition(tokens: &[TokenTree]) -> Option<usize> {
    (0..tokens.len()).find(|&at| punct(tokens, at, ',') && ident(tokens, at + 1, "if"))
}

/// Whether the token at `at` is the punctuation `c`.
pub(crate) fn punct(tokens: &[TokenTree], at: usize, c: char) -> bool {
    matches!(tokens.get(at), Some(TokenTree::Punct(p)) if p.as_char() == c)
}

/// Whether the token at `at` is the identifier or keyword `name`.
pub(crate) fn ident(tokens: &[TokenTree], at: usize, name: &str) -> bool {
    matches!(tokens.get(at), Some(TokenTree::Ident(i)) if i == name)
}

fn joint(tokens: &[TokenTree], at: usize, c: char) -> bool {
    matches!(tokens.get(at), Some(TokenTree::Punct(p))
        if p.as_char() == c && p.spacing() == Spacing::Joint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Vec<TokenTree> {
        text.parse::<proc_macro2::TokenStream>().unwrap().into_iter().collect()
    }

    #[test]
    fn arrow_is_joint() {
        assert_eq!(arrows(&tokens("v = <-rx")), [2]);
        assert_eq!(arrows(&tokens("v =<-rx")), [2]);
        assert_eq!(arrows(&tokens("a <-b")), [1]);
        assert_eq!(arrows(&tokens("a < -b")), [0; 0]);
        assert_eq!(arrows(&tokens("1 <<-b")), [0; 0]);
        assert_eq!(arrows(&tokens("f::<-1>(x)")), [0; 0]);
        assert_eq!(arrows(&tokens("x = f(a <-b)")), [0; 0]);
        assert_eq!(arrows(&tokens("a <- <-b")), [1, 3]);
    }

    #[test]
    fn assignment_is_alone() {
        assert_eq!(assignment(&tokens("a == b")), None);
        assert_eq!(assignment(&tokens("a <= b = c")), Some(4));
        assert_eq!(assignment(&tokens("a += 1")), None);
        assert_eq!(assignment(&tokens("1..=4 = c")), Some(5));
        assert_eq!(assignment(&tokens("Some(x) = c == d")), Some(2));
        assert_eq!(assignment(&tokens("v =<-rx")), Some(1));
        assert_eq!(assignment(&tokens("v = *p")), Some(1));
        assert_eq!(assignment(&tokens("v =*p")), Some(1));
    }

    #[test]
    fn condition_follows_a_comma() {
        assert_eq!(condition(&tokens("v, ok = <-rx, if a")), Some(7));
        assert_eq!(condition(&tokens("v, ok = <-rx")), None);
        assert_eq!(condition(&tokens("x = f(a, if b {1} else {2})")), None);
    }
}
