//! Each worker thread's right to copy.
//!
//! A copy never suspends, so a pin belongs to the thread, not to the task: as
//! many as there are workers. A worker takes its copier from the system's stock
//! with its first call and keeps it; workers belong to one system for life.

use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::sync::{Mutex, PoisonError};

use usufruct_core::Copier;

use crate::machine::Shared;

/// The copiers that no worker has taken yet.
#[derive(Debug)]
pub(crate) struct Stock(Mutex<Vec<Copier>>);

impl Stock {
    pub(crate) fn new(copiers: Vec<Copier>) -> Self {
        Self(Mutex::new(copiers))
    }

    #[cold]
    #[inline(never)]
    fn take(&self) -> Copier {
        let mut copiers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        copiers.pop().expect("there is a copier for each worker")
    }
}

thread_local! {
    /// Not dropped with the thread, but by [`drop_own`]: a thread-local that is dropped is asked
    /// for its state with every call.
    static OWN: RefCell<ManuallyDrop<Option<Copier>>> =
        const { RefCell::new(ManuallyDrop::new(None)) };
}

/// Runs `call` with this worker's copier.
///
/// # Panics
///
/// If more threads run guests than the system has workers. Guests run on the
/// workers alone, and no call gives a worker's place away.
#[inline(always)]
pub(crate) fn with<R>(shared: &Shared, call: impl FnOnce(&mut Copier) -> R) -> R {
    OWN.with_borrow_mut(|own| {
        let copier = match &mut **own {
            Some(copier) => copier,
            None => own.insert(shared.copiers.take()),
        };
        call(copier)
    })
}

/// The same, if the worker has taken one.
#[inline(always)]
pub(crate) fn with_own<R>(call: impl FnOnce(&mut Copier) -> R) -> Option<R> {
    OWN.with_borrow_mut(|own| own.as_mut().map(call))
}

/// This worker turns to another task.
pub(crate) fn rest() {
    with_own(Copier::rest);
}

/// This worker goes home.
pub(crate) fn drop_own() {
    OWN.with_borrow_mut(|own| drop(own.take()));
}
