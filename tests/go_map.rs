//! Go's cases of `sync.Map` and `sync.Pool`, 111 to 114.

mod common;

use common::everywhere::{everywhere, live, seeded};
use gort::runtime::gosched;
use gort::sync::{Map, Pool, WaitGroup};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

// Map.

#[test]
fn c111_what_is_absent_is_neither_swapped_nor_deleted() {
    let map = Map::new();
    assert_eq!(map.swap("key", 1), None);
    assert_eq!(map.swap("key", 2), Some(1));
    assert!(!map.compare_and_swap(&"absent", &0, 1), "absent is equal to nothing");
    assert_eq!(map.load(&"absent"), None);
    assert!(!map.compare_and_swap(&"key", &1, 3));
    assert!(map.compare_and_swap(&"key", &2, 3));
    assert!(!map.compare_and_delete(&"key", &2));
    assert!(!map.compare_and_delete(&"absent", &2));
    assert_eq!(map.load(&"key"), Some(3));
    assert!(map.compare_and_delete(&"key", &3));
    assert_eq!(map.load(&"key"), None);
    map.delete(&"key");
    assert_eq!(map.load_and_delete(&"key"), None);
}

#[test]
fn c111_the_map_does_what_a_map_behind_a_lock_does() {
    // Of Go's model test: the same steps on both.
    let (map, mut model) = (Map::new(), HashMap::new());
    let mut state = 1_u64;
    for _ in 0..20_000 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let (what, key, value) = (state >> 33, state >> 40 & 31, state >> 50 & 3);
        match what % 9 {
            0 => assert_eq!(map.load(&key), model.get(&key).copied()),
            1 => {
                map.store(key, value);
                model.insert(key, value);
            }
            2 => {
                let there = model.get(&key).copied();
                let expected = *model.entry(key).or_insert(value);
                assert_eq!(map.load_or_store(key, value), (expected, there.is_some()));
            }
            3 => assert_eq!(map.load_and_delete(&key), model.remove(&key)),
            4 => {
                map.delete(&key);
                model.remove(&key);
            }
            5 => assert_eq!(map.swap(key, value), model.insert(key, value)),
            6 => {
                let old = value ^ 1;
                let same = model.get(&key) == Some(&old);
                assert_eq!(map.compare_and_swap(&key, &old, value), same);
                if same {
                    model.insert(key, value);
                }
            }
            7 => {
                let same = model.get(&key) == Some(&value);
                assert_eq!(map.compare_and_delete(&key, &value), same);
                if same {
                    model.remove(&key);
                }
            }
            _ if value == 0 && key == 0 => {
                map.clear();
                model.clear();
            }
            _ => {
                let mut seen = HashMap::new();
                map.range(|key, value| {
                    assert!(seen.insert(*key, *value).is_none(), "a key twice");
                    true
                });
                assert_eq!(seen, model);
            }
        }
    }
}

#[test]
fn c112_range_with_deletes_and_ranges_inside() {
    let map = Map::new();
    (0..100).for_each(|key| map.store(key, key));
    let mut seen = HashSet::new();
    map.range(|key, value| {
        assert_eq!(key, value);
        assert!(seen.insert(*key), "a key twice");
        let mut inner = HashSet::new();
        map.range(|key, _| {
            assert!(inner.insert(*key), "a key twice");
            map.load_or_store(*key, 0);
            true
        });
        assert_eq!(inner.len(), 101 - seen.len(), "the nested range sees what is left");
        map.delete(key);
        true
    });
    assert_eq!(seen.len(), 100);
    map.range(|_, _| panic!("it is empty"));

    // What the function deletes does not come any more.
    (0..100).for_each(|key| map.store(key, key));
    let mut calls = 0;
    map.range(|_, _| {
        calls += 1;
        (0..100).for_each(|key| map.delete(&key));
        true
    });
    assert_eq!(calls, 1);

    // It ends when it is told to.
    (0..100).for_each(|key| map.store(key, key));
    let mut calls = 0;
    map.range(|_, _| {
        calls += 1;
        calls < 3
    });
    assert_eq!(calls, 3);
}

#[test]
fn c112_what_is_deleted_and_stored_again_inside_comes_once() {
    let map = Map::new();
    (0..50).for_each(|key| map.store(key, 0));
    let mut seen = HashSet::new();
    map.range(|key, _| {
        assert!(seen.insert(*key), "a key twice");
        for key in 0..50 {
            map.delete(&key);
            map.store(key, 1);
        }
        true
    });
    assert_eq!(seen.len(), 50);
}

/// Keys that nobody touches are seen by each range, others at most once, while they come and go.
async fn ranges_beside_stores(rounds: u32) {
    let (map, stop) = (Arc::new(Map::new()), Arc::new(AtomicBool::new(false)));
    (0..100_u32).step_by(2).for_each(|key| map.store(key, 0));
    let wg = WaitGroup::new();
    for _ in 0..2 {
        let (map, stop) = (map.clone(), stop.clone());
        wg.go(async move {
            let mut round = 0;
            while !stop.load(Ordering::Relaxed) {
                for key in (1..100).step_by(2) {
                    if round % 2 == 0 { map.store(key, round) } else { map.delete(&key) }
                }
                round += 1;
                gosched().await;
            }
        });
    }
    for _ in 0..rounds {
        let mut seen = HashSet::new();
        map.range(|key, _| {
            assert!(seen.insert(*key), "a key twice");
            true
        });
        assert!((0..100).step_by(2).all(|key| seen.contains(&key)), "a stable key is missing");
        gosched().await;
    }
    stop.store(true, Ordering::Relaxed);
    wg.wait().await;
}

#[test]
fn c112_range_beside_stores_and_deletes() {
    live(|| ranges_beside_stores(200));
    seeded(|| ranges_beside_stores(3));
}

#[test]
fn c113_clear_beside_everything_else() {
    everywhere(|| async {
        let map = Arc::new(Map::new());
        let wg = WaitGroup::new();
        for member in 0..4_u32 {
            let map = map.clone();
            wg.go(async move {
                for i in 0..50 {
                    let key = i % 10;
                    match member {
                        0 => map.clear(),
                        1 => map.store(key, i),
                        2 => drop(map.load_or_store(key, i)),
                        _ => drop(map.compare_and_delete(&key, &i)),
                    }
                    gosched().await;
                }
            });
        }
        wg.wait().await;
        map.clear();
        assert!((0..10).all(|key| map.load(&key).is_none()));
        map.store(1, 1);
        assert_eq!(map.load(&1), Some(1));
    });
}

// Pool.

#[test]
fn c114_an_empty_pool_makes_or_has_nothing() {
    let made = AtomicU32::new(0);
    let pool = Pool::new(|| made.fetch_add(1, Ordering::Relaxed) + 1);
    assert_eq!(pool.try_get(), None);
    assert_eq!((pool.get(), pool.get()), (1, 2));
    pool.put(10);
    assert_eq!(pool.get(), 10);
    assert_eq!((pool.try_get(), pool.get()), (None, 3));
}

#[test]
fn c114_what_is_put_comes_back_and_survives_one_collection_at_most() {
    let pool = Pool::<_>::new(common::flag);
    let flag = common::flag();
    pool.put(flag.clone());
    pool.trim();
    assert_eq!(flag.alive(), 2);
    drop(pool.try_get().expect("it is still there"));
    assert_eq!(flag.alive(), 1);
    pool.put(flag.clone());
    pool.trim();
    pool.trim();
    assert_eq!(flag.alive(), 1);
    assert!(pool.try_get().is_none());
}
