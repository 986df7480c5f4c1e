//! What is counted, and what counts as an argument, on texts made for it.

#![expect(clippy::unnecessary_safety_comment, reason = "it takes the texts for code")]

use super::figures::{self, Claim, Share};

fn file(text: &str) -> [(String, String); 1] {
    [("src/a.rs".to_owned(), text.to_owned())]
}

fn argued(claims: &[Claim]) -> Vec<bool> {
    claims.iter().map(|claim| claim.argued).collect()
}

#[track_caller]
fn assert_unsafe(text: &str, expected: &[bool]) {
    assert_eq!(argued(&figures::unsafe_claims(&file(text))), expected);
}

#[track_caller]
fn assert_orderings(text: &str, expected: &[bool]) {
    assert_eq!(argued(&figures::ordering_claims(&file(text))), expected);
}

#[test]
fn a_block_without_a_comment() {
    assert_unsafe("fn f() { unsafe { g() } }", &[false]);
    assert_unsafe("fn f() {\n// SAFETY: linked.\n\nunsafe { g() } }", &[false]);
    assert_unsafe("fn f() {\n// Linked, so fine.\nunsafe { g() } }", &[false]);
    assert_unsafe("fn f() {\n// SAFETY: linked.\nlet a = 1;\nunsafe { g() } }", &[false]);
}

#[test]
fn a_block_with_one() {
    assert_unsafe("fn f() {\n// SAFETY: linked,\n// by us.\nunsafe { g() } }", &[true]);
    assert_unsafe("fn f() {\n// SAFETY: linked.\n#[expect(x)]\nunsafe { g() } }", &[true]);
    assert_unsafe("fn f() {\n// SAFETY: linked.\nlet a =\n    h(unsafe { g() }); }", &[true]);
    assert_unsafe("fn f() { h(\n// SAFETY: linked.\nunsafe { g() }, 1); }", &[true]);
}

#[test]
fn an_implementation_is_argued_by_a_comment() {
    let text =
        "// SAFETY: behind a lock.\nunsafe impl<T> Send for A<T> {}\nunsafe impl Sync for A {}";
    assert_unsafe(text, &[true, false]);
}

#[test]
fn a_function_says_what_it_asks_for_or_its_trait_does() {
    assert_unsafe("/// F.\n///\n/// # Safety\n///\n/// Linked.\nunsafe fn f() {}", &[true]);
    assert_unsafe("/// F.\nunsafe fn f() {}", &[false]);
    let contract = "trait T<A, B> {\n/// # Safety\n///\n/// Linked.\nunsafe fn f();\n}";
    let kept = format!("{contract}\nimpl<A, B> T<A, B> for () {{ unsafe fn f() {{}} }}");
    assert_unsafe(&kept, &[true, true]);
    let other = format!("{contract}\nimpl T for () {{ unsafe fn g() {{}} }}");
    assert_unsafe(&other, &[true, false]);
    let own = format!("{contract}\nimpl A {{ unsafe fn f() {{}} }}");
    assert_unsafe(&own, &[true, false]);
}

