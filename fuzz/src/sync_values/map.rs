//! A map, beside one of the standard library's.
//!
//! Three bytes an operation: what, the key, and a choice. Keys collide; values count themselves, and may use the map when
//! they are compared, cloned or dropped. The model knows what each operation yields, and how many keys and values are
//! alive.

use super::{Bytes, callback};
use gort::sync::Map;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::rc::Rc;

const KEYS: u8 = 12;

pub fn run(data: &[u8]) {
    let world = Rc::new(World::default());
    let mut bytes = Bytes::new(data);
    while !bytes.is_empty() {
        world.op(bytes.below(14), bytes.next() % KEYS, bytes.next());
        world.check();
    }
    callback::forget();
    world.clear();
    world.check();
}

/// Counts what is alive.
type Alive = Rc<Cell<usize>>;

fn count(alive: &Alive) -> Alive {
    alive.set(alive.get() + 1);
    alive.clone()
}

struct Key {
    number: u8,
    alive: Alive,
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u8(self.number % 4);
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        self.alive.set(self.alive.get() - 1);
    }
}

/// A value that is equal to others of its class.
struct Value {
    number: u32,
    class: u8,
    alive: Alive,
}

impl Clone for Value {
    fn clone(&self) -> Self {
        callback::call();
        Self { alive: count(&self.alive), ..*self }
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        callback::call();
        self.class == other.class
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        self.alive.set(self.alive.get() - 1);
        callback::call();
    }
}

/// The number and the class of a value.
type Entry = (u32, u8);

/// What has happened since a `range` began.
#[derive(Default)]
struct Ranging {
    /// Keys that have been there from the beginning.
    stayed: BTreeSet<u8>,
    /// Values that each key has had.
    had: BTreeSet<(u8, u32)>,
    seen: BTreeSet<u8>,
}

#[derive(Default)]
struct Model {
    entries: BTreeMap<u8, Entry>,
    ranging: Option<Ranging>,
}

impl Model {
    fn insert(&mut self, key: u8, entry: Entry) -> Option<u32> {
        if let Some(ranging) = &mut self.ranging {
            ranging.had.insert((key, entry.0));
        }
        self.entries.insert(key, entry).map(|entry| entry.0)
    }

    fn remove(&mut self, key: u8) -> Option<u32> {
        if let Some(ranging) = &mut self.ranging {
            ranging.stayed.remove(&key);
        }
        self.entries.remove(&key).map(|entry| entry.0)
    }

    fn number(&self, key: u8) -> Option<u32> {
        self.entries.get(&key).map(|entry| entry.0)
    }

    fn is(&self, key: u8, class: u8) -> bool {
        self.entries.get(&key).is_some_and(|entry| entry.1 == class)
    }

    fn begin_range(&mut self) {
        let had = self.entries.iter().map(|(key, entry)| (*key, entry.0)).collect();
        let stayed = self.entries.keys().copied().collect();
        self.ranging = Some(Ranging { stayed, had, ..Ranging::default() });
    }
}

#[derive(Default)]
struct World {
    map: Map<Key, Value>,
    model: RefCell<Model>,
    keys: Alive,
    values: Alive,
    made: Cell<u32>,
}

impl World {
    fn key(&self, number: u8) -> Key {
        Key { number, alive: count(&self.keys) }
    }

    /// A new value of class `how`, and what the model keeps of it.
    fn value(&self, how: u8) -> (Value, Entry) {
        let (number, class) = (self.made.get(), how % 3);
        self.made.set(number + 1);
        (Value { number, class, alive: count(&self.values) }, (number, class))
    }

    fn op(self: &Rc<Self>, what: usize, key: u8, how: u8) {
        match what {
            7 | 8 => self.compare(what == 7, key, how),
            9 | 10 => self.range(key, how),
            11..=13 => {
                let world = self.clone();
                callback::set(move || world.simple(usize::from(how), key, how / 8));
            }
            _ => self.simple(what, key, how),
        }
    }

