//! Models of the lock for readers and writers, with its readers in one place and in shards.

use super::super::raw_rw_lock::RawRwLock;
use super::Armed;
use crate::sys::cell::UnsafeCell;
use crate::sys::lane::stand_at;
use crate::wait::model::{Goroutine, poll};
use loom::future::block_on;
use loom::sync::Arc;
use loom::thread;
use std::pin::pin;

/// A lock and what it protects; the checker complains of a writer who is not alone inside.
struct Guarded {
    lock: RawRwLock,
    inside: UnsafeCell<u32>,
}

impl Guarded {
    fn new(sharded: bool) -> Arc<Self> {
        let lock = if sharded { RawRwLock::sharded() } else { RawRwLock::scaling() };
        Arc::new(Self { lock, inside: UnsafeCell::new(0) })
    }

    fn look(&self) {
        self.inside.with(|_| ());
        self.lock.release_read();
    }

    fn change(&self) {
        self.inside.with_mut(|_| ());
        self.lock.release_write();
    }

    /// Nobody holds it, and nobody is in line.
    fn assert_free(&self) {
        assert!(self.lock.try_write());
        self.change();
        assert!(self.lock.try_read());
        self.look();
    }
}

/// Runs `f` on a thread with this number.
fn spawn(
    guarded: &Arc<Guarded>,
    at: usize,
    f: impl FnOnce(&Guarded) + 'static,
) -> thread::JoinHandle<()> {
    let guarded = Arc::clone(guarded);
    thread::spawn(move || {
        stand_at(at);
        f(&guarded);
    })
}

/// Calls `model` for readers in one place and for readers in shards.
fn both(model: impl Fn(bool) + Sync + Send + Copy + 'static) {
    for sharded in [false, true] {
        loom::model(move || model(sharded));
    }
}

/// Two readers and a writer want the lock at once.
#[test]
fn readers_and_a_writer() {
    both(|sharded| {
        let guarded = Guarded::new(sharded);
        let reader = spawn(&guarded, 1, |guarded| {
            block_on(guarded.lock.read());
            guarded.look();
        });
        let writer = spawn(&guarded, 0, |guarded| {
            block_on(guarded.lock.write());
            guarded.change();
        });
        block_on(guarded.lock.read());
        guarded.look();
        reader.join().unwrap();
        writer.join().unwrap();
        guarded.assert_free();
    });
}

/// Two writers and a reader want the lock at once.
#[test]
fn writers_and_a_reader() {
    both(|sharded| {
        let guarded = Guarded::new(sharded);
        let reader = spawn(&guarded, 1, |guarded| {
            block_on(guarded.lock.read());
            guarded.look();
        });
        let writer = spawn(&guarded, 0, |guarded| {
            block_on(guarded.lock.write());
            guarded.change();
        });
        block_on(guarded.lock.write());
        guarded.change();
        reader.join().unwrap();
        writer.join().unwrap();
        guarded.assert_free();
    });
}

/// They only try, and what they get is right.
#[test]
fn readers_and_a_writer_try() {
    both(|sharded| {
        let guarded = Guarded::new(sharded);
        let others = [
            spawn(&guarded, 1, |guarded| {
                if guarded.lock.try_read() {
                    guarded.look();
                }
            }),
            spawn(&guarded, 0, |guarded| {
                if guarded.lock.try_write() {
                    guarded.change();
                }
            }),
        ];
        if guarded.lock.try_read() {
            guarded.look();
        }
        for other in others {
            other.join().unwrap();
        }
        guarded.assert_free();
    });
}

/// A reader moves the counting to shards, beside another reader and a writer.
#[test]
fn readers_move_to_shards() {
    loom::model(|| {
        let guarded = Guarded::new(false);
        assert!(guarded.lock.try_read());
        let reader = spawn(&guarded, 1, |guarded| {
            guarded.lock.shard();
            block_on(guarded.lock.read());
            guarded.look();
        });
        let writer = spawn(&guarded, 0, |guarded| {
            block_on(guarded.lock.write());
            guarded.change();
        });
        guarded.look();
        reader.join().unwrap();
        writer.join().unwrap();
        guarded.assert_free();
    });
}

/// A reader's lock is released by another thread than took it, while a writer adds up.
#[test]
fn a_lock_for_reading_is_released_elsewhere() {
    both(|sharded| {
        let guarded = Guarded::new(sharded);
        assert!(guarded.lock.try_read() && guarded.lock.try_read());
        let here = spawn(&guarded, 0, Guarded::look);
        let there = spawn(&guarded, 1, Guarded::look);
        block_on(guarded.lock.write());
        guarded.change();
        here.join().unwrap();
        there.join().unwrap();
        guarded.assert_free();
    });
}

