//! What waits for locks, wait groups and conditions, as arms.

#![expect(unsafe_code, reason = "arms are pinned by the macro's expansion")]

use super::arm::{Arm, Channel, Face, How, Operand, Stepped};
use super::operand::{complete, face};
use super::park::Parking;
use crate::sync::{
    CondArm, CondWait, Lock, LockArm, LockOwned, Locker, MutexGuard, OwnedMutexGuard,
    OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RawLock, RawRead, RawWrite, RwArm, RwLockRead,
    RwLockReadGuard, RwLockReadOwned, RwLockWrite, RwLockWriteGuard, RwLockWriteOwned, Wait,
    WaitArm,
};
use crate::wait::arm::Arm as Operation;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

/// An operation of `sync` as an arm, and what it yields when it is done. The operation is dropped first: it may
/// borrow from what the other owns.
#[doc(hidden)]
pub struct SyncAs<P, Y> {
    arm: P,
    yields: Y,
}

impl<P, Y> fmt::Debug for SyncAs<P, Y> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SyncAs")
    }
}

impl<P: Operation, O, Y: Fn(&P) -> O> Arm for SyncAs<P, Y> {
    type Output = O;
    type Core = Parking;

    #[inline]
    fn core(&self) -> Parking {
        Parking::new()
    }

    #[inline]
    fn face(&self) -> Face {
        face(&self.arm)
    }

    #[inline]
    #[track_caller]
    unsafe fn step(&mut self, how: How, _cx: &mut Context<'_>) -> Stepped<O> {
        // SAFETY: pinned by this function's contract, and the engine asks for what is due.
        if unsafe { complete(&self.arm, how) } {
            Stepped::Ready((self.yields)(&self.arm))
        } else {
            Stepped::Pending
        }
    }

    #[inline]
    unsafe fn channel(&mut self) -> Channel<'_> {
        Channel::new(&self.arm)
    }
}

impl<'a, T: ?Sized> Operand<Lock<'a, T>> {
    /// `guard = mutex.lock()`
    #[inline]
    pub fn __gort_arm(self) -> SyncAs<LockArm<'a>, impl Fn(&LockArm<'a>) -> MutexGuard<'a, T>> {
        let (arm, mutex) = self.0.into_arm();
        let yields = |arm: &LockArm<'a>| {
            arm.take();
            mutex.locked()
        };
        SyncAs { arm, yields }
    }
}

impl<T: ?Sized> Operand<LockOwned<T>> {
    /// `guard = mutex.lock_owned()`
    #[inline]
    pub fn __gort_arm(
        self,
    ) -> SyncAs<LockArm<'static>, impl Fn(&LockArm<'static>) -> OwnedMutexGuard<T>> {
        // SAFETY: the arm is dropped first, see `SyncAs`.
        let (arm, mutex) = unsafe { self.0.into_arm() };
        let yields = move |arm: &LockArm<'static>| {
            arm.take();
            Arc::clone(&mutex).locked_owned()
        };
        SyncAs { arm, yields }
    }
}

impl<'a> Operand<RawLock<'a>> {
    /// `() = mutex.lock()`
    #[inline]
    pub fn __gort_arm(self) -> SyncAs<LockArm<'a>, impl Fn(&LockArm<'a>)> {
        SyncAs { arm: self.0.into_arm(), yields: LockArm::take }
    }
}

impl<'a, T: ?Sized> Operand<RwLockRead<'a, T>> {
    /// `guard = lock.read()`
    #[inline]
    pub fn __gort_arm(self) -> SyncAs<RwArm<'a>, impl Fn(&RwArm<'a>) -> RwLockReadGuard<'a, T>> {
        let (arm, lock) = self.0.into_arm();
        let yields = |arm: &RwArm<'a>| {
            arm.take();
            lock.reading()
        };
        SyncAs { arm, yields }
    }
}

