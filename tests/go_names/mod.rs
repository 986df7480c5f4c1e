//! `go_names.tsv` says for each exported name of Go's concurrency, and for the words of the language, what stands
//! for it in gort, or why nothing does. This checks that the list is whole and true: it has the names of
//! `go_names/exported.txt`, which `go_names/exported.go` writes, in their order; each path that it names is declared,
//! is found in the documentation under Go's name too, and says there what it is in Go; and `docs/from-go.md` shows the list as it is.
//!
//! A line is: Go's name; the paths, or `-`; perhaps a remark, which for `-` is the reason. A path that begins
//! with `std::` is the standard library's. That the public path itself is right is checked by rustdoc, for which
//! each path in `from-go.md` is a link.

use super::layout::files::sources;
use super::layout::items::{Item, items};
use super::layout::named::assert_none;
use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

struct Line<'a> {
    go: &'a str,
    /// None for `-`.
    gort: Vec<&'a str>,
    remark: &'a str,
}

/// Reads the list; complains about lines that are none.
fn read(list: &str) -> (Vec<Line<'_>>, Vec<String>) {
    let (mut lines, mut complaints) = (Vec::new(), Vec::new());
    for text in list.lines().filter(|text| !text.starts_with('#')) {
        let fields: Vec<_> = text.split('\t').collect();
        let (go, gort, remark) = match fields[..] {
            [go, gort] => (go, gort, ""),
            [go, gort, remark] => (go, gort, remark),
            _ => {
                complaints.push(format!("`{text}` is not a line of the list"));
                continue;
            }
        };
        let gort: Vec<_> = gort.split(' ').filter(|path| *path != "-").collect();
        if gort.is_empty() && remark.is_empty() {
            complaints.push(format!("{go}: says no reason"));
        }
        lines.push(Line { go, gort, remark });
    }
    (lines, complaints)
}

