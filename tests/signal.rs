//! Signals: who gets them, what becomes of those that nobody gets, and that none is lost. Signals are the
//! whole process's, so each test has a process of its own.
#![cfg(unix)]

mod common;

use common::child::{Ended, main_of_child};
use common::{Polled, panic_text};
use gort::chan::TryRecvError;
use gort::context::{self, Context, background, with_cancel};
use gort::runtime::{gosched, num_goroutine};
use gort::signal::unix::signal;
use gort::signal::{
    SignalKind, SignalReceived, ctrl_c, ignore, ignored, notify, notify_context, reset, stop,
};
use gort::{Chan, Receiver, Sender, chan, select, time};
use std::os::unix::process::ExitStatusExt;
use std::sync::{Arc, Barrier, mpsc};
use std::thread;

const INT: SignalKind = SignalKind::interrupt();
const HUP: SignalKind = SignalKind::hangup();
const USR1: SignalKind = SignalKind::user_defined1();
const USR2: SignalKind = SignalKind::user_defined2();

/// Sends a signal to this process. Its handler, if it has one, has run when this returns.
fn raise(kind: SignalKind) {
    signal_hook::low_level::raise(kind.as_raw_value()).unwrap();
}

/// Gives the signals of a terminal their default effect, as in a program that a user types: a shell starts
/// what it runs in the background, and `nohup` whatever it runs, with some of them ignored.
#[expect(unsafe_code, reason = "a call of the C library")]
fn heed_the_terminal() {
    for signal in [libc::SIGINT, libc::SIGQUIT, libc::SIGHUP] {
        // SAFETY: no handler is installed, and the signals exist.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
}

/// Runs `body` in a process of its own, started as if from a terminal.
fn main_of_process(test: &str, body: impl FnOnce()) -> Ended {
    main_of_child(test, || {
        heed_the_terminal();
        body();
    })
}

/// Runs `body` in a process of its own, which must end well.
#[track_caller]
fn lives(test: &str, body: impl FnOnce()) {
    let ended = main_of_process(test, body);
    assert!(ended.status.success(), "{ended:#?}");
}

/// Runs `body` in a process of its own, which must die of the signal.
#[track_caller]
fn dies_of(kind: SignalKind, test: &str, body: impl FnOnce()) {
    let ended = main_of_process(test, body);
    assert_eq!(ended.status.signal(), Some(kind.as_raw_value()), "{ended:#?}");
}

/// What comes within a time that is long enough for what has been sent.
fn receive(rx: &Receiver<SignalKind>) -> Option<SignalKind> {
    futures::executor::block_on(time::timeout(time::Duration::from_secs(20), rx.next()))
        .expect("no signal came")
}

/// Whether nothing came, seen by a signal of another kind that comes later.
fn nothing(rx: &Receiver<SignalKind>) -> bool {
    let later = Chan::new(1);
    notify(&later, [SignalKind::window_change()]);
    raise(SignalKind::window_change());
    receive(&later.rx());
    stop(&later);
    rx.try_recv() == Err(TryRecvError::Empty)
}

// Notify and stop.

#[test]
fn each_channel_gets_each_signal_that_it_asked_for() {
    lives("each_channel_gets_each_signal_that_it_asked_for", || {
        let ((one, got_one), (both, got_both)) = (chan(1), chan(2));
        notify(&one, [USR1]);
        notify(&both, [USR1]);
        notify(&both, [USR2]); // kinds add up
        raise(USR1);
        assert_eq!(receive(&got_one), Some(USR1));
        assert_eq!(receive(&got_both), Some(USR1));
        raise(USR2);
        assert_eq!(receive(&got_both), Some(USR2));
        assert!(nothing(&got_one));
    });
}

#[test]
fn a_signal_that_finds_the_channel_full_is_dropped_and_waits_for_nobody() {
    lives("a_signal_that_finds_the_channel_full_is_dropped_and_waits_for_nobody", || {
        let (full, rx) = chan(1);
        notify(&full, [USR1, USR2]);
        raise(USR1);
        raise(USR2);
        assert!(nothing(&Chan::new(1).rx()), "others are served");
        assert_eq!(receive(&rx), Some(USR1));
        assert!(nothing(&rx));
        raise(USR2);
        assert_eq!(receive(&rx), Some(USR2));
    });
}

#[test]
fn a_channel_that_asks_for_nothing_gets_everything() {
    lives("a_channel_that_asks_for_nothing_gets_everything", || {
        let (tx, rx) = chan(64);
        notify(&tx, []);
        for kind in [HUP, INT, USR1, USR2, SignalKind::terminate(), SignalKind::pipe()] {
            raise(kind);
            assert_eq!(receive(&rx), Some(kind));
        }
    });
}

#[test]
fn a_nil_channel_cannot_be_notified() {
    let text = panic_text(|| notify(Sender::nil(), [USR1]));
    assert_eq!(text, "os/signal: Notify using nil channel");
}

#[test]
fn a_goroutine_that_selects_is_woken() {
    lives("a_goroutine_that_selects_is_woken", || {
        let got = gort::run(async {
            let quit = Chan::new(1);
            notify(&quit, [INT, SignalKind::terminate()]);
            let raiser = gort::go(async { raise(SignalKind::terminate()) });
            let got = select! {
                kind = <-quit => kind,
                <-time::after(time::Duration::from_secs(20)) => panic!("no signal came"),
            };
            raiser.await.unwrap();
            got
        });
        assert_eq!(got.to_string(), "terminated");
    });
}

#[test]
fn a_channel_that_was_stopped_gets_nothing_and_others_go_on() {
    lives("a_channel_that_was_stopped_gets_nothing_and_others_go_on", || {
        let ((one, got_one), (other, got_other)) = (chan(1), chan(1));
        notify(&one, [USR1]);
        notify(&other, [USR1]);
        stop(&got_one); // by any of its handles
        raise(USR1);
        assert_eq!(receive(&got_other), Some(USR1));
        assert!(nothing(&got_one));
        stop(&Chan::<SignalKind>::new(0)); // of one that was never notified
        drop(one);
    });
}

#[test]
fn after_the_last_stop_a_signal_ends_the_program_as_it_did_before() {
    dies_of(USR1, "after_the_last_stop_a_signal_ends_the_program_as_it_did_before", || {
        let ch = Chan::new(1);
        notify(&ch, [USR1]);
        raise(USR1);
        receive(&ch.rx());
        stop(&ch);
        raise(USR1);
    });
}

/// Go's `TestAtomicStop`: a signal that comes as the channel is stopped is received or ends the
/// program.
#[test]
fn no_signal_is_lost_in_a_stop() {
    let name = "no_signal_is_lost_in_a_stop";
    let child = || {
        for round in 0..100 {
            let ch = Chan::new(1);
            notify(&ch, [INT]);
            let start = Barrier::new(2);
            thread::scope(|scope| {
                scope.spawn(|| {
                    start.wait();
                    stop(&ch);
                });
                start.wait();
                (0..round * 20).for_each(|_| std::hint::spin_loop());
                raise(INT);
            });
            // Its handler has run, and the program lives.
            assert_eq!(ch.try_recv(), Ok(INT), "lost in round {round}");
        }
    };
    for _ in 0..40 {
        let Ended { status, said } = main_of_process(name, child);
        let died_of_it = status.signal() == Some(INT.as_raw_value());
        assert!(status.success() || died_of_it, "{status} {said}");
    }
}

#[test]
fn a_channel_whose_receivers_are_gone_counts_as_stopped() {
    dies_of(USR1, "a_channel_whose_receivers_are_gone_counts_as_stopped", || {
        let ((tx, rx), (kept, got)) = (chan(1), chan(1));
        notify(&tx, [USR1, USR2]);
        notify(&kept, [USR2]);
        drop(rx);
        raise(USR2);
        assert_eq!(receive(&got), Some(USR2));
        raise(USR2);
        assert_eq!(receive(&got), Some(USR2));
        raise(USR1);
        // It is the thread that finds out, if nobody else does. (A wake-up that came late ends one `park`.)
        loop {
            thread::park();
        }
    });
}

// Reset and ignore.

#[test]
fn what_is_ignored_has_no_effect_until_somebody_wants_it() {
    lives("what_is_ignored_has_no_effect_until_somebody_wants_it", || {
        let (tx, rx) = chan(1);
        assert!(!ignored(USR1));
        notify(&tx, [USR1, USR2]);
        ignore([USR1]);
        assert!(ignored(USR1) && !ignored(USR2));
        raise(USR1);
        assert!(nothing(&rx), "ignoring undoes the notification");
        raise(USR2);
        assert_eq!(receive(&rx), Some(USR2));
        notify(&tx, [USR1]);
        assert!(!ignored(USR1));
        raise(USR1);
        assert_eq!(receive(&rx), Some(USR1));
    });
}

#[test]
fn a_reset_undoes_a_notification() {
    dies_of(USR1, "a_reset_undoes_a_notification", || {
        let ch = Chan::new(1);
        notify(&ch, [USR1]);
        reset([USR1]);
        raise(USR1);
    });
}

/// Not of SIGHUP, which stays ignored if this program was started by `nohup`.
#[test]
fn a_reset_of_everything_undoes_ignoring() {
    dies_of(USR1, "a_reset_of_everything_undoes_ignoring", || {
        ignore([USR1]);
        raise(USR1);
        reset([]);
        assert!(!ignored(USR1));
        raise(USR1);
    });
}

/// Go's `TestNohup`: what was ignored from the start is, until it is wanted, and again afterwards.
#[test]
fn what_the_program_was_started_to_ignore_stays_ignored() {
    let name = "what_the_program_was_started_to_ignore_stays_ignored";
    if std::env::var_os("GORT_TEST_NOHUP").is_some() {
        assert!(ignored(HUP) && !ignored(USR1));
        raise(HUP);
        let ch = Chan::new(1);
        notify(&ch, [HUP]);
        assert!(!ignored(HUP));
        raise(HUP);
        assert_eq!(receive(&ch.rx()), Some(HUP));
        stop(&ch);
        assert!(ignored(HUP));
        raise(HUP);
        return;
    }
    let status = std::process::Command::new("sh")
        .args(["-c", "trap '' HUP; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args([name, "--exact", "--test-threads=1"])
        .env("GORT_TEST_NOHUP", "1")
        .status()
        .unwrap();
    assert!(status.success(), "{status}");
}

// Streams.

#[test]
fn every_stream_gets_every_signal_and_those_in_quick_succession_are_one() {
    lives("every_stream_gets_every_signal_and_those_in_quick_succession_are_one", || {
        gort::run(async {
            let (mut one, mut other) = (signal(USR1).unwrap(), signal(USR1).unwrap());
            drop(signal(USR1).unwrap());
            raise(USR1);
            one.recv().await.unwrap();
            raise(USR1);
            one.recv().await.unwrap();
            other.recv().await.unwrap();
            assert!(Polled::new(other.recv()).poll().is_pending());
        });
    });
}

#[test]
fn a_signal_between_two_streams_is_for_the_second() {
    lives("a_signal_between_two_streams_is_for_the_second", || {
        gort::run(async {
            drop(signal(USR1).unwrap());
            raise(USR1); // does not end the program
            signal(USR1).unwrap().recv().await.unwrap();
            assert!(Polled::new(signal(USR1).unwrap().recv()).poll().is_pending());
        });
    });
}

#[test]
fn a_ctrl_c_that_nobody_was_told_of_is_told_to_the_next() {
    lives("a_ctrl_c_that_nobody_was_told_of_is_told_to_the_next", || {
        gort::run(async {
            for _ in 0..100 {
                let mut loser = Polled::new(ctrl_c());
                assert!(loser.poll().is_pending());
                raise(INT);
                // Perhaps it has been told, and has not looked.
                drop(loser);
                ctrl_c().await.unwrap();
                assert!(Polled::new(ctrl_c()).poll().is_pending(), "told twice");
            }
        });
    });
}

/// Or the next one would be told of what has been dealt with.
#[test]
fn a_signal_that_one_stream_has_yielded_is_not_kept_when_another_goes() {
    lives("a_signal_that_one_stream_has_yielded_is_not_kept_when_another_goes", || {
        gort::run(async {
            for first_goes_first in [true, false] {
                let (mut first, second) = (signal(USR1).unwrap(), signal(USR1).unwrap());
                raise(USR1);
                first.recv().await.unwrap();
                // The second was given it in the same moment.
                let goes = if first_goes_first { [first, second] } else { [second, first] };
                goes.into_iter().for_each(drop);
                assert!(Polled::new(signal(USR1).unwrap().recv()).poll().is_pending());
            }
        });
    });
}

#[test]
fn a_signal_that_one_stream_has_yielded_before_the_last_one_came_does_not_hide_that() {
    lives(
        "a_signal_that_one_stream_has_yielded_before_the_last_one_came_does_not_hide_that",
        || {
            gort::run(async {
                let (mut first, second) = (signal(USR1).unwrap(), signal(USR1).unwrap());
                raise(USR1);
                first.recv().await.unwrap();
                raise(USR1);
                hand_out();
                drop((first, second));
                signal(USR1).unwrap().recv().await.unwrap();
            });
        },
    );
}

/// Has what has come handed out.
fn hand_out() {
    let other = Chan::new(1);
    notify(&other, [USR2]);
    stop(&other);
}

#[test]
fn a_signal_that_a_channel_got_is_not_kept_when_a_stream_goes() {
    lives("a_signal_that_a_channel_got_is_not_kept_when_a_stream_goes", || {
        gort::run(async {
            let (stream, ch) = (signal(USR1).unwrap(), Chan::new(1));
            notify(&ch, [USR1]);
            raise(USR1);
            assert_eq!(ch.recv().await, USR1);
            stop(&ch);
            drop(stream);
            assert!(Polled::new(signal(USR1).unwrap().recv()).poll().is_pending());
        });
    });
}

#[test]
fn what_a_stream_leaves_is_told_to_one_that_came_since() {
    lives("what_a_stream_leaves_is_told_to_one_that_came_since", || {
        gort::run(async {
            let stream = signal(USR1).unwrap();
            raise(USR1);
            hand_out();
            let mut since = signal(USR1).unwrap();
            assert!(Polled::new(since.recv()).poll().is_pending());
            drop(stream);
            assert_eq!(Polled::new(since.recv()).ready(), Some(()));
            drop(since);
            assert!(Polled::new(signal(USR1).unwrap().recv()).poll().is_pending());
        });
    });
}

#[test]
fn what_a_stream_leaves_is_kept_though_there_is_a_channel_without_receivers() {
    lives("what_a_stream_leaves_is_kept_though_there_is_a_channel_without_receivers", || {
        gort::run(async {
            let (mut stream, (tx, rx)) = (signal(USR1).unwrap(), chan(1));
            notify(&tx, [USR1]);
            raise(USR1);
            stream.recv().await.unwrap();
            drop(rx);
            raise(USR1);
            hand_out();
            drop(stream);
            assert!(Polled::new(signal(USR1).unwrap().recv()).poll().is_ready());
        });
    });
}

#[test]
fn nothing_is_lost_between_a_stream_that_goes_and_one_that_comes() {
    lives("nothing_is_lost_between_a_stream_that_goes_and_one_that_comes", || {
        for round in 0..500 {
            let goes = signal(USR1).unwrap();
            raise(USR1);
            hand_out();
            let start = Barrier::new(2);
            let mut comes = thread::scope(|scope| {
                let comes = scope.spawn(|| {
                    start.wait();
                    signal(USR1).unwrap()
                });
                start.wait();
                drop(goes);
                comes.join().unwrap()
            });
            assert!(Polled::new(comes.recv()).poll().is_ready(), "lost in round {round}");
        }
    });
}

#[test]
fn a_waker_that_panics_costs_nobody_else_a_signal() {
    struct Panics(mpsc::Sender<()>);
    impl std::task::Wake for Panics {
        fn wake(self: Arc<Self>) {
            self.0.send(()).unwrap();
            panic!("at the wake");
        }
    }
    lives("a_waker_that_panics_costs_nobody_else_a_signal", || {
        let (woken, wait_for_wake) = mpsc::channel();
        let mut stream = signal(USR1).unwrap();
        let mut recv = Polled::new(stream.recv());
        assert!(recv.poll_with(&Arc::new(Panics(woken)).into()).is_pending());
        let (tx, rx) = chan(1);
        notify(&tx, [USR2]);
        raise(USR1);
        wait_for_wake.recv().unwrap();
        raise(USR2);
        assert_eq!(receive(&rx), Some(USR2));
        assert!(recv.poll().is_ready());
    });
}

#[test]
fn what_cannot_be_caught_is_an_error_of_a_stream_and_nothing_to_a_channel() {
    lives("what_cannot_be_caught_is_an_error_of_a_stream_and_nothing_to_a_channel", || {
        for number in [9, 11, 19, 0, -1, 100, 1000] {
            assert!(signal(SignalKind::from_raw(number)).is_err(), "{number}");
            notify(Chan::new(1), [SignalKind::from_raw(number)]);
            ignore([SignalKind::from_raw(number)]);
        }
    });
}

#[test]
fn a_stream_ends_when_its_kind_is_reset() {
    lives("a_stream_ends_when_its_kind_is_reset", || {
        gort::run(async {
            let mut stream = signal(USR1).unwrap();
            reset([USR1]);
            assert_eq!(stream.recv().await, None);
        });
    });
}

#[test]
fn signals_have_the_names_that_go_gives_them() {
    let name = |number| SignalKind::from_raw(number).to_string();
    assert_eq!(INT.to_string(), "interrupt");
    assert_eq!(USR1.to_string(), "user defined signal 1");
    assert_eq!(SignalKind::quit().to_string(), "quit");
    assert_eq!(
        (name(9), name(11), name(99)),
        ("killed".into(), "segmentation fault".into(), "signal 99".into())
    );
}

// Contexts.

#[test]
fn a_signal_cancels_the_context_and_is_its_cause() {
    lives("a_signal_cancels_the_context_and_is_its_cause", || {
        gort::run(async {
            let (ctx, _stop) = notify_context(&background(), [INT, USR1]);
            assert_eq!(ctx.err(), None);
            raise(INT);
            ctx.done().recv().await;
            assert_eq!(ctx.err(), Some(context::Error::Canceled));
            let cause = ctx.cause().unwrap();
            assert_eq!(cause.to_string(), "interrupt signal received");
            assert_eq!(cause.downcast_ref::<SignalReceived>().unwrap().kind(), INT);
            let source = std::error::Error::source(&cause).unwrap();
            assert_eq!(source.downcast_ref(), Some(&context::Error::Canceled));
        });
    });
}

#[test]
fn the_name_of_the_context_is_that_of_go() {
    lives("the_name_of_the_context_is_that_of_go", || {
        gort::run(async {
            let name = |ctx: &Context| ctx.to_string();
            let (ctx, _stop) = notify_context(&background(), [INT, USR1]);
            assert_eq!(
                name(&ctx),
                "signal.NotifyContext(context.Background, [interrupt user defined signal 1])"
            );
            let (below, _cancel) = with_cancel(&context::with_value(&ctx, 7_u8));
            assert_eq!(name(&below), format!("{ctx}.WithValue(u8).WithCancel"));
            let (twice, _stop) = notify_context(&below, []);
            assert_eq!(name(&twice), format!("signal.NotifyContext({below})"));
        });
    });
}

#[test]
fn a_stop_cancels_the_context_without_another_cause_and_gives_the_signal_back() {
    dies_of(
        INT,
        "a_stop_cancels_the_context_without_another_cause_and_gives_the_signal_back",
        || {
            gort::run(async {
                let (ctx, stop) = notify_context(&background(), [INT]);
                stop.stop();
                assert_eq!(ctx.err(), Some(context::Error::Canceled));
                assert!(ctx.cause().unwrap() == context::Error::Canceled);
                raise(INT);
            });
        },
    );
}

/// Go's rule: whatever becomes of the context, the signals stay caught until the stop.
#[test]
fn the_signals_stay_caught_until_the_stop_though_the_context_has_ended() {
    lives("the_signals_stay_caught_until_the_stop_though_the_context_has_ended", || {
        gort::run(async {
            let (parent, cancel) = with_cancel(&background());
            let (by_signal, _stop) = notify_context(&background(), [INT]);
            let (_, stopped) = notify_context(&background(), [INT]);
            drop(stopped);
            let (by_parent, _other_stop) = notify_context(&parent, [USR1]);
            raise(INT);
            cancel.cancel();
            let (before, _last_stop) = notify_context(&parent, [USR2]);
            for ctx in [by_signal, by_parent, before] {
                ctx.done().recv().await;
            }
            while num_goroutine() > 1 {
                gosched().await;
            }
            for kind in [INT, USR1, USR2] {
                // One finds room, and another does not.
                for _ in 0..3 {
                    raise(kind);
                    assert!(nothing(&Chan::new(1).rx()), "it lives");
                }
            }
        });
    });
}

#[test]
fn a_stop_gives_the_signal_back_though_the_context_has_ended() {
    dies_of(INT, "a_stop_gives_the_signal_back_though_the_context_has_ended", || {
        gort::run(async {
            let (parent, cancel) = with_cancel(&background());
            let (ctx, stop) = notify_context(&parent, [INT]);
            cancel.cancel();
            while num_goroutine() > 1 {
                gosched().await;
            }
            raise(INT);
            assert!(ctx.cause().unwrap() == context::Error::Canceled);
            stop.stop();
            raise(INT);
        });
    });
}

/// Go's `context.AfterFunc(ctx, stop)`.
#[test]
fn a_second_signal_ends_the_program_if_the_end_of_the_context_is_the_stop() {
    dies_of(INT, "a_second_signal_ends_the_program_if_the_end_of_the_context_is_the_stop", || {
        gort::run(async {
            let (ctx, stop) = notify_context(&background(), [INT]);
            context::after_func(&ctx, async move { stop.stop() });
            raise(INT);
            ctx.done().recv().await;
            assert_eq!(ctx.cause().unwrap().to_string(), "interrupt signal received");
            while num_goroutine() > 1 {
                gosched().await;
            }
            raise(INT);
        });
    });
}

#[test]
fn the_end_of_the_runtime_gives_the_signal_back_if_nobody_waits_for_it_any_more() {
    dies_of(
        INT,
        "the_end_of_the_runtime_gives_the_signal_back_if_nobody_waits_for_it_any_more",
        || {
            let runtime = gort::runtime::Runtime::new().unwrap();
            let (_ctx, _stop) = runtime.block_on(async { notify_context(&background(), [INT]) });
            drop(runtime);
            raise(INT);
        },
    );
}
