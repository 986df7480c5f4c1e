//! Figures of the source text, and how each is counted.
//!
//! Counted is what ships: without the files of models and tests and without items that exist in a test
//! build only.
//!
//! * An `unsafe` is *argued* if a comment with `SAFETY:` stands directly above it or its statement. A
//!   function or trait is also argued by a section `# Safety`, in its own documentation or, in the
//!   implementation of a trait, in that of the trait's function.
//! * A memory ordering (each of the two of a compare-and-swap) is *argued* if a comment with `Ordering:`
//!   stands directly above
//!   1. its statement, or an access that it follows line upon line; or
//!   2. the field or static that it accesses, or the struct with that field, in the same file, if the
//!      comment names that very ordering.
//!
//!   None is excused: an access under a lock says that. Whether the argument is true, a reader decides.
//! * A function is as long as it is from `fn` to its closing brace; one without a body is not counted.

use super::rules;
use super::source::Source;
use std::collections::BTreeMap;
use std::iter;

/// The memory orderings, among other things of that name (`Ordering::Less`).
const MEMORY: &[&str] = &["Relaxed", "Acquire", "Release", "AcqRel", "SeqCst"];

/// Something that needs an argument.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) argued: bool,
}

impl Claim {
    fn new(source: &Source<'_>, at: usize, argued: bool) -> Self {
        Self { path: source.path.to_owned(), line: source.line(at), argued }
    }
}

/// A function with a body.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Function {
    pub(crate) lines: usize,
    pub(crate) name: String,
    pub(crate) path: String,
}

/// What of `sources` is counted.
fn shipped(sources: &[(String, String)]) -> impl Iterator<Item = Source<'_>> {
    let shipped = sources.iter().filter(|(path, _)| !rules::is_model_or_test(path));
    shipped.map(|(path, text)| Source::new(path, text))
}

/// Every `unsafe` block, function, trait and implementation.
pub(crate) fn unsafe_claims(sources: &[(String, String)]) -> Vec<Claim> {
    let contracts: Vec<&str> = shipped(sources).flat_map(|source| contracts(&source)).collect();
    let claims = |source: Source<'_>| {
        let argued = |at: usize| match source.text(at + 1) {
            "{" | "impl" => source.statement_says(at, "SAFETY:"),
            _ if source.statement_says(at, "# Safety") => true,
            "fn" => implements(&source, at) && contracts.contains(&source.text(at + 2)),
            _ => false,
        };
        // The type of a function pointer claims nothing.
        let pointer = |at: usize| source.text(at + 1) == "fn" && source.text(at + 2) == "(";
        let found =
            (0..source.tokens.len()).filter(|&at| source.text(at) == "unsafe" && !pointer(at));
        found.map(|at| Claim::new(&source, at, argued(at))).collect::<Vec<_>>()
    };
    shipped(sources).flat_map(claims).collect()
}

/// The names of the unsafe functions that say what they ask for.
fn contracts<'a>(source: &Source<'a>) -> Vec<&'a str> {
    let is_unsafe_fn = |at: &usize| source.text(*at) == "unsafe" && source.text(at + 1) == "fn";
    let says = |at: &usize| source.statement_says(*at, "# Safety");
    (0..source.tokens.len())
        .filter(is_unsafe_fn)
        .filter(says)
        .map(|at| source.text(at + 2))
        .collect()
}

/// Whether the function at `at` stands in an `impl Trait for Type`.
fn implements(source: &Source<'_>, at: usize) -> bool {
    source.parents[at].is_some_and(|open| {
        let head = &source.tokens[source.item(open)..open];
        ["impl", "for"].iter().all(|word| head.iter().any(|token| token.text == *word))
    })
}

/// Every memory ordering of an access or a fence.
pub(crate) fn ordering_claims(sources: &[(String, String)]) -> Vec<Claim> {
    let claims = |source: Source<'_>| {
        let named = |at: &usize| {
            let is_path = source.text(*at) == "Ordering" && source.text(at + 1) == "::";
            is_path && MEMORY.contains(&source.text(at + 2))
        };
        let found: Vec<usize> = (0..source.tokens.len()).filter(named).collect();
        let argued = |at| statement_argues(&source, at, &found) || field_argues(&source, at);
        found.iter().map(|&at| Claim::new(&source, at, argued(at))).collect::<Vec<_>>()
    };
    shipped(sources).flat_map(claims).collect()
}

/// Rule 1. `found` are all the orderings of the file.
fn statement_argues(source: &Source<'_>, at: usize, found: &[usize]) -> bool {
    if source.statement_says(at, "Ordering:") {
        return true;
    }
    let first = source.statement(at);
    let Some(end) = first.checked_sub(1).filter(|&end| matches!(source.text(end), ";" | "{"))
    else {
        return false;
    };
    let before = source.statement(end)..end;
    source.line(end) + 1 == source.line(first)
        && found
            .iter()
            .find(|at| before.contains(at))
            .is_some_and(|&at| statement_argues(source, at, found))
}