/// Names that are missing, unknown, or out of place.
fn wrong_names(lines: &[Line<'_>], exported: &str) -> Vec<String> {
    let exported: Vec<_> = exported.lines().filter(|name| !name.starts_with('#')).collect();
    let listed: Vec<_> = lines.iter().map(|line| line.go).collect();
    let missing = exported.iter().filter(|name| !listed.contains(name));
    let unknown = listed.iter().filter(|name| !exported.contains(name));
    let mut complaints: Vec<_> = missing.map(|name| format!("{name} is not in the list")).collect();
    complaints.extend(unknown.map(|name| format!("{name} is none of Go's names")));
    if complaints.is_empty() {
        let places = listed.iter().zip(&exported).find(|(listed, exported)| listed != exported);
        complaints
            .extend(places.map(|(listed, name)| format!("{listed} stands where {name} belongs")));
    }
    if complaints.is_empty() && listed.len() != exported.len() {
        complaints.push("a name is there twice".to_owned());
    }
    complaints
}

/// Whether a path such as `sync::Mutex::lock`, `time::sleep()`, `Chan::send` or `go!` means `item`.
fn is_at(item: &Item, path: &str) -> bool {
    let (function, path) = match path.strip_suffix("()") {
        Some(path) => (true, path),
        None => (false, path),
    };
    let mut segments: Vec<&str> = path.split("::").collect();
    let name = segments.pop();
    let is_type = |segment: &&str| segment.starts_with(char::is_uppercase);
    let owner = segments.last().copied().filter(is_type).unwrap_or_default();
    segments.truncate(segments.len() - usize::from(!owner.is_empty()));
    let here = segments.last().is_none_or(|folder| item.folder == *folder);
    let owned = item.owner == owner || item.owner == "$" && !owner.is_empty();
    name == Some(&item.name) && owned && here && (!function || owner.is_empty())
}

/// Whether who looks for `go` (`sync.Mutex.Lock`) finds `item`: by its name, or by an alias such as `Lock`, `Mutex.Lock`
/// or the whole. What is no identifier (`ch <- v`) nobody looks for.
fn is_found(item: &Item, go: &str) -> bool {
    let is_identifier = |name: &str| name.chars().all(|c| c.is_alphanumeric() || c == '.');
    let names = std::iter::once(item.name.trim_end_matches('!'));
    let mut names = names.chain(item.aliases.iter().map(String::as_str));
    !is_identifier(go)
        || names.any(|name| {
            go.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
}

/// What is wrong with the paths of a line.
fn wrong_paths(line: &Line<'_>, items: &[Item]) -> Vec<String> {
    let own = line.gort.iter().filter(|path| !path.starts_with("std::"));
    own.filter_map(|path| {
        let meant: Vec<_> = items.iter().filter(|item| is_at(item, path)).collect();
        if meant.is_empty() {
            Some(format!("{}: there is no {path}", line.go))
        } else if !meant.iter().any(|item| is_found(item, line.go)) {
            Some(format!("{}: {path} needs it as an alias", line.go))
        } else if !meant.iter().any(|item| item.has_section("Go")) {
            Some(format!("{}: {path} has no section `# Go`", line.go))
        } else {
            None
        }
    })
    .collect()
}

/// Everything that is wrong with the list.
fn check(list: &str, exported: &str, items: &[Item]) -> Vec<String> {
    let (lines, mut complaints) = read(list);
    complaints.extend(wrong_names(&lines, exported));
    complaints.extend(lines.iter().flat_map(|line| wrong_paths(line, items)));
    complaints
}

#[test]
fn the_list_of_names_is_whole_and_true() {
    let items: Vec<_> =
        sources(&["src"]).iter().flat_map(|(path, text)| items(path, text)).collect();
    let complaints = check(LIST, include_str!("exported.txt"), &items);
    assert_none(&complaints);
}

const LIST: &str = include_str!("../go_names.tsv");

// The page.

const BEGIN: &str = "<!-- The tables are written by tests/go_names; see there. -->\n";
const END: &str = "<!-- The end of the tables. -->\n";

/// The tables of the page, a section for each package. Its paths are links for rustdoc.
fn tables(list: &str) -> String {
    let mut page = String::new();
    let mut section = "";
    for line in read(list).0 {
        let package = package(line.go);
        if package != section || page.is_empty() {
            section = package;
            let title =
                if package.is_empty() { "The language".to_owned() } else { format!("`{package}`") };
            _ = write!(page, "\n### {title}\n\n| Go | gort | |\n|---|---|---|\n");
        }
        let name = line.go.strip_prefix(package).unwrap_or(line.go).trim_start_matches('.');
        let paths =
            line.gort.iter().map(|path| format!("[`{path}`]")).collect::<Vec<_>>().join(", ");
        _ = writeln!(
            page,
            "| `{name}` | {} | {} |",
            if paths.is_empty() { "-" } else { &paths },
            line.remark
        );
    }
    page.push('\n');
    page
}

/// The package of a name; empty for the language.
fn package(go: &str) -> &str {
    match go.split_once('.') {
        Some((package, name)) if name.starts_with(char::is_uppercase) => package,
        _ => "",
    }
}

/// `OVERWRITE=1` writes the tables anew.
#[test]
fn the_page_shows_the_list() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/from-go.md");
    let page = fs::read_to_string(&path).unwrap();
    let (head, rest) = page.split_once(BEGIN).expect("the page says where the tables begin");
    let (_, tail) = rest.split_once(END).expect("the page says where the tables end");
    let right = format!("{head}{BEGIN}{}{END}{tail}", tables(LIST));
    if env::var_os("OVERWRITE").is_some() {
        fs::write(&path, right).unwrap();
    } else {
        assert!(
            page == right,
            "{} shows another list: run this test with OVERWRITE=1",
            path.display()
        );
    }
}

mod notices {
    use super::{Item, check, items, tables};

    const SOURCE: &str = r#"
#[doc(alias = "Lock")]
macro_rules! go {
}

/// A lock.
///
/// # Go
#[doc(alias = "sync.Mutex")]
pub struct RawMutex<T> {
    pub value: T,
}

impl<T: Into<Option<u8>>, F: Fn() -> T> RawMutex<T> {
    const_fn! {
        /// # Go
        #[doc(alias = "Lock")]
        #[must_use]
        pub const fn lock(&self) {}
    }
    pub fn unlock(&self) {}
}

impl Drop for RawMutex<u8> {
    fn drop(&mut self) {}
}

/// # Go
#[doc(alias = "Sleep")]
pub fn sleep() {}

#[doc(alias = "Sleep")]
pub fn doze() {}

pub enum Error {
    #[doc(alias = "Cancelled")]
    Canceled,
}

macro_rules! receiving {
    ($handle:ident) => {
        impl<T> $handle<T> {
            /// # Go
            pub fn recv(&self) {}
        }
    };
}
"#;

    #[test]
    fn what_a_source_declares() {
        let found = items("src/sync/mutex.rs", SOURCE);
        let shown = |item: &Item| {
            let Item { folder, owner, name, aliases, sections } = item;
            let sections: String = sections.iter().map(|heading| format!(" # {heading}")).collect();
            format!("{folder} {owner} {name} {}{sections}", aliases.join(" "))
        };
        let right = [
            "sync  go! Lock",
            "sync  RawMutex sync.Mutex # Go",
            "sync RawMutex value  # Go",
            "sync RawMutex lock Lock # Go",
            "sync RawMutex unlock ",
            "sync RawMutex drop ",
            "sync  sleep Sleep # Go",
            "sync  doze Sleep",
            "sync  Error ",
            "sync Error Canceled Cancelled",
            "sync  receiving! ",
            "sync $ recv  # Go",
        ];
        assert_eq!(found.iter().map(shown).collect::<Vec<_>>(), right);
    }

    #[track_caller]
    fn complains(list: &str, words: &[&str]) {
        let exported = "# Go\nch <- v\nsync.Mutex\nsync.Mutex.Lock\ntime.Sleep";
        let complaints = check(list, exported, &items("src/sync/mutex.rs", SOURCE));
        assert_eq!(complaints.len(), words.len(), "{complaints:#?}");
        for (complaint, word) in complaints.iter().zip(words) {
            assert!(complaint.contains(word), "{complaint} does not say {word}");
        }
    }

    const RIGHT: &str = "# head\nch <- v\tChan::recv std::any\tso\nsync.Mutex\tsync::RawMutex\nsync.Mutex.Lock\tsync::RawMutex::lock\ntime.Sleep\tsleep()";

    #[test]
    fn nothing_in_a_list_that_is_right() {
        complains(RIGHT, &[]);
        complains(&RIGHT.replace("sleep()", "-\tnever"), &[]);
    }

    #[test]
    fn a_name_that_is_missing_unknown_or_out_of_place() {
        complains(RIGHT.rsplit_once('\n').unwrap().0, &["time.Sleep is not in the list"]);
        complains(
            &RIGHT.replace("time.Sleep", "time.Slip"),
            &["time.Sleep is not", "time.Slip is none", "alias"],
        );
        let (first, rest) =
            (RIGHT.lines().nth(1).unwrap(), RIGHT.lines().skip(2).collect::<Vec<_>>().join("\n"));
        complains(&format!("{rest}\n{first}"), &["sync.Mutex stands where ch <- v"]);
        complains(&format!("{RIGHT}\ntime.Sleep\tsleep()"), &["twice"]);
    }

    #[test]
    fn a_line_that_is_none_and_an_excuse_without_a_reason() {
        complains(
            &RIGHT.replace("\tsleep()", ""),
            &["not a line", "time.Sleep is not in the list"],
        );
        complains(&RIGHT.replace("sleep()", "-"), &["time.Sleep: says no reason"]);
    }

    #[test]
    fn a_path_that_leads_nowhere() {
        for wrong in [
            "sleap()",
            "time::sleep()",
            "sleep!",
            "RawMutex::sleep",
            "chan::RawMutex::lock",
            "RawMutex::lock()",
        ] {
            complains(&RIGHT.replace("sleep()", wrong), &[&format!("no {wrong}")]);
        }
    }

    #[test]
    fn a_name_under_which_nobody_finds_the_item() {
        complains(
            &RIGHT.replace("RawMutex::lock", "RawMutex::unlock"),
            &["Lock: sync::RawMutex::unlock needs"],
        );
        complains(
            &RIGHT.replace("sync::RawMutex\n", "sync::Error\n"),
            &["sync.Mutex: sync::Error needs"],
        );
    }

    #[test]
    fn an_item_that_does_not_say_what_it_is_in_go() {
        complains(&RIGHT.replace("sleep()", "doze()"), &["Sleep: doze() has no section"]);
    }

    #[test]
    fn tables_by_package() {
        let list =
            "ch <- v\tChan::send Sender::send\tso\nsync.Mutex\t-\tnever\nsync.Mutex.Lock\tlock";
        let right = "
### The language

| Go | gort | |
|---|---|---|
| `ch <- v` | [`Chan::send`], [`Sender::send`] | so |

### `sync`

| Go | gort | |
|---|---|---|
| `Mutex` | - | never |
| `Mutex.Lock` | [`lock`] |  |

";
        assert_eq!(tables(list), right);
    }
}
