//! A test in a process of its own, for what a program leaves behind: its exit status and its last words.

use std::env;
use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Names the test whose body the process runs.
const BODY: &str = "GORT_TEST_BODY";
/// A process that lives longer than this hangs.
const LIMIT: Duration = Duration::from_secs(60);

/// What a process left behind.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    /// What it wrote to standard error. (Standard output is the test harness's.)
    pub(crate) said: String,
}

/// Runs `body` in a process of its own: this test binary, told to run only `test`, which is the name of
/// the calling test and gets here again. In that process this does not return: it ends like a `main`
/// that consists of `body`.
pub(crate) fn main_of_child(test: &str, body: impl FnOnce()) -> Ended {
    if env::var_os(BODY).is_some_and(|name| name == test) {
        body();
        leave();
    }
    let binary = env::current_exe().expect("this test is a file");
    let child = Command::new(binary)
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(BODY, test)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a process");
    wait(child)
}

#[expect(clippy::exit, reason = "this is where its main returns")]
fn leave() -> ! {
    std::process::exit(0)
}

/// Waits for the end of the process, and ends it if it hangs.
fn wait(mut child: Child) -> Ended {
    let (sender, text) = mpsc::channel();
    let mut stderr = child.stderr.take().expect("piped");
    thread::spawn(move || {
        let mut text = Vec::new();
        let _ = stderr.read_to_end(&mut text);
        let _ = sender.send(String::from_utf8_lossy(&text).into_owned());
    });
    // The end of the file comes when the process ends.
    let Ok(said) = text.recv_timeout(LIMIT) else {
        child.kill().expect("it runs");
        panic!("the process has not ended after {LIMIT:?}");
    };
    Ended { status: child.wait().expect("it ends"), said }
}