/// An announced writer gives up beside the reader it waits for, and one that waits behind it gets in.
#[test]
fn a_writer_gives_up() {
    both(|sharded| {
        let guarded = Guarded::new(sharded);
        assert!(guarded.lock.try_read());
        let quitter = spawn(&guarded, 0, |guarded| {
            if poll(pin!(guarded.lock.write())).is_ready() {
                guarded.change();
            }
        });
        let reader = spawn(&guarded, 1, |guarded| {
            block_on(guarded.lock.read());
            guarded.look();
        });
        guarded.look();
        quitter.join().unwrap();
        reader.join().unwrap();
        guarded.assert_free();
    });
}

/// A reader gives up, queued or granted, beside a writer's release, and the next writer gets in.
#[test]
fn a_reader_gives_up() {
    both(|sharded| {
        let guarded = Guarded::new(sharded);
        assert!(guarded.lock.try_write());
        let quitter = spawn(&guarded, 1, |guarded| {
            if poll(pin!(guarded.lock.read())).is_ready() {
                guarded.look();
            }
        });
        let writer = spawn(&guarded, 0, |guarded| {
            block_on(guarded.lock.write());
            guarded.change();
        });
        guarded.change();
        quitter.join().unwrap();
        writer.join().unwrap();
        guarded.assert_free();
    });
}

/// A writer becomes a reader, beside one of each.
#[test]
fn a_writer_becomes_a_reader() {
    both(|sharded| {
        let guarded = Guarded::new(sharded);
        assert!(guarded.lock.try_write());
        let reader = spawn(&guarded, 1, |guarded| {
            block_on(guarded.lock.read());
            guarded.look();
        });
        let writer = spawn(&guarded, 0, |guarded| {
            block_on(guarded.lock.write());
            guarded.change();
        });
        guarded.inside.with_mut(|_| ());
        guarded.lock.downgrade();
        guarded.look();
        reader.join().unwrap();
        writer.join().unwrap();
        guarded.assert_free();
    });
}

/// The lock was granted to a writer, and not collected by a whole poll of its goroutine. A reader takes it
/// while the owner comes after all, or gives up.
#[test]
fn a_stale_grant_of_a_writer_is_taken_collected_or_released() {
    for gives_up in [false, true] {
        both(move |sharded| {
            let guarded = Guarded::new(sharded);
            let owner = Goroutine::new();
            assert!(guarded.lock.try_read());
            let mut kept = Box::pin(guarded.lock.write());
            assert!(owner.turn(|| poll(kept.as_mut())).is_pending());
            guarded.look();
            owner.turn(|| ());
            let robber = spawn(&guarded, 1, |guarded| {
                block_on(Goroutine::new().drive(guarded.lock.read()));
                guarded.look();
            });
            if !gives_up {
                block_on(owner.drive(kept.as_mut()));
                guarded.change();
            }
            owner.turn(|| drop(kept));
            robber.join().unwrap();
            guarded.assert_free();
        });
    }
}

/// The same with two readers that do not come, and a writer.
#[test]
fn stale_grants_of_readers_are_taken_collected_or_released() {
    for gives_up in [false, true] {
        both(move |sharded| {
            let guarded = Guarded::new(sharded);
            let owner = Goroutine::new();
            assert!(guarded.lock.try_write());
            let mut kept = [(); 2].map(|()| Box::pin(guarded.lock.read()));
            for kept in &mut kept {
                assert!(owner.turn(|| poll(kept.as_mut())).is_pending());
            }
            guarded.change();
            owner.turn(|| ());
            let robber = spawn(&guarded, 1, |guarded| {
                block_on(Goroutine::new().drive(guarded.lock.write()));
                guarded.change();
            });
            let [mut first, second] = kept;
            if !gives_up {
                block_on(owner.drive(first.as_mut()));
                guarded.look();
            }
            owner.turn(|| drop((first, second)));
            robber.join().unwrap();
            guarded.assert_free();
        });
    }
}

/// Arms of a select, beside the release.
#[test]
fn arms_are_granted_the_lock_or_find_it_free() {
    for gives_up in [false, true] {
        both(move |sharded| {
            let guarded = Guarded::new(sharded);
            assert!(guarded.lock.try_write());
            let writer = spawn(&guarded, 1, |guarded| {
                let mut writer = Box::pin(Armed::new(guarded.lock.write().into_arm()));
                block_on(writer.as_mut());
                guarded.inside.with_mut(|_| ());
                drop(writer);
            });
            let release = spawn(&guarded, 0, Guarded::change);
            let mut reader = Box::pin(Armed::new(guarded.lock.read().into_arm()));
            if !gives_up {
                block_on(reader.as_mut());
                guarded.inside.with(|_| ());
            } else if poll(reader.as_mut()).is_ready() {
                guarded.inside.with(|_| ());
            }
            // The arms release what they have, as nobody took it.
            drop(reader);
            release.join().unwrap();
            writer.join().unwrap();
            guarded.assert_free();
        });
    }
}