    /// Operations that have taken effect when they first call something back.
    fn simple(&self, what: usize, key: u8, how: u8) {
        match what % 8 {
            0 | 1 => self.store(key, how),
            2 => self.load(key),
            3 => self.load_or_store(key, how),
            4 => self.swap(key, how),
            5 => self.delete(key),
            6 => self.load_and_delete(key),
            _ if how % 8 == 0 => self.clear(),
            _ => {}
        }
    }

    fn store(&self, key: u8, how: u8) {
        let (value, entry) = self.value(how);
        self.model.borrow_mut().insert(key, entry);
        self.map.store(self.key(key), value);
    }

    fn load(&self, key: u8) {
        let expected = self.model.borrow().number(key);
        let value = self.map.load(&self.key(key));
        assert_eq!(value.as_ref().map(|value| value.number), expected, "load");
    }

    fn load_or_store(&self, key: u8, how: u8) {
        let (value, entry) = self.value(how);
        let there = self.model.borrow().number(key);
        if there.is_none() {
            self.model.borrow_mut().insert(key, entry);
        }
        let (value, loaded) = self.map.load_or_store(self.key(key), value);
        assert_eq!((value.number, loaded), (there.unwrap_or(entry.0), there.is_some()));
    }

    fn swap(&self, key: u8, how: u8) {
        let (value, entry) = self.value(how);
        let expected = self.model.borrow_mut().insert(key, entry);
        let previous = self.map.swap(self.key(key), value);
        assert_eq!(previous.as_ref().map(|value| value.number), expected, "swap");
    }

    fn delete(&self, key: u8) {
        self.model.borrow_mut().remove(key);
        self.map.delete(&self.key(key));
    }

    fn load_and_delete(&self, key: u8) {
        let expected = self.model.borrow_mut().remove(key);
        let value = self.map.load_and_delete(&self.key(key));
        assert_eq!(value.as_ref().map(|value| value.number), expected, "load_and_delete");
    }

    fn clear(&self) {
        for key in 0..KEYS {
            self.model.borrow_mut().remove(key);
        }
        self.map.clear();
    }

    /// What the comparison calls back may change the entry: the answer must have been right at some time, and if it
    /// is yes, when the entry was changed.
    fn compare(&self, swap: bool, key: u8, how: u8) {
        let (old, _) = self.value(how);
        let (new, entry) = self.value(how / 3);
        let before = self.model.borrow().is(key, old.class);
        let (name, answer) = if swap {
            ("compare_and_swap", self.map.compare_and_swap(&self.key(key), &old, new))
        } else {
            ("compare_and_delete", self.map.compare_and_delete(&self.key(key), &old))
        };
        let model = &mut *self.model.borrow_mut();
        let after = model.is(key, old.class);
        assert!(if answer { after } else { !before || !after }, "{name}: {answer}");
        match (answer, swap) {
            (true, true) => drop(model.insert(key, entry)),
            (true, false) => drop(model.remove(key)),
            (false, _) => {}
        }
    }

    /// Goes through the entries, with an operation at one of them, and stops at one.
    fn range(&self, key: u8, how: u8) {
        self.model.borrow_mut().begin_range();
        let (act, stop, mut calls) = (how % 4, how / 4 % 16, 0);
        self.map.range(|Key { number, .. }, value| {
            self.meet(*number, value.number);
            if calls == act {
                self.simple(usize::from(how / 64 + key), key, how);
            }
            calls += 1;
            calls - 1 != stop
        });
        let ranging = self.model.borrow_mut().ranging.take().expect("it began");
        let stopped = calls > stop;
        assert!(stopped || ranging.stayed.is_subset(&ranging.seen), "range left one out");
    }

    fn meet(&self, key: u8, number: u32) {
        let model = &mut *self.model.borrow_mut();
        let ranging = model.ranging.as_mut().expect("it began");
        assert!(ranging.seen.insert(key), "range met a key twice");
        assert!(ranging.had.contains(&(key, number)), "range met what was never there");
    }

    fn check(&self) {
        let len = self.model.borrow().entries.len();
        assert_eq!(format!("{:?}", self.map), format!("Map {{ len: {len}, .. }}"));
        assert_eq!((self.keys.get(), self.values.get()), (len, len), "keys and values alive");
    }
}
