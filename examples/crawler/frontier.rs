//! The addresses that are known, and those whose turn is next.

use std::collections::{HashMap, hash_map::Entry};

use gort::sync::RwLock;
use url::Url;

/// A lock for many readers: most links of a site, on every page the same, lead to what is known already, and
/// to find that out, visits need not wait for each other.
#[derive(Debug, Default)]
pub(crate) struct Frontier {
    addresses: RwLock<Addresses>,
}

#[derive(Debug, Default)]
struct Addresses {
    /// How many links away from the start each is. Of those that were never visited, too.
    known: HashMap<Url, u32>,
    /// The addresses that came to be known in this round.
    next: Vec<Url>,
}

impl Frontier {
    /// Keeps the addresses that are new for the round at this depth.
    pub(crate) async fn add(&self, urls: &[Url], depth: u32) {
        let new: Vec<&Url> = {
            let addresses = self.addresses.read().await;
            urls.iter().filter(|&url| !addresses.known.contains_key(url)).collect()
        };
        if new.is_empty() {
            return;
        }
        let mut addresses = self.addresses.write().await;
        for url in new {
            // Another page may have added it in the meantime.
            if !addresses.known.contains_key(url) {
                addresses.known.insert(url.clone(), depth);
                addresses.next.push(url.clone());
            }
        }
    }

    /// Takes an address for a visit in the round at this depth, which is under way, as a redirect has led
    /// there. Fails if it is part of this round anyway, or was of an earlier one.
    pub(crate) async fn claim(&self, url: &Url, depth: u32) -> bool {
        match self.addresses.write().await.known.entry(url.clone()) {
            Entry::Vacant(place) => {
                place.insert(depth);
                true
            }
            // Some link leads there as well, so it was to come in the next round.
            Entry::Occupied(mut known) if *known.get() > depth => {
                known.insert(depth);
                true
            }
            Entry::Occupied(_) => false,
        }
    }

    /// Begins the round at this depth: what is to be visited in it, the hosts taking turns.
    ///
    /// The order does not depend on which page came first, so a crawl that ends early ends alike.
    pub(crate) async fn round(&self, depth: u32) -> Vec<Url> {
        let mut addresses = self.addresses.write().await;
        let mut round = std::mem::take(&mut addresses.next);
        // Without those that a redirect has led to earlier.
        round.retain(|url| addresses.known[url] == depth);
        drop(addresses);
        round.sort();
        take_turns(round)
    }

    /// How many addresses are known.
    pub(crate) async fn len(&self) -> usize {
        self.addresses.read().await.known.len()
    }
}

/// First the first address of every host, then the second: a host that is asked slowly shall not have all the
/// slots of the group.
fn take_turns(urls: Vec<Url>) -> Vec<Url> {
    let mut taken = HashMap::<String, usize>::new();
    let turn = |url: Url| {
        let turn = taken.entry(url.authority().to_owned()).or_default();
        *turn += 1;
        (*turn, url)
    };
    let mut turns: Vec<_> = urls.into_iter().map(turn).collect();
    turns.sort();
    turns.into_iter().map(|(_, url)| url).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(texts: &[&str]) -> Vec<Url> {
        texts.iter().map(|text| Url::parse(text).expect("an address")).collect()
    }

    #[test]
    fn each_address_is_in_one_round() {
        gort::run(async {
            let frontier = Frontier::default();
            let (start, a, b) = ("http://h/", "http://h/a", "http://h/b");
            frontier.add(&urls(&[start, start]), 0).await;
            assert_eq!(frontier.round(0).await, urls(&[start]));
            frontier.add(&urls(&[b, start, a]), 1).await;
            frontier.add(&urls(&[a]), 1).await;
            assert_eq!(frontier.round(1).await, urls(&[a, b]));
            frontier.add(&urls(&[a, b, start]), 2).await;
            assert_eq!(frontier.round(2).await, []);
            assert_eq!(frontier.len().await, 3);
        });
    }

    #[test]
    fn redirect_takes_what_is_new_or_of_the_next_round() {
        gort::run(async {
            let frontier = Frontier::default();
            let all = urls(&["http://h/", "http://h/next", "http://h/new"]);
            let [start, next, new] = &all[..] else { unreachable!("three") };
            frontier.add(&all[..1], 0).await;
            frontier.round(0).await;
            frontier.add(&all[..2], 1).await;
            assert!(!frontier.claim(start, 0).await, "it is of this round");
            assert!(frontier.claim(next, 0).await, "it was to come");
            assert!(!frontier.claim(next, 0).await, "a second redirect");
            assert!(frontier.claim(new, 0).await);
            frontier.add(&all, 1).await;
            assert_eq!(frontier.round(1).await, [], "both have had their visit");
            assert!(!frontier.claim(new, 1).await, "it was of an earlier round");
        });
    }

    #[test]
    fn hosts_take_turns() {
        let round = urls(&[
            "http://a/1",
            "http://a/2",
            "http://a/3",
            "http://b/1",
            "http://c:1/1",
            "http://c:1/2",
        ]);
        let turns = [
            "http://a/1",
            "http://b/1",
            "http://c:1/1",
            "http://a/2",
            "http://c:1/2",
            "http://a/3",
        ];
        assert_eq!(take_turns(round), urls(&turns));
    }
}
