//! `#[gort::main]` and `#[gort::test]`: a runtime around an `async fn`.
//!
//! Options, defaults and messages are tokio's, so that a program that moves over keeps its
//! attributes. The body of a function named `main` becomes goroutine 1 where its future may leave
//! the thread; where it may not (or for any other function) `block_on` polls it on the caller.

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Attribute, Error, Expr, ExprLit, Lit, Meta, Path, Result, Signature, Token, Visibility};

/// Which of the two attributes.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Main,
    Test,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Main => "main",
            Kind::Test => "test",
        }
    }
}

/// Expands the attribute. With an error the function stays as near to the written one as possible,
/// so that an editor can go on helping with its body.
pub(crate) fn expand(kind: Kind, args: TokenStream, item: TokenStream) -> TokenStream {
    let function = match syn::parse2::<Function>(item.clone()) {
        Ok(function) => function,
        Err(error) => return [item, error.into_compile_error()].into_iter().collect(),
    };
    let options = check(kind, &function).and_then(|()| Options::parse(kind, args));
    let (options, error) = match options {
        Ok(options) => (options, TokenStream::new()),
        Err(error) => (Options::default(), error.into_compile_error()),
    };
    let mut tokens = function.wrap(kind, &options);
    tokens.extend(error);
    tokens
}

fn check(kind: Kind, function: &Function) -> Result<()> {
    let sig = &function.sig;
    if sig.asyncness.is_none() {
        let text = "the `async` keyword is missing from the function declaration";
        return Err(Error::new_spanned(sig.fn_token, text));
    }
    if kind == Kind::Main && sig.ident == "main" && !sig.inputs.is_empty() {
        return Err(Error::new_spanned(&sig.inputs, "the main function cannot accept arguments"));
    }
    let second = function.attrs.iter().find(|attr| kind == Kind::Test && is_test(attr));
    match second {
        Some(attr) => Err(Error::new_spanned(
            attr,
            "second test attribute is supplied, consider removing or changing the order of your \
             test attributes",
        )),
        None => Ok(()),
    }
}

/// `#[test]`, or the full path of the standard library's.
fn is_test(attr: &Attribute) -> bool {
    let Meta::Path(path) = &attr.meta else { return false };
    let names: Vec<String> =
        path.segments.iter().map(|segment| segment.ident.to_string()).collect();
    match &names.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["test"] => path.leading_colon.is_none(),
        ["core" | "std", "prelude", _, "test"] => true,
        _ => false,
    }
}

/// The scheduler asked for.
#[derive(Clone, Copy, PartialEq)]
enum Flavor {
    CurrentThread,
    MultiThread,
    Local,
}

impl Flavor {
    fn parse(text: &str) -> std::result::Result<Self, String> {
        match text {
            "current_thread" => Ok(Flavor::CurrentThread),
            "multi_thread" => Ok(Flavor::MultiThread),
            "local" => Ok(Flavor::Local),
            _ => Err(format!(
                "No such runtime flavor `{text}`. The runtime flavors are `current_thread`, \
                 `local`, and `multi_thread`."
            )),
        }
    }
}

/// What the attribute's arguments say.
#[derive(Default)]
struct Options {
    flavor: Option<Flavor>,
    worker_threads: Option<Lit>,
    start_paused: Option<Lit>,
    name: Option<Lit>,
    unhandled_panic: Option<syn::Ident>,
    krate: Option<Path>,
}

impl Options {
    fn parse(kind: Kind, args: TokenStream) -> Result<Self> {
        let args = Punctuated::<Argument, Token![,]>::parse_terminated.parse2(args)?;
        let mut options = Options::default();
        let mut seen = Vec::new();
        for arg in args {
            let key = arg.key.to_string();
            if seen.contains(&key) {
                return Err(Error::new(arg.key.span(), format!("`{key}` set multiple times.")));
            }
            options.set(&key, &arg)?;
            seen.push(key);
        }
        options.check(kind)?;
        Ok(options)
    }

    fn set(&mut self, key: &str, arg: &Argument) -> Result<()> {
        match key {
            "flavor" => {
                let flavor = Flavor::parse(&arg.string()?);
                self.flavor = Some(flavor.map_err(|text| arg.error(text))?);
            }
            "worker_threads" => self.worker_threads = Some(arg.count()?),
            "start_paused" => self.start_paused = Some(arg.boolean()?),
            "name" => {
                arg.string()?;
                self.name = Some(arg.literal()?.clone());
            }
            "crate" => self.krate = Some(arg.path()?),
            "unhandled_panic" => self.unhandled_panic = Some(arg.unhandled_panic()?),
            "core_threads" => {
                return Err(arg.error("Attribute `core_threads` is renamed to `worker_threads`"));
            }
            _ => {
                return Err(Error::new(
                    arg.key.span(),
                    format!(
                        "Unknown attribute {key} is specified; expected one of: `flavor`, \
                         `worker_threads`, `start_paused`, `crate`, `unhandled_panic`, `name`."
                    ),
                ));
            }
        }
        Ok(())
    }

