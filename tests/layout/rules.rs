//! The rules themselves, each from source text to complaints, with their lists of exceptions.

use super::lexer::{Token, tokens};

/// The folders of `src`, from the bottom up. A folder imports folders of earlier rows, and itself.
pub(crate) const ROWS: &[&[&str]] = &[
    &["sys"],
    &["wait"],
    &["reactor"],
    &["runtime"],
    &["task"],
    &["chan"],
    &["sync", "time"],
    &["select"],
    &["context"],
    &["semaphore", "singleflight"],
    &["errgroup"],
    &["net", "io", "fs", "signal", "process", "compat"],
    &["diag", "leak", "synctest"],
];

/// The only files that may contain `unsafe`. To add one is a decision: say there what it is for.
pub(crate) const UNSAFE_FILES: &[&str] = &[
    "src/chan/arm.rs",
    "src/chan/core.rs",
    "src/chan/recv.rs",
    "src/chan/send.rs",
    "src/chan/state.rs",
    "src/chan/stream.rs",
    "src/chan/tests.rs",
    "src/chan/watch.rs",
    "src/compat/hyper.rs",
    "src/errgroup/group.rs",
    "src/net/os_linux.rs",
    "src/net/recv.rs",
    "src/reactor/poller/portable.rs",
    "src/runtime/context.rs",
    "src/runtime/goroutine.rs",
    "src/runtime/join.rs",
    "src/runtime/processor.rs",
    "src/runtime/ring.rs",
    "src/runtime/shutdown.rs",
    "src/runtime/table.rs",
    "src/runtime/worker.rs",
    "src/select/arm.rs",
    "src/select/dynamic.rs",
    "src/select/operand.rs",
    "src/select/park.rs",
    "src/select/sync.rs",
    "src/semaphore/acquire.rs",
    "src/semaphore/arm.rs",
    "src/semaphore/state.rs",
    "src/signal/handler.rs",
    "src/sync/cond/arm.rs",
    "src/sync/cond/queue.rs",
    "src/sync/cond/wait.rs",
    "src/sync/loom.rs",
    "src/sync/mutex.rs",
    "src/sync/raw_mutex.rs",
    "src/sync/raw_mutex/requeue.rs",
    "src/sync/raw_rw_lock/acquire.rs",
    "src/sync/raw_rw_lock/arm.rs",
    "src/sync/raw_rw_lock/queue.rs",
    "src/sync/rw_lock.rs",
    "src/sync/wait_group.rs",
    "src/sys/prefetch.rs",
    "src/wait/arm.rs",
    "src/wait/batch.rs",
    "src/wait/list.rs",
    "src/wait/loom.rs",
    "src/wait/object.rs",
    "src/wait/place.rs",
    "src/wait/record.rs",
    "src/wait/tests.rs",
    "src/wait/waiter.rs",
];

/// Paths that only `sys` names, because models and sanitizers must see what stands behind them.
/// (`Arc`, `Weak` and the `Once` types of the standard library are free to use.)
const FOREIGN: &[&str] = &[
    "sync::Mutex",
    "sync::RwLock",
    "sync::Condvar",
    "sync::Barrier",
    "sync::mpsc",
    "sync::atomic",
    "sync::*",
    "thread::park",
    "thread::park_timeout",
    "thread::sleep",
    "cell::UnsafeCell",
];

/// Files outside `sys` that use some of [`FOREIGN`] all the same, and why.
const FOREIGN_ALLOWED: &[(&str, &str)] = &[
    ("src/runtime/table.rs", "the table of runtimes is a static"),
    ("src/sync/mutex.rs", "the user's data, which guards borrow; models watch the lock itself"),
    ("src/sync/rw_lock.rs", "the same"),
];

/// Crates that stand behind `sys`.
const MODEL_CRATES: &[&str] = &["loom", "shuttle", "parking_lot"];

const MODEL_CFGS: &[&str] = &["gort_loom", "gort_shuttle", "gort_tsan"];

fn row(folder: &str) -> Option<usize> {
    ROWS.iter().position(|row| row.contains(&folder))
}

/// `src/chan/core.rs` is the module `chan::core`, `src/chan/mod.rs` is `chan`.
fn module_of(path: &str) -> Vec<&str> {
    let path = path.strip_prefix("src/").unwrap_or(path);
    let path = path.strip_suffix(".rs").unwrap_or(path);
    let mut parts: Vec<&str> = path.split('/').collect();
    if matches!(parts.last(), Some(&"mod" | &"lib")) {
        parts.pop();
    }
    parts
}

fn is_facade(path: &str) -> bool {
    !path.strip_prefix("src/").unwrap_or(path).contains('/')
}

pub(crate) fn is_model_or_test(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    path.contains("/loom/")
        || path.contains("/tests/")
        || name.starts_with("loom")
        || name.starts_with("model")
        || name.starts_with("shuttle")
        || name.starts_with("tests")
}

