//! `robots.txt`: what a site asks crawlers to leave alone, as RFC 9309 has it.

use std::time::Duration;

/// The rules of one site for one crawler. By default everything may be asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Robots {
    rules: Vec<Rule>,
    /// The least time between two requests, where the site names one (`Crawl-delay`, which is not in the
    /// RFC, but in many files).
    pub(crate) delay: Option<Duration>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    allow: bool,
    /// The beginning of a path in one [spelling](spell); `*` stands for anything, `$` at the end for the end.
    pattern: String,
}

impl Robots {
    /// Nothing may be asked for.
    pub(crate) fn nothing() -> Self {
        let rule = Rule { allow: false, pattern: "/".to_owned() };
        Robots { rules: vec![rule], delay: None }
    }

    /// The rules of the groups that name `agent`, or else of those for everybody (`*`).
    ///
    /// Lines that nobody can make sense of are skipped.
    pub(crate) fn parse(text: &str, agent: &str) -> Self {
        let (mut own, mut others) = (None::<Robots>, None::<Robots>);
        // Whose group it is, and whether the lines that name them are over.
        let (mut for_own, mut for_others, mut in_rules) = (false, false, true);
        for line in text.trim_start_matches('\u{feff}').split(['\r', '\n']) {
            let line = line.split('#').next().unwrap_or_default();
            let Some((key, value)) = line.split_once(':') else { continue };
            let (key, value) = (key.trim().to_ascii_lowercase(), value.trim());
            match key.as_str() {
                "user-agent" => {
                    if std::mem::take(&mut in_rules) {
                        (for_own, for_others) = (false, false);
                    }
                    if value == "*" {
                        for_others = true;
                        others.get_or_insert_default();
                    } else if product(value).eq_ignore_ascii_case(agent) {
                        for_own = true;
                        own.get_or_insert_default();
                    }
                }
                "allow" | "disallow" | "crawl-delay" => {
                    in_rules = true;
                    let groups = [(for_own, &mut own), (for_others, &mut others)];
                    for robots in groups.into_iter().filter(|g| g.0).filter_map(|g| g.1.as_mut()) {
                        robots.add(&key, value);
                    }
                }
                // Of the whole file, and no end of a group: `Sitemap`, for one.
                _ => {}
            }
        }
        own.or(others).unwrap_or_default()
    }

    fn add(&mut self, key: &str, value: &str) {
        if key == "crawl-delay" {
            let delay = value.parse().ok().and_then(|s| Duration::try_from_secs_f64(s).ok());
            self.delay = delay.or(self.delay);
        } else if !value.is_empty() {
            self.rules.push(Rule { allow: key == "allow", pattern: spell(value, b"") });
        }
    }

    /// Whether the path, with its query, may be asked for: what the longest rule that matches says; of two
    /// that are equally long, the one that allows.
    pub(crate) fn allows(&self, path: &str) -> bool {
        // What is special in a pattern is not in a path.
        let path = spell(path, b"*$");
        let matching = self.rules.iter().filter(|rule| rule.matches(&path).is_some());
        let longest = matching.max_by_key(|rule| (rule.pattern.len(), rule.allow));
        longest.is_none_or(|rule| rule.allow)
    }
}

impl Rule {
    /// `None` if it does not.
    fn matches(&self, path: &str) -> Option<()> {
        let (pattern, whole) = match self.pattern.strip_suffix('$') {
            Some(pattern) => (pattern, true),
            None => (&self.pattern[..], false),
        };
        let mut parts = pattern.split('*');
        let mut rest = path.strip_prefix(parts.next()?)?;
        // Of a pattern for whole paths the last part has to be at the end.
        let last = if whole { parts.next_back() } else { None };
        for part in parts {
            // Where it comes first, most is left for the other parts.
            rest = rest.split_once(part)?.1;
        }
        let matches = match last {
            Some(last) => rest.ends_with(last),
            None => !whole || rest.is_empty(),
        };
        matches.then_some(())
    }
}

/// The name of a crawler without its version: `gort-crawler` of `gort-crawler/0.1`.
fn product(agent: &str) -> &str {
    let end = agent.find(|c: char| !(c.is_ascii_alphabetic() || c == '-' || c == '_'));
    &agent[..end.unwrap_or(agent.len())]
}

