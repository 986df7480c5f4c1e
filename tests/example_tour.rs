//! The programs of `examples/tour` print exactly what their documentation promises, and the tour is whole:
//! every file of it is a program, is in the list, is in the README, carries its Go text, and is tested here.

mod example;

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Output,
};

/// The programs in the order of the list, and what each prints, line by line.
const PROGRAMS: [(&str, &[&str]); 14] = [
    ("generator", &["1", "4", "9", "16", "unwanted: 25"]),
    ("fan_in", &["near 1", "near 2", "far 1", "near 3", "far 2", "far 3"]),
    ("fan_out", &["20 ms: song", "30 ms: book", "60 ms: film", "80 ms: game"]),
    ("pipeline", &["sum 10", "not a number: three"]),
    ("worker_pool", &["20 6765", "21 10946", "22 17711", "23 28657", "24 46368", "25 75025"]),
    (
        "bounded_parallelism",
        &[
            "0 ms: sunset starts",
            "0 ms: cat starts",
            "20 ms: sunset is done",
            "20 ms: map starts",
            "30 ms: map is done",
            "30 ms: plan starts",
            "35 ms: cat is done",
            "40 ms: plan is done",
        ],
    ),
    (
        "heartbeat",
        &[
            "10 ms: alive",
            "20 ms: alive",
            "24 ms: did step 1",
            "30 ms: alive",
            "40 ms: alive",
            "48 ms: did step 2",
            "73 ms: silent for too long",
        ],
    ),
    (
        "rate_limit",
        &[
            "0 ms: request 1",
            "0 ms: request 2",
            "0 ms: request 3",
            "20 ms: request 4",
            "40 ms: request 5",
            "135 ms: request 6",
            "135 ms: request 7",
            "135 ms: request 8",
            "140 ms: request 9",
        ],
    ),
    (
        "pub_sub",
        &[
            "one reaches 3",
            "two reaches 2",
            "three reaches 1",
            "four reaches 2",
            "five reaches 1",
            "quick: one two three four five",
            "slow: one two four",
        ],
    ),
    (
        "request_reply",
        &["apple costs 3", "kiwi is not to be had", "pear costs 5", "apple is not to be had"],
    ),
    (
        "prime_sieve",
        &["2", "3", "5", "7", "11", "13", "17", "19", "23", "29", "the goroutines have ended"],
    ),
    ("ping_pong", &["ping 1", "pong 2", "ping 3", "pong 4", "ping 5", "pong 6", "game over"]),
    (
        "errgroup_limit",
        &["20 ms: a", "30 ms: b", "40 ms: d gives up: c not found", "error: c not found"],
    ),
    ("context_deadline", &["40 ms: step 1", "80 ms: step 2", "100 ms: context deadline exceeded"]),
];

/// Runs the tour; gives its exit status and the lines of both its outputs.
fn tour(args: &[&OsStr]) -> (Option<i32>, Vec<String>, Vec<String>) {
    let output = example::example("tour").args(args).output().expect("the tour starts");
    let Output { status, stdout, stderr } = output;
    let lines = |bytes| String::from_utf8(bytes).expect("text").lines().map(String::from).collect();
    (status.code(), lines(stdout), lines(stderr))
}

/// Name and description of each program, from the list that the tour prints.
fn list() -> Vec<(String, String)> {
    let (code, lines, errors) = tour(&[]);
    assert_eq!((code, &errors[..]), (Some(0), &[][..]));
    let fields = |line: String| {
        let (name, about) = line.split_once(' ').expect("a name and what it shows");
        (name.to_owned(), about.trim_start().to_owned())
    };
    lines.into_iter().map(fields).collect()
}

/// The files of the programs.
fn modules() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/tour");
    let files = fs::read_dir(folder).expect("the folder of the tour");
    let files = files.map(|file| file.expect("a file").path());
    let mut modules: Vec<_> = files.filter(|path| !path.ends_with("main.rs")).collect();
    modules.sort();
    modules
}

#[test]
fn each_program_prints_exactly_this() {
    for (name, expected) in PROGRAMS {
        let (code, lines, errors) = tour(&[name.as_ref()]);
        assert_eq!((code, &errors[..]), (Some(0), &[][..]), "{name}");
        assert_eq!(lines, expected, "{name}");
    }
}

#[test]
fn every_module_is_listed_and_tested_in_one_order() {
    let tested = PROGRAMS.map(|(name, _)| name);
    let listed = list();
    assert_eq!(listed.iter().map(|(name, _)| name).collect::<Vec<_>>(), tested.each_ref());
    assert!(listed.iter().all(|(_, about)| !about.is_empty()), "{listed:?}");

    let mut tested = tested.map(|name| format!("{name}.rs"));
    tested.sort();
    let modules = modules();
    let names: Vec<_> = modules.iter().filter_map(|path| path.file_name()?.to_str()).collect();
    assert_eq!(names, tested);
}

#[test]
fn readme_has_the_list() {
    let rows = include_str!("../README.md").lines().filter_map(|line| {
        let (name, about) = line.strip_prefix("| [`")?.strip_suffix(" |")?.split_once("`]")?;
        let (path, about) = about.strip_prefix("(examples/tour/")?.split_once(".rs) | ")?;
        assert_eq!(name, path, "the link leads elsewhere");
        Some((name.to_owned(), about.to_owned()))
    });
    assert_eq!(rows.collect::<Vec<_>>(), list());
}

#[test]
fn each_program_carries_its_go_program() {
    for path in modules() {
        let text = fs::read_to_string(&path).expect("a source text");
        let docs: Vec<_> = text.lines().map_while(|line| line.strip_prefix("//!")).collect();
        let go = docs.split(|line| *line == " ```go").nth(1).expect("a block of Go");
        let go = go.split(|line| *line == " ```").next().expect("its end");
        let has = |line: &str| go.iter().any(|l| l.strip_prefix(' ') == Some(line));
        assert!(
            has("func main() {") && has("}"),
            "{}: the Go program is not whole",
            path.display()
        );
        assert!(
            text.contains("pub(crate) fn main()") || text.contains("pub(crate) async fn main()")
        );
    }
}

#[test]
fn a_name_that_is_none_is_named_and_the_status_is_2() {
    let expected = r#"tour: no program is called "fan_it"; without a name, tour lists them"#;
    assert_eq!(tour(&["fan_it".as_ref()]), (Some(2), vec![], vec![expected.to_owned()]));
    let (code, lines, errors) = tour(&["".as_ref()]);
    assert_eq!((code, lines.len(), errors.len()), (Some(2), 0, 1), "{errors:?}");
    assert!(errors[0].contains("called \"\""), "{errors:?}");
}