    fn check(&self, kind: Kind) -> Result<()> {
        let multi = self.flavor(kind) == Flavor::MultiThread;
        let needs = |option: &str, flavor: &str| {
            format!(
                "The `{option}` option requires the `{flavor}` runtime flavor. Use \
                 `#[gort::{}(flavor = \"{flavor}\")]`",
                kind.name()
            )
        };
        match self {
            Options { worker_threads: Some(lit), .. } if !multi => {
                Err(Error::new(lit.span(), needs("worker_threads", "multi_thread")))
            }
            Options { start_paused: Some(lit), .. } if multi => {
                Err(Error::new(lit.span(), needs("start_paused", "current_thread")))
            }
            Options { unhandled_panic: Some(ident), .. } if multi => {
                Err(Error::new(ident.span(), needs("unhandled_panic", "current_thread")))
            }
            _ => Ok(()),
        }
    }

    fn flavor(&self, kind: Kind) -> Flavor {
        self.flavor.unwrap_or(match kind {
            Kind::Main => Flavor::MultiThread,
            Kind::Test => Flavor::CurrentThread,
        })
    }

    fn krate(&self, span: Span) -> TokenStream {
        let default = || crate::krate::path(span);
        self.krate.as_ref().map_or_else(default, ToTokens::to_token_stream)
    }

    /// The expression of the configured `Builder`.
    fn builder(&self, kind: Kind, span: Span) -> TokenStream {
        let krate = self.krate(span);
        let new = match self.flavor(kind) {
            Flavor::MultiThread => quote_spanned!(span=> new_multi_thread()),
            Flavor::CurrentThread | Flavor::Local => quote_spanned!(span=> new_current_thread()),
        };
        let threads = self.worker_threads.iter();
        let paused = self.start_paused.iter();
        let name = self.name.iter();
        let panic = self.unhandled_panic.iter();
        quote_spanned! {span=>
            #krate::runtime::Builder::#new
                #(.worker_threads(#threads))*
                #(.start_paused(#paused))*
                #(.name(#name))*
                #(.unhandled_panic(#krate::runtime::UnhandledPanic::#panic))*
                .enable_all()
        }
    }
}

/// One `key = value`.
struct Argument {
    key: syn::Ident,
    value: Option<Expr>,
}

impl Parse for Argument {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        use syn::ext::IdentExt as _;
        let key = input.call(syn::Ident::parse_any)?;
        let eq = input.parse::<Option<Token![=]>>()?;
        let value = eq.map(|_| input.parse()).transpose()?;
        match (&value, key.to_string().as_str()) {
            (None, "multi_thread" | "threaded_scheduler") => Err(Error::new(
                key.span(),
                "Set the runtime flavor with #[gort::main(flavor = \"multi_thread\")].",
            )),
            (None, "current_thread" | "basic_scheduler" | "single_threaded") => Err(Error::new(
                key.span(),
                "Set the runtime flavor with #[gort::main(flavor = \"current_thread\")].",
            )),
            _ => Ok(Argument { key, value }),
        }
    }
}

impl Argument {
    fn error(&self, text: impl std::fmt::Display) -> Error {
        let span = self.value.as_ref().map_or(self.key.span(), Spanned::span);
        Error::new(span, text)
    }

    fn failed(&self, what: &str) -> Error {
        self.error(format!("Failed to parse value of `{}` as {what}.", self.key))
    }

    fn literal(&self) -> Result<&Lit> {
        match &self.value {
            Some(Expr::Lit(ExprLit { lit, .. })) => Ok(lit),
            _ => Err(self.error("Must be a literal")),
        }
    }

    fn string(&self) -> Result<String> {
        match self.literal()? {
            Lit::Str(text) => Ok(text.value()),
            _ => Err(self.failed("string")),
        }
    }

    fn boolean(&self) -> Result<Lit> {
        match self.literal()? {
            lit @ Lit::Bool(_) => Ok(lit.clone()),
            _ => Err(self.failed("bool")),
        }
    }

    fn count(&self) -> Result<Lit> {
        match self.literal()? {
            Lit::Int(int) => match int.base10_parse::<usize>() {
                Ok(0) => Err(self.error("`worker_threads` may not be 0.")),
                Ok(_) => Ok(int.clone().into()),
                Err(_) => Err(self.failed("integer")),
            },
            _ => Err(self.failed("integer")),
        }
    }

