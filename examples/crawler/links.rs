//! The links of a page: found in its HTML, made absolute, and brought into one spelling.

use std::collections::HashSet;

use html5gum::{DefaultEmitter, StartTag, Token, Tokenizer};
use url::Url;

use crate::robots::spell;

/// Where a page leads to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Links {
    /// The addresses that can be followed, each once, in the order of the page.
    pub(crate) http: Vec<Url>,
    /// How many led to hosts that are left alone; see [`keep`](Self::keep).
    pub(crate) outside: usize,
    /// How many links are `https`.
    pub(crate) https: usize,
    /// How many have another scheme, as `mailto`, or are no addresses at all.
    pub(crate) other: usize,
}

impl Links {
    /// How many addresses there were to follow.
    pub(crate) fn len(&self) -> usize {
        self.http.len() + self.outside
    }

    /// Only counts those that are not `inside`.
    pub(crate) fn keep(&mut self, inside: impl Fn(&Url) -> bool) {
        let all = self.len();
        self.http.retain(inside);
        self.outside = all - self.http.len();
    }

    /// Takes in the link that is written as `href`.
    fn add(&mut self, base: &Url, href: &str, seen: &mut HashSet<Url>) {
        match base.join(href).map(tidy) {
            Ok(url) if url.scheme() == "http" => {
                if seen.insert(url.clone()) {
                    self.http.push(url);
                }
            }
            Ok(url) if url.scheme() == "https" => self.https += 1,
            _ => self.other += 1,
        }
    }
}

/// The one spelling of an address: without what is for the browser only (`#section`), without a name and a
/// password, and percent-encoded where it has to be.
pub(crate) fn tidy(mut url: Url) -> Url {
    url.set_fragment(None);
    if matches!(url.scheme(), "http" | "https") {
        // These have a host, so they can have both.
        _ = url.set_username("");
        _ = url.set_password(None);
        url.set_path(&spell(url.path(), b""));
        url.set_query(url.query().map(|query| spell(query, b"")).as_deref());
    }
    url
}

/// The links of a page at `address`: those of `<a>` and `<area>`, unless the page or the link itself says
/// `nofollow`.
pub(crate) fn extract(address: &Url, html: &[u8]) -> Links {
    let mut emitter = DefaultEmitter::default();
    // What looks like a tag in a script or in a title is none.
    emitter.naively_switch_states(true);

    let (mut links, mut seen, mut base) = (Links::default(), HashSet::new(), None);
    for Ok(token) in Tokenizer::new_with_emitter(html, emitter) {
        let Token::StartTag(tag) = token else { continue };
        match &tag.name[..] {
            b"a" | b"area" if !has_word(&tag, b"rel", "nofollow") => {
                if let Some(href) = attribute(&tag, b"href") {
                    links.add(base.as_ref().unwrap_or(address), &href, &mut seen);
                }
            }
            b"base" if base.is_none() => {
                base = attribute(&tag, b"href").and_then(|href| address.join(&href).ok());
            }
            b"meta" if forbids_to_follow(&tag) => return Links::default(),
            _ => {}
        }
    }
    links
}

fn attribute(tag: &StartTag<()>, name: &[u8]) -> Option<String> {
    let value = tag.attributes.get(name)?;
    Some(String::from_utf8_lossy(value).into_owned())
}

/// Whether this `<meta>` asks crawlers to follow no link of the page.
fn forbids_to_follow(tag: &StartTag<()>) -> bool {
    let says = |word| has_word(tag, b"content", word);
    has_word(tag, b"name", "robots") && (says("nofollow") || says("none"))
}

