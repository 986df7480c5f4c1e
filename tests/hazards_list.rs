//! `hazards.tsv` lists what has gone wrong in other projects of this kind, hazards T1 to T40, and says
//! which tests hold each here. (The issues stand beside the tests.) This checks that the list is whole and
//! true: each hazard stands there once and in order, each test that it names is there, in the files that
//! it names, and each test that is named after a hazard stands in the list.
//!
//! A line is: the hazard; what it is about; the files; the tests; perhaps a note on what is missing. Lines that
//! begin with `#` are for the reader.

mod layout {
    pub(crate) mod files;
    pub(crate) mod lexer;
    pub(crate) mod named;
}

use layout::files::sources;
use layout::named::{Test, assert_none, is_named, tests_in};
use std::collections::BTreeSet;

const HAZARDS: u32 = 40;

fn is_named_after_a_hazard(name: &str) -> bool {
    is_named(name, 't', 2)
}

struct Line<'a> {
    hazard: u32,
    files: &'a str,
    tests: &'a str,
}

/// Reads the list; complains about lines that are none, and about hazards out of place.
fn read(list: &str) -> (Vec<Line<'_>>, Vec<String>) {
    let (mut lines, mut complaints) = (Vec::new(), Vec::new());
    for text in list.lines().filter(|text| !text.starts_with('#')) {
        let fields: Vec<_> = text.split('\t').collect();
        let hazard = lines.len() as u32 + 1;
        match fields[..] {
            [name, about, files, tests] | [name, about, files, tests, _]
                if name == format!("T{hazard}") && !about.is_empty() =>
            {
                lines.push(Line { hazard, files, tests });
            }
            _ => complaints.push(format!("not a line for hazard {hazard}: {text}")),
        }
    }
    if lines.len() != HAZARDS as usize {
        complaints.push(format!("{} hazards are listed, not {HAZARDS}", lines.len()));
    }
    (lines, complaints)
}

/// What is wrong with one line, given the tests that there are.
fn wrong(line: &Line<'_>, tests: &[Test]) -> Option<String> {
    let Line { hazard, files, tests: names } = *line;
    let mut places = BTreeSet::new();
    for name in names.split(' ') {
        let mut found = tests.iter().filter(|test| test.name == name);
        match (found.next(), found.next()) {
            _ if !name.starts_with(&format!("t{hazard:02}_")) => {
                return Some(format!("`{name}` is not named after it"));
            }
            (None, _) => return Some(format!("there is no test {name}")),
            (_, Some(again)) => return Some(format!("{}: {name} is there twice", again.place)),
            (Some(test), None) => places.insert(test.place.split(':').next().unwrap_or_default()),
        };
    }
    let places: Vec<_> = places.into_iter().collect();
    (files != places.join(" ")).then(|| format!("its tests are in {}", places.join(" ")))
}

/// Everything that is wrong with the list.
fn check(list: &str, tests: &[Test]) -> Vec<String> {
    let (lines, mut complaints) = read(list);
    for line in &lines {
        let wrong = wrong(line, tests);
        complaints.extend(wrong.map(|wrong| format!("T{}: {wrong}", line.hazard)));
    }
    for Test { name, place } in tests {
        if !lines.iter().any(|line| line.tests.split(' ').any(|listed| listed == name)) {
            complaints.push(format!("{place}: {name} is not in the list"));
        }
    }
    complaints
}

#[test]
fn the_list_is_whole_and_true() {
    let (mut tests, mut complaints) = (Vec::new(), Vec::new());
    for (path, text) in sources(&["src", "tests"]) {
        let (found, wrong) = tests_in(&path, &text, is_named_after_a_hazard);
        tests.extend(found);
        complaints.extend(wrong);
    }
    complaints.extend(check(include_str!("hazards.tsv"), &tests));
    assert_none(&complaints);
}

mod notices {
    use super::{HAZARDS, Test, check};

    fn test(hazard: u32, which: &str, file: &str) -> Test {
        Test { name: format!("t{hazard:02}_{which}"), place: format!("{file}:7") }
    }

    /// What is said about a list that is right but for line `hazard`, when there is one more test.
    fn complaints(hazard: u32, line: &str, more: Option<Test>) -> Vec<String> {
        let right = |n| format!("T{n}\tthis\ta.rs b.rs\tt{n:02}_a t{n:02}_b");
        let lines = (1..=HAZARDS).map(|n| if n == hazard { line.to_owned() } else { right(n) });
        let list = format!("# for the reader\n{}", lines.collect::<Vec<_>>().join("\n"));
        let tests = (1..=HAZARDS).flat_map(|n| [test(n, "a", "a.rs"), test(n, "b", "b.rs")]);
        check(&list, &tests.chain(more).collect::<Vec<_>>())
    }

    #[track_caller]
    fn complains(hazard: u32, line: &str, words: &[&str]) {
        assert_says(&complaints(hazard, line, None), words);
    }

    #[track_caller]
    fn assert_says(complaints: &[String], words: &[&str]) {
        assert_eq!(complaints.len(), words.len(), "{complaints:#?}");
        for (complaint, word) in complaints.iter().zip(words) {
            assert!(complaint.contains(word), "{complaint} does not say {word}");
        }
    }

    #[test]
    fn nothing_in_a_list_that_is_right() {
        complains(7, "T7\tthis\ta.rs b.rs\tt07_b t07_a\tand more is to come", &[]);
        complains(0, "", &[]);
    }

    #[test]
    fn a_line_that_is_missing_or_none() {
        let unlisted = ["t40_a is not in the list", "t40_b is not in the list"];
        complains(40, "forty", &["not a line", "39 hazards", unlisted[0], unlisted[1]]);
        complains(
            40,
            "T41\tthis\ta.rs b.rs\tt40_a t40_b",
            &["not a line", "39", unlisted[0], unlisted[1]],
        );
        complains(40, "T40\t\ta.rs b.rs\tt40_a t40_b", &["not a line", "39", "t40_a", "t40_b"]);
    }

    #[test]
    fn a_test_that_was_renamed_or_moved_or_is_of_another_hazard() {
        complains(7, "T7\tthis\ta.rs b.rs\tt07_a t07_c", &["no test t07_c", "t07_b is not in"]);
        complains(7, "T7\tthis\ta.rs\tt07_a t07_b", &["are in a.rs b.rs"]);
        complains(7, "T7\tthis\ta.rs b.rs c.rs\tt07_a t07_b", &["are in a.rs b.rs"]);
        complains(7, "T7\tthis\ta.rs b.rs\tt07_a t08_b", &["not named after", "t07_b is not in"]);
        complains(7, "T7\tthis\t\t", &["`` is not named after", "t07_a is not", "t07_b is not"]);
    }

    #[test]
    fn a_test_that_is_there_twice_or_not_listed() {
        let twice = complaints(0, "", Some(test(7, "a", "c.rs")));
        assert_says(&twice, &["T7: c.rs:7: t07_a is there twice"]);
        let unlisted = complaints(0, "", Some(test(32, "c", "c.rs")));
        assert_says(&unlisted, &["c.rs:7: t32_c is not in the list"]);
    }
}
