//! The source files of the package.

use std::path::{Path, PathBuf};
use std::{env, fs};

fn rust_files(dir: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display())) {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !path.ends_with("target") {
                rust_files(&path, into);
            }
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            into.push(path);
        }
    }
}

/// Every source file: its path from the root of the package, and its text.
pub(crate) fn sources(dirs: &[&str]) -> Vec<(String, String)> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("run by cargo"));
    let mut files = Vec::new();
    for dir in dirs {
        let before = files.len();
        rust_files(&root.join(dir), &mut files);
        assert_ne!(files.len(), before, "no source file under {dir}");
    }
    files.sort();
    let name = |path: &Path| {
        let parts = path.strip_prefix(&root).unwrap().iter().map(|part| part.to_str().unwrap());
        parts.collect::<Vec<_>>().join("/")
    };
    files.iter().map(|path| (name(path), fs::read_to_string(path).unwrap())).collect()
}
