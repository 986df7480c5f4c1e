//! From arms to code.
//!
//! ```text
//! {
//!     enum Out<T0, ..> { _0(T0), .., Default, Disabled }       // which arm, with what it yields
//!     let out = {
//!         conditions; operands, in source order                 // one `let` each
//!         'done: {
//!             what is ready now, if all arms are channels       // `break 'done`
//!             let mut select = Select { head, arms: (arm, ..) };
//!             poll_fn(|cx| poll(cx, head, faces, |ask| match ask { .. })).await
//!         }
//!     };                                                        // all borrows and losers end here
//!     match out { Out::_0(v) => body, .. }
//! }
//! ```
//!
//! The engine never sees an arm's type: it asks the closure for arm number `i`. The closure is the
//! only place that knows all types, and it is what carries their auto traits (`Send`) into the
//! caller's future. All our names are invisible to the caller's code
//! (`mixed_site`), and nothing here is of the caller's edition.

use super::parse::{Arm, Kind, Select};
use super::pattern;
use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote_spanned};
use syn::{Index, Lifetime};

/// `quote!` whose own names are invisible to the caller's code.
macro_rules! code {
    ($($tokens:tt)*) => { quote_spanned!(Span::mixed_site()=> $($tokens)*) };
}

/// The code of one `select!`.
pub(crate) fn expand(select: &Select) -> TokenStream {
    let names = Names::new(select);
    if select.arms.is_empty() {
        return without_arms(select, &names);
    }
    let enumeration = declare_out(select, &names);
    let out = wait(select, &names);
    let bodies = bodies(select, &names);
    let Names { out: name, .. } = &names;
    let breather = breather(select, &names);
    code! {{
        #enumeration
        #breather
        #[allow(unused_mut)]
        let mut #name = #out;
        #bodies
    }}
}

/// Identifiers and paths of one expansion.
struct Names {
    /// `$crate::__private::select`
    path: TokenStream,
    out_type: Ident,
    out: Ident,
    live: Ident,
    select: Ident,
    arms: Ident,
    cx: Ident,
    /// Label of the block that yields the outcome.
    done: Lifetime,
    variants: Vec<Ident>,
}

impl Names {
    fn new(select: &Select) -> Self {
        let krate = &select.krate;
        let hidden = |name: &str| Ident::new(name, Span::mixed_site());
        Names {
            path: code!(#krate::__private::select),
            out_type: hidden("__GortSelected"),
            out: hidden("out"),
            live: hidden("live"),
            select: hidden("select"),
            arms: hidden("arms"),
            cx: hidden("cx"),
            done: Lifetime::new("'done", Span::mixed_site()),
            variants: (0..select.arms.len()).map(|i| hidden(&format!("_{i}"))).collect(),
        }
    }

    /// The `let` that holds operand `what` of arm `i`.
    fn operand(&self, what: &str, arm: &Arm, i: usize) -> Ident {
        format_ident!("{what}_{i}", span = ours(arm))
    }
}

/// Gives the other goroutines their turn before a select that itself never waits.
fn breather(select: &Select, names: &Names) -> Option<TokenStream> {
    let path = &names.path;
    select.default.is_some().then(|| {
        code! {
            if #path::must_yield() {
                #path::yield_now().await;
            }
        }
    })
}

