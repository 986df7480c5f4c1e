//! The grammar of `select!`.
//!
//! ```text
//! select  := [`biased` `;`] arm*
//! arm     := `default` => body | `else` => body | head [`, if` condition] => body
//! head    := `<-` chan | pat `= <-` chan | pat `,` pat `= <-` chan        receive
//!          | [pat `=`] chan `<-` value | [pat `=`] chan `<-` `&mut` option   send
//!          | pat `=` future
//! body    := block [`,`] | expression `,`
//! ```
//!
//! The comma after the last body may be missing.

use super::arrow;
use proc_macro2::{Group, Span, TokenStream, TokenTree};
use syn::parse::{Parse, ParseStream, Parser};
use syn::{Error, Expr, Pat, Result, Token};

/// A whole `select!`.
pub(crate) struct Select {
    /// Path of the gort crate.
    pub(crate) krate: TokenStream,
    pub(crate) biased: bool,
    pub(crate) arms: Vec<Arm>,
    /// What runs when no arm is ready.
    pub(crate) default: Option<TokenStream>,
    /// What runs when no arm can ever be ready: the body of `else`.
    pub(crate) otherwise: Option<TokenStream>,
}

/// One arm that can be ready.
pub(crate) struct Arm {
    pub(crate) kind: Kind,
    pub(crate) condition: Option<TokenStream>,
    pub(crate) body: TokenStream,
    /// Of the head's first token: what errors about the arm point at.
    pub(crate) span: Span,
}

/// What an arm waits for.
pub(crate) enum Kind {
    Recv { value: Option<Pat>, ok: Option<Pat>, chan: TokenStream },
    Send { result: Option<Pat>, chan: TokenStream, value: TokenStream, option: bool },
    Future { pat: Pat, future: TokenStream },
}

impl Kind {
    /// Whether the arm is one that Go's `select` has too.
    pub(crate) fn is_channel(&self) -> bool {
        !matches!(self, Kind::Future { .. })
    }
}

impl Parse for Select {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let krate = input.parse::<Group>()?.stream();
        let mut select =
            Select { krate, biased: false, arms: Vec::new(), default: None, otherwise: None };
        if input.peek(syn::Ident) && input.peek2(Token![;]) {
            parse_biased(input)?;
            select.biased = true;
        }
        while !input.is_empty() {
            select.parse_arm(input)?;
        }
        Ok(select)
    }
}

fn parse_biased(input: ParseStream<'_>) -> Result<()> {
    let word: syn::Ident = input.parse()?;
    if word != "biased" {
        return Err(Error::new(word.span(), "expected `biased;` or the first arm"));
    }
    input.parse::<Token![;]>().map(drop)
}

impl Select {
    fn parse_arm(&mut self, input: ParseStream<'_>) -> Result<()> {
        let head = parse_head(input)?;
        let span = head.first().map_or_else(|| input.span(), TokenTree::span);
        input.parse::<Token![=>]>()?;
        let body = parse_body(input)?;
        if let [TokenTree::Ident(word)] = &head[..] {
            let slot = match word.to_string().as_str() {
                "default" => Some(&mut self.default),
                "else" => Some(&mut self.otherwise),
                _ => None,
            };
            if let Some(slot) = slot {
                if slot.replace(body).is_some() {
                    return Err(Error::new(span, format!("a select has one `{word}`")));
                }
                return Ok(());
            }
        }
        let (head, condition) = split_condition(head)?;
        let kind = parse_kind(&head, span)?;
        self.arms.push(Arm { kind, condition, body, span });
        Ok(())
    }
}

/// The tokens up to `=>`, which stays in the input.
fn parse_head(input: ParseStream<'_>) -> Result<Vec<TokenTree>> {
    let start = input.span();
    let mut head = Vec::new();
    while !input.peek(Token![=>]) {
        if input.is_empty() {
            return Err(Error::new(start, "this arm has no `=> body`"));
        }
        head.push(input.parse()?);
    }
    if head.is_empty() {
        return Err(input.error("expected an arm before `=>`"));
    }
    Ok(head)
}

/// A block, or an expression and its comma. Tokens are handed on as they were written.
fn parse_body(input: ParseStream<'_>) -> Result<TokenStream> {
    let (body, needs_comma) = if input.peek(syn::token::Brace) {
        (input.parse::<TokenTree>()?.into(), false)
    } else {
        let ahead = input.fork();
        let expr = Expr::parse_with_earlier_boundary_rule(&ahead)?;
        let mut tokens = TokenStream::new();
        while input.cursor() != ahead.cursor() {
            tokens.extend([input.parse::<TokenTree>()?]);
        }
        (tokens, !ends_with_block(&expr))
    };
    if input.is_empty() {
        return Ok(body);
    }
    if needs_comma && !input.peek(Token![,]) {
        return Err(input.error("expected `,` after the arm's body"));
    }
    input.parse::<Option<Token![,]>>()?;
    Ok(body)
}

