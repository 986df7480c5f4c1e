//! Runs the example programs of this package.

#![allow(dead_code, reason = "every test file uses a part")]

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::Mutex,
    time::SystemTime,
};
#[cfg(unix)]
use std::{
    os::{fd::OwnedFd, unix::net::UnixStream},
    process::Stdio,
};

/// The command that runs the example `name`, as it was built beside this test.
///
/// `cargo test` builds all examples first. When only some tests were asked for, cargo has not, and
/// an example that is missing or out of date is built now, in the profile and for the target of
/// this test.
pub(crate) fn example(name: &str) -> Command {
    static BUILDING: Mutex<()> = Mutex::new(());

    let test = env::current_exe().expect("this test is a file");
    let profile = test.ancestors().nth(2).expect("…/<profile>/deps/<test>");
    let path = profile.join("examples").join(name).with_extension(env::consts::EXE_EXTENSION);
    let _one_at_a_time = BUILDING.lock();
    let built = path.metadata().and_then(|file| file.modified()).ok();
    let sources = ["src", "macros", "examples", "Cargo.toml"];
    let sources = sources.map(|source| newest(&Path::new(env!("CARGO_MANIFEST_DIR")).join(source)));
    if sources.into_iter().any(|source| built < source.ok()) {
        build(profile);
    }
    Command::new(path)
}

/// Runs a program and takes apart what it leaves: exit status, standard output, and what it
/// [complains](complaints) of.
pub(crate) fn run(mut command: Command) -> (Option<i32>, String, Vec<String>) {
    let output = command.output().expect("the program starts");
    let out = String::from_utf8(output.stdout.clone()).expect("text");
    (output.status.code(), out, complaints(&output))
}

/// A standard output that nobody reads any more.
#[cfg(unix)]
pub(crate) fn nobody() -> Stdio {
    let (_reader, writer) = UnixStream::pair().expect("two ends");
    OwnedFd::from(writer).into()
}

/// A file that takes nothing.
#[cfg(target_os = "linux")]
pub(crate) fn full() -> Stdio {
    fs::OpenOptions::new().write(true).open("/dev/full").expect("it is there").into()
}

/// The lines of standard error, without those in which gort tells of a goroutine that keeps its thread: when
/// the machine is busy with other tests, a thread may have to wait so long for a processor, or for one that has
/// a lock and no processor.
pub(crate) fn complaints(output: &Output) -> Vec<String> {
    let text = String::from_utf8(output.stderr.clone()).expect("text");
    let mut complaints = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("gort: goroutine ") && line.contains(" its thread") {
            let origin = lines.next();
            assert!(origin.is_some_and(|line| line.starts_with("created by ")), "{text}");
        } else {
            complaints.push(line.to_owned());
        }
    }
    complaints
}

/// When the file, or the newest one in the folder, was changed.
fn newest(path: &Path) -> io::Result<SystemTime> {
    let mut newest = path.metadata()?.modified()?;
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            newest = newest.max(self::newest(&entry?.path())?);
        }
    }
    Ok(newest)
}

fn build(profile: &Path) {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or("cargo".into()));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR")).args(["build", "--quiet", "--examples"]);
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    let mut target_dir: PathBuf = profile.parent().expect("a target directory").into();
    // Cargo keeps this at the top of a target directory; with `--target` there is a folder between.
    if !target_dir.join(".rustc_info.json").exists() {
        cargo.arg("--target").arg(target_dir.file_name().expect("a target"));
        target_dir.pop();
    }
    let status = cargo.arg("--target-dir").arg(target_dir).status().expect("cargo runs");
    assert!(status.success(), "the examples do not build");
}
