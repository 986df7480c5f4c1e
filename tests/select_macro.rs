//! The macro: every form of an arm, what bodies may do, and what becomes of arms that lose.

mod select_util;

use futures::channel::oneshot;
use gort::chan::SendError;
use gort::{Chan, Receiver, Sender, chan, select};
use select_util::{Woken, filled, now, poll, poll_with};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

/// Neither `Default` nor anything else.
#[derive(Debug, PartialEq)]
struct Opaque(i32);

struct Worker {
    jobs: Vec<Receiver<i32>>,
    out: Chan<i32>,
    done: Chan<Opaque>,
    log: Vec<String>,
}

impl Worker {
    fn note(&mut self, text: impl Into<String>) {
        self.log.push(text.into());
    }

    #[expect(clippy::needless_return, reason = "bodies may return, and this is the test of it")]
    async fn step(&mut self, item: i32, pending: &mut Option<i32>) -> Result<Option<i32>, ()> {
        let i = 0;
        select! {
            v = <-self.jobs[i] => {
                self.note(format!("job {v}"));
                Ok(Some(v))
            }
            v, ok = <-self.jobs[1], if i == 0 => {
                self.note(format!("{v} {ok}"));
                Err(())?
            }
            <-self.done => return Ok(None),
            self.out <- item => {
                std::future::ready(()).await;
                self.note("sent");
                Ok(Some(0))
            }
            self.out <- &mut *pending => Ok(Some(1)),
        }
    }
}

fn worker() -> (Worker, [Sender<i32>; 2]) {
    let (tx0, rx0) = chan(1);
    let (tx1, rx1) = chan(1);
    let worker =
        Worker { jobs: vec![rx0, rx1], out: Chan::new(0), done: Chan::new(0), log: Vec::new() };
    (worker, [tx0, tx1])
}

#[test]
fn arms_over_fields_and_bodies_with_the_whole_self() {
    let (mut worker, [tx0, tx1]) = worker();
    tx0.try_send(7).unwrap();
    assert_eq!(now(worker.step(1, &mut None)), Ok(Some(7)));
    tx1.try_send(8).unwrap();
    assert_eq!(now(worker.step(1, &mut None)), Err(()));
    let out = worker.out.clone();
    let mut receive = pin!(out.recv());
    assert!(poll(receive.as_mut()).is_pending());
    assert_eq!(now(worker.step(1, &mut None)), Ok(Some(0)));
    assert_eq!(poll(receive), Poll::Ready(1));
    worker.done.close();
    assert_eq!(now(worker.step(1, &mut None)), Ok(None));
    assert_eq!(worker.log, ["job 7", "8 true", "sent"]);
}

#[test]
fn bodies_break_continue_and_yield_values_of_the_loop() {
    let (tx, rx) = chan(3);
    for i in 0..3 {
        tx.try_send(i).unwrap();
    }
    let found = now(async {
        let mut skipped = 0;
        let value = 'outer: loop {
            select! {
                v = <-rx => {
                    if v < 2 {
                        skipped += 1;
                        continue;
                    }
                    break 'outer v;
                }
            }
        };
        (value, skipped)
    });
    assert_eq!(found, (2, 2));
}

#[test]
fn any_type_can_be_received_where_no_zero_is_needed() {
    let rx = filled(4, [Opaque(1), Opaque(2), Opaque(3)]);
    rx.close();
    now(async {
        select! { <-rx => {} }
        select! { _ = <-rx => {} }
        select! { Some(v) = rx.next() => assert_eq!(v, Opaque(3)) }
        select! { _, ok = <-rx => assert!(!ok) }
        select! { v = rx.next() => assert_eq!(v, None) }
    });
}

#[test]
fn receive_patterns_take_apart() {
    let rx = filled(2, [(1, (2, "a")), (3, (4, "b"))]);
    now(async {
        select! { (a, (b, _)) = <-rx => assert_eq!((a, b), (1, 2)) }
        select! { (mut a, _), ok = <-rx => {
            a += 1;
            assert_eq!((a, ok), (4, true));
        } }
    });
}

#[test]
fn operands_through_references_boxes_and_calls() {
    let channel = filled(4, [1, 2, 3, 4]);
    let (shared, boxed, by_ref) = (Arc::new(channel.rx()), Box::new(channel.rx()), &channel);
    let make = || channel.rx();
    let sum = now(async {
        let mut sum = 0;
        select! { v = <-shared => sum += v }
        select! { v = <-boxed => sum += v }
        select! { v = <-by_ref => sum += v }
        select! { v = <-make() => sum += v }
        sum
    });
    assert_eq!(sum, 10);
}