fn ends_with_block(expr: &Expr) -> bool {
    matches!(
        expr,
        Expr::Block(_)
            | Expr::ForLoop(_)
            | Expr::If(_)
            | Expr::Loop(_)
            | Expr::Match(_)
            | Expr::Unsafe(_)
            | Expr::While(_)
    )
}

fn split_condition(mut head: Vec<TokenTree>) -> Result<(Vec<TokenTree>, Option<TokenStream>)> {
    let Some(at) = arrow::condition(&head) else { return Ok((head, None)) };
    let keyword = head[at + 1].span();
    let condition = expression(&head[at + 2..], keyword, "expected a condition after `if`")?;
    head.truncate(at);
    Ok((head, Some(condition)))
}

fn parse_kind(head: &[TokenTree], span: Span) -> Result<Kind> {
    reject_go_spelling(head)?;
    match arrow::arrows(head)[..] {
        [] => parse_future(head, span),
        [at] if at == 0 || arrow::is_assignment(head, at - 1) => parse_recv(head, at),
        [at] => parse_send(head, at),
        [_, second, ..] => Err(Error::new(
            head[second].span(),
            "an arm has one `<-`: receive before the `select!` what another arm is to send",
        )),
    }
}

/// `case`, `let` and `:=` come with the habit; say what to write.
fn reject_go_spelling(head: &[TokenTree]) -> Result<()> {
    for word in ["case", "let"] {
        if arrow::ident(head, 0, word) && head.len() > 1 && !arrow::punct(head, 1, '=') {
            let text = format!("an arm has no `{word}`: write `v = <-rx => ..`");
            return Err(Error::new(head[0].span(), text));
        }
    }
    let walrus = (1..head.len()).find(|&at| {
        arrow::punct(head, at, '=')
            && arrow::punct(head, at - 1, ':')
            && !(at > 1 && arrow::punct(head, at - 2, ':'))
    });
    match walrus {
        Some(at) => Err(Error::new(head[at - 1].span(), "write `=` for Go's `:=`")),
        None => Ok(()),
    }
}

fn parse_recv(head: &[TokenTree], at: usize) -> Result<Kind> {
    let arrow = head[at].span();
    let chan = expression(&head[at + 2..], arrow, "expected a channel to receive from after `<-`")?;
    if at == 0 {
        return Ok(Kind::Recv { value: None, ok: None, chan });
    }
    let (value, ok) = recv_patterns.parse2(head[..at - 1].iter().cloned().collect())?;
    Ok(Kind::Recv { value: Some(value), ok, chan })
}

/// `v` or `v, ok`.
fn recv_patterns(input: ParseStream<'_>) -> Result<(Pat, Option<Pat>)> {
    let value = Pat::parse_single(input)?;
    if input.is_empty() {
        return Ok((value, None));
    }
    input.parse::<Token![,]>()?;
    let ok = Pat::parse_single(input)?;
    if !input.is_empty() {
        return Err(input.error("a receive binds `v` or `v, ok`"));
    }
    Ok((value, Some(ok)))
}

fn parse_send(head: &[TokenTree], at: usize) -> Result<Kind> {
    let arrow = head[at].span();
    let (result, chan) = match arrow::assignment(&head[..at]) {
        None => (None, &head[..at]),
        Some(eq) => {
            let pat = Pat::parse_single.parse2(head[..eq].iter().cloned().collect())?;
            (Some(pat), &head[eq + 1..at])
        }
    };
    let chan = expression(chan, arrow, "expected a channel to send on before `<-`")?;
    let sent = &head[at + 2..];
    let option = arrow::punct(sent, 0, '&') && arrow::ident(sent, 1, "mut");
    let value = expression(sent, arrow, "expected a value to send after `<-`")?;
    Ok(Kind::Send { result, chan, value, option })
}

fn parse_future(head: &[TokenTree], span: Span) -> Result<Kind> {
    let Some(eq) = arrow::assignment(head) else {
        return Err(Error::new(
            span,
            "expected `v = <-rx`, `v, ok = <-rx`, `tx <- value`, `pattern = future`, \
             `default` or `else`",
        ));
    };
    let pat = Pat::parse_multi_with_leading_vert.parse2(head[..eq].iter().cloned().collect())?;
    let future = expression(&head[eq + 1..], head[eq].span(), "expected a future after `=`")?;
    Ok(Kind::Future { pat, future })
}

/// Checks that the tokens are one expression, and hands them on as they are.
fn expression(tokens: &[TokenTree], near: Span, missing: &str) -> Result<TokenStream> {
    if tokens.is_empty() {
        return Err(Error::new(near, missing));
    }
    let tokens: TokenStream = tokens.iter().cloned().collect();
    syn::parse2::<Expr>(tokens.clone())?;
    Ok(tokens)
}