/// Rule 2.
fn field_argues(source: &Source<'_>, at: usize) -> bool {
    let Some(field) = accessed(source, at) else { return false };
    let declared = (0..source.tokens.len())
        .filter(|&i| source.text(i) == field && source.text(i + 1) == ":")
        .filter(|&i| source.parents[i].is_none_or(|open| source.text(open) == "{"));
    let mut comments = declared.flat_map(|i| {
        let holder = source.parents[i].map(|open| source.item(open));
        iter::once(i).chain(holder).map(|i| source.comment_above(source.line(i)))
    });
    let ordering = source.text(at + 2);
    comments.any(|text| text.split_once("Ordering:").is_some_and(|(_, why)| why.contains(ordering)))
}

/// The field or static whose access names the ordering at `at`: `x` in `self.x[i].load(ordering)`.
fn accessed<'a>(source: &Source<'a>, at: usize) -> Option<&'a str> {
    let dot = source.parents[at]?.checked_sub(2).filter(|&dot| source.text(dot) == ".")?;
    let mut end = dot.checked_sub(1)?;
    if source.text(end) == "]" {
        let outside = source.parents[end];
        end = (0..end).rev().find(|&i| source.text(i) == "[" && source.parents[i] == outside)? - 1;
    }
    Some(source.text(end))
}

/// Every function, the longest first.
pub(crate) fn functions(sources: &[(String, String)]) -> Vec<Function> {
    let bodies = |source: Source<'_>| {
        let lengths =
            (0..source.tokens.len()).filter(|&at| source.text(at) == "fn").filter_map(|at| {
                let outside = source.parents[at];
                let body = (at..source.tokens.len())
                    .filter(|&i| source.parents[i] == outside)
                    .find(|&i| matches!(source.text(i), "{" | ";" | "}"))
                    .filter(|&i| source.text(i) == "{")?;
                let lines = source.line(source.close(body)) - source.line(at) + 1;
                Some(Function {
                    lines,
                    name: source.text(at + 1).to_owned(),
                    path: source.path.to_owned(),
                })
            });
        lengths.collect::<Vec<_>>()
    };
    let mut all: Vec<Function> = shipped(sources).flat_map(bodies).collect();
    all.sort_unstable_by(|one, other| other.cmp(one));
    all
}

/// Claims of one kind, and the share of them that has to be argued, in per cent.
pub(crate) struct Share {
    what: &'static str,
    goal: usize,
    claims: Vec<Claim>,
}

impl Share {
    pub(crate) fn new(what: &'static str, goal: usize, claims: Vec<Claim>) -> Self {
        Self { what, goal, claims }
    }

    fn percent(&self) -> usize {
        let argued = self.claims.iter().filter(|claim| claim.argued).count();
        (100 * argued).checked_div(self.claims.len()).unwrap_or(100)
    }

    /// Where an argument is missing, if too many are.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let missing =
            self.claims.iter().filter(|claim| !claim.argued && self.percent() < self.goal);
        let complaint = |claim: &Claim| {
            format!("{}:{}: no argument for this {}", claim.path, claim.line, self.what)
        };
        missing.map(complaint).collect()
    }
}

/// What has to be argued.
pub(crate) fn shares(sources: &[(String, String)]) -> [Share; 2] {
    [
        Share::new("unsafe", 100, unsafe_claims(sources)),
        Share::new("memory ordering", 95, ordering_claims(sources)),
    ]
}

/// All figures, to be read.
pub(crate) fn table(sources: &[(String, String)]) -> String {
    let mut lines = vec!["figures (how each is counted: tests/layout/figures.rs)".to_owned()];
    let shares = shares(sources);
    lines.extend(shares.iter().map(|share| {
        let (count, percent) = (share.claims.len(), share.percent());
        format!("{count:6} times {}: {percent} % argued, goal {} %", share.what, share.goal)
    }));
    let rows = sources.iter().filter(|(path, _)| path.starts_with("src/"));
    let upward: usize = rows.map(|(path, text)| rules::imports(path, text).len()).sum();
    lines.push(format!("{upward:6} upward imports, goal 0"));

    let functions = functions(sources);
    let length = |percent: usize| functions[functions.len() * (100 - percent) / 100].lines;
    let (p50, p90, p99) = (length(50), length(90), length(99));
    lines.push(format!(
        "{:6} functions: p50 {p50}, p90 {p90}, p99 {p99} lines; the longest",
        functions.len()
    ));
    lines.extend(functions.iter().take(5).map(|f| format!("{:12} {} {}", f.lines, f.path, f.name)));

    let mut files: Vec<_> = shipped(sources).map(|file| (file.lines.len(), file.path)).collect();
    lines.push(format!("{:6} files; the largest", files.len()));
    lines.extend(ranking(&mut files).take(8));

    let mut by_file = BTreeMap::<&str, usize>::new();
    for claim in &shares[0].claims {
        *by_file.entry(&claim.path).or_default() += 1;
    }
    let mut by_file: Vec<_> = by_file.into_iter().map(|(path, count)| (count, path)).collect();
    lines.push(format!("{:6} files with unsafe; how often", by_file.len()));
    lines.extend(ranking(&mut by_file));
    lines.join("\n")
}

/// Counts and names, the largest first.
fn ranking(counts: &mut [(usize, &str)]) -> impl Iterator<Item = String> {
    counts.sort_unstable_by(|one, other| other.cmp(one));
    counts.iter().map(|(count, name)| format!("{count:12} {name}"))
}
