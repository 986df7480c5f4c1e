//! Tests that are named after something that is listed: a case of Go's, a hazard.

use super::lexer::{Token, tokens};

/// A test that is named after something.
pub(crate) struct Test {
    pub(crate) name: String,
    /// File and line.
    pub(crate) place: String,
}

/// Whether `name` is this letter, so many digits, an underscore, and more.
pub(crate) fn is_named(name: &str, letter: char, digits: usize) -> bool {
    let number = name.strip_prefix(letter).and_then(|rest| rest.split_once('_'));
    number.is_some_and(|(number, _)| {
        number.len() == digits && number.chars().all(|digit| digit.is_ascii_digit())
    })
}

/// Whether an attribute is `#[test]` or, say, `#[gort::test(worker_threads = 2)]`.
fn says_test(attribute: &[Token<'_>]) -> bool {
    let path = attribute.iter().map(|token| token.text).take_while(|text| *text != "(");
    path.last() == Some("test")
}

/// The functions of a source text whose names `is_named` knows and that are tests, and complaints about
/// those that are not.
pub(crate) fn tests_in(
    path: &str,
    source: &str,
    is_named: fn(&str) -> bool,
) -> (Vec<Test>, Vec<String>) {
    let tokens = tokens(source);
    let (mut tests, mut complaints) = (Vec::new(), Vec::new());
    let (mut at, mut decorated) = (0, false);
    while at < tokens.len() {
        match tokens[at].text {
            "#" if tokens.get(at + 1).is_some_and(|token| token.text == "[") => {
                let attribute = attribute(&tokens[at + 2..]);
                decorated |= says_test(attribute);
                at += 2 + attribute.len();
            }
            "fn" => {
                let name = tokens.get(at + 1).map_or("", |token| token.text);
                let place = format!("{path}:{}", tokens[at].line);
                if is_named(name) && decorated {
                    tests.push(Test { name: name.to_owned(), place });
                } else if is_named(name) {
                    complaints.push(format!("{place}: {name} is not a test"));
                }
                decorated = false;
            }
            "{" | "}" | ";" => decorated = false,
            _ => {}
        }
        at += 1;
    }
    (tests, complaints)
}

/// What stands before the bracket that closes the attribute.
fn attribute<'t, 's>(tokens: &'t [Token<'s>]) -> &'t [Token<'s>] {
    let mut depth = 1;
    let close = tokens.iter().position(|token| {
        match token.text {
            "[" => depth += 1,
            "]" => depth -= 1,
            _ => {}
        }
        depth == 0
    });
    &tokens[..close.unwrap_or(tokens.len())]
}

#[track_caller]
pub(crate) fn assert_none(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}
