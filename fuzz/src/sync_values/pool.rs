//! A pool, beside the set of what is in it.
//!
//! Two bytes an operation: what, and how much. Values have numbers and count themselves, and may use the pool when they
//! are made or dropped. What comes out was put in once, or is new and nothing was in; which values are dropped is
//! known exactly: the pool of one thread keeps 64 of those that were put since the last turn, and 64 of those before
//! it, a turn being 1024 puts or a `trim`.

use super::{Bytes, callback};
use gort::sync::Pool;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::{Rc, Weak};

const ROOM: usize = 64;
const TURN: usize = 1024;
/// At most so many are held.
const HELD: usize = 80;

pub fn run(data: &[u8]) {
    let world = World::new();
    let mut bytes = Bytes::new(data);
    while !bytes.is_empty() {
        world.op(bytes.below(12), usize::from(bytes.next()));
        world.check();
    }
    callback::forget();
    world.drop_held(usize::MAX);
    for _ in 0..2 {
        world.trim();
        world.check();
    }
    assert_eq!(world.model.borrow().alive, 0, "what is left after two trims");
}

struct Token {
    number: usize,
    world: Weak<World>,
}

impl Drop for Token {
    fn drop(&mut self) {
        if let Some(world) = self.world.upgrade() {
            world.model.borrow_mut().dropped(self.number);
            callback::call();
        }
    }
}

#[derive(Default)]
struct Model {
    made: usize,
    alive: usize,
    young: BTreeSet<usize>,
    old: BTreeSet<usize>,
    puts: usize,
    held: Vec<Token>,
}

impl Model {
    fn turn(&mut self) {
        self.puts = 0;
        self.old = std::mem::take(&mut self.young);
    }

    fn put(&mut self, number: usize) {
        self.puts += 1;
        if self.puts == TURN {
            self.turn();
        }
        if self.young.len() < ROOM {
            self.young.insert(number);
        }
    }

    fn dropped(&mut self, number: usize) {
        assert!(!self.young.contains(&number) && !self.old.contains(&number), "it is in the pool");
        self.alive -= 1;
    }

    fn is_empty(&self) -> bool {
        self.young.is_empty() && self.old.is_empty()
    }

    /// What came out of the pool; false if it was not in.
    fn take(&mut self, number: usize) -> bool {
        self.young.remove(&number) || self.old.remove(&number)
    }
}

type Make = Box<dyn Fn() -> Token>;

struct World {
    pool: Pool<Token, Make>,
    model: RefCell<Model>,
}

impl World {
    fn new() -> Rc<Self> {
        Rc::new_cyclic(|world: &Weak<Self>| {
            let world = world.clone();
            let make = move || {
                callback::call();
                world.upgrade().expect("it uses its pool").make()
            };
            Self { pool: Pool::new(Box::new(make)), model: RefCell::default() }
        })
    }

    fn make(self: &Rc<Self>) -> Token {
        let model = &mut *self.model.borrow_mut();
        let number = model.made;
        model.made += 1;
        model.alive += 1;
        Token { number, world: Rc::downgrade(self) }
    }

    fn op(self: &Rc<Self>, what: usize, how: usize) {
        match what {
            0 => (0..how).for_each(|_| self.put(self.make())),
            1 => (0..=how % 8).for_each(|_| self.put(self.make())),
            2 => self.get(),
            3 => (0..=how % 32).for_each(|_| self.get()),
            4 => (0..how).for_each(|_| {
                self.get();
                self.put_back();
            }),
            5 => self.try_get(),
            6 | 7 => (0..=how % 32).for_each(|_| self.put_back()),
            8 => self.drop_held(how),
            9 => self.trim(),
            _ => self.call_back(how),
        }
    }

    fn put(&self, token: Token) {
        self.model.borrow_mut().put(token.number);
        self.pool.put(token);
    }

    /// One that was got is put back.
    fn put_back(&self) {
        let token = self.model.borrow_mut().held.pop();
        token.into_iter().for_each(|token| self.put(token));
    }

    fn get(&self) {
        let (new, first) = {
            let model = self.model.borrow();
            if model.held.len() == HELD {
                return;
            }
            (model.is_empty(), model.made)
        };
        let token = self.pool.get();
        let model = &mut *self.model.borrow_mut();
        let known = if new { token.number >= first } else { model.take(token.number) };
        assert!(known, "get: {} where the pool was empty: {new}", token.number);
        model.held.push(token);
    }

    fn try_get(&self) {
        let token = self.pool.try_get();
        let model = &mut *self.model.borrow_mut();
        assert_eq!(token.is_none(), model.is_empty(), "try_get");
        if let Some(token) = token {
            assert!(model.take(token.number), "try_get: {}", token.number);
            model.held.push(token);
        }
    }

    fn drop_held(&self, how: usize) {
        for _ in 0..=how {
            let Some(token) = self.model.borrow_mut().held.pop() else { return };
            drop(token);
        }
    }

    fn trim(&self) {
        self.model.borrow_mut().turn();
        self.pool.trim();
    }

    /// The next value that is made or dropped uses the pool.
    fn call_back(self: &Rc<Self>, how: usize) {
        let world = Rc::downgrade(self);
        callback::set(move || {
            let Some(world) = world.upgrade() else { return };
            match how % 4 {
                0 => world.get(),
                1 => world.put(world.make()),
                2 => world.put_back(),
                _ => world.trim(),
            }
        });
    }

    fn check(&self) {
        let model = self.model.borrow();
        let len = model.young.len() + model.old.len();
        assert_eq!(format!("{:?}", self.pool), format!("Pool {{ len: {len}, .. }}"));
        assert_eq!(model.alive, len + model.held.len(), "how many values are alive");
    }
}
