//! Go's cases of `golang.org/x/sync`, 146 to 152. The clocks are virtual.

mod common;

use common::everywhere::{everywhere, seeded};
use common::{Log, Polled, flag, go, panic_text};
use gort::chan::TryRecvError;
use gort::context::{BoxError, Cause, Context, Error, background, with_cancel, with_timeout};
use gort::errgroup::Group;
use gort::runtime::{goexit, gosched};
use gort::semaphore::Weighted;
use gort::sync::WaitGroup;
use gort::time::{Duration, Instant, sleep};
use gort::{Chan, singleflight};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const MS: Duration = Duration::from_millis(1);

fn cause_of(ctx: &Context) -> String {
    ctx.cause().map_or_else(|| "nil".to_owned(), |cause| cause.to_string())
}

// errgroup.

#[cfg(not(foreign_executor))]
#[test]
fn c146_the_first_error_is_the_cause_and_wait_yields_it_when_all_have_ended() {
    seeded(|| async {
        let start = Instant::now();
        let (group, ctx) = Group::with_context(&background());
        for (ms, error) in [(30, None), (10, Some("e")), (20, Some("late"))] {
            let ended = async move {
                sleep(ms * MS).await;
                error.map_or(Ok(()), |error| Err(error.into()))
            };
            group.go(ended).await;
        }
        ctx.done().recv().await;
        assert_eq!(start.elapsed(), 10 * MS);
        assert_eq!((ctx.err(), cause_of(&ctx).as_str()), (Some(Error::Canceled), "e"));
        assert_eq!(group.wait().await.unwrap_err().to_string(), "e");
        assert_eq!(start.elapsed(), 30 * MS);
        assert_eq!(cause_of(&ctx), "e");
    });
}

#[test]
fn c146_the_cause_is_the_very_error_where_it_can_be_shared() {
    everywhere(|| async {
        let (group, ctx) = Group::<Arc<std::fmt::Error>>::typed_with_context(&background());
        group.go(async { Err(std::fmt::Error)? }).await;
        let error = group.wait().await.unwrap_err();
        let cause = ctx.cause().unwrap();
        assert!(Arc::ptr_eq(cause.downcast_ref::<Arc<std::fmt::Error>>().unwrap(), &error));

        let (group, ctx) = Group::<Cause>::typed_with_context(&background());
        group.go(async { Err(Cause::new("shared")) }).await;
        assert!(group.wait().await.unwrap_err().ptr_eq(&ctx.cause().unwrap()));

        // Of a box the words, and those of its sources; the box itself comes out of `wait`.
        let (group, ctx) = Group::with_context(&background());
        group.go(async { Err(Cause::new(std::io::Error::other(std::fmt::Error)).into()) }).await;
        let error: BoxError = group.wait().await.unwrap_err();
        assert!(error.downcast_ref::<Cause>().unwrap().is::<std::io::Error>());
        assert_eq!(cause_of(&ctx), error.to_string());
    });
}

#[test]
fn c147_when_all_is_well_the_context_ends_with_wait() {
    everywhere(|| async {
        let (group, ctx) = Group::with_context(&background());
        let sum = Arc::new(AtomicUsize::new(0));
        for i in 0..3 {
            let sum = sum.clone();
            group.go(async move { Ok(sum.fetch_add(i, Ordering::Relaxed)).map(|_| ()) }).await;
        }
        gosched().await;
        assert_eq!(ctx.err(), None);
        assert!(group.wait().await.is_ok());
        assert_eq!(sum.load(Ordering::Relaxed), 3);
        assert_eq!(ctx.cause().unwrap(), Error::Canceled);
        // A second time, and without anybody.
        assert!(group.wait().await.is_ok());
        assert!(Group::new().wait().await.is_ok());
    });
}

#[cfg(not(foreign_executor))]
#[test]
fn c147_a_member_that_exits_has_ended_without_an_error() {
    everywhere(|| async {
        let group = Group::new();
        group.go(async { goexit() }).await;
        assert!(group.wait().await.is_ok());
    });
}

