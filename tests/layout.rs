//! The rules of the source tree that no compiler and no lint knows, checked on the text.
//!
//! 1. Folders stand in rows; a folder imports earlier rows or itself ([`ROWS`]).
//! 2. Locks, atomics, cells and parking come from `sys`, so that models see them ([`FOREIGN`]).
//! 3. The cfgs of models stand in `sys`, on `mod` lines and on tests.
//! 4. The files that may say `unsafe` are listed ([`UNSAFE_FILES`]), and each says why.
//! 5. Every file opens with what it is.
//! 6. Every `unsafe` has its argument beside it, and nearly every memory ordering (`layout/figures.rs`).
//! 7. Everything that waits stands on the guide's page on cancel safety (`layout/waits.rs`).
//!
//! Each rule is a function from a source text to complaints; the tests at the end feed it texts that
//! break the rule.

mod layout {
    pub(crate) mod figures;
    mod figures_notice;
    pub(crate) mod files;
    pub(crate) mod items;
    pub(crate) mod lexer;
    pub(crate) mod rules;
    pub(crate) mod source;
    pub(crate) mod waits;
}

use layout::files::sources;
use layout::items::items;
use layout::{figures, rules, waits};

#[track_caller]
fn assert_none(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

fn check_each(rule: impl Fn(&str, &str) -> Vec<String>) -> Vec<String> {
    sources(&["src"]).iter().flat_map(|(path, text)| rule(path, text)).collect()
}

#[test]
fn folders_import_earlier_rows_only() {
    assert_none(&check_each(rules::imports));
}

#[test]
fn every_folder_stands_in_a_row() {
    assert_none(&check_each(|path, _| rules::unknown_folder(path)));
}

#[test]
fn locks_and_atomics_come_from_sys() {
    assert_none(&check_each(rules::foreign_primitives));
}

#[test]
fn model_cfgs_stay_in_sys() {
    assert_none(&check_each(rules::model_cfgs));
}

#[test]
fn unsafe_stands_in_listed_files_only() {
    assert_none(&rules::unsafe_files(&sources(&["src"]), rules::UNSAFE_FILES));
}

#[test]
fn every_file_opens_with_what_it_is() {
    let all = sources(&["src", "macros", "tests"]);
    assert_none(
        &all.iter().flat_map(|(path, text)| rules::opening(path, text)).collect::<Vec<_>>(),
    );
}

#[test]
fn every_unsafe_and_most_orderings_are_argued() {
    let shares = figures::shares(&sources(&["src", "macros"]));
    assert_none(&shares.iter().flat_map(figures::Share::complaints).collect::<Vec<_>>());
}

#[test]
fn everything_that_waits_is_on_the_page_on_cancel_safety() {
    let sources = sources(&["src"]);
    let items: Vec<_> = sources.iter().flat_map(|(path, text)| items(path, text)).collect();
    assert_none(&waits::unlisted(&items, include_str!("../docs/cancel-safety.md")));
}

/// Not a check; `.ci/figures` shows it.
#[test]
#[expect(clippy::print_stdout, reason = "a report")]
fn figures() {
    println!("\n{}", figures::table(&sources(&["src", "macros"])));
}

mod rules_notice {
    use super::assert_none;
    use super::layout::items::items;
    use super::layout::{rules, waits};

    #[track_caller]
    fn complains(complaints: &[String], about: &[&str]) {
        assert_eq!(complaints.len(), about.len(), "{complaints:#?}");
        for (complaint, word) in complaints.iter().zip(about) {
            assert!(complaint.contains(word), "{complaint} does not name {word}");
        }
    }

    #[test]
    fn an_import_of_a_later_row() {
        let text = "use crate::chan::Sender;\nfn f() { crate::runtime::go(); }";
        complains(&rules::imports("src/wait/list.rs", text), &["chan", "runtime"]);
        assert_none(&rules::imports("src/select/engine.rs", text));
    }

    #[test]
    fn an_import_of_a_neighbour_in_the_same_row() {
        let text = "use crate::sync::Mutex;";
        complains(&rules::imports("src/time/sleep.rs", text), &["sync"]);
        assert_none(&rules::imports("src/sync/raw_mutex.rs", text));
    }

    #[test]
    fn an_import_hidden_in_a_group() {
        let text = "use crate::{sys::clock, wait::{self, list}, net::{TcpStream as S}};";
        complains(&rules::imports("src/reactor/mod.rs", text), &["net"]);
        complains(&rules::imports("src/sys/mod.rs", text), &["wait", "wait", "net"]);
    }

    #[test]
    fn an_import_through_super() {
        let text = "use super::super::select::Arm;";
        complains(&rules::imports("src/chan/core.rs", text), &["select"]);
        complains(&rules::imports("src/chan/mod.rs", "use super::select::Arm;"), &["select"]);
        assert_none(&rules::imports("src/chan/core.rs", "use super::select::Arm;"));
        let nested = "mod tests { use super::super::super::select::Arm; use super::*; }";
        complains(&rules::imports("src/chan/core.rs", nested), &["select"]);
    }

    #[test]
    fn an_import_by_way_of_the_crate_root() {
        complains(&rules::imports("src/sync/mutex.rs", "use crate::go;"), &["go"]);
        complains(&rules::imports("src/sync/mutex.rs", "use crate::*;"), &["*"]);
    }

    #[test]
    fn no_import_in_comments_strings_and_macros_for_others() {
        let text = r##"
            //! See [`crate::net`].
            /* use crate::net; /* nested */ use crate::net; */
            const S: &str = "crate::net \" crate::net"; const R: &str = r#"crate::net"#;
            const C: char = '"'; fn f<'a>(x: &'a str) -> &'a str { x }
            macro_rules! m { () => { $crate::net::f() } }
        "##;
        assert_none(&rules::imports("src/sys/mod.rs", text));
    }

    #[test]
    fn a_folder_without_a_row() {
        complains(&rules::unknown_folder("src/util/mod.rs"), &["util"]);
        assert_none(&rules::unknown_folder("src/chan/mod.rs"));
        assert_none(&rules::unknown_folder("src/lib.rs"));
    }

    #[test]
    fn primitives_that_models_do_not_see() {
        let text = "use std::sync::{Arc, Mutex, atomic::{AtomicU8, Ordering}};\n\
                    fn f() { std::thread::park(); let c = core::cell::UnsafeCell::new(0); }";
        let about = ["std::sync::Mutex", "std::sync::atomic", "std::thread::park", "UnsafeCell"];
        let about = [about[0], about[1], about[1], about[2], about[3]];
        complains(&rules::foreign_primitives("src/chan/core.rs", text), &about);
        assert_none(&rules::foreign_primitives("src/sys/sync.rs", text));
        complains(
            &rules::foreign_primitives("src/chan/core.rs", "use loom::sync::Arc;"),
            &["loom"],
        );
        assert_none(&rules::foreign_primitives("src/chan/loom.rs", "use loom::sync::Arc;"));
    }

    #[test]
    fn a_model_cfg_in_code() {
        let text = "#[cfg(gort_loom)]\nconst N: usize = 4;\nfn f() -> bool { cfg!(gort_tsan) }";
        complains(&rules::model_cfgs("src/runtime/ring.rs", text), &["gort_loom", "gort_tsan"]);
        assert_none(&rules::model_cfgs("src/sys/cell.rs", text));
        let modules = "#[cfg(all(test, gort_loom))]\n#[path = \"l.rs\"]\npub(crate) mod loom;";
        assert_none(&rules::model_cfgs("src/runtime/mod.rs", modules));
        let test = "#[cfg(not(gort_loom))]\n#[test]\nfn works() {}";
        assert_none(&rules::model_cfgs("src/runtime/mod.rs", test));
    }

    #[test]
    fn unsafe_in_an_unlisted_file_and_a_listed_file_without_it() {
        let file = |path: &str, text: &str| (path.to_owned(), text.to_owned());
        let header = "#![expect(unsafe_code, reason = \"pointers\")]\n";
        let sources = [
            file("src/a.rs", &format!("{header}unsafe impl Send for T {{}}")),
            file("src/b.rs", &format!("{header}unsafe impl Send for T {{}}")),
            file("src/c.rs", "// unsafe in words is nobody's business\nfn f() {}"),
            file("src/d.rs", "#[expect(unsafe_code)]\nfn f() { unsafe { g() } }"),
        ];
        complains(
            &rules::unsafe_files(&sources, &["src/a.rs", "src/gone.rs"]),
            &["src/b.rs", "src/d.rs", "src/gone.rs"],
        );
    }

    #[test]
    fn a_file_that_does_not_say_what_it_is() {
        complains(&rules::opening("src/a.rs", "// A file.\nfn f() {}"), &["src/a.rs"]);
        complains(&rules::opening("src/a.rs", "\n\nfn f() {}"), &["src/a.rs"]);
        complains(&rules::opening("src/a.rs", "//!\nfn f() {}"), &["src/a.rs"]);
        assert_none(&rules::opening("src/a.rs", "//! A file.\nfn f() {}"));
    }

    #[test]
    fn a_wait_that_is_not_on_the_page() {
        let text = "/// # Cancel safety\npub fn sleep() {}\nimpl Mutex {\n    /// # Cancel safety\n    pub fn lock() {}\n\
                    }\nimpl Other {\n    pub fn lock() {}\n}";
        let items = items("src/time/sleep.rs", text);
        assert_none(&waits::unlisted(&items, "[`time::sleep()`] and [`sync::Mutex::lock`]"));
        let about = ["`sleep()`", "`Mutex::lock`"];
        complains(&waits::unlisted(&items, "`Mutex::lock` and `time::sleep`"), &about[..1]);
        complains(&waits::unlisted(&items, "`sleep()` and `RawMutex::lock`"), &about[1..]);
        complains(&waits::unlisted(&items, "sleep() `and` Mutex::lock"), &about);
    }
}
