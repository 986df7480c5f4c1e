//! The dynamic `Select`. (Go's own cases are in `go_select.rs`.)

mod select_util;

use futures::executor::block_on;
use gort::chan::SendError;
use gort::{Chan, Select, chan};
use select_util::{Woken, filled, now, panic_text, poll, poll_with};
use std::cell::RefCell;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

#[test]
fn default_runs_when_nothing_is_ready_and_counts_as_a_case() {
    let channel = Chan::<i32>::new(0);
    let mut select = Select::new();
    assert_eq!(select.default(|| -1), 0);
    assert_eq!(select.recv(&channel, |v, _| v), 1);
    assert_eq!((select.len(), select.is_empty()), (2, false));
    assert_eq!(now(select.wait()), (0, -1));
}

#[test]
fn every_kind_of_case() {
    let (tx, rx) = chan::<String>(1);
    let log = RefCell::new(Vec::new());
    let say = |text: String| log.borrow_mut().push(text);
    let mut select = Select::new();
    select.send(&tx, "a".to_owned(), |r| format!("{r:?}"));
    say(now(select.wait()).1);
    let mut select = Select::new();
    select.next(&rx, |v| format!("{v:?}"));
    say(now(select.wait()).1);
    drop(rx);
    let mut select = Select::new();
    select.send(&tx, "b".to_owned(), |r| {
        assert_eq!(r, Err(SendError("b".to_owned())));
        "back".to_owned()
    });
    say(now(select.wait()).1);
    let closed = Chan::<i32>::new(0);
    closed.close();
    let mut select = Select::new();
    select.recv(&closed, |v, ok| format!("{v} {ok}"));
    say(now(select.wait()).1);
    assert_eq!(log.into_inner(), ["Ok(())", "Some(\"a\")", "back", "0 false"]);
}

#[test]
fn ready_cases_share_alike_and_biased_takes_the_first() {
    let (x, y) = (Chan::<i32>::new(0), Chan::<i32>::new(0));
    x.close();
    y.close();
    const TRIALS: usize = 8_000;
    let mut count = [0usize; 4];
    for _ in 0..TRIALS {
        let mut select = Select::new();
        for channel in [&x, &x, &x, &y] {
            select.recv(channel, |_, _| ());
        }
        count[now(select.wait()).0] += 1;
    }
    // sigma is 39.
    for seen in count {
        assert!(seen.abs_diff(TRIALS / 4) < 390, "{count:?}");
    }
    let mut select = Select::new();
    select.biased().recv(&x, |_, _| ());
    select.recv(&y, |_, _| ());
    assert_eq!(now(select.wait()).0, 0);
}

#[test]
fn a_channel_in_many_cases_and_both_directions() {
    let channel = Chan::new(0);
    let mut select = Select::new();
    for i in 0..300 {
        if i % 3 == 0 {
            select.send(&channel, i, |()| 0);
        } else {
            select.recv(&channel, |v, _| v);
        }
    }
    let mut parked = pin!(select.wait());
    let woken = Arc::<Woken>::default();
    assert!(poll_with(parked.as_mut(), &woken).is_pending());
    assert!(channel.try_send(7).is_ok());
    assert!(channel.try_send(8).is_err(), "one case takes effect");
    assert!(channel.try_recv().is_err(), "one case takes effect");
    assert_eq!(woken.times(), 1);
    let Poll::Ready((case, 7)) = poll_with(parked, &woken) else { panic!("it was woken") };
    assert_ne!(case % 3, 0, "a receive");
}

#[test]
fn a_parked_select_that_is_dropped_gives_back_and_leaves_no_trace() {
    let (a, b) = (Chan::new(0), Chan::new(0));
    let value = Arc::new(());
    let mut select = Select::new();
    select.next(&a, |v| v);
    select.send(&b, value.clone(), |()| None);
    let mut parked = Box::pin(select.wait());
    assert!(poll(parked.as_mut()).is_pending());
    assert!(a.try_send(5).is_ok());
    drop(parked);
    assert_eq!(a.try_recv(), Ok(5));
    assert!(b.try_recv().is_err());
    assert_eq!(Arc::strong_count(&value), 1);
}