#[test]
fn c148_no_more_than_the_limit_at_a_time() {
    everywhere(|| async {
        let group = Group::new();
        group.set_limit(10);
        let (active, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        for _ in 0..1000 {
            let (active, most) = (active.clone(), most.clone());
            let member = async move {
                let now = active.fetch_add(1, Ordering::SeqCst) + 1;
                most.fetch_max(now, Ordering::SeqCst);
                gosched().await;
                active.fetch_sub(1, Ordering::SeqCst);
                Ok(())
            };
            group.go(member).await;
        }
        assert!(group.wait().await.is_ok());
        assert!(most.load(Ordering::SeqCst) <= 10);
        assert_eq!(active.load(Ordering::SeqCst), 0);
    });
}

#[test]
fn c148_a_limit_of_zero_starts_nobody() {
    let group = Group::new();
    group.set_limit(0);
    assert!(group.try_go(async { Ok(()) }).is_err());
    let mut start = Polled::new({
        let group = group.clone();
        async move { group.go(async { Ok(()) }).await }
    });
    assert!(start.poll().is_pending());
    drop(start);
    assert!(Polled::new(async move { group.wait().await }).ready().is_ok());
}

#[test]
fn c148_the_limit_cannot_be_changed_while_it_is_used() {
    everywhere(|| async {
        let group = Group::new();
        let gate = Chan::<()>::new(0);
        group.set_limit(2);
        for _ in 0..2 {
            let gate = gate.clone();
            group.go(async move { gate.next().await.map_or(Ok(()), Ok) }).await;
        }
        let third = async { Ok(()) };
        let Err(third) = group.try_go(third) else { panic!("there is no slot") };
        let text = panic_text(|| group.set_limit(3));
        assert_eq!(text, "errgroup: modify limit while 2 goroutines in the group are still active");
        gate.close();
        assert!(group.wait().await.is_ok());
        group.set_limit(1);
        assert!(group.try_go(third).is_ok());
        assert!(group.wait().await.is_ok());
        group.set_limit(None);
        assert!(group.try_go(async { Err("no limit".into()) }).is_ok());
        assert!(group.wait().await.is_err());
    });
}

#[test]
fn c148_a_start_that_is_dropped_starts_nobody_and_takes_no_slot() {
    everywhere(|| async {
        let (group, alive) = (Group::new(), flag());
        let gate = Chan::<()>::new(0);
        group.set_limit(1);
        let start = || {
            let (group, alive) = (group.clone(), alive.clone());
            Polled::new(async move { group.go(async move { panic!("started: {alive:?}") }).await })
        };
        let held = gate.clone();
        group.go(async move { held.next().await.map_or(Ok(()), Ok) }).await;
        let (mut first, mut second) = (start(), start());
        assert!(first.poll().is_pending() && second.poll().is_pending());
        gate.close();
        // The first is granted the slot, and does not look.
        while first.wakes() == 0 {
            gosched().await;
        }
        drop(first);
        drop(second);
        while group.try_go(async { Ok(()) }).is_err() {
            gosched().await;
        }
        assert_eq!(alive.alive(), 1);
        assert!(group.wait().await.is_ok());
    });
}

#[cfg(not(foreign_executor))]
#[test]
fn c149_a_panic_is_raised_by_wait_when_all_have_ended() {
    let text = common::everywhere::dies_everywhere(|| async {
        let (group, ctx) = Group::with_context(&background());
        let log = Log::default();
        group.go(async { panic!("in a member") }).await;
        let (other, at) = (log.clone(), ctx.clone());
        group
            .go(async move {
                at.done().recv().await;
                other.say("ended");
                Err("later".into())
            })
            .await;
        let wait = go(async move { drop(group.wait().await) });
        let panic = wait.await.unwrap_err().into_panic();
        assert_eq!(log.text(), "ended");
        assert_eq!(cause_of(&ctx), "a goroutine of the group panicked: in a member");
        std::panic::resume_unwind(panic);
    });
    assert_eq!(text, "in a member");
}

#[cfg(not(foreign_executor))]
#[test]
fn c149_a_panic_is_fatal_if_nobody_waits_any_more_or_if_asked_for() {
    let text = common::everywhere::dies_everywhere(|| async {
        let group = Group::new();
        group.go(async { panic!("in a member") }).await;
        drop(group);
        std::future::pending::<()>().await;
    });
    assert_eq!(text, "in a member");

    let text = common::everywhere::dies_everywhere(|| async {
        let group = Group::new();
        group.crash_on_panic();
        group.go(async { panic!("in a member") }).await;
        drop(group.wait().await);
        unreachable!("wait has returned");
    });
    assert_eq!(text, "in a member");
}

// Beyond Go, where a group is of no more use after an error.

#[test]
fn a_group_that_is_used_again_after_an_error_does_not_hide_the_next_one() {
    everywhere(|| async {
        let (group, ctx) = Group::with_context(&background());
        for error in ["first", "second", "third"] {
            group.go(async move { Err(error.into()) }).await;
            assert_eq!(group.wait().await.unwrap_err().to_string(), error);
            assert_eq!(cause_of(&ctx), "first");
        }
        group.go(async { Ok(()) }).await;
        assert!(group.wait().await.is_ok());
    });
}

#[cfg(not(foreign_executor))]
#[test]
fn a_group_that_is_used_again_after_a_panic_does_not_hide_what_fails_next() {
    let text = common::everywhere::dies_everywhere(|| async {
        let group = Group::new();
        let wait = |group: Group| go(async move { group.wait().await });
        group.go(async { panic!("first") }).await;
        assert!(wait(group.clone()).await.unwrap_err().is_panic());
        group.go(async { Err("second".into()) }).await;
        assert_eq!(group.wait().await.unwrap_err().to_string(), "second");
        group.go(async { panic!("third") }).await;
        std::panic::resume_unwind(wait(group).await.unwrap_err().into_panic());
    });
    assert_eq!(text, "third");
}

// semaphore.

#[test]
fn c150_a_small_request_does_not_overtake_a_large_one() {
    let (sem, ctx) = (Weighted::new(2), background());
    assert!(sem.try_acquire(1));
    let acquire = |n| {
        let (sem, ctx) = (sem.clone(), ctx.clone());
        Polled::new(async move { sem.acquire(&ctx, n).await })
    };
    let (mut large, mut small) = (acquire(2), acquire(1));
    assert!(large.poll().is_pending() && small.poll().is_pending());
    assert!(!sem.try_acquire(1));
    sem.release(1);
    assert_eq!((large.wakes(), small.wakes()), (1, 0));
    assert!(small.poll().is_pending());
    assert_eq!(large.ready(), Ok(()));
    sem.release(1);
    assert_eq!(small.wakes(), 1);
    assert_eq!(small.ready(), Ok(()));
    assert!(!sem.try_acquire(1));
    sem.release(2);
    assert!(sem.try_acquire(2));
    assert_eq!(sem, sem.clone());
}

#[test]
fn c150_many_small_ones_do_not_starve_a_large_one() {
    everywhere(|| async {
        let sem = Weighted::new(10);
        let wg = WaitGroup::new();
        for n in std::iter::repeat_n(1, 50).chain([10]).chain(std::iter::repeat_n(3, 50)) {
            let sem = sem.clone();
            wg.go(async move {
                for _ in 0..3 {
                    sem.acquire(&background(), n).await.unwrap();
                    gosched().await;
                    sem.release(n);
                }
            });
        }
        wg.wait().await;
        assert!(sem.try_acquire(10));
    });
}

#[cfg(not(foreign_executor))]
#[test]
fn c151_more_than_the_size_waits_for_the_context_only_and_holds_up_nobody() {
    seeded(|| async {
        let sem = Weighted::new(2);
        let start = Instant::now();
        let (ctx, _cancel) = with_timeout(&background(), 10 * MS);
        let (large, at) = (sem.clone(), ctx.clone());
        let large = go(async move { large.acquire(&at, 3).await });
        for _ in 0..3 {
            gosched().await;
            sem.acquire(&background(), 2).await.unwrap();
            sem.release(2);
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        assert_eq!(large.await.unwrap(), Err(Error::DeadlineExceeded));
        assert_eq!(start.elapsed(), 10 * MS);
    });
}

#[test]
fn c151_the_next_goes_on_when_the_first_in_line_gives_up() {
    for dropped in [false, true] {
        let sem = Weighted::new(3);
        assert!(sem.try_acquire(2));
        let (ctx, cancel) = with_cancel(&background());
        let acquire = |ctx: Context, n| {
            let sem = sem.clone();
            Polled::new(async move { sem.acquire(&ctx, n).await })
        };
        let (mut head, mut next) = (acquire(ctx, 3), acquire(background(), 1));
        assert!(head.poll().is_pending() && next.poll().is_pending());
        if dropped {
            drop(head);
        } else {
            cancel.cancel();
            assert_eq!(head.wakes(), 1);
            assert_eq!(head.ready(), Err(Error::Canceled));
        }
        assert_eq!(next.wakes(), 1);
        assert_eq!(next.ready(), Ok(()));
        sem.release(3);
        assert!(sem.try_acquire(3));
    }
}

#[test]
fn c151_a_context_that_has_ended_gets_nothing_and_what_was_granted_goes_on() {
    let sem = Weighted::new(1);
    let (ctx, cancel) = with_cancel(&background());
    let acquire = |ctx: Context| {
        let sem = sem.clone();
        Polled::new(async move { sem.acquire(&ctx, 1).await })
    };
    assert!(sem.try_acquire(1));
    let (mut first, mut second) = (acquire(ctx.clone()), acquire(background()));
    assert!(first.poll().is_pending() && second.poll().is_pending());
    sem.release(1);
    // Granted, and cancelled before it looked.
    cancel.cancel();
    assert_eq!(first.ready(), Err(Error::Canceled));
    assert_eq!(second.ready(), Ok(()));
    sem.release(1);
    assert_eq!(acquire(ctx).ready(), Err(Error::Canceled));
    assert!(sem.try_acquire(1));
}

#[test]
fn c151_more_is_given_back_than_was_held() {
    let sem = Weighted::new(2);
    let text = "semaphore: released more than held";
    assert_eq!(panic_text(|| sem.release(1)), text);
    assert!(sem.try_acquire(1));
    assert_eq!(panic_text(|| sem.release(2)), text);
    sem.release(1);
    assert!(sem.try_acquire(2));
}

// singleflight.

#[cfg(not(foreign_executor))]
#[test]
fn c152_ten_ask_for_the_same_and_one_runs() {
    seeded(|| async {
        let flights = singleflight::Group::new();
        let (runs, gate) = (Arc::new(AtomicUsize::new(0)), Chan::<()>::new(0));
        let asked = WaitGroup::new();
        let mut all = Vec::new();
        for _ in 0..10 {
            let (flights, runs, gate) = (flights.clone(), runs.clone(), gate.clone());
            asked.add(1);
            let asked = asked.guard();
            all.push(go(async move {
                let answer = async move {
                    runs.fetch_add(1, Ordering::Relaxed);
                    gate.recv().await;
                    "answer"
                };
                let mut run = Box::pin(flights.run("key", answer));
                joined(&mut run).await;
                drop(asked);
                run.await
            }));
        }
        let other = flights.run("other", async { "other" }).await;
        assert_eq!((other.value, other.shared), ("other", false));
        asked.wait().await;
        gate.close();
        for run in all {
            let flight = run.await.unwrap();
            assert_eq!((flight.value, flight.shared), ("answer", true));
        }
        assert_eq!(runs.load(Ordering::Relaxed), 1);
        // Nothing is remembered.
        let again = flights.run("key", async { "again" }).await;
        assert_eq!((again.value, again.shared), ("again", false));
    });
}

#[cfg(not(foreign_executor))]
#[test]
fn c152_an_error_is_shared_too_and_channels_get_one_value() {
    seeded(|| async {
        let flights = singleflight::Group::<u8, Result<u8, Error>>::new();
        let gate = Chan::<()>::new(0);
        let at = gate.clone();
        let first = flights.run_chan(1, async move {
            at.recv().await;
            Err(Error::Canceled)
        });
        let second = flights.run_chan(1, async { unreachable!() });
        let mut third = Box::pin(flights.run(1, async { unreachable!() }));
        joined(&mut third).await;
        gate.close();
        for flight in [first.recv_flight().await, second.recv_flight().await, third.await] {
            assert_eq!((flight.value, flight.shared), (Err(Error::Canceled), true));
        }
        // The channel is not closed, and nothing more comes.
        assert!(!first.is_closed() && first.try_recv().is_err());
        assert_eq!(first.capacity(), 1);
    });
}

/// Polls until it waits for the call. (A simulated schedule may let a poll do nothing.)
async fn joined<K, V: Clone, F>(run: &mut std::pin::Pin<Box<singleflight::Run<K, V, F>>>) {
    while !format!("{run:?}").contains("waiting: true") {
        assert!(common::poll_once(run).await.is_pending());
        gosched().await;
    }
}

/// Receives what must come.
trait RecvFlight<V> {
    async fn recv_flight(&self) -> singleflight::Flight<V>;
}

impl<V> RecvFlight<V> for gort::Receiver<singleflight::Flight<V>> {
    async fn recv_flight(&self) -> singleflight::Flight<V> {
        self.next().await.expect("a value")
    }
}

#[cfg(not(foreign_executor))]
#[test]
fn c152_all_who_wait_panic_with_the_function() {
    seeded(|| async {
        let flights = singleflight::Group::<&str, ()>::new();
        let gate = Chan::<()>::new(0);
        let mut all = Vec::new();
        for _ in 0..3 {
            let (flights, gate) = (flights.clone(), gate.clone());
            let fails = async move {
                gate.recv().await;
                panic!("no answer");
            };
            all.push(go(async move { flights.run("key", fails).await.value }));
        }
        sleep(MS).await;
        gate.close();
        for run in all {
            let payload = run.await.unwrap_err().into_panic();
            assert_eq!(payload.downcast_ref::<String>().unwrap(), "no answer");
        }
        assert!(!flights.run("key", async {}).await.shared);
    });
}

#[cfg(not(foreign_executor))]
#[test]
fn c152_a_panic_is_fatal_if_somebody_has_a_channel() {
    for and_waits in [false, true] {
        let text = common::everywhere::dies_everywhere(|| async move {
            let flights = singleflight::Group::<&str, ()>::new();
            let channel = flights.run_chan("key", async {
                gosched().await;
                panic!("no answer")
            });
            if and_waits {
                let wait = go(async move { flights.run("key", async {}).await.value });
                let _told = wait.await;
            }
            let _never = channel.next().await;
            std::future::pending::<()>().await;
        });
        assert_eq!(text, "no answer");
    }
}

#[cfg(not(foreign_executor))]
#[test]
fn c152_all_who_wait_exit_with_the_function() {
    seeded(|| async {
        let flights = singleflight::Group::<&str, ()>::new();
        let gate = Chan::<()>::new(0);
        let mut all = Vec::new();
        for _ in 0..3 {
            let (flights, gate) = (flights.clone(), gate.clone());
            let exits = async move {
                gate.recv().await;
                goexit();
            };
            all.push(go(async move { flights.run("key", exits).await.value }));
        }
        sleep(MS).await;
        gate.close();
        for run in all {
            assert!(run.await.unwrap_err().is_goexit());
        }
        assert_eq!(flights.run_chan("key", async { goexit() }).next().await, None);
    });
}

#[cfg(not(foreign_executor))]
#[test]
fn c152_a_call_that_is_forgotten_leaves_the_next_one_alone() {
    seeded(|| async {
        let flights = singleflight::Group::<String, u8>::new();
        let gates = [Chan::<()>::new(0), Chan::<()>::new(0)];
        let start = |number: u8| {
            let gate = gates[usize::from(number)].clone();
            let call = async move {
                gate.recv().await;
                number
            };
            flights.run_chan("key".to_owned(), call)
        };
        let first = start(0);
        flights.forget("key");
        let second = start(1);
        gates[0].close();
        assert_eq!(first.recv_flight().await.value, 0);
        // The entry of the second is still there.
        let third = flights.run_chan("key".to_owned(), async { unreachable!() });
        gates[1].close();
        for flight in [second.recv_flight().await, third.recv_flight().await] {
            assert_eq!((flight.value, flight.shared), (1, true));
        }
    });
}

// Beyond Go, where the goroutine of the first who asks panics, whoever waits.

#[cfg(not(foreign_executor))]
#[test]
fn a_panic_of_a_call_is_fatal_if_those_who_waited_go_before_they_are_told() {
    for ended in [false, true] {
        let text = common::everywhere::dies_seeded(|| async move {
            let flights = singleflight::Group::<&str, ()>::new();
            let gate = Chan::<()>::new(0);
            let at = gate.clone();
            let fails = async move {
                at.recv().await;
                panic!("no answer");
            };
            let mut all = vec![Box::pin(flights.run("key", fails))];
            joined(&mut all[0]).await;
            if ended {
                gate.close();
                sleep(MS).await;
            }
            drop(all);
            gate.try_close();
            sleep(MS).await;
        });
        assert_eq!(text, "no answer");
    }
}

#[cfg(not(foreign_executor))]
#[test]
fn a_panic_of_a_call_is_not_fatal_once_one_of_those_who_wait_was_told() {
    seeded(|| async {
        let flights = singleflight::Group::<&str, ()>::new();
        let gate = Chan::<()>::new(0);
        let at = gate.clone();
        let fails = async move {
            at.recv().await;
            panic!("no answer");
        };
        let mut first = Box::pin(flights.run("key", fails));
        joined(&mut first).await;
        let mut second = Box::pin(flights.run("key", async {}));
        joined(&mut second).await;
        gate.close();
        assert!(go(second).await.unwrap_err().is_panic());
        drop(first);
        sleep(MS).await;
    });
}

/// A value whose clones are counted; the second one panics.
#[cfg(not(foreign_executor))]
#[derive(Debug)]
struct Moody(Arc<AtomicUsize>);

#[cfg(not(foreign_executor))]
impl Clone for Moody {
    fn clone(&self) -> Self {
        assert!(self.0.fetch_add(1, Ordering::Relaxed) != 1, "not again");
        Moody(self.0.clone())
    }
}

#[cfg(not(foreign_executor))]
#[test]
fn a_value_that_cannot_be_cloned_closes_the_channel_and_the_others_get_theirs() {
    let runtime = common::everywhere::simulated(0);
    let entered = runtime.enter();
    let flights = singleflight::Group::<&str, Moody>::new();
    let channels = [(); 3].map(|()| flights.run_chan("key", async { Moody(Arc::default()) }));
    drop(entered);
    assert_eq!(panic_text(|| runtime.run(sleep(MS))), "not again");
    let told = channels.map(|channel| channel.try_recv());
    assert!(matches!(told, [Ok(_), Err(TryRecvError::Closed), Ok(_)]), "{told:?}");
}
