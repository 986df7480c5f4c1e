//! What a source text declares, line by line, as rustfmt lays it out: functions, types, their fields, variants
//! and methods, and macros, each with the other names under which the documentation finds it.

/// Something with a name.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    /// The folder under `src`, which is the public module; empty for the root.
    pub(crate) folder: String,
    /// The type that it is part of; `$` for one that a macro fills in; empty for what stands by itself.
    pub(crate) owner: String,
    /// Of a macro with its `!`.
    pub(crate) name: String,
    pub(crate) aliases: Vec<String>,
    /// The headings of its documentation; for a field or a variant, those of the type around it.
    pub(crate) sections: Vec<String>,
}

impl Item {
    pub(crate) fn has_section(&self, heading: &str) -> bool {
        self.sections.iter().any(|section| section == heading)
    }
}

/// The items of the file `path`.
pub(crate) fn items(path: &str, source: &str) -> Vec<Item> {
    let inside = path.strip_prefix("src/").unwrap_or(path);
    let folder = inside.split_once('/').map_or("", |(folder, _)| folder).to_owned();
    let (mut items, mut around) = (Vec::new(), Item { folder, ..Item::default() });
    let mut next = Item::default();
    for line in source.lines() {
        let text = line.trim_start();
        if let Some(alias) = text.strip_prefix("#[doc(alias = \"") {
            next.aliases.extend(alias.split('"').next().map(str::to_owned));
        } else if let Some(heading) = text.strip_prefix("/// # ") {
            next.sections.push(heading.to_owned());
        } else if !text.starts_with("#[") && !text.starts_with("//") {
            let said = std::mem::take(&mut next);
            items.extend(item(line, &mut around, said));
        }
    }
    items
}

/// The item that a line declares. `around` is the type, or the implementation of one, that it stands in; `said` has what
/// stands above it.
fn item(line: &str, around: &mut Item, said: Item) -> Option<Item> {
    let text = line.trim_start();
    let is_indented = text.len() < line.len();
    let named = |owner: &str, name: &str| {
        let folder = around.folder.clone();
        Some(Item { folder, owner: owner.to_owned(), name: name.to_owned(), ..said.clone() })
    };
    if line == "}" {
        around.owner.clear();
    } else if text.starts_with("impl") {
        implementor(text).clone_into(&mut around.owner);
    } else if let Some(name) = text.strip_prefix("macro_rules! ") {
        return named("", &format!("{}!", word(name)));
    } else if let Some(name) = after(text, &["struct ", "enum ", "trait ", "type "]) {
        let item = named("", word(name));
        word(name).clone_into(&mut around.owner);
        around.sections = said.sections;
        return item;
    } else if let Some(name) = after(text, &["fn "]) {
        return named(if is_indented { &around.owner } else { "" }, word(name));
    } else if is_indented && !around.owner.is_empty() && is_member(text) {
        let member = named(&around.owner, word(text.trim_start_matches("pub ")));
        return member.map(|member| Item { sections: around.sections.clone(), ..member });
    }
    None
}

/// What follows one of the `keywords`, behind a visibility and the like.
fn after<'a>(text: &'a str, keywords: &[&str]) -> Option<&'a str> {
    let mut rest = text;
    while let Some(more) =
        ["pub ", "const ", "unsafe ", "async "].iter().find_map(|word| rest.strip_prefix(word))
    {
        rest = more;
    }
    keywords.iter().find_map(|keyword| rest.strip_prefix(keyword))
}

/// Whether a line is a public field or a variant.
fn is_member(text: &str) -> bool {
    let field = text.strip_prefix("pub ").is_some_and(|text| text.contains(": "));
    field || text.starts_with(char::is_uppercase) && text.ends_with([',', '{'])
}

/// The word at the beginning.
fn word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
    &text[..end.unwrap_or(text.len())]
}

/// The type that an `impl` is for.
fn implementor(text: &str) -> &str {
    let target = text.split_once(" for ").map_or_else(|| behind_generics(&text[4..]), |(_, of)| of);
    let target = target.trim_start_matches(['&', ' ']);
    if target.starts_with('$') { "$" } else { word(target) }
}

/// What stands behind `<..>`, if that is what `text` begins with.
fn behind_generics(text: &str) -> &str {
    let (mut depth, mut before) = (0, ' ');
    let end = text.find(|c| {
        match c {
            '<' => depth += 1,
            '>' if before != '-' => depth -= 1,
            _ => {}
        }
        before = c;
        depth == 0
    });
    match end {
        Some(end) if text.starts_with('<') => text[end + 1..].trim_start(),
        _ => text.trim_start(),
    }
}