#[test]
fn a_pointer_type_a_word_and_a_test_claim_nothing() {
    assert_unsafe("struct A { f: unsafe fn(u8) }\n// unsafe\nconst B: &str = \"unsafe {\";", &[]);
    let tests = "#[cfg(all(test, not(x)))] mod tests { fn f() { unsafe { g() } } }
        #[test] fn t() { unsafe { g() } }
        struct A { #[cfg(test)] a: [u8; { unsafe { N } }], b: u8 }
        #[cfg(not(test))] fn f() { unsafe { g() } }";
    assert_unsafe(tests, &[false]);
    let model = [("src/wait/loom.rs".to_owned(), "fn f() { unsafe { g() } }".to_owned())];
    assert_eq!(figures::unsafe_claims(&model), []);
}

#[test]
fn an_ordering_without_an_argument() {
    assert_orderings("fn f() { A.load(Ordering::Relaxed); }", &[false]);
    assert_orderings("fn f() {\n// Relaxed is enough.\nA.load(Ordering::Relaxed); }", &[false]);
    assert_orderings("fn f() -> Ordering { Ordering::Less }", &[]);
}

#[test]
fn a_comment_argues_for_the_statement_below_it() {
    assert_orderings("fn f() {\n// Ordering: pairs.\nfence(Ordering::SeqCst); }", &[true]);
    let exchange = "fn f() {\n// Ordering: pairs.\nmatch A.compare_exchange(\na,\nb,\n\
        Ordering::AcqRel,\nOrdering::Relaxed\n) { _ => B.load(Ordering::Relaxed) } }";
    assert_orderings(exchange, &[true, true, false]);
    let inside =
        "fn f() { let a = A.load(1)\n// Ordering: pairs.\n.max(B.load(Ordering::Acquire)); }";
    assert_orderings(inside, &[true]);
    let arms = "fn f() { match x {\n// Ordering: pairs.\nA => A.load(Ordering::Acquire),\n\
        B => B.load(Ordering::Acquire),\n} }";
    assert_orderings(arms, &[true, false]);
}

#[test]
fn a_comment_argues_for_accesses_line_upon_line() {
    let (one, other) = ("A.store(1, Ordering::Relaxed);", "B.store(2, Ordering::Relaxed);");
    let comment = "fn f() {\n// Ordering: under the lock.";
    assert_orderings(&format!("{comment}\n{one}\n{other}\n}}"), &[true, true]);
    assert_orderings(&format!("{comment}\n{one}\n\n{other}\n}}"), &[true, false]);
    assert_orderings(&format!("{comment}\n{one}\n// Then.\n{other}\n}}"), &[true, false]);
    assert_orderings(&format!("{comment}\n{one}\ng();\n{other}\n}}"), &[true, false]);
}

#[test]
fn a_field_or_its_struct_argues_for_the_ordering_that_it_names() {
    let uses = "fn f() { self.a[i].load(Ordering::Relaxed); self.a.swap(1, Ordering::Release); \
        self.b.load(Ordering::Relaxed); }";
    let field =
        "struct S {\n/// How many.\n// Ordering: Relaxed: a number for people.\na: A,\nb: B }";
    assert_orderings(&format!("{field}\n{uses}"), &[true, false, false]);
    let holder = "// Ordering: Relaxed: numbers for people.\nstruct S<A, B> {\na: A,\nb: B }";
    assert_orderings(&format!("{holder}\n{uses}"), &[true, false, true]);
    let statics = "// Ordering: Relaxed: counts.\nstatic A: AtomicU64 = N;\nfn f() { A.load(Ordering::Relaxed) }";
    assert_orderings(statics, &[true]);
}

#[test]
fn a_function_is_as_long_as_it_is_from_its_head_to_its_brace() {
    let text = "trait T {\nfn none(&self);\n}\n#[inline]\nfn outer<A, B>(a: A)\nwhere\nA: B,\n{\n\
        fn inner() {}\n}\n#[test]\nfn test() {}";
    let lengths = figures::functions(&file(text));
    let lengths: Vec<_> = lengths.iter().map(|f| (f.lines, f.name.as_str())).collect();
    assert_eq!(lengths, [(6, "outer"), (1, "inner")]);
}

#[test]
fn a_share_below_its_goal_names_what_is_missing() {
    let claims = |missing: usize| {
        let text = "// Ordering: Relaxed: counts.\nstatic A: N = N;\n".to_owned()
            + &"fn f() { A.load(Ordering::Relaxed); }\n".repeat(20 - missing)
            + &"fn f() { B.load(Ordering::Relaxed); }\n".repeat(missing);
        Share::new("ordering", 90, figures::ordering_claims(&file(&text)))
    };
    assert_eq!(claims(2).complaints().len(), 0);
    assert_eq!(claims(3).complaints().len(), 3);
    assert_eq!(claims(3).complaints()[0], "src/a.rs:20: no argument for this ordering");
}