/// T8, when the select was waiting already: its goroutine was woken for a receive that it does not poll
/// any more.
#[cfg(not(foreign_executor))]
#[test]
fn a_waiting_select_takes_the_value_of_a_receive_that_is_not_polled_any_more() {
    gort::run(std::future::poll_fn(|_| {
        let channel = Chan::new(0);
        let woken = Arc::<Woken>::default();
        let (mut kept, mut other) = (pin!(channel.next()), pin!(channel.next()));
        assert!(poll_with(kept.as_mut(), &woken).is_pending());
        let mut select = Select::new();
        select.next(&channel, |v| v);
        let mut select = pin!(select.wait());
        assert!(poll_with(select.as_mut(), &woken).is_pending());
        assert!(poll_with(other.as_mut(), &woken).is_pending());
        assert!(poll_with(select.as_mut(), &woken).is_pending(), "nothing has happened");
        assert!(channel.try_send(1).is_ok());
        assert_eq!(poll_with(select, &woken), Poll::Ready((0, Some(1))));
        assert!(poll_with(kept.as_mut(), &woken).is_pending());
        assert!(channel.try_send(2).is_ok() && channel.try_send(3).is_ok());
        assert_eq!(poll_with(other, &woken), Poll::Ready(Some(2)), "it kept its place");
        assert_eq!(poll_with(kept, &woken), Poll::Ready(Some(3)), "it has a new one");
        Poll::Ready(())
    }));
}

#[test]
fn a_select_with_a_nil_case_keeps_its_place_in_line_when_it_is_polled_again() {
    let (channel, nil) = (Chan::new(0), Chan::nil());
    let mut select = Select::new();
    select.next(&channel, |v| v);
    select.next(&nil, |v| v);
    let woken = Arc::<Woken>::default();
    let mut first = pin!(select.wait());
    assert!(poll_with(first.as_mut(), &woken).is_pending());
    let mut second = pin!(channel.next());
    assert!(poll(second.as_mut()).is_pending());
    assert!(poll_with(first.as_mut(), &woken).is_pending());
    assert!(channel.try_send(1).is_ok());
    assert_eq!(woken.times(), 1);
    assert_eq!(poll_with(first, &woken), Poll::Ready((0, Some(1))));
}

#[test]
fn a_send_on_a_closed_channel_panics_and_the_others_are_unlinked() {
    let (a, b) = (Chan::new(0), Chan::<i32>::new(0));
    let mut select = Select::new();
    select.send(&a, 1, |()| 0);
    select.recv(&b, |v, _| v);
    let mut parked = Box::pin(select.wait());
    assert!(poll(parked.as_mut()).is_pending());
    a.close();
    let text = panic_text(|| {
        let _ = poll(parked.as_mut());
    });
    assert_eq!(text, "send on closed channel");
    drop(parked);
    assert!(b.try_send(1).is_err());
}

#[test]
fn a_fan_in_over_a_list_that_shrinks_ends_with_every_value_seen() {
    let sources: Vec<Chan<usize>> = (0..50).map(|_| Chan::new(0)).collect();
    let send = |(i, channel): (usize, Chan<usize>)| async move {
        for j in 0..20 {
            channel.send(i * 20 + j).await;
        }
        channel.close();
    };
    let sends = futures::future::join_all(sources.iter().cloned().enumerate().map(send));
    let receive = async {
        let mut open = sources.clone();
        let mut seen = vec![false; 1_000];
        while !open.is_empty() {
            let mut select = Select::with_capacity(open.len());
            for channel in &open {
                select.next(channel, |v| v);
            }
            match select.await {
                (_, Some(v)) => assert!(!std::mem::replace(&mut seen[v], true)),
                (i, None) => drop(open.swap_remove(i)),
            }
        }
        assert!(seen.into_iter().all(|seen| seen));
    };
    block_on(async { futures::join!(sends, receive) });
}

#[test]
fn the_cases_that_lost_are_gone_when_the_winners_function_runs() {
    let (a, b) = (filled(1, [1]), Chan::new(0));
    let value = Arc::new(());
    let mut select = Select::new();
    select.send(&b, value.clone(), |()| unreachable!());
    select.recv(&a, |v, _| (v, Arc::strong_count(&value), b.try_recv().is_err()));
    let mut future = Box::pin(select.wait());
    assert_eq!(poll(future.as_mut()), Poll::Ready((1, (1, 1, true))));
    let text = panic_text(|| {
        let _ = poll(future.as_mut());
    });
    assert_eq!(text, "a select was polled after it had completed");
}