/// One path as it is written, groups multiplied out: `a::{b, c::d}` is `a::b` and `a::c::d`.
struct PathUse<'a> {
    segments: Vec<&'a str>,
    line: usize,
    /// Inline modules around it.
    depth: usize,
}

/// Every path in `source` that starts with one of `roots`, and the inline modules it stands in.
fn paths<'a>(source: &'a str, roots: &[&str]) -> Vec<PathUse<'a>> {
    let tokens = tokens(source);
    let mut found = Vec::new();
    let mut braces = 0;
    let mut modules: Vec<usize> = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let text = tokens[at].text;
        match text {
            "{" => braces += 1,
            "}" => {
                if modules.last() == Some(&braces) {
                    modules.pop();
                }
                braces = braces.saturating_sub(1);
            }
            "mod" if tokens.get(at + 2).is_some_and(|t| t.text == "{") => modules.push(braces + 1),
            _ => {}
        }
        let before = at.checked_sub(1).map_or("", |i| tokens[i].text);
        let starts = roots.contains(&text)
            && !matches!(before, "$" | ".")
            && !(before == "::" && at > 1 && is_segment(tokens[at - 2].text));
        if starts {
            let mut ends = Vec::new();
            at = tree(&tokens, at, &mut Vec::new(), &mut ends);
            let depth = modules.len();
            found.extend(ends.into_iter().map(|(segments, line)| PathUse {
                segments,
                line,
                depth,
            }));
        } else {
            at += 1;
        }
    }
    found
}

fn is_segment(text: &str) -> bool {
    text == "*" || text.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Reads the path (or the tree of a `use`) that starts at `at`; returns where it ends.
fn tree<'a>(
    tokens: &[Token<'a>],
    mut at: usize,
    prefix: &mut Vec<&'a str>,
    ends: &mut Vec<(Vec<&'a str>, usize)>,
) -> usize {
    let outer = prefix.len();
    let mut line = tokens.get(at).map_or(0, |t| t.line);
    while let Some(token) = tokens.get(at) {
        if token.text == "{" {
            at = group(tokens, at + 1, prefix, ends);
            prefix.truncate(outer);
            return at;
        }
        if !is_segment(token.text) {
            break;
        }
        line = token.line;
        prefix.push(token.text);
        at += 1;
        if tokens.get(at).is_none_or(|t| t.text != "::") {
            break;
        }
        at += 1;
    }
    ends.push((prefix.clone(), line));
    prefix.truncate(outer);
    at
}

/// Reads the members of a group up to and with its closing brace.
fn group<'a>(
    tokens: &[Token<'a>],
    mut at: usize,
    prefix: &mut Vec<&'a str>,
    ends: &mut Vec<(Vec<&'a str>, usize)>,
) -> usize {
    while let Some(token) = tokens.get(at) {
        match token.text {
            "}" => return at + 1,
            "," => at += 1,
            "as" => at += 2,
            text if is_segment(text) => at = tree(tokens, at, prefix, ends),
            _ => at += 1,
        }
    }
    at
}

/// The path from the root of the crate, without `crate`, `self` and `super`.
fn resolve<'a>(module: &[&'a str], path: &PathUse<'a>) -> Option<Vec<&'a str>> {
    let mut base: Vec<&str> = module.to_vec();
    base.extend(std::iter::repeat_n("(inline)", path.depth));
    for (i, &segment) in path.segments.iter().enumerate() {
        match segment {
            "crate" => base.clear(),
            "self" => {}
            "super" => {
                base.pop()?;
            }
            _ => {
                base.extend(&path.segments[i..]);
                break;
            }
        }
    }
    Some(base)
}

/// Rule 1. The facade (`src/*.rs`) sees everything, and nobody imports through it.
pub(crate) fn imports(path: &str, source: &str) -> Vec<String> {
    if is_facade(path) {
        return Vec::new();
    }
    let module = module_of(path);
    let own = module[0];
    let complain = |used: &PathUse<'_>| {
        let target = *resolve(&module, used)?.first()?;
        let written = used.segments.join("::");
        let line = used.line;
        match (row(own), row(target)) {
            _ if target == own || target == "(inline)" => None,
            (Some(mine), Some(theirs)) if theirs < mine => None,
            (_, None) => Some(format!(
                "{path}:{line}: `{written}`: `{target}` is no folder; import from the folder that has it"
            )),
            _ => Some(format!(
                "{path}:{line}: `{written}`: `{own}` may only import rows before its own, not `{target}`"
            )),
        }
    };
    paths(source, &["crate", "super"]).iter().filter_map(complain).collect()
}

/// Every folder has a row.
pub(crate) fn unknown_folder(path: &str) -> Vec<String> {
    let folder = module_of(path).first().copied().unwrap_or_default();
    if is_facade(path) || row(folder).is_some() {
        return Vec::new();
    }
    vec![format!("{path}: the folder `{folder}` stands in no row")]
}

/// Rule 2.
pub(crate) fn foreign_primitives(path: &str, source: &str) -> Vec<String> {
    let excused = FOREIGN_ALLOWED.iter().any(|(file, _)| *file == path);
    if path.starts_with("src/sys/") || excused || is_model_or_test(path) {
        return Vec::new();
    }
    let is_foreign = |used: &&PathUse<'_>| {
        let inner = used.segments[1..].join("::");
        let named = |name: &&str| inner == **name || inner.starts_with(&format!("{name}::"));
        MODEL_CRATES.contains(&used.segments[0]) || FOREIGN.iter().any(&named)
    };
    let roots = [&["std", "core", "alloc"], MODEL_CRATES].concat();
    paths(source, &roots)
        .iter()
        // A word such as `loom` alone is a module of that name.
        .filter(|used| used.segments.len() > 1)
        .filter(is_foreign)
        .map(|used| format!("{path}:{}: `{}` belongs to sys", used.line, used.segments.join("::")))
        .collect()
}