#[test]
fn a_send_on_a_sender_yields_a_result() {
    let (tx, rx) = chan(1);
    now(async {
        select! { r = tx <- 1 => assert_eq!(r, Ok(())) }
        drop(rx);
        select! { r = tx <- 2 => assert_eq!(r, Err(SendError(2))) }
        select! { r = tx.send(3) => assert_eq!(r, Err(SendError(3))) }
    });
}

#[test]
fn a_parked_send_gets_its_value_back_when_the_last_receiver_goes() {
    let (tx, rx) = chan(0);
    let mut parked = pin!(async {
        select! { r = tx <- 1 => r }
    });
    assert!(poll(parked.as_mut()).is_pending());
    drop(rx);
    assert_eq!(poll(parked), Poll::Ready(Err(SendError(1))));
}

#[test]
fn a_value_that_was_not_sent_is_dropped_with_the_select() {
    let (full, ready) = (Chan::new(0), filled(1, [1]));
    let value = Rc::new(());
    now(async {
        select! {
            full <- value.clone() => unreachable!(),
            v = <-ready => {
                assert_eq!(v, 1);
                assert_eq!(Rc::strong_count(&value), 1, "dropped before the body runs");
            }
        }
    });
}

#[test]
fn an_option_keeps_its_value_unless_its_arm_wins() {
    let (out, ready) = (Chan::new(1), filled(1, [1]));
    let mut pending = Some(5);
    now(async {
        select! {
            biased;
            _v = <-ready => assert_eq!(pending, Some(5)),
            out <- &mut pending => unreachable!(),
        }
        select! {
            out <- &mut pending => assert_eq!(pending, None),
        }
        // Nothing to send: the arm is off.
        select! {
            out <- &mut pending => unreachable!(),
            v = <-out => assert_eq!(v, 5),
        }
        select! {
            out <- &mut pending => unreachable!(),
            else => {}
        }
        select! {
            out <- &mut pending => unreachable!(),
            default => {}
        }
    });
}

#[test]
fn an_option_gets_its_value_back_from_a_parked_select_that_is_dropped() {
    let out = Chan::new(0);
    let mut pending = Some(5);
    {
        let mut parked = Box::pin(async {
            select! { out <- &mut pending => {} }
        });
        assert!(poll(parked.as_mut()).is_pending());
    }
    assert_eq!(pending, Some(5));
    let mut parked = Box::pin(async {
        select! { out <- &mut pending => {} }
    });
    assert!(poll(parked.as_mut()).is_pending());
    assert_eq!(out.try_recv(), Ok(5));
    // Taken: whether the select is polled again or not.
    drop(parked);
    assert_eq!(pending, None);
}

#[test]
fn an_option_of_a_sender_yields_the_value_when_nobody_is_left() {
    let (tx, rx) = chan(1);
    drop(rx);
    let mut pending = Some(5);
    now(async {
        select! { r = tx <- &mut pending => assert_eq!(r, Err(SendError(5))) }
    });
    assert_eq!(pending, None);
}

#[test]
fn a_pattern_that_does_not_match_disables_its_arm() {
    let (a, b) = (filled(1, [1]), Chan::<i32>::new(0));
    a.close();
    b.close();
    let got = now(async {
        let mut got = Vec::new();
        loop {
            select! {
                Some(v) = a.next() => got.push(v),
                Some(v) = b.next() => got.push(v),
                else => break got,
            }
        }
    });
    assert_eq!(got, [1]);
}

#[test]
fn a_parked_arm_whose_pattern_does_not_match_leaves_the_others_waiting() {
    let (a, b) = (Chan::<i32>::new(0), Chan::<i32>::new(0));
    let woken = Arc::<Woken>::default();
    let mut parked = pin!(async {
        select! {
            Some(_) = a.next() => unreachable!(),
            Some(v) = b.next() => v,
        }
    });
    assert!(poll_with(parked.as_mut(), &woken).is_pending());
    a.close();
    assert_eq!(woken.times(), 1);
    assert!(poll_with(parked.as_mut(), &woken).is_pending());
    assert!(b.try_send(3).is_ok());
    assert_eq!(woken.times(), 2);
    assert_eq!(poll_with(parked, &woken), Poll::Ready(3));
}