/// Percent-encoding in one spelling, so that paths can be compared: encoded is what is not ASCII, what
/// was encoded and means something else when it is not, and `special`.
pub(crate) fn spell(text: &str, special: &[u8]) -> String {
    let bytes = text.as_bytes();
    let mut spelled = String::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        let encoded = bytes.get(at + 1..at + 3).filter(|_| byte == b'%').and_then(hex);
        let (byte, encode) = match encoded {
            Some(byte) => (byte, !is_unreserved(byte)),
            None => (byte, !byte.is_ascii() || special.contains(&byte)),
        };
        if encode {
            spelled.push_str(&format!("%{byte:02X}"));
        } else {
            spelled.push(byte.into());
        }
        at += if encoded.is_some() { 3 } else { 1 };
    }
    spelled
}

/// The byte that two digits stand for.
fn hex(digits: &[u8]) -> Option<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    match digits {
        [high, low] => u8::try_from(digit(high)? * 16 + digit(low)?).ok(),
        _ => None,
    }
}

/// Whether the byte means the same encoded or not (RFC 3986, 2.3).
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether `gort-crawler` may ask for the path, by these lines.
    fn allows(lines: &str, path: &str) -> bool {
        Robots::parse(lines, "gort-crawler").allows(path)
    }

    /// The paths that a lone rule for everybody matches.
    fn matched<'p>(pattern: &str, paths: &[&'p str]) -> Vec<&'p str> {
        let lines = format!("User-agent: *\nDisallow: {pattern}");
        paths.iter().copied().filter(|path| !allows(&lines, path)).collect()
    }

    #[test]
    fn nothing_is_forbidden_by_an_empty_file_or_rule() {
        for lines in ["", "User-agent: *", "User-agent: *\nDisallow:", "Disallow: /", "<html>"] {
            assert!(allows(lines, "/a"), "{lines}");
        }
        assert!(!Robots::nothing().allows("/"));
    }

    #[test]
    fn pattern_matches_the_beginning_of_a_path() {
        let paths = ["/", "/fish", "/fish.html", "/fishes/1", "/Fish", "/cat/fish", "/fish?id=1"];
        let with = ["/fish", "/fish.html", "/fishes/1", "/fish?id=1"];
        assert_eq!(matched("/fish", &paths), with);
        assert_eq!(matched("/fish*", &paths), with);
        assert_eq!(matched("/", &paths), paths);
        assert_eq!(matched("fish", &paths), [""; 0]);
    }

    #[test]
    fn star_stands_for_anything() {
        let paths = ["/a.php", "/dir/a.php?x=1", "/a.PHP", "/php", "/fish/eel.php", "/fish.php"];
        assert_eq!(
            matched("/*.php", &paths),
            ["/a.php", "/dir/a.php?x=1", "/fish/eel.php", "/fish.php"]
        );
        assert_eq!(matched("*.php", &paths).len(), 4);
        assert_eq!(matched("/fish*.php", &paths), ["/fish/eel.php", "/fish.php"]);
        assert_eq!(matched("/**a*", &paths), ["/a.php", "/dir/a.php?x=1", "/a.PHP"]);
    }

    #[test]
    fn dollar_is_the_end_of_the_path() {
        let paths = ["/a.php", "/a.php?x", "/a.php5", "/b.php.php", "/"];
        assert_eq!(matched("/*.php$", &paths), ["/a.php", "/b.php.php"]);
        assert_eq!(matched("/$", &paths), ["/"]);
        assert_eq!(matched("/a*$", &paths), ["/a.php", "/a.php?x", "/a.php5"]);
        assert_eq!(
            matched("/a$.php", &["/a$.php", "/a"]),
            [""; 0],
            "in the middle it is special, too"
        );
        // What the first star took is not there for the second part.
        assert_eq!(matched("/*aba*ba$", &["/ababa", "/aba", "/abaaba"]), ["/ababa", "/abaaba"]);
        assert_eq!(matched("/*ab*ab$", &["/ab", "/aab", "/abab"]), ["/abab"]);
    }

    #[test]
    fn longest_rule_decides_and_a_tie_allows() {
        let lines = "User-agent: *\nDisallow: /p\nAllow: /page\nDisallow: /page/secret\nAllow: /page/secret";
        for (path, allowed) in
            [("/", true), ("/p", false), ("/path", false), ("/page", true), ("/page/secret", true)]
        {
            assert_eq!(allows(lines, path), allowed, "{path}");
        }
        let lines = "User-agent: *\nAllow: /folder\nDisallow: /folder/*.htm";
        assert!(allows(lines, "/folder/a.txt") && !allows(lines, "/folder/a.htm"));
        // By the length of the pattern, whatever it matches.
        let lines = "User-agent: *\nAllow: /$\nDisallow: /";
        assert!(allows(lines, "/") && !allows(lines, "/page"));
    }

    #[test]
    fn own_group_replaces_the_one_for_everybody() {
        let lines =
            "User-agent: *\nDisallow: /\n\nuser-AGENT : GORT-Crawler/2.0 # ours\nDisallow: /x";
        assert!(allows(lines, "/") && !allows(lines, "/x"));
        let lines = "User-agent: gort-crawler\nDisallow:\nUser-agent: *\nDisallow: /";
        assert!(allows(lines, "/x"), "an empty group of its own is a group");
        let lines = "User-agent: gort\nDisallow: /\nUser-agent: gort-crawlers\nDisallow: /";
        assert!(allows(lines, "/"), "names are compared as a whole");
    }

    #[test]
    fn groups_of_the_same_name_are_one() {
        let lines = "User-agent: gort-crawler\nDisallow: /a\nUser-agent: other\nDisallow: /b\n\
                     User-agent: gort-crawler\nDisallow: /c";
        assert_eq!(["/a", "/b", "/c"].map(|path| allows(lines, path)), [false, true, false]);
    }

    #[test]
    fn group_may_name_several_and_ends_with_the_next_name() {
        let lines = "User-agent: one\nUser-agent: gort-crawler\nSitemap: http://h/s.xml\n\
                     User-agent: two\nDisallow: /a\n\nDisallow: /b\nUser-agent: three\nDisallow: /c";
        assert_eq!(["/a", "/b", "/c"].map(|path| allows(lines, path)), [false, false, true]);
    }

    #[test]
    fn comments_blanks_and_line_ends_do_not_matter() {
        let lines =
            "\u{feff}User-agent:*\r\n  disallow :  /a  # why not\r# Disallow: /b\rDISALLOW:/c";
        assert_eq!(["/a", "/b", "/c"].map(|path| allows(lines, path)), [false, true, false]);
    }

    #[test]
    fn encodings_of_the_same_path_are_the_same() {
        let same = ["/caf%C3%A9", "/caf%c3%a9", "/café", "/%63af%C3%A9"];
        for pattern in same {
            assert_eq!(matched(pattern, &same), same, "{pattern}");
        }
        assert_eq!(matched("/a%2Fb", &["/a/b", "/a%2fb"]), ["/a%2fb"], "a slash is not the same");
        assert_eq!(matched("/%2A%24", &["/*$", "/%2a%24", "/a"]), ["/*$", "/%2a%24"]);
        assert_eq!(matched("/100%", &["/100%", "/100%zz"]), ["/100%", "/100%zz"]);
    }

    #[test]
    fn delay_is_the_last_that_can_be_read() {
        let delay = |lines| Robots::parse(lines, "gort-crawler").delay;
        assert_eq!(delay("User-agent: *\nCrawl-delay: 1.5"), Some(Duration::from_millis(1500)));
        assert_eq!(delay("User-agent: *\nCrawl-delay: soon"), None);
        assert_eq!(delay("User-agent: *\nCrawl-delay: -1"), None);
        assert_eq!(delay("User-agent: other\nCrawl-delay: 9"), None);
        let lines = "User-agent: *\nCrawl-delay: 2\nCrawl-delay: 1e99\nDisallow: /a";
        assert_eq!(delay(lines), Some(Duration::from_secs(2)));
        assert!(!allows(lines, "/a"));
    }
}
