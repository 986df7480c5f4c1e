//! Runs the example programs of this package.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::Command,
    sync::Mutex,
    time::SystemTime,
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
    // Cargo marks the top of a target directory; with `--target` there is a folder between.
    if !target_dir.join("CACHEDIR.TAG").exists() {
        cargo.arg("--target").arg(target_dir.file_name().expect("a target"));
        target_dir.pop();
    }
    let status = cargo.arg("--target-dir").arg(target_dir).status().expect("cargo runs");
    assert!(status.success(), "the examples do not build");
}