#[test]
fn else_runs_when_every_arm_is_nil_off_or_disabled() {
    let nil = Chan::<i32>::nil();
    let ready = filled(1, [1]);
    let mut nothing = None::<i32>;
    let which = now(async {
        select! {
            _v = <-nil => 1,
            nil <- 2 => 2,
            ready <- &mut nothing => 3,
            _v = <-ready, if false => 4,
            Some(()) = async { None } => 5,
            else => 6,
        }
    });
    assert_eq!(which, 6);
    assert_eq!(ready.len(), 1);
}

#[test]
#[should_panic = "all branches are disabled and there is no else branch"]
fn futures_alone_panic_without_else() {
    now(async {
        select! { Some(()) = async { None } => {} }
    });
}

#[test]
fn default_runs_when_futures_and_channels_are_pending() {
    let channel = Chan::<i32>::new(0);
    let which = now(async {
        select! {
            v = <-channel => v,
            v = std::future::pending() => v,
            default => 9,
        }
    });
    assert_eq!(which, 9);
    let which = now(async {
        select! {
            v = channel.recv() => v,
            Some(v) = async { None } => v,
            default => 9,
        }
    });
    assert_eq!(which, 9);
}

#[test]
fn biased_takes_the_first_that_is_ready() {
    let (a, b) = (filled(10, 0..10), filled(10, 10..20));
    for i in 0..10 {
        let v = now(async {
            select! { biased; v = <-a => v, v = <-b => v }
        });
        assert_eq!(v, i);
    }
    // Under all locks, too: nothing was ready without them.
    let (c, d) = (Chan::<i32>::new(1), Chan::<i32>::new(1));
    let mut parked = pin!(async {
        select! { biased; v = <-d => v, v = <-c => v }
    });
    assert!(poll(parked.as_mut()).is_pending());
    assert!(c.try_send(1).is_ok());
    assert!(d.try_send(2).is_ok());
    assert_eq!(poll(parked), Poll::Ready(1), "parked selects are served in order of arrival");
}

#[test]
fn gorts_own_futures_take_part_like_operators() {
    let (a, b) = (Chan::<i32>::new(0), Chan::<i32>::new(0));
    let (tx, rx) = chan::<i32>(0);
    let mut parked = pin!(async {
        select! {
            v = a.recv() => v,
            (v, ok) = b.recv_ok() => if ok { v } else { -1 },
            r = tx.send(5) => r.map_or(-2, |()| -3),
            () = a.send(6) => -4,
        }
    });
    assert!(poll(parked.as_mut()).is_pending());
    // The other arms are claimed together with the one that wins: nobody else meets them.
    assert_eq!(rx.try_recv(), Ok(5));
    assert!(a.try_recv().is_err());
    assert!(a.try_send(1).is_err());
    assert!(b.try_send(1).is_err());
    assert_eq!(poll(parked), Poll::Ready(-3));
}

#[test]
fn a_foreign_future_and_a_claim_at_once_have_one_effect() {
    let channel = Chan::<i32>::new(0);
    let (done, mut waiting) = oneshot::channel::<i32>();
    let woken = Arc::<Woken>::default();
    {
        let mut parked = pin!(async {
            select! {
                v = <-channel => v,
                r = &mut waiting => r.unwrap(),
            }
        });
        assert!(poll_with(parked.as_mut(), &woken).is_pending());
        assert!(channel.try_send(1).is_ok());
        done.send(2).unwrap();
        assert_eq!(poll_with(parked, &woken), Poll::Ready(1), "the claim was first");
    }
    assert_eq!(waiting.try_recv(), Ok(Some(2)), "the future that lost kept its value");
}

#[test]
fn a_foreign_future_that_wins_takes_the_channels_out() {
    let channel = Chan::<i32>::new(0);
    let (done, waiting) = oneshot::channel::<i32>();
    let woken = Arc::<Woken>::default();
    let mut parked = pin!(async {
        select! {
            v = <-channel => v,
            r = waiting => {
                assert!(channel.try_send(1).is_err(), "nobody receives while the body runs");
                r.unwrap()
            }
        }
    });
    assert!(poll_with(parked.as_mut(), &woken).is_pending());
    done.send(2).unwrap();
    assert_eq!(woken.times(), 1);
    assert_eq!(poll_with(parked, &woken), Poll::Ready(2));
}

