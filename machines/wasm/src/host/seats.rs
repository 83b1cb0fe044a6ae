//! Who copies for the host: as many at one time as there are seats. A pin
//! belongs to a seat, and a seat to one thread until its call is over.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use usufruct_core::{Copier, Thread};

/// Threads of the host's that may copy at the same time; the rest wait.
pub(crate) const SEATS: u32 = 4;

/// A pin, and an identity of the host's with a last error of its own.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) copier: Copier,
    pub(super) thread: Thread,
}

#[derive(Debug)]
pub(super) struct Seats {
    free: Mutex<Vec<Seat>>,
    is_one_free: Condvar,
}

/// A seat that is taken; dropped, it is free again.
pub(super) struct Taken<'seats> {
    seats: &'seats Seats,
    seat: Option<Seat>,
}

impl Seats {
    pub(super) fn new(seats: Vec<Seat>) -> Self {
        Self {
            free: Mutex::new(seats),
            is_one_free: Condvar::new(),
        }
    }

    /// Waits for a seat, for as long as a copy takes. No seat is held while
    /// another is waited for.
    pub(super) fn take(&self) -> Taken<'_> {
        let mut free = self.free();
        loop {
            if let Some(seat) = free.pop() {
                return Taken {
                    seats: self,
                    seat: Some(seat),
                };
            }
            free = self
                .is_one_free
                .wait(free)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn free(&self) -> MutexGuard<'_, Vec<Seat>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken<'_> {
    pub(super) fn seat(&mut self) -> &mut Seat {
        self.seat.as_mut().expect("it is taken by `drop` alone")
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.seats.free().extend(self.seat.take());
        self.seats.is_one_free.notify_one();
    }
}
