//! What the crate that uses gort calls it.
//!
//! An attribute does not see the path it was invoked by, and a manifest may rename:
//! `tokio = { package = "gort", .. }`. The manifest of the crate being compiled tells.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;
use std::path::Path;

/// The path of gort in the crate being compiled.
pub(crate) fn path(span: Span) -> TokenStream {
    let name = Ident::new(&name(), span);
    quote_spanned!(span=> ::#name)
}

fn name() -> String {
    std::env::var_os("CARGO_MANIFEST_DIR")
        .and_then(|dir| search(Path::new(&dir)))
        .unwrap_or_else(|| "gort".to_owned())
}

/// Looks into the crate's manifest, then into those above it: `tokio.workspace = true` leaves the
/// renaming to the workspace's manifest.
fn search(dir: &Path) -> Option<String> {
    let own = std::fs::read_to_string(dir.join("Cargo.toml")).ok()?;
    if let Some(key) = renamed(&own) {
        return Some(identifier(key));
    }
    let above = dir.ancestors().skip(1);
    above.filter_map(|dir| std::fs::read_to_string(dir.join("Cargo.toml")).ok()).find_map(|text| {
        let key = renamed(&text)?;
        own.lines().any(|line| inherits(line, key)).then(|| identifier(key))
    })
}

/// Whether the manifest's line takes the dependency `key` from the workspace.
fn inherits(line: &str, key: &str) -> bool {
    let rest = line.trim_start().strip_prefix(key).map(str::trim_start);
    rest.is_some_and(|rest| rest.starts_with(['.', '=']) && rest.contains("workspace"))
}

/// The key of the dependency whose package is gort, if the manifest renames it.
///
/// Reads the two ways of writing it: `key = { package = "gort", .. }` in a dependency table, and a
/// table `[dependencies.key]` with a line `package = "gort"`.
fn renamed(manifest: &str) -> Option<&str> {
    let mut table = "";
    for line in manifest.lines().map(|line| line.split('#').next().unwrap_or("").trim()) {
        if let Some(header) = line.strip_prefix('[') {
            table = header.trim_end_matches(']').trim();
            continue;
        }
        let Some((key, value)) = line.split_once('=') else { continue };
        if table.ends_with("dependencies") && names_gort(value) {
            return Some(key.trim());
        }
        if key.trim() == "package" && is_gort(value) {
            return table.rsplit_once("dependencies.").map(|(_, key)| key);
        }
    }
    None
}

/// Whether an inline table contains `package = "gort"`.
fn names_gort(table: &str) -> bool {
    table
        .split(['{', ',', '}'])
        .filter_map(|entry| entry.split_once('='))
        .any(|(key, value)| key.trim() == "package" && is_gort(value))
}

fn is_gort(value: &str) -> bool {
    value.trim().trim_matches(['"', '\'']) == "gort"
}

/// The key as rustc spells it.
fn identifier(key: &str) -> String {
    key.trim_matches(['"', '\'']).replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::{inherits, renamed};

    #[test]
    fn finds_the_key() {
        let inline = "[package]\nname = \"gort\"\n[dependencies]\n\
                      tokio = { version = \"1\", package = \"gort\" } # here";
        assert_eq!(renamed(inline), Some("tokio"));
        let table = "[dev-dependencies.my-gort]\nversion = \"1\"\npackage = \"gort\"\n";
        assert_eq!(renamed(table), Some("my-gort"));
        let target = "[target.'cfg(unix)'.dependencies]\ntokio = { package = 'gort' }";
        assert_eq!(renamed(target), Some("tokio"));
        let plain = "[package]\nname = \"app\"\n[dependencies]\ngort = \"1\"\ntokio = \"1\"";
        assert_eq!(renamed(plain), None);
    }

    #[test]
    fn inherited_from_the_workspace() {
        assert!(inherits("tokio.workspace = true", "tokio"));
        assert!(inherits("tokio = { workspace = true }", "tokio"));
        assert!(!inherits("tokio-util.workspace = true", "tokio"));
        assert!(!inherits("tokio = \"1\"", "tokio"));
    }
}
