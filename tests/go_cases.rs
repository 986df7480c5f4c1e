//! `go_cases.tsv` says for each of Go's 159 cases how gort meets it. This checks that the list is whole and
//! true: each case stands there once and in order, each test that it names is there, and each test that is
//! named after a case stands in the list.
//!
//! A line is: the case; `test`, `compile_fail`, `not_expressible` or `later`; the tests, the file that does
//! not compile, or the reason; perhaps a note on what is different or missing. Lines that begin with `#`
//! are for the reader.

mod go_names;
mod layout {
    pub(crate) mod files;
    pub(crate) mod items;
    pub(crate) mod lexer;
    pub(crate) mod named;
}

use layout::files::sources;
use layout::named::{Test, assert_none, is_named, tests_in};
use std::path::Path;

const CASES: u32 = 159;

/// The cases for which Rust may have no program: what a deferred call recovers (9, 10), threads of one's own
/// (19), a panic without a value (103), a copy of what has no copies (110), an atomic whose type is that of what
/// is stored first (115), and keys and parents that are nil (126).
const MAY_BE_INEXPRESSIBLE: &[u32] = &[9, 10, 19, 103, 110, 115, 126];

/// Whether what the case is about may still be to come: dumps, and Go's libraries.
fn may_come_later(case: u32) -> bool {
    matches!(case, 2 | 6 | 8 | 45 | 78 | 153..)
}

// The list.

struct Line<'a> {
    case: u32,
    kind: &'a str,
    /// Tests, a file, or a reason.
    what: &'a str,
}

/// Reads the list; complains about lines that are none, and about cases out of place.
fn read(list: &str) -> (Vec<Line<'_>>, Vec<String>) {
    let mut complaints = Vec::new();
    let mut lines: Vec<Line<'_>> = Vec::new();
    for text in list.lines().filter(|text| !text.starts_with('#')) {
        let fields: Vec<_> = text.split('\t').collect();
        let case = fields[0].parse().ok();
        let (Some(case), [_, kind, what] | [_, kind, what, _]) = (case, &fields[..]) else {
            complaints.push(format!("not a line of the list: {text}"));
            continue;
        };
        let expected = lines.last().map_or(1, |line| line.case + 1);
        if case != expected {
            complaints.push(format!("case {case} stands where {expected} belongs"));
        }
        lines.push(Line { case, kind, what });
    }
    let last = lines.last().map_or(0, |line| line.case);
    if last != CASES {
        complaints.push(format!("the list ends with case {last}, not with {CASES}"));
    }
    (lines, complaints)
}

/// What is wrong with one line, given the tests and the files that there are.
fn wrong(line: &Line<'_>, tests: &[Test], is_file: &dyn Fn(&str) -> bool) -> Option<String> {
    let Line { case, kind, what } = *line;
    let prefix = format!("c{case:03}_");
    let reason_is_missing = || what.is_empty().then(|| "says no reason".to_owned());
    match kind {
        "test" if what.is_empty() => Some("names no test".to_owned()),
        "test" => what.split(' ').find_map(|name| {
            if !name.starts_with(&prefix) {
                Some(format!("{name} is not named after it"))
            } else if !tests.iter().any(|test| test.name == name) {
                Some(format!("there is no test {name}"))
            } else {
                None
            }
        }),
        "compile_fail" => {
            let named =
                what.strip_prefix("tests/ui/").is_some_and(|file| file.starts_with(&prefix));
            let message = what.replace(".rs", ".stderr");
            if !named || !what.ends_with(".rs") {
                Some(format!("{what} is not a file in tests/ui that is named after it"))
            } else {
                let missing = [what, &message].into_iter().find(|file| !is_file(file));
                missing.map(|file| format!("there is no {file}"))
            }
        }
        "not_expressible" if !MAY_BE_INEXPRESSIBLE.contains(&case) => {
            Some("has a program in Rust".to_owned())
        }
        "later" if !may_come_later(case) => Some("belongs here now".to_owned()),
        "not_expressible" | "later" => reason_is_missing(),
        _ => Some(format!("{kind} is no kind of answer")),
    }
}

/// Everything that is wrong with the list.
fn check(list: &str, tests: &[Test], is_file: &dyn Fn(&str) -> bool) -> Vec<String> {
    let (lines, mut complaints) = read(list);
    for line in &lines {
        let wrong = wrong(line, tests, is_file);
        complaints.extend(wrong.map(|wrong| format!("case {}: {wrong}", line.case)));
    }
    for test in tests {
        let listed = |line: &Line<'_>| {
            line.kind == "test" && line.what.split(' ').any(|name| name == test.name)
        };
        if !lines.iter().any(listed) {
            complaints.push(format!("{}: {} is not in the list", test.place, test.name));
        }
    }
    complaints
}

fn is_named_after_a_case(name: &str) -> bool {
    is_named(name, 'c', 3)
}

