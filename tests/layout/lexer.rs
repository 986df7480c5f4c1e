//! Rust source as a flat list of words and symbols: comments gone, literals reduced to a mark.
//!
//! Knows as much of the language as it takes not to mistake text for code: nested comments, raw
//! strings, and lifetimes, which look like the start of a character.

/// A word (identifier, keyword or number), or one symbol; `::` is one token. A string or character
/// is the token `""`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) text: &'a str,
    pub(crate) line: usize,
}

/// The tokens of `source`.
pub(crate) fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut lexer = Lexer { source, at: 0, line: 1 };
    std::iter::from_fn(|| lexer.next()).collect()
}

struct Lexer<'a> {
    source: &'a str,
    at: usize,
    line: usize,
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.source[self.at..]
    }

    /// Moves `bytes` on and returns what lies between.
    fn take(&mut self, bytes: usize) -> &'a str {
        let taken = &self.rest()[..bytes];
        self.at += bytes;
        self.line += taken.matches('\n').count();
        taken
    }

    fn take_until(&mut self, end: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        self.take(rest.find(end).unwrap_or(rest.len()))
    }

    fn skip_blanks_and_comments(&mut self) {
        loop {
            self.take_until(|c| !c.is_whitespace());
            if self.rest().starts_with("//") {
                self.take_until(|c| c == '\n');
            } else if self.rest().starts_with("/*") {
                self.block_comment();
            } else {
                return;
            }
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0;
        loop {
            let rest = self.rest();
            if rest.starts_with("/*") {
                depth += 1;
                self.take(2);
            } else if rest.starts_with("*/") {
                depth -= 1;
                self.take(2);
                if depth == 0 {
                    return;
                }
            } else if let Some(c) = rest.chars().next() {
                self.take(c.len_utf8());
            } else {
                return;
            }
        }
    }

    /// The length of the raw string that starts here (`r"..."`, `br##"..."##`), if one does.
    fn raw_string(&self) -> Option<usize> {
        let rest = self.rest();
        let body = rest.trim_start_matches(['b', 'c']).strip_prefix('r')?;
        let hashes = body.len() - body.trim_start_matches('#').len();
        let inside = body[hashes..].strip_prefix('"')?;
        let end = format!("\"{}", "#".repeat(hashes));
        let length = inside.find(&end).map_or(inside.len(), |at| at + end.len());
        Some(rest.len() - inside.len() + length)
    }

    /// The length of the plain string or character that starts here with `quote`.
    fn quoted(&self, quote: char) -> usize {
        let mut escaped = false;
        let inside = self.rest().char_indices().skip(1);
        for (at, c) in inside {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                c if c == quote => return at + 1,
                _ => {}
            }
        }
        self.rest().len()
    }

    fn is_lifetime(&self) -> bool {
        let mut chars = self.rest().chars().skip(1);
        chars.next().is_some_and(is_word) && chars.next() != Some('\'')
    }

    fn next(&mut self) -> Option<Token<'a>> {
        self.skip_blanks_and_comments();
        let line = self.line;
        let first = self.rest().chars().next()?;
        let text = if let Some(length) = self.raw_string() {
            self.take(length);
            "\"\""
        } else if first == '"' || first == '\'' && !self.is_lifetime() {
            self.take(self.quoted(first));
            "\"\""
        } else if first == '\'' {
            self.take(1);
            self.take_until(|c| !is_word(c));
            "'"
        } else if is_word(first) {
            self.take_until(|c| !is_word(c))
        } else if self.rest().starts_with("::") {
            self.take(2)
        } else {
            self.take(first.len_utf8())
        };
        Some(Token { text, line })
    }
}
