//! The oracles of the fuzz targets in plain tests: over every input that ever failed, and over
//! generated ones. See `fuzz/README.md`.

#[path = "../fuzz/src/lib.rs"]
mod fuzz;

use std::panic::{catch_unwind, resume_unwind};

fn replay(found: &[&[u8]], run: fn(&[u8])) {
    for input in found {
        run_one(input, run);
    }
}

/// Inputs of pseudo-random bytes (splitmix64), the same in every run.
fn generated(count: u64, length: usize, run: fn(&[u8])) {
    for seed in 0..count {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = state;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            (z ^ (z >> 31)) as u8
        };
        let input: Vec<u8> = (0..length).map(|_| next()).collect();
        run_one(&input, run);
    }
}

fn run_one(input: &[u8], run: fn(&[u8])) {
    if let Err(panic) = catch_unwind(|| run(input)) {
        eprintln!("the input that failed: {input:?}");
        resume_unwind(panic);
    }
}

#[test]
fn chan_ops() {
    replay(
        &[
            // A value that was given back and then handed to the last of three receives was taken from
            // there after a younger one.
            &[
                0, 7, 0, 0, 7, 0, 0, 7, 0, 0, 0, 1, 0, 0, 1, 1, 0, 1, 2, 12, 0, 0, 12, 0, 0, 15, 0,
                0, 7, 0, 0, 0, 1, 0,
            ],
        ],
        fuzz::chan_ops::run,
    );
    generated(2_000, 150, fuzz::chan_ops::run);
}

#[test]
fn select_ops() {
    replay(
        &[
            // A dynamic select with a nil case went to the end of the line when it was polled again.
            &[
                0, 0, 5, 0, 0, 32, 0, 0, 2, 0, 0, 0, 0, 0, 11, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 13,
                0, 0, 0,
            ],
            // A select that waited already did not take the value of a receive that its goroutine did
            // not poll any more.
            &[0, 0, 11, 0, 0, 0, 0, 1, 0, 0, 5, 0, 0, 1, 0, 0, 0, 1, 0, 1, 13, 0, 0, 0, 0, 1, 0, 1],
            // A biased select whose match had been taken from it received on that arm again, before it
            // looked at the arms in front of it.
            &[
                68, 255, 8, 255, 31, 159, 119, 0, 0, 0, 0, 127, 39, 255, 12, 244, 15, 3, 0, 108,
                45, 40, 120, 44, 175, 68, 68, 201, 12, 216, 216, 255, 1, 3, 72, 235, 235, 255, 210,
                255, 210, 88, 140, 71, 44, 170, 170, 171, 170, 171, 42, 41, 255, 91, 255, 170, 170,
                255, 155, 44, 170, 40, 40, 40, 40, 40, 40, 40, 40, 40, 40, 40, 30, 40, 40, 40, 40,
                40, 40, 40, 40, 40, 0, 10, 15, 101, 74, 40, 40, 40, 40, 40, 108, 108, 154, 0, 38,
                0, 68, 32, 69, 255, 32, 237, 10, 15, 101, 182, 101, 170, 171, 228, 251, 171, 170,
                4, 170, 140, 0, 210,
            ],
        ],
        fuzz::select_ops::run,
    );
    generated(2_000, 200, fuzz::select_ops::run);
}

#[test]
fn cancel_drop() {
    generated(4_000, 120, fuzz::cancel_drop::run);
}

#[test]
fn sched() {
    generated(1_000, 120, fuzz::sched::run);
}

#[test]
fn sync_ops() {
    generated(4_000, 200, fuzz::sync_ops::run);
}

#[test]
fn sync_values() {
    replay(
        &[
            // A select, told of the end of a wait group after the first sixteen, is handed a value first: one that
            // another select gives back when the first waker drops it. Found the model wrong.
            &[2, 8, 0, 2, 0, 3, 0, 12, 0, 1, 17, 2, 0, 3, 38, 13, 1, 9, 6, 3, 0],
        ],
        fuzz::sync_values::run,
    );
    generated(5_000, 200, fuzz::sync_values::run);
}

#[test]
fn timers() {
    generated(2_000, 200, fuzz::timers::run);
}

#[test]
fn context_tree() {
    generated(2_000, 150, fuzz::context_tree::run);
}
