//! A group of calls, by key.

use super::call::{Call, Leader, Outcome};
use crate::chan::{Receiver, Watch};
use crate::runtime;
use crate::sys::point::{self, Op};
use crate::sys::sync::Mutex;
use crate::wait::record::{self, WaitReason};
use pin_project_lite::pin_project;
use std::borrow::Borrow;
use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// What those who share a call get.
///
/// # Go
///
/// `singleflight.Result`.
#[doc(alias = "singleflight.Result")]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Flight<V> {
    /// What the function returned. For what may fail, a `Result` whose error can be cloned.
    #[doc(alias = "Result.Val")]
    #[doc(alias = "Result.Err")]
    pub value: V,
    /// Whether more than one asked, and all of them got this value.
    #[doc(alias = "Result.Shared")]
    pub shared: bool,
}

type Calls<K, V> = Mutex<HashMap<K, Arc<Call<V>>>>;

/// Calls that are on their way, by key: while there is one for a key, all who ask share it.
///
/// Nothing is remembered: who asks when the call is over starts another. It is a handle: clones are the same
/// group, and equal. Keys are hashed and compared under a lock.
///
/// # Go
///
/// `singleflight.Group`.
///
/// See the [module](crate::singleflight) for an example.
#[doc(alias = "singleflight.Group")]
pub struct Group<K, V> {
    calls: Arc<Calls<K, V>>,
}

impl<K, V> Group<K, V> {
    /// A group without calls.
    #[must_use]
    pub fn new() -> Self {
        Self { calls: Arc::new(Mutex::new(HashMap::new())) }
    }
}

impl<K, V> Group<K, V>
where
    K: Hash + Eq + Clone + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Waits for the call for `key` that is on its way; if there is none, starts `future` as one.
    ///
    /// A call runs in a goroutine of its own: whoever started it may go, or not be polled, and the others get
    /// its value all the same. Of those who share a call, the futures of the others are dropped.
    ///
    /// # Panics
    ///
    /// If the function panics, with its words, in everybody who waits; if nobody waits any more, or somebody has a
    /// [channel](Self::run_chan), its panic is fatal, as after [`go`](fn@crate::go). If the goroutine of the call was
    /// dropped by the shutdown of its runtime, others try again with their own futures, and whoever started it
    /// panics. If the function calls [`goexit`](crate::runtime::goexit), everybody who waits does, too.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the wait; the call goes on.
    ///
    /// # Go
    ///
    /// `Do`, in which the function runs in the goroutine of the first who asks. In Go those who wait panic with an
    /// error that prints as the value of the panic, an empty line, and the stack of the function. Here it is a
    /// `String` of what the function panicked with, if that was text; the panic hook has told of the rest.
    #[doc(alias = "Do")]
    #[track_caller]
    pub fn run<F>(&self, key: K, future: F) -> Run<K, V, F>
    where
        F: Future<Output = V> + Send + 'static,
    {
        Run {
            ask: Ask { group: self.clone(), key, future: Some(future) },
            join: Ask::join,
            joined: None,
            place: Watch::new(),
            site: Location::caller(),
        }
    }

    /// As [`run`](Self::run), but does not wait: the value comes through the channel, which has room for it.
    /// If `future` is to be the call, it is started at once.
    ///
    /// One value is sent, and the channel is not closed. If there is no value, as the function called
    /// [`goexit`](crate::runtime::goexit) or its runtime was shut down, the channel is closed without.
    ///
    /// If the function panics, the panic is fatal, as after [`go`](fn@crate::go): a channel cannot tell it.
    ///
    /// # Go
    ///
    /// `DoChan`.
    ///
    /// ```
    /// use gort::singleflight::Group;
    ///
    /// gort::run(async {
    ///     let flights = Group::new();
    ///     let flight = flights.run_chan("key", async { 7 }).recv().await;
    ///     assert_eq!((flight.value, flight.shared), (7, false));
    /// });
    /// ```
    #[doc(alias = "DoChan")]
    #[track_caller]
    pub fn run_chan<F>(&self, key: K, future: F) -> Receiver<Flight<V>>
    where
        F: Future<Output = V> + Send + 'static,
    {
        let mut future = Some(future);
        let (_, receiver) = self.join(&key, &mut future, |call, joins| call.join_by_channel(joins));
        receiver
    }

    /// Lets the next who asks for `key` start a call of its own, even if there is one on its way. Those who
    /// share that one still get its value.
    ///
    /// # Go
    ///
    /// `g.Forget(key)`.
    ///
    /// ```
    /// use gort::singleflight::Group;
    ///
    /// gort::run(async {
    ///     let flights = Group::new();
    ///     let old = flights.run_chan("key", async { gort::runtime::gosched().await });
    ///     flights.forget("key");
    ///     let new = flights.run_chan("key", async {});
    ///     assert!(!old.recv().await.shared && !new.recv().await.shared);
    /// });
    /// ```
    #[doc(alias = "Forget")]
    pub fn forget<Q>(&self, key: &Q)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let forgotten = self.calls.lock().remove_entry(key);
        drop(forgotten);
    }

    /// Joins the call for `key`, or starts `future` as one. `how` is called before the call can end.
    #[track_caller]
    fn join<F, R>(
        &self,
        key: &K,
        future: &mut Option<F>,
        how: impl FnOnce(&Call<V>, bool) -> R,
    ) -> (Arc<Call<V>>, R)
    where
        F: Future<Output = V> + Send + 'static,
    {
        let mut new = None;
        loop {
            let mut calls = self.calls.lock();
            if let Some(call) = calls.get(key).map(Arc::clone) {
                let joined = how(&call, true);
                drop(calls);
                return (call, joined);
            }
            let Some((call, own_key)) = new.take() else {
                // Made without the lock, and not for those who join.
                drop(calls);
                new = Some((Arc::new(Call::new()), key.clone()));
                continue;
            };
            let replaced = calls.insert(own_key, Arc::clone(&call));
            let joined = how(&call, false);
            drop(calls);
            drop(replaced);
            if let Some(future) = future.take() {
                self.start(key.clone(), future, Arc::clone(&call));
            }
            return (call, joined);
        }
    }

    #[track_caller]
    fn start<F>(&self, key: K, future: F, call: Arc<Call<V>>)
    where
        F: Future<Output = V> + Send + 'static,
    {
        let (group, own) = (self.clone(), Arc::clone(&call));
        let remove = move || group.remove(&key, &own);
        drop(runtime::go(Leader::new(future, call, remove)));
    }

    /// The call is over. Another one may have taken its place.
    fn remove(&self, key: &K, call: &Arc<Call<V>>) {
        let mut calls = self.calls.lock();
        let is_own = calls.get(key).is_some_and(|found| Arc::ptr_eq(found, call));
        let removed = if is_own { calls.remove_entry(key) } else { None };
        let spare = if calls.is_empty() { Some(std::mem::take(&mut *calls)) } else { None };
        drop(calls);
        drop((removed, spare));
    }
}