/// Where the attribute that contains token `at` begins and ends, if one does.
fn attribute(tokens: &[Token<'_>], at: usize) -> Option<(usize, usize)> {
    let start =
        (0..at).rev().find(|&i| tokens[i].text == "#" && next_is(tokens, i, &["[", "!"]))?;
    let end = attribute_end(tokens, start)?;
    (at < end).then_some((start, end))
}

fn next_is(tokens: &[Token<'_>], at: usize, texts: &[&str]) -> bool {
    tokens.get(at + 1).is_some_and(|t| texts.contains(&t.text))
}

/// The index after the bracket that closes the attribute at `start`.
pub(crate) fn attribute_end(tokens: &[Token<'_>], start: usize) -> Option<usize> {
    let mut depth = 0;
    for (i, token) in tokens.iter().enumerate().skip(start + 1) {
        match token.text {
            "[" => depth += 1,
            "]" => depth -= 1,
            _ => {}
        }
        if depth == 0 && token.text == "]" {
            return Some(i + 1);
        }
    }
    None
}

/// Whether what follows `at` (after further attributes and the visibility) is a module or a test.
fn decorates_module_or_test(tokens: &[Token<'_>], mut at: usize) -> bool {
    while tokens.get(at).is_some_and(|t| t.text == "#") {
        let Some(end) = attribute_end(tokens, at) else { return false };
        if tokens[at..end].iter().any(|t| t.text == "test") {
            return true;
        }
        at = end;
    }
    let item =
        tokens[at..].iter().find(|t| !matches!(t.text, "pub" | "(" | ")" | "crate" | "super"));
    item.is_some_and(|t| t.text == "mod")
}

/// Rule 3.
pub(crate) fn model_cfgs(path: &str, source: &str) -> Vec<String> {
    if path.starts_with("src/sys/") || is_model_or_test(path) {
        return Vec::new();
    }
    let tokens = tokens(source);
    let in_place = |at: usize| {
        attribute(&tokens, at).is_some_and(|(_, end)| decorates_module_or_test(&tokens, end))
    };
    (0..tokens.len())
        .filter(|&at| MODEL_CFGS.contains(&tokens[at].text) && !in_place(at))
        .map(|at| {
            let Token { text, line } = tokens[at];
            format!("{path}:{line}: `{text}` outside of sys: put the difference there")
        })
        .collect()
}

/// Whether the file says at its top that it needs `unsafe`.
fn opts_in(tokens: &[Token<'_>]) -> bool {
    let wanted = ["#", "!", "[", "expect", "(", "unsafe_code", ",", "reason"];
    tokens.windows(wanted.len()).any(|window| window.iter().map(|t| t.text).eq(wanted))
}

/// Rule 4, in both directions: a file that contains `unsafe` says so at its top and is `listed`, and
/// a listed file does contain it.
pub(crate) fn unsafe_files(sources: &[(String, String)], listed: &[&str]) -> Vec<String> {
    let mut complaints = Vec::new();
    for (path, source) in sources {
        let tokens = tokens(source);
        let used = tokens.iter().find(|t| t.text == "unsafe");
        let is_listed = listed.contains(&path.as_str());
        match used {
            Some(token) if !is_listed => {
                complaints
                    .push(format!("{path}:{}: unsafe in a file that is not listed", token.line));
            }
            Some(_) if !opts_in(&tokens) => {
                complaints.push(format!("{path}: no `#![expect(unsafe_code, reason = ...)]`"));
            }
            None if is_listed => complaints.push(format!("{path}: listed, but needs no unsafe")),
            _ => {}
        }
    }
    let gone = listed.iter().filter(|path| !sources.iter().any(|(name, _)| name == *path));
    complaints.extend(gone.map(|path| format!("{path}: listed as unsafe, but not there")));
    complaints
}

/// Rule 5.
pub(crate) fn opening(path: &str, source: &str) -> Vec<String> {
    let first = source.lines().next().unwrap_or_default();
    match first.strip_prefix("//!") {
        Some(text) if !text.trim().is_empty() => Vec::new(),
        _ => vec![format!("{path}: does not open with `//! ` and what it is")],
    }
}
