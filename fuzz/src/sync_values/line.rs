//! A model of the lock without data, on a clock that is moved by hand.
//!
//! As in Go: a release frees the lock and wakes the first who waits; who comes first has it. Once somebody has lost
//! it after a millisecond, it is given to the first in line, until one is given it who has not waited that long
//! or nobody is left. What gort adds: selects are always given the lock; who leaves passes on what it was told;
//! and if all who wait are of one goroutine, some are woken at a time, and what one of them was told and did not
//! answer is the others'.

/// How long one may lose, in the clock's microseconds.
const PATIENCE: u64 = 1000;

/// How many are woken at a time of whom it is not known that they come.
const DOUBTFUL: usize = 4;

#[derive(Clone, Copy, PartialEq)]
enum Told {
    Nothing,
    /// To come and compete.
    Woken,
    /// That the lock is its own.
    Granted,
}

struct Waiting {
    id: usize,
    select: bool,
    since: u64,
    told: Told,
    /// It was told something since it last looked, or has been decided otherwise.
    deaf: bool,
}

/// The lock, and who waits for it.
#[derive(Default)]
pub struct Line {
    pub now: u64,
    /// All are of one goroutine.
    pub one_goroutine: bool,
    locked: bool,
    starving: bool,
    queue: Vec<Waiting>,
    /// Who has been woken and was not counted yet.
    pub wakes: Vec<usize>,
}

impl Line {
    pub fn new(one_goroutine: bool) -> Self {
        Self { one_goroutine, ..Self::default() }
    }

    pub fn try_lock(&mut self) -> bool {
        !std::mem::replace(&mut self.locked, true)
    }

    fn place(&self, id: usize) -> Option<usize> {
        self.queue.iter().position(|waiting| waiting.id == id)
    }

    fn told(&self, told: Told) -> Option<&Waiting> {
        self.queue.iter().find(|waiting| waiting.told == told)
    }

    /// Takes from another one of the same goroutine what it was told. Returns whether there was one.
    fn rob(&mut self, told: Told) -> bool {
        let mut robbed = self.queue.iter_mut().filter(|waiting| waiting.told == told);
        let robbed = robbed.next().filter(|_| self.one_goroutine);
        robbed.map(|waiting| waiting.told = Told::Nothing).is_some()
    }

    /// One who does not wait yet, or waits and looks; true if the lock is its own.
    pub fn poll(&mut self, id: usize) -> bool {
        match self.place(id) {
            Some(at) => self.look(at),
            None => self.come(id, false),
        }
    }

    /// A newcomer.
    pub fn come(&mut self, id: usize, select: bool) -> bool {
        if self.try_lock() {
            return true;
        }
        self.rob(Told::Woken);
        if self.rob(Told::Granted) {
            return true;
        }
        self.queue.push(Waiting { id, select, since: self.now, told: Told::Nothing, deaf: false });
        false
    }

    fn look(&mut self, at: usize) -> bool {
        let waiting = &mut self.queue[at];
        if waiting.select {
            // It is ready, or goes on waiting for what it waits for.
            let granted = waiting.told == Told::Granted;
            if granted {
                self.remove(at);
            }
            return granted;
        }
        let told = std::mem::replace(&mut waiting.told, Told::Nothing);
        let long = self.now - waiting.since > PATIENCE;
        if told == Told::Granted {
            self.starving &= long;
            self.remove(at);
            return true;
        }
        if told == Told::Nothing {
            self.rob(Told::Woken);
        }
        if self.try_lock() || self.rob(Told::Granted) {
            self.remove(at);
            return true;
        }
        self.starving |= long;
        self.queue[at].deaf = false;
        false
    }

    fn remove(&mut self, at: usize) -> Told {
        let waiting = self.queue.remove(at);
        self.starving &= !self.queue.is_empty();
        waiting.told
    }

    /// One goes, who may be waiting.
    pub fn leave(&mut self, id: usize) {
        let Some(at) = self.place(id) else { return };
        match self.remove(at) {
            Told::Granted => self.give(),
            Told::Woken => self.wake_one(),
            Told::Nothing => {}
        }
    }

    /// A select that is in line is decided otherwise, if it has not been given the lock.
    pub fn decide(&mut self, id: usize) -> bool {
        let at = self.place(id).expect("it waits");
        !std::mem::replace(&mut self.queue[at].deaf, true)
    }

    pub fn release(&mut self) {
        if self.starving {
            self.give();
        } else {
            self.locked = false;
            self.wake_one();
        }
    }

    /// Whoever has the lock gives it away.
    fn give(&mut self) {
        let first = self.queue.iter_mut().find(|waiting| !waiting.deaf);
        match first.filter(|_| self.starving) {
            Some(first) => {
                first.told = Told::Granted;
                first.deaf = true;
                self.wakes.push(first.id);
            }
            None => {
                self.locked = false;
                self.starving = false;
                self.wake_one();
            }
        }
    }

    /// Tells the first who listens that the lock is free, if it is and nobody has been told yet. If the first may not
    /// come, others are woken with it, and it is the last of them that was told.
    fn wake_one(&mut self) {
        if self.locked || self.told(Told::Woken).is_some() {
            return;
        }
        // Nobody knows where the one goroutine will look.
        let most = if self.one_goroutine { DOUBTFUL } else { 1 };
        let mut last = None;
        for waiting in self.queue.iter_mut().filter(|waiting| !waiting.deaf).take(most) {
            waiting.deaf = true;
            self.wakes.push(waiting.id);
            last = Some(waiting);
        }
        let Some(last) = last else { return };
        last.told = if last.select { Told::Granted } else { Told::Woken };
        self.locked = last.select;
    }
}