impl<K, V> Clone for Group<K, V> {
    fn clone(&self) -> Self {
        Self { calls: Arc::clone(&self.calls) }
    }
}

impl<K, V> Default for Group<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, V> PartialEq for Group<K, V> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.calls, &other.calls)
    }
}

impl<K, V> Eq for Group<K, V> {}

impl<K, V> fmt::Debug for Group<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let calls = self.calls.lock().len();
        f.debug_struct("Group").field("calls", &calls).finish_non_exhaustive()
    }
}

/// What somebody wants to know, and how it is found out if nobody is at it.
struct Ask<K, V, F> {
    group: Group<K, V>,
    key: K,
    future: Option<F>,
}

impl<K, V, F> Ask<K, V, F>
where
    K: Hash + Eq + Clone + Send + 'static,
    V: Clone + Send + Sync + 'static,
    F: Future<Output = V> + Send + 'static,
{
    /// Joins the call, or starts one; `None` when it has none to start any more.
    fn join(&mut self) -> Option<Arc<Call<V>>> {
        self.future.as_ref()?;
        Some(self.group.join(&self.key, &mut self.future, Call::join).0)
    }
}

pin_project! {
    /// The future of [`Group::run`].
    #[must_use = "nothing is started until the future is awaited"]
    pub struct Run<K, V, F> {
        ask: Ask<K, V, F>,
        // `Ask::join`. (Were it called by its name, the bounds of `K` would have to be those of the future, and
        // then an `async` block with a `&'static str` for a key would not be `Send` in the eyes of the compiler.)
        join: fn(&mut Ask<K, V, F>) -> Option<Arc<Call<V>>>,
        joined: Option<Arc<Call<V>>>,
        // Among those who wait for the call.
        #[pin]
        place: Watch,
        site: &'static Location<'static>,
    }

    impl<K, V, F> PinnedDrop for Run<K, V, F> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if let Some(call) = this.joined {
                call.leave(&this.place);
            }
        }
    }
}

impl<K, V: Clone, F> Future for Run<K, V, F> {
    type Output = Flight<V>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Flight<V>> {
        ready!(point::poll(cx, Op::Sync));
        let this = self.project();
        loop {
            let call = this.joined.get_or_insert_with(|| {
                let lost = "the runtime of the function was shut down before it had returned";
                (this.join)(this.ask).expect(lost)
            });
            if call.poll_done(this.place.as_ref(), cx).is_pending() {
                point::refund();
                record::park(WaitReason::WaitGroupWait, this.site);
                return Poll::Pending;
            }
            call.leave(&this.place);
            let Some(call) = this.joined.take() else { unreachable!("it was joined above") };
            let Some((outcome, shared)) = call.outcome() else {
                unreachable!("it is set before `done` is closed")
            };
            match outcome {
                Outcome::Value(value) => {
                    return Poll::Ready(Flight { value: value.clone(), shared: *shared });
                }
                Outcome::Panicked(message) => {
                    call.forget_panic();
                    panic!("{message}");
                }
                Outcome::Exited if record::current().is_some() => runtime::goexit(),
                Outcome::Exited => panic!("runtime.Goexit was called"),
                Outcome::Lost => {}
            }
        }
    }
}

impl<K, V, F> fmt::Debug for Run<K, V, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = self.joined.is_some();
        f.debug_struct("Run").field("waiting", &waiting).finish_non_exhaustive()
    }
}