fn without_arms(select: &Select, names: &Names) -> TokenStream {
    let path = &names.path;
    let breather = breather(select, names);
    match (&select.otherwise, &select.default) {
        (Some(body), _) | (None, Some(body)) => code!({ #breather #body }),
        (None, None) => code!({ match #path::forever().await {} }),
    }
}

fn declare_out(select: &Select, names: &Names) -> TokenStream {
    let Names { out_type, variants, .. } = names;
    let types: Vec<Ident> = (0..select.arms.len()).map(|i| format_ident!("T{i}")).collect();
    code! {
        #[allow(dead_code, clippy::all)]
        enum #out_type<#(#types),*> {
            #(#variants(#types),)*
            /// No arm was ready.
            Default,
            /// No arm can ever be ready.
            Disabled,
        }
    }
}

/// The block that waits for an arm, or looks once if there is a default.
///
/// With channels only, what is ready now is done before any arm is built; and with a default, no
/// future is built at all.
fn wait(select: &Select, names: &Names) -> TokenStream {
    let channels = select.arms.iter().all(|arm| arm.kind.is_channel());
    let (operands, built) = (operands(select, names), built(select, names, channels));
    let Names { done, .. } = names;
    let rest = if channels && select.default.is_some() {
        try_now(select, names)
    } else {
        poll(select, names)
    };
    code! {{
        #operands
        #done: {
            #built
            #rest
        }
    }}
}

/// Polls the arms until one wins.
fn poll(select: &Select, names: &Names) -> TokenStream {
    let Names { path, select: sel, cx, .. } = names;
    let (split, faces, step) = (split(names), faces(select, names), step(select, names));
    let idle = idle(select, path);
    let finish = finish(select, names, "polled");
    let biased = select.biased;
    code! {
        let #sel = &mut #sel;
        #path::poll_fn(move |#cx| {
            // The closure takes the reference whole: one pointer.
            let #sel = &mut *#sel;
            #split
            let faces = #faces;
            let polled = #path::ready!(
                #path::poll(#cx, head, &faces, #biased, #idle, #step)
            );
            #path::Poll::Ready(#finish)
        })
        .await
    }
}

/// Looks at the arms once, with their locks.
fn try_now(select: &Select, names: &Names) -> TokenStream {
    let Names { path, select: sel, .. } = names;
    let (split, faces, step) = (split(names), faces(select, names), step(select, names));
    let finish = finish(select, names, "tried");
    let biased = select.biased;
    code! {
        let #sel = &mut #sel;
        #split
        let faces = #faces;
        let tried = #path::try_now(head, &faces, #biased, #step);
        #finish
    }
}

/// The `let` of the arms. With `channels` only, what is ready is done first, and ends the block.
fn built(select: &Select, names: &Names, channels: bool) -> TokenStream {
    let Names { select: sel, done, .. } = names;
    let arms = arms(select, names, channels);
    if !channels {
        return code!(let mut #sel = { #arms };);
    }
    let Names { path, live, .. } = names;
    let looks = looks(select, names);
    let attempts = select.arms.iter().enumerate().map(|(i, arm)| attempt(arm, i, names));
    // Values move into the block: what is borrowed in it takes no room in the caller's future.
    let values = select.arms.iter().enumerate().filter_map(|(i, arm)| {
        let value = names.operand("value", arm, i);
        let owned = matches!(arm.kind, Kind::Send { option: false, .. });
        owned.then(|| code!(let mut #value = ::core::option::Option::Some(#value);))
    });
    let first = match select.default {
        Some(_) => code!(first_look),
        None => code!(first_look_in_budget),
    };
    let default = default_at_once(select, names);
    let biased = select.biased;
    code! {
        let mut #sel = {
            #(#values)*
            let looks = #looks;
            #default
            let first = #path::#first(#live, &looks, #biased, |index| match index {
                #(#attempts)*
                _ => #path::no_such_arm(index),
            });
            if let ::core::option::Option::Some(out) = first {
                break #done out;
            }
            #arms
        };
    }
}