#[test]
fn t5_no_peer_can_claim_while_a_foreign_future_takes_effect() {
    let channel = Chan::<i32>::new(0);
    let mut polls = 0;
    let foreign = std::future::poll_fn(|_| {
        polls += 1;
        // Parked, and polled again: a peer comes in the middle of it.
        if polls == 1 { Poll::Pending } else { Poll::Ready(channel.try_send(1).is_ok()) }
    });
    let mut parked = pin!(async {
        select! {
            _v = <-channel => unreachable!(),
            met = foreign => met,
        }
    });
    assert!(poll(parked.as_mut()).is_pending());
    assert_eq!(poll(parked), Poll::Ready(false));
}

#[test]
fn a_spurious_poll_keeps_a_mixed_select_waiting_on_both() {
    let channel = Chan::<i32>::new(0);
    let (_done, waiting) = oneshot::channel::<i32>();
    let mut parked = pin!(async {
        select! {
            v = <-channel => v,
            _r = waiting => unreachable!(),
        }
    });
    for _ in 0..3 {
        assert!(poll(parked.as_mut()).is_pending());
    }
    assert!(channel.try_send(1).is_ok());
    assert_eq!(poll(parked), Poll::Ready(1));
}

#[test]
fn the_waker_of_the_last_poll_is_woken() {
    let (a, b) = (Chan::<i32>::new(0), Chan::<i32>::new(0));
    let [first, second] = [(); 2].map(|()| Arc::<Woken>::default());
    let mut parked = pin!(async {
        select! { v = <-a => v, v = <-b => v }
    });
    assert!(poll_with(parked.as_mut(), &first).is_pending());
    assert!(poll_with(parked.as_mut(), &second).is_pending());
    assert!(b.try_send(4).is_ok());
    assert_eq!((first.times(), second.times()), (0, 1));
    assert_eq!(poll_with(parked, &second), Poll::Ready(4));
}

#[test]
fn a_loser_and_its_waker_are_let_go() {
    let (a, b) = (Chan::<i32>::new(0), Chan::<i32>::new(0));
    let woken = Arc::<Woken>::default();
    {
        let mut parked = pin!(async {
            select! { v = <-a => v, v = <-b => v }
        });
        assert!(poll_with(parked.as_mut(), &woken).is_pending());
        assert!(b.try_send(4).is_ok());
        assert_eq!(poll_with(parked, &woken), Poll::Ready(4));
    }
    assert_eq!(Arc::strong_count(&woken), 1);
    assert!(a.try_send(1).is_err());
}

#[test]
fn t3_two_receivers_between_wake_and_poll_get_one_value() {
    let (a, b) = (Chan::new(0), Chan::new(0));
    let (one, two) = (Arc::new(1), Arc::new(2));
    let mut parked = Box::pin(async {
        select! {
            a <- one.clone() => 'a',
            b <- two.clone() => 'b',
        }
    });
    assert!(poll(parked.as_mut()).is_pending());
    assert_eq!(*a.try_recv().unwrap(), 1);
    assert!(b.try_recv().is_err());
    assert_eq!(Arc::strong_count(&two), 2, "the select owns it still");
    assert_eq!(poll(parked.as_mut()), Poll::Ready('a'));
    assert_eq!(Arc::strong_count(&two), 1);
}

#[test]
fn t4_a_value_for_a_select_that_is_dropped_goes_to_the_next_in_order() {
    let (c, other) = (Chan::new(1), Chan::<i32>::new(0));
    let mut first = Box::pin(async {
        select! { v = <-c => v, v = <-other => v }
    });
    let mut second = Box::pin(async {
        select! { v = <-c => v, v = <-other => v }
    });
    assert!(poll(first.as_mut()).is_pending());
    assert!(poll(second.as_mut()).is_pending());
    assert!(c.try_send(1).is_ok());
    // `first` has been claimed. The next who waits gets it.
    drop(first);
    assert_eq!(poll(second.as_mut()), Poll::Ready(1));
    // Nobody waits: it comes before what was sent later.
    let mut third = Box::pin(async {
        select! { v = <-c => v, v = <-other => v }
    });
    assert!(poll(third.as_mut()).is_pending());
    assert!(c.try_send(2).is_ok());
    assert!(c.try_send(3).is_ok());
    drop(third);
    assert_eq!((c.try_recv(), c.try_recv()), (Ok(2), Ok(3)));
}