impl<'a, T: ?Sized> Operand<RwLockWrite<'a, T>> {
    /// `guard = lock.write()`
    #[inline]
    pub fn __gort_arm(self) -> SyncAs<RwArm<'a>, impl Fn(&RwArm<'a>) -> RwLockWriteGuard<'a, T>> {
        let (arm, lock) = self.0.into_arm();
        let yields = |arm: &RwArm<'a>| {
            arm.take();
            lock.writing()
        };
        SyncAs { arm, yields }
    }
}

impl<T: ?Sized> Operand<RwLockReadOwned<T>> {
    /// `guard = lock.read_owned()`
    #[inline]
    pub fn __gort_arm(
        self,
    ) -> SyncAs<RwArm<'static>, impl Fn(&RwArm<'static>) -> OwnedRwLockReadGuard<T>> {
        // SAFETY: the arm is dropped first, see `SyncAs`.
        let (arm, lock) = unsafe { self.0.into_arm() };
        let yields = move |arm: &RwArm<'static>| {
            arm.take();
            OwnedRwLockReadGuard::new(Arc::clone(&lock))
        };
        SyncAs { arm, yields }
    }
}

impl<T: ?Sized> Operand<RwLockWriteOwned<T>> {
    /// `guard = lock.write_owned()`
    #[inline]
    pub fn __gort_arm(
        self,
    ) -> SyncAs<RwArm<'static>, impl Fn(&RwArm<'static>) -> OwnedRwLockWriteGuard<T>> {
        // SAFETY: the arm is dropped first, see `SyncAs`.
        let (arm, lock) = unsafe { self.0.into_arm() };
        let yields = move |arm: &RwArm<'static>| {
            arm.take();
            OwnedRwLockWriteGuard::new(Arc::clone(&lock))
        };
        SyncAs { arm, yields }
    }
}

impl<'a> Operand<RawRead<'a>> {
    /// `() = lock.read()`
    #[inline]
    pub fn __gort_arm(self) -> SyncAs<RwArm<'a>, impl Fn(&RwArm<'a>)> {
        SyncAs { arm: self.0.into_arm(), yields: RwArm::take }
    }
}

impl<'a> Operand<RawWrite<'a>> {
    /// `() = lock.write()`
    #[inline]
    pub fn __gort_arm(self) -> SyncAs<RwArm<'a>, impl Fn(&RwArm<'a>)> {
        SyncAs { arm: self.0.into_arm(), yields: RwArm::take }
    }
}

impl<'a> Operand<Wait<'a>> {
    /// `() = group.wait()`
    #[inline]
    pub fn __gort_arm(self) -> SyncAs<WaitArm<'a>, impl Fn(&WaitArm<'a>)> {
        SyncAs { arm: self.0.into_arm(), yields: WaitArm::take }
    }
}

impl<'a, L: Locker> Operand<CondWait<'a, L>> {
    /// `locker = cond.wait(locker)`
    #[track_caller]
    pub fn __gort_arm(self) -> CondArm<'a, L> {
        self.0.into_arm()
    }
}

impl<L: Locker> Arm for CondArm<'_, L> {
    type Output = L;
    type Core = Parking;

    fn core(&self) -> Parking {
        Parking::new()
    }

    fn face(&self) -> Face {
        Face::MAYBE
    }

    #[track_caller]
    unsafe fn step(&mut self, how: How, cx: &mut Context<'_>) -> Stepped<L> {
        if how == How::Collect {
            let told = self.operation().is_some_and(|operation| {
                // SAFETY: pinned by this function's contract, and chosen.
                unsafe { complete(operation, how) }
            });
            if !told {
                return Stepped::Pending;
            }
        }
        // SAFETY: pinned by this function's contract.
        match unsafe { self.poll(cx) } {
            Poll::Ready(locker) => Stepped::Ready(locker),
            Poll::Pending => Stepped::Pending,
        }
    }

    unsafe fn channel(&mut self) -> Channel<'_> {
        self.operation().map_or(Channel::NONE, Channel::new)
    }
}
