//! The programs of `examples/seed` print what their Go originals print.

mod example;

#[path = "../examples/seed/leak.rs"]
#[allow(dead_code, reason = "the program, too, is in it")]
mod leak;

use std::future::pending;

use gort::{
    runtime::{Builder, num_goroutine},
    time::{Duration, timeout},
};

/// What the program prints, line by line.
fn lines(name: &str) -> Vec<String> {
    let output = example::example(&format!("seed_{name}")).output().expect("the program starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {}\n{errors}", output.status);
    assert_eq!(errors, "", "{name} complains");
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().map(String::from).collect()
}

#[test]
fn say_says_every_hello_and_perhaps_not_every_there() {
    let lines = lines("say");
    let times = |word| lines.iter().filter(|line| *line == word).count();
    assert_eq!(times("hello"), 3);
    assert!(times("there") <= 3);
    assert_eq!(times("hello") + times("there"), lines.len());
}

#[test]
fn unbuffered_gathers_both_halves() {
    assert_eq!(lines("unbuffered"), ["4 times o"]);
}

#[test]
fn buffered_is_full_at_two_and_keeps_the_order() {
    assert_eq!(lines("buffered"), ["2 of 2", "full", "first", "second"]);
}

#[test]
fn select_takes_default_then_timeout_then_the_answer() {
    assert_eq!(lines("select"), ["no answer yet", "waited long enough", "here I am"]);
}

#[test]
fn workers_do_every_job_once() {
    let mut lines = lines("workers");
    assert_eq!(lines.pop().as_deref(), Some("all done"));
    let mut jobs: Vec<u32> = Vec::new();
    for line in lines {
        let words: Vec<&str> = line.split(' ').collect();
        let [_, worker, _, _, job] = words[..] else { panic!("strange line: {line}") };
        assert!((1..=5).contains(&worker.parse::<u32>().unwrap()), "{line}");
        jobs.push(job.parse().unwrap());
    }
    jobs.sort_unstable();
    assert_eq!(jobs, (0..20).collect::<Vec<_>>());
}

#[test]
fn safe_counter_counts_them_all() {
    assert_eq!(lines("safe_counter"), ["1000 0"]);
}

#[test]
fn leak_leaves_two_and_its_fixes_none() {
    // The third line is of the fix that Go does not have.
    let expected =
        ["buffered: 42, 0 left", "canceled: 42, 0 left", "owned: 42, 0 left", "leaky: 42, 2 left"];
    assert_eq!(lines("leak"), expected);
}

#[test]
fn leak_that_is_larger_than_expected_shows() {
    let runtime = Builder::simulated(0).build().expect("a runtime");
    let left = runtime.run(async {
        let before = num_goroutine();
        for _ in 0..3 {
            gort::go(pending::<()>());
        }
        timeout(Duration::from_secs(60), leak::left(before, 2)).await
    });
    assert_eq!(left, Ok(3));
}

#[test]
fn racy_counter_loses_and_its_fixes_do_not() {
    assert_eq!(lines("racy_counter"), ["racy: 1", "atomic: 1000", "mutex: 1000"]);
}

#[test]
fn producer_consumer_passes_everything_on_in_order() {
    assert_eq!(lines("producer_consumer"), ["1", "4", "9", "16", "25", "sum 55"]);
}