    /// A path, with or without quotes around it.
    fn path(&self) -> Result<Path> {
        match &self.value {
            Some(Expr::Path(path)) => Ok(path.path.clone()),
            Some(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) => text.parse().map_err(|_| {
                let (key, text) = (&self.key, text.value());
                self.error(format!("Failed to parse value of `{key}` as path: \"{text}\""))
            }),
            _ => Err(self.failed("path")),
        }
    }

    fn unhandled_panic(&self) -> Result<syn::Ident> {
        let variant = match self.string()?.as_str() {
            "ignore" => "Ignore",
            "shutdown_runtime" => "ShutdownRuntime",
            text => {
                return Err(self.error(format!(
                    "No such unhandled panic behavior `{text}`. The unhandled panic behaviors \
                     are `ignore` and `shutdown_runtime`."
                )));
            }
        };
        Ok(syn::Ident::new(variant, self.error("").span()))
    }
}

/// The annotated function; its body stays as it was written.
struct Function {
    attrs: Vec<Attribute>,
    vis: Visibility,
    sig: Signature,
    body: Group,
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        let sig = input.parse()?;
        let body: Group = input.parse()?;
        // The body becomes an inner block or function: attributes written in it move out.
        let split = |input: ParseStream<'_>| {
            let inner = input.call(Attribute::parse_inner)?;
            Ok((inner, input.parse::<TokenStream>()?))
        };
        let (inner, rest) = split.parse2(body.stream())?;
        attrs.extend(
            inner.into_iter().map(|attr| Attribute { style: syn::AttrStyle::Outer, ..attr }),
        );
        let mut group = Group::new(body.delimiter(), rest);
        group.set_span(body.span());
        Ok(Function { attrs, vis, sig, body: group })
    }
}

impl Function {
    fn wrap(self, kind: Kind, options: &Options) -> TokenStream {
        let block = if self.may_be_goroutine(kind, options) {
            self.as_goroutine(kind, options)
        } else {
            self.blocking(kind, options)
        };
        let Function { attrs, vis, mut sig, body } = self;
        sig.asyncness = None;
        let test = (kind == Kind::Test).then(|| quote!(#[::core::prelude::v1::test]));
        let mut outer = Group::new(proc_macro2::Delimiter::Brace, block);
        outer.set_span(body.span());
        quote!(#(#attrs)* #test #vis #sig #outer)
    }

    /// Only Go's `main`: an inner function can be made of it, whose future's `Send` can be asked
    /// for without a cycle in type checking.
    fn may_be_goroutine(&self, kind: Kind, options: &Options) -> bool {
        kind == Kind::Main
            && options.flavor(kind) == Flavor::MultiThread
            && self.sig.ident == "main"
            && self.sig.asyncness.is_some()
            && self.sig.inputs.is_empty()
            && self.sig.generics.params.is_empty()
    }

    fn as_goroutine(&self, kind: Kind, options: &Options) -> TokenStream {
        let (krate, builder) = (options.krate(self.end()), options.builder(kind, self.end()));
        let (output, body) = (&self.sig.output, &self.body);
        let name = syn::Ident::new("main", Span::mixed_site().located_at(self.sig.ident.span()));
        quote_spanned! {self.end()=>
            async fn #name() #output #body
            #[allow(unused_imports)]
            use #krate::__private::entry::{Goroutine as _, OnCaller as _};
            let future = #name();
            return (&&#krate::__private::entry::probe(&future)).run(&mut #builder, future);
        }
    }

    fn blocking(&self, kind: Kind, options: &Options) -> TokenStream {
        let (builder, body) = (options.builder(kind, self.end()), &self.body);
        let build = match options.flavor(kind) {
            Flavor::Local => {
                quote_spanned!(self.end()=> build_local(::core::default::Default::default()))
            }
            _ => quote_spanned!(self.end()=> build()),
        };
        let erase = (kind == Kind::Test).then(|| {
            let output = match &self.sig.output {
                syn::ReturnType::Default => quote!(()),
                syn::ReturnType::Type(_, ty) => ty.to_token_stream(),
            };
            // One instance of `block_on` for all tests.
            quote! {
                let body = ::core::pin::pin!(body);
                let body: ::core::pin::Pin<&mut dyn ::core::future::Future<Output = #output>> =
                    body;
            }
        });
        quote_spanned! {self.end()=>
            let body = async #body;
            #erase
            #[allow(clippy::expect_used, clippy::diverging_sub_expression, clippy::needless_return)]
            return #builder.#build.expect("Failed building the Runtime").block_on(body);
        }
    }

    /// Where a wrong result type is reported: at the body's last token.
    fn end(&self) -> Span {
        let last: Option<TokenTree> = self.body.stream().into_iter().last();
        let at = last.map_or_else(|| self.body.span(), |token| token.span());
        Span::call_site().located_at(at)
    }
}
