//! A source file, cut up so that one can ask what stands above a token and around it.

use super::lexer::{Token, tokens};
use super::rules;

/// The text of a file, cut up.
pub(crate) struct Source<'a> {
    pub(crate) path: &'a str,
    pub(crate) lines: Vec<&'a str>,
    /// Without items that only a test build has.
    pub(crate) tokens: Vec<Token<'a>>,
    /// For each token, the index of the bracket that it stands in.
    pub(crate) parents: Vec<Option<usize>>,
}

impl<'a> Source<'a> {
    pub(crate) fn new(path: &'a str, text: &'a str) -> Self {
        let tokens = without_tests(&tokens(text));
        let parents = parents(&tokens);
        Self { path, lines: text.lines().collect(), tokens, parents }
    }

    pub(crate) fn text(&self, at: usize) -> &'a str {
        self.tokens.get(at).map_or("", |token| token.text)
    }

    pub(crate) fn line(&self, at: usize) -> usize {
        self.tokens[at].line
    }

    /// The bracket that closes the one at `open`.
    pub(crate) fn close(&self, open: usize) -> usize {
        let outside = |at: &usize| self.parents[*at] == self.parents[open];
        (open + 1..self.tokens.len()).find(outside).unwrap_or(self.tokens.len() - 1)
    }

    /// The comments and attributes directly above `line`, as one text.
    pub(crate) fn comment_above(&self, line: usize) -> String {
        let is_comment = |text: &str| text.starts_with("//") || text.starts_with('#');
        let block = self.lines[..line - 1].rsplit(|text| !is_comment(text.trim()));
        block.take(1).flatten().copied().collect()
    }

    /// The first token of the statement, match arm or field of a literal that `at` stands in.
    pub(crate) fn statement(&self, at: usize) -> usize {
        let in_braces = |i: usize| self.parents[i].is_none_or(|open| self.text(open) == "{");
        let ends = |&i: &usize| match self.text(i) {
            "{" | "}" => true,
            ";" | "," => in_braces(i),
            _ => false,
        };
        (0..at).rev().find(ends).map_or(0, |end| end + 1)
    }

    /// The first token of the item whose body opens at `open`.
    pub(crate) fn item(&self, open: usize) -> usize {
        let ends = |&i: &usize| matches!(self.text(i), "{" | "}" | ";");
        (0..open).rev().find(ends).map_or(0, |end| end + 1)
    }

    /// Whether a comment with `word` stands above the statement of `at`, or within it above `at`.
    pub(crate) fn statement_says(&self, at: usize, word: &str) -> bool {
        let first = self.line(self.statement(at));
        (first..=self.line(at)).any(|line| self.comment_above(line).contains(word))
    }
}

/// The tokens outside of items that only a test build has.
fn without_tests<'a>(tokens: &[Token<'a>]) -> Vec<Token<'a>> {
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let is_attribute = tokens[at].text == "#";
        match is_attribute.then(|| rules::attribute_end(tokens, at)).flatten() {
            Some(end) if is_for_tests(&tokens[at..end]) => at = item_end(tokens, end),
            _ => {
                kept.push(tokens[at]);
                at += 1;
            }
        }
    }
    kept
}

/// `#[test]`, or `#[cfg(...)]` with a `test` that is not negated.
fn is_for_tests(attribute: &[Token<'_>]) -> bool {
    let texts: Vec<_> = attribute.iter().map(|token| token.text).collect();
    let says_test = |i: &usize| texts[*i] == "test" && texts[i - 2..*i] != ["not", "("];
    matches!(texts.get(2), Some(&("test" | "cfg"))) && (2..texts.len()).any(|i| says_test(&i))
}

/// The index after the item, field or statement that starts at `at`.
fn item_end(tokens: &[Token<'_>], at: usize) -> usize {
    let mut depth = 0;
    // A comma ends a field or an arm; in an item it stands between parameters.
    let mut is_item = false;
    for (i, token) in tokens.iter().enumerate().skip(at) {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" if depth == 0 => return i,
            ")" | "]" => depth -= 1,
            "}" => {
                depth -= 1;
                if depth == 0 {
                    return i + 1;
                }
            }
            ";" if depth == 0 => return i + 1,
            "," if depth == 0 && !is_item => return i + 1,
            "fn" | "impl" | "struct" | "enum" | "trait" => is_item = true,
            _ => {}
        }
    }
    tokens.len()
}

fn parents(tokens: &[Token<'_>]) -> Vec<Option<usize>> {
    let mut open = Vec::new();
    let mut parents = Vec::with_capacity(tokens.len());
    for (at, token) in tokens.iter().enumerate() {
        if matches!(token.text, ")" | "]" | "}") {
            open.pop();
        }
        parents.push(open.last().copied());
        if matches!(token.text, "(" | "[" | "{") {
            open.push(at);
        }
    }
    parents
}
