//! Whether the guide's page on cancel safety names everything that waits.

use super::items::Item;

/// Functions whose documentation has a section on cancel safety, and that are not on the page: a method as
/// `Mutex::lock`, a function as `sleep()`, whatever path stands before that.
pub(crate) fn unlisted(items: &[Item], page: &str) -> Vec<String> {
    let waits = items.iter().filter(|item| {
        item.has_section("Cancel safety") && item.name.starts_with(char::is_lowercase)
    });
    let named: Vec<_> = page.split('`').skip(1).step_by(2).collect();
    let is_named = |name: &String| {
        named.iter().any(|code| code == name || code.ends_with(&format!("::{name}")))
    };
    let missing = waits.map(shown).filter(|name| !is_named(name));
    missing.map(|name| format!("docs/cancel-safety.md does not name `{name}`")).collect()
}

fn shown(item: &Item) -> String {
    let Item { owner, name, .. } = item;
    match owner.as_str() {
        "" if name.ends_with('!') => name.clone(),
        "" => format!("{name}()"),
        "$" => name.clone(),
        _ => format!("{owner}::{name}"),
    }
}