/// Whether the attribute is a list that contains `word`.
fn has_word(tag: &StartTag<()>, name: &[u8], word: &str) -> bool {
    let value = attribute(tag, name).unwrap_or_default();
    let mut words = value.split(|c: char| c == ',' || c.is_ascii_whitespace());
    words.any(|w| w.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(html: &str) -> Links {
        let address = Url::parse("http://host/dir/page?q=1#here").expect("an address");
        extract(&address, html.as_bytes())
    }

    /// What the links of `html`, all of which can be followed, are.
    fn found(html: &str) -> Vec<String> {
        let links = links(html);
        assert_eq!((links.https, links.other), (0, 0), "{html}");
        links.http.iter().map(Url::to_string).collect()
    }

    #[test]
    fn links_are_made_absolute() {
        for (href, url) in [
            ("next", "http://host/dir/next"),
            ("./next", "http://host/dir/next"),
            ("../up", "http://host/up"),
            ("../../../up", "http://host/up"),
            ("/root", "http://host/root"),
            ("", "http://host/dir/page?q=1"),
            ("?q=2", "http://host/dir/page?q=2"),
            ("//other/x", "http://other/x"),
            ("HTTP://Other.Example:80", "http://other.example/"),
            ("http://other:81/a/../b/./c", "http://other:81/b/c"),
            ("http://name:word@other/", "http://other/"),
            (" spaced\n", "http://host/dir/spaced"),
            ("two words", "http://host/dir/two%20words"),
            ("café", "http://host/dir/caf%C3%A9"),
            ("caf%c3%a9?%7e%2f", "http://host/dir/caf%C3%A9?~%2F"),
            ("http://bücher.example/", "http://xn--bcher-kva.example/"),
            ("a&amp;b=&#99;", "http://host/dir/a&b=c"),
        ] {
            assert_eq!(found(&format!("<a href=\"{href}\">")), [url], "{href}");
        }
    }

    #[test]
    fn same_address_is_one_link() {
        let html =
            "<a href=a><a href='./a'><a href='a#b'><a href='http://HOST:80/dir/a'><a href=A>";
        assert_eq!(found(html), ["http://host/dir/a", "http://host/dir/A"]);
    }

    #[test]
    fn tags_are_found_as_browsers_find_them() {
        let html = "<!doctype html><title><a href=title></title><!-- <a href=comment> -->\
                    <script>'<a href=script>'</script><style><a href=style></style>\
                    <A CLASS=x HREF = one HREF=twice><area href=two><link href=css><img src=picture>\
                    <a name=anchor><p title='<a href=quoted>'><a\nhref=three\n/><a href=four";
        let names = found(html);
        assert_eq!(names, ["one", "two", "three"].map(|name| format!("http://host/dir/{name}")));
    }

    #[test]
    fn first_base_counts() {
        let html = "<a href=a><base target=_top><base href=/b/c><base href=/d/><a href=e>";
        assert_eq!(found(html), ["http://host/dir/a", "http://host/b/e"]);
    }

    #[test]
    fn nofollow_is_not_followed() {
        let html =
            "<a href=a rel=nofollow><a href=b rel='noopener NoFollow'><a href=c rel=nofollows>";
        assert_eq!(found(html), ["http://host/dir/c"]);
        for content in ["nofollow", "noindex, NOFOLLOW", "none"] {
            let html = format!("<a href=a><meta name=Robots content='{content}'><a href=b>");
            assert_eq!(links(&html), Links::default(), "{content}");
        }
        let html = "<meta name=robots content=noindex><meta name=author content=none><a href=a>";
        assert_eq!(found(html), ["http://host/dir/a"]);
    }

    #[test]
    fn what_cannot_be_followed_is_counted() {
        let html = "<a href='https://host/'><a href=mailto:a@b><a href='javascript:void(0)'>\
                    <a href='ftp://host/'><a href='http://'><a href='http://host:99999/'><a href=x>";
        let mut links = links(html);
        assert_eq!((links.http.len(), links.https, links.other), (1, 1, 5));
        links.keep(|url| url.host_str() == Some("other"));
        assert_eq!((links.http.len(), links.outside, links.len()), (0, 1, 1));
    }

    #[test]
    fn bytes_that_are_no_text_do_not_stop_it() {
        let address = Url::parse("http://host/").expect("an address");
        let links = extract(&address, b"\xff\xfe<a href=\"a\xff\">\x00<a href=b>");
        let urls: Vec<_> = links.http.iter().map(Url::as_str).collect();
        assert_eq!(urls, ["http://host/a%EF%BF%BD", "http://host/b"]);
    }
}