/// Does arm `i` if it is ready.
fn attempt(arm: &Arm, i: usize, names: &Names) -> TokenStream {
    let Names { out_type, variants, .. } = names;
    let (chan, value) = (names.operand("chan", arm, i), names.operand("value", arm, i));
    let variant = &variants[i];
    let tried = match &arm.kind {
        Kind::Send { option: false, .. } => code!(#chan.attempt(&mut #value)),
        Kind::Send { option: true, .. } => code!(#chan.attempt(#value)),
        _ => code!(#chan.attempt()),
    };
    code!(#i => #tried.map(#out_type::#variant),)
}

/// Runs the default if no arm was ready, without taking a lock. It comes before the search for an arm that is
/// ready: a loop around a select that mostly finds nothing waits for no more than these looks.
fn default_at_once(select: &Select, names: &Names) -> Option<TokenStream> {
    let Names { path, out_type, live, done, .. } = names;
    select.default.as_ref()?;
    // One channel's word is one instant; several are if none has changed meanwhile. With `else`
    // somebody has to find out whether the arms are all off.
    let instant = match (&select.otherwise, select.arms.len()) {
        (Some(_), _) => return None,
        (None, 1) => code!(true),
        (None, _) => {
            let looks = looks(select, names);
            code!(#path::unchanged(&looks, &#looks))
        }
    };
    Some(code! {
        if #path::none_ready(#live, &looks) && #instant {
            break #done #out_type::Default;
        }
    })
}

/// What the engine is to do when no arm is ready.
fn idle(select: &Select, path: &TokenStream) -> TokenStream {
    let channel = select.arms.iter().any(|arm| arm.kind.is_channel());
    match (&select.default, &select.otherwise) {
        (Some(_), _) => code!(#path::Idle::Default),
        // Go's select waits for ever on nil channels; tokio's panics, in `bodies`.
        (None, None) if channel => code!(#path::Idle::Forever),
        (None, _) => code!(#path::Idle::Wait),
    }
}

/// Takes the `Select` apart into what the engine keeps and the arms.
fn split(names: &Names) -> TokenStream {
    let Names { select, arms, .. } = names;
    code!(let (head, #arms) = (&mut #select.head, &mut #select.arms);)
}

/// Makes the engine's answer one of `Out`.
fn finish(select: &Select, names: &Names, answer: &str) -> TokenStream {
    let Names { path, out_type, .. } = names;
    let answer = Ident::new(answer, Span::mixed_site());
    // No arm can ever be ready: then none is ready now.
    let disabled = match (&select.otherwise, &select.default) {
        (None, Some(_)) => code!(#out_type::Default),
        _ => code!(#out_type::Disabled),
    };
    code! {
        match #answer {
            #path::Outcome::Won(out) => out,
            #path::Outcome::Default => #out_type::Default,
            #path::Outcome::Disabled => #disabled,
        }
    }
}

/// Conditions and operands, evaluated.
fn operands(select: &Select, names: &Names) -> TokenStream {
    let Names { path, live, .. } = names;
    let count = select.arms.len();
    let words = count.div_ceil(64);
    let live_type = if words == 1 { code!(u64) } else { code!([u64; #words]) };
    let conditions = select.arms.iter().enumerate().filter_map(|(i, arm)| {
        let condition = arm.condition.as_ref()?;
        Some(quote_spanned! {ours(arm)=>
            let enabled: bool = #condition;
            if !enabled {
                #path::Live::remove(&mut #live, #i);
            }
        })
    });
    let first = code!(<#live_type as #path::Live>::first(#count));
    // A block: a local of the caller's future that was ever borrowed keeps its room.
    let set = match select.arms.iter().any(|arm| arm.condition.is_some()) {
        true => code!({ let mut #live = #first; #(#conditions)* #live }),
        false => first,
    };
    let operands = select.arms.iter().enumerate().map(|(i, arm)| operand(arm, i, names));
    code! {
        #[allow(unused_imports)]
        use #path::{Polled as _, RecvOperand as _, SendOperand as _};
        let #live = #set;
        #(#operands)*
    }
}

/// The `Select` that holds the arms. Values to be sent are `optional` already, or are what was written.
fn arms(select: &Select, names: &Names, optional: bool) -> TokenStream {
    let Names { path, live, arms, .. } = names;
    let built = select.arms.iter().enumerate().map(|(i, arm)| build(arm, i, names, optional));
    let fields = (0..select.arms.len()).map(Index::from);
    code! {
        let #arms = (#(#built,)*);
        let core = #path::NoCore #(.join(#path::Arm::core(&#arms.#fields)))*;
        #path::Select { head: #path::Head::new(#live, core), #arms }
    }
}

/// The place of the arm, for names of ours: what goes wrong with the arm is reported there.
fn ours(arm: &Arm) -> Span {
    Span::mixed_site().located_at(arm.span)
}

/// Evaluates what the arm's head says, once. A channel is looked up at once, so that what is none is
/// told so once, too; the reference to it keeps what the operand made alive.
fn operand(arm: &Arm, i: usize, names: &Names) -> TokenStream {
    let span = ours(arm);
    let (place, chan) = (names.operand("place", arm, i), names.operand("chan", arm, i));
    match &arm.kind {
        Kind::Recv { value, ok, chan: operand } => {
            let ignored = value.as_ref().is_none_or(pattern::is_wild);
            let yields = match (ignored, ok) {
                (false, None) => quote_spanned!(span=> value),
                (false, Some(_)) => quote_spanned!(span=> value_ok),
                (true, _) => quote_spanned!(span=> only_ok),
            };
            quote_spanned! {span=>
                let #place = &(#operand);
                let #chan = #place.__gort_receiver().#yields();
            }
        }
        Kind::Send { result, chan: operand, value, .. } => {
            let unbound = result.is_none().then(|| quote_spanned!(span=> .unbound()));
            let sent = names.operand("value", arm, i);
            quote_spanned! {span=>
                let #place = &(#operand);
                let #chan = #place.__gort_sender()#unbound;
                let #sent = #value;
            }
        }
        Kind::Future { future, .. } => {
            let name = names.operand("future", arm, i);
            quote_spanned!(span=> let #name = #future;)
        }
    }
}

/// Makes an arm of its operands.
fn build(arm: &Arm, i: usize, names: &Names, optional: bool) -> TokenStream {
    let (path, span) = (&names.path, ours(arm));
    let (chan, value) = (names.operand("chan", arm, i), names.operand("value", arm, i));
    match &arm.kind {
        Kind::Recv { .. } => quote_spanned!(span=> #chan.arm()),
        Kind::Send { option: true, .. } => quote_spanned!(span=> #chan.arm_from(#value)),
        Kind::Send { .. } if optional => quote_spanned!(span=> #chan.arm(#value)),
        Kind::Send { .. } => {
            quote_spanned!(span=> #chan.arm(::core::option::Option::Some(#value)))
        }
        Kind::Future { .. } => {
            let future = names.operand("future", arm, i);
            quote_spanned!(span=> #path::Operand(#future).__gort_arm())
        }
    }
}

/// What plain loads tell about each arm that is not built yet; channels only.
fn looks(select: &Select, names: &Names) -> TokenStream {
    let looks = select.arms.iter().enumerate().map(|(i, arm)| {
        let (chan, value) = (names.operand("chan", arm, i), names.operand("value", arm, i));
        match &arm.kind {
            Kind::Send { option: true, .. } => code!(#chan.look(#value)),
            Kind::Send { .. } => code!(#chan.look(&#value)),
            _ => code!(#chan.look()),
        }
    });
    code!([#(#looks),*])
}

/// What plain loads tell about each arm.
fn faces(select: &Select, Names { path, arms, .. }: &Names) -> TokenStream {
    let fields = (0..select.arms.len()).map(Index::from);
    code!([#(#path::Arm::face(&#arms.#fields)),*])
}

/// The closure that does what the engine asks.
fn step(select: &Select, names: &Names) -> TokenStream {
    let Names { path, arms, cx, .. } = names;
    let cases = select.arms.iter().enumerate().map(|(i, arm)| case(arm, i, names));
    let fields = (0..select.arms.len()).map(Index::from);
    code! {
        |ask: #path::Ask<'_>, #cx: &mut #path::Context<'_>| match ask {
            #path::Ask::Arm(index, how) => match index {
                #(#cases)*
                _ => #path::no_such_arm(index),
            },
            #path::Ask::Channels(with) => {
                // SAFETY: the arms live in a pinned future and are never moved (`Select`).
                with(&mut [#(unsafe { #path::Arm::channel(&mut #arms.#fields) }),*]);
                #path::Step::Pending
            }
        }
    }
}

/// What the closure does for one arm.
fn case(arm: &Arm, i: usize, names: &Names) -> TokenStream {
    let Names { path, out_type, variants, arms, cx, .. } = names;
    let (field, variant) = (Index::from(i), &variants[i]);
    let test = match &arm.kind {
        Kind::Future { pat, .. } => {
            let pat = pattern::as_test(pat);
            code! {
                #[allow(unused_variables, unreachable_patterns)]
                let matches = match &value {
                    #pat => true,
                    _ => false,
                };
                if !matches {
                    return #path::Step::Disabled;
                }
            }
        }
        _ => TokenStream::new(),
    };
    code! {
        #[allow(unreachable_code)]
        #i => {
            // SAFETY: as for `Ask::Channels`. (The diverging branches let a future whose output
            // nothing determines fall back to `!` or `()`.)
            let value = match unsafe { #path::Arm::step(&mut #arms.#field, how, #cx) } {
                #path::Stepped::Ready(value) => value,
                #path::Stepped::Pending => return #path::Step::Pending,
                #path::Stepped::Never => return #path::Step::Disabled,
            };
            #test
            #path::Step::Won(#out_type::#variant(value))
        }
    }
}

/// The `match` that runs one body.
fn bodies(select: &Select, names: &Names) -> TokenStream {
    let Names { out_type, out, .. } = names;
    let arms = select.arms.iter().zip(&names.variants).map(|(arm, variant)| {
        let body = &arm.body;
        match bound(&arm.kind) {
            Bound::Nothing => code!(#out_type::#variant(_) => #body,),
            Bound::Test(pat) => code!(#out_type::#variant(#pat) => #body,),
            // A match of its own: what the pattern leaves out is an error at this arm.
            Bound::Always(pat) => {
                let value = Ident::new("value", ours(arm));
                code!(#out_type::#variant(#value) => match #value { #pat => #body },)
            }
        }
    });
    let default = select.default.as_ref().map(|body| code!(#out_type::Default => #body,));
    let otherwise = select.otherwise.as_ref().map_or_else(
        || code!(::core::panic!("all branches are disabled and there is no else branch")),
        Clone::clone,
    );
    code! {
        match #out {
            #(#arms)*
            #default
            #out_type::Disabled => #otherwise,
            #[allow(unreachable_patterns)]
            _ => ::core::unreachable!(),
        }
    }
}

/// What an arm's pattern is to the `match` over what came out.
enum Bound {
    /// There is none, or it is `_`.
    Nothing,
    /// The engine has tested that it matches.
    Test(TokenStream),
    /// It has to match whatever comes.
    Always(TokenStream),
}

fn bound(kind: &Kind) -> Bound {
    match kind {
        Kind::Future { pat, .. } => Bound::Test(code!(#pat)),
        Kind::Recv { value: Some(value), ok: None, .. } if !pattern::is_wild(value) => {
            Bound::Always(code!(#value))
        }
        // An ignored value of any type: the arm yields `ok` alone.
        Kind::Recv { value: Some(value), ok: Some(ok), .. } if pattern::is_wild(value) => {
            Bound::Always(code!(#ok))
        }
        Kind::Recv { value: Some(value), ok: Some(ok), .. } => Bound::Always(code!((#value, #ok))),
        Kind::Recv { .. } | Kind::Send { result: None, .. } => Bound::Nothing,
        Kind::Send { result: Some(result), .. } => Bound::Always(code!(#result)),
    }
}
