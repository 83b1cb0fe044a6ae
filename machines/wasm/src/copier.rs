//! Each worker thread's right to copy.
//!
//! A copy never suspends, so a pin belongs to the thread, not to the task: as
//! many as there are workers. A worker takes its copier from the system's stock
//! with its first call and keeps it; workers belong to one system for life.

use std::cell::RefCell;
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
    static OWN: RefCell<Option<Copier>> = const { RefCell::new(None) };
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
        let copier = match own {
            Some(copier) => copier,
            None => own.insert(shared.copiers.take()),
        };
        call(copier)
    })
}