#[test]
fn the_list_is_whole_and_true() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut tests, mut complaints) = (Vec::new(), Vec::new());
    for (path, text) in sources(&["src", "tests"]) {
        let (found, wrong) = tests_in(&path, &text, is_named_after_a_case);
        tests.extend(found);
        complaints.extend(wrong);
    }
    let is_file = |path: &str| root.join(path).is_file();
    complaints.extend(check(include_str!("go_cases.tsv"), &tests, &is_file));
    assert_none(&complaints);
}

mod notices {
    use super::{CASES, Test, assert_none, check, is_named_after_a_case, tests_in};

    /// A list that is right, with line `case` replaced.
    fn list_with(case: u32, line: &str) -> String {
        let right = |case: u32| match case {
            41 => "41\tcompile_fail\ttests/ui/c041_a.rs".to_owned(),
            _ => format!("{case}\ttest\tc{case:03}_a"),
        };
        let lines = (1..=CASES).map(|n| if n == case { line.to_owned() } else { right(n) });
        lines.collect::<Vec<_>>().join("\n")
    }

    fn complaints_about(list: &str) -> Vec<String> {
        let named = |case| Test { name: format!("c{case:03}_a"), place: "here".to_owned() };
        let tests: Vec<_> = (1..=CASES).filter(|case| *case != 41).map(named).collect();
        check(list, &tests, &|path| path.starts_with("tests/ui/c041_a."))
    }

    #[track_caller]
    fn complains(list: &str, words: &[&str]) {
        let complaints = complaints_about(list);
        assert_eq!(complaints.len(), words.len(), "{complaints:#?}");
        for (complaint, word) in complaints.iter().zip(words) {
            assert!(complaint.contains(word), "{complaint} does not say {word}");
        }
    }

    #[test]
    fn nothing_in_a_list_that_is_right() {
        assert_none(&complaints_about(&list_with(0, "")));
        assert_none(&complaints_about(&list_with(7, "7\ttest\tc007_a\twith a note")));
        assert_none(&complaints_about(&format!("# for the reader\n{}", list_with(0, ""))));
    }

    #[test]
    fn a_case_that_is_missing_twice_or_out_of_place() {
        let right = list_with(0, "");
        let without_last = right.rsplit_once('\n').unwrap().0;
        complains(without_last, &["ends with case 158", "c159_a is not in the list"]);
        complains(&list_with(7, "6\ttest\tc006_a"), &["case 6 stands where 7", "case 8", "c007_a"]);
        complains(&list_with(7, "seven"), &["not a line", "case 8", "c007_a"]);
        complains(&list_with(7, ""), &["not a line", "case 8", "c007_a"]);
    }

    #[test]
    fn a_test_that_was_renamed_or_is_of_another_case() {
        complains(&list_with(7, "7\ttest\tc007_b"), &["no test c007_b", "c007_a is not in"]);
        complains(&list_with(7, "7\ttest\tc007_a c007_b"), &["no test c007_b"]);
        complains(&list_with(7, "7\ttest\tc008_a"), &["c008_a is not named", "c007_a is not in"]);
        complains(&list_with(7, "7\ttest\t"), &["names no test", "c007_a is not in"]);
    }

    #[test]
    fn a_file_that_is_not_there() {
        complains(
            &list_with(41, "41\tcompile_fail\ttests/ui/c041_b.rs"),
            &["no tests/ui/c041_b.rs"],
        );
        complains(&list_with(41, "41\tcompile_fail\ttests/ui/c042_a.rs"), &["named after"]);
    }

    #[test]
    fn an_excuse_that_is_none() {
        let unlisted = "is not in the list";
        complains(&list_with(7, "7\tlater\tsoon"), &["belongs here now", unlisted]);
        complains(&list_with(7, "7\tnot_expressible\thard"), &["has a program", unlisted]);
        complains(&list_with(6, "6\tlater\t"), &["no reason", unlisted]);
        complains(&list_with(9, "9\tnot_expressible\t"), &["no reason", unlisted]);
        complains(&list_with(7, "7\tperhaps\tnot"), &["no kind of answer", unlisted]);
        complains(&list_with(6, "6\tlater\tsoon"), &[unlisted]);
    }

    #[test]
    fn functions_that_look_like_tests() {
        let source = "
            #[test]
            fn c001_a() { fn c002_inside() {} }
            #[cfg(not(x))] #[gort::test(worker_threads = 2)] #[should_panic = \"c003_a\"]
            async fn c003_b() {}
            // #[test]
            fn c004_c() {}
            #[cfg(test)] mod tests { fn c005_d() {} }
            #[test] fn c06_e() {} fn call() { c007_f() }
        ";
        let (tests, complaints) = tests_in("here", source, is_named_after_a_case);
        let names: Vec<_> = tests.iter().map(|test| test.name.as_str()).collect();
        assert_eq!(names, ["c001_a", "c003_b"]);
        let wrong = [("here:3", "c002"), ("here:7", "c004"), ("here:8", "c005")];
        assert_eq!(complaints.len(), wrong.len(), "{complaints:?}");
        for (complaint, (place, name)) in complaints.iter().zip(wrong) {
            assert!(complaint.contains(place) && complaint.contains(name), "{complaint}");
        }
    }
}