#[cfg(not(foreign_executor))]
#[test]
fn t8_a_claim_that_is_not_collected_is_taken_back_by_its_own_goroutine() {
    gort::run(async {
        let (c, other) = (Chan::new(0), Chan::<i32>::new(0));
        let mut unpolled = Box::pin(async {
            select! { v = <-c => v, v = <-other => v }
        });
        std::future::poll_fn(|cx| {
            assert!(unpolled.as_mut().poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        c.send(1).await;
        // The value is with `unpolled`; this would wait for ever otherwise. In a select, too.
        assert_eq!(select! { v = <-c => v, v = <-other => v }, 1);
        // It starts anew.
        std::future::poll_fn(|cx| {
            assert!(unpolled.as_mut().poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        other.send(2).await;
        assert_eq!(unpolled.await, 2);
    });
}

#[test]
fn the_future_is_send_if_the_arms_are_and_may_be_local() {
    fn is_send<F: Future + Send>(future: F) -> F {
        future
    }
    let (a, b) = (filled(1, [1]), Chan::<i32>::new(0));
    now(is_send(async {
        let mut option = Some(1);
        select! {
            v = <-a => assert_eq!(v, 1),
            b <- 3 => {}
            b <- &mut option => {}
            v = b.next() => assert_eq!(v, None),
            _ = std::future::pending::<()>() => {}
        }
    }));
    let local = Rc::new(1);
    now(async {
        select! {
            v = async { local.clone() } => assert_eq!(*v, 1),
            _v = <-b => {}
        }
    });
}

#[test]
fn seventy_arms() {
    let c: Vec<Chan<usize>> = (0..70).map(|_| Chan::new(1)).collect();
    for i in [0, 63, 64, 69] {
        assert!(c[i].try_send(i).is_ok());
    }
    macro_rules! seventy {
        ($($i:literal)*) => {
            select! { $(v = <-c[$i] => { assert_eq!(v, $i); v })* }
        };
    }
    let mut seen: Vec<usize> = (0..4)
        .map(|_| {
            now(async {
                seventy! {
                    0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28
                    29 30 31 32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54
                    55 56 57 58 59 60 61 62 63 64 65 66 67 68 69
                }
            })
        })
        .collect();
    seen.sort_unstable();
    assert_eq!(seen, [0, 63, 64, 69]);
}

#[test]
fn names_of_the_expansion_do_not_meet_the_callers() {
    let (out, select, live, head, arms, faces, cx, value, looks) = (1, 2, 3, 4, 5, 6, 7, 8, 9);
    let channel = filled(3, [1, 2, 3]);
    now(async {
        let sum = select! {
            v = <-channel, if live == 3 && arms == 5 => v + out + select + head + faces,
            channel <- cx + value => looks,
            default => 0,
        };
        assert_eq!(sum, 14);
        let _ = select! { value = std::future::ready(out), if looks == 9 => value + cx + arms };
    });
}

#[test]
fn nested_selects() {
    let (a, b) = (filled(1, [1]), filled(1, [2]));
    let sum = now(async {
        select! {
            v = <-a => select! {
                w = <-b => v + w,
                default => v,
            },
            x = async { select! { v = std::future::pending() => v } } => x,
        }
    });
    assert_eq!(sum, 3);
}

/// T8, when the select was waiting already: its goroutine was woken for a receive that it does not poll
/// any more.
#[cfg(not(foreign_executor))]
#[test]
fn a_waiting_select_takes_the_value_of_a_receive_that_is_not_polled_any_more() {
    gort::run(std::future::poll_fn(|_| {
        let (channel, other) = (Chan::new(0), Chan::new(0));
        let woken = Arc::<Woken>::default();
        let mut kept = pin!(channel.next());
        assert!(poll_with(kept.as_mut(), &woken).is_pending());
        let mut selecting = pin!(async {
            select! {
                v = <-other => v,
                v = <-channel => v,
            }
        });
        assert!(poll_with(selecting.as_mut(), &woken).is_pending());
        assert!(poll_with(selecting.as_mut(), &woken).is_pending(), "nothing has happened");
        assert!(channel.try_send(1).is_ok());
        assert_eq!(poll_with(selecting, &woken), Poll::Ready(1));
        assert!(channel.try_send(2).is_err(), "it is out of line until it looks");
        assert!(poll_with(kept.as_mut(), &woken).is_pending());
        assert!(channel.try_send(2).is_ok());
        assert_eq!(poll_with(kept, &woken), Poll::Ready(Some(2)));
        assert!(other.try_send(3).is_err(), "the select is out of line");
        Poll::Ready(())
    }));
}
