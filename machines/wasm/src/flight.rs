//! Reads and writes of streams that are under way, as far as pages of the pool
//! are their buffers: how a task's loss of a page ends what its streams do there.
//!
//! ```text
//!   a task's read                          who takes the page, or the right to write it
//!   1 note the pages here                  1 the books say no; mappings, barrier
//!   2 ask core: owned, and writable?       2 core: cancel these reads
//!     no: EFAULT                             under the flight's lock: aborted
//!   3 under the flight's lock, at each       then wake the reader: ECANCELED
//!     poll: if it is not aborted, take     3 the call returns
//!     from the stream, and store
//! ```
//!
//! Core's answer in 2 is from before the books say no, and then the revoker finds
//! the note; or from after, and then it is no. So whoever is asked to cancel finds
//! every read that may still store, and waits for the lock: for one piece at most.
//! Taking and storing are one poll, so an aborted read has taken nothing.
//!
//! A write holds the lock while it asks core and takes its bytes, and then needs the
//! pages no more. A task's end comes here before its pages are free.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use usufruct_core::{Access, Run, TaskKey};

use crate::machine::Shared;

/// What a task's streams do with pages now, by [`TaskKey::index`]. A task has one
/// thread, and its streams do one thing at a time.
#[derive(Debug)]
pub(crate) struct Flights(Box<[Mutex<Seat>]>);

/// What is under way, and in whose life.
type Seat = Option<(u64, Arc<Flight>)>;

/// A read or a write, from its check to its end.
#[derive(Debug)]
pub(crate) struct Flight {
    /// Stores to the pages, or loads from them.
    access: Access,
    pages: Vec<Run>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    is_aborted: bool,
    /// Whoever waits for the stream.
    waiting: Option<Waker>,
}

impl Flight {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn touches(&self, run: Run) -> bool {
        let meets = |own: &Run| own.first() < run.end() && run.first() < own.end();
        self.pages.iter().any(meets)
    }

    /// Ends a read: when this returns it stores nothing any more. A write has
    /// taken its bytes by then, or is yet to ask core.
    fn abort(&self) {
        let mut state = self.state();
        if self.access == Access::Store {
            state.is_aborted = true;
        }
        let waiting = state.waiting.take();
        drop(state);
        // Not under the lock: it may come to the end of a task.
        if let Some(waiting) = waiting {
            waiting.wake();
        }
    }
}

impl Flights {
    pub(crate) fn new(tasks: u32) -> Self {
        Self((0..tasks).map(|_| Mutex::default()).collect())
    }

    /// A read into these pages of the task's ends, if one is under way.
    pub(crate) fn cancel(&self, task: TaskKey, run: Run) {
        if let Some(flight) = self.of(task).filter(|flight| flight.touches(run)) {
            flight.abort();
        }
    }

    /// The task has ended: whatever its streams do ends.
    pub(crate) fn end(&self, task: TaskKey) {
        if let Some(flight) = self.of(task) {
            flight.abort();
        }
    }

    fn seat(&self, task: TaskKey) -> Option<MutexGuard<'_, Seat>> {
        let seat = self.0.get(task.index())?;
        Some(seat.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn of(&self, task: TaskKey) -> Option<Arc<Flight>> {
        let seat = self.seat(task)?;
        let (life, flight) = seat.as_ref()?;
        (*life == task.life()).then(|| flight.clone())
    }

    /// Puts something in a task's seat, unless the next life has it. What was there,
    /// or has no seat, is handed out, for it may hold the last of something that is
    /// not to end under the lock.
    fn seated(&self, task: TaskKey, flight: Arc<Flight>) -> Seat {
        let mut seat = self.seat(task)?;
        match &*seat {
            // Who has been killed may be in a call yet. Core lets it do nothing.
            Some((life, _)) if *life > task.life() => Some((task.life(), flight)),
            Some(_) | None => seat.replace((task.life(), flight)),
        }
    }

    /// Empties the seat, unless the next life has it.
    fn leave(&self, task: TaskKey) -> Seat {
        let mut seat = self.seat(task)?;
        seat.take_if(|(life, _)| *life == task.life())
    }
}

/// A flight that revokers find, until this is dropped.
pub(crate) struct Noted {
    shared: Arc<Shared>,
    task: TaskKey,
    flight: Arc<Flight>,
}

impl Noted {
    /// Notes what a task's stream is about to do, before core is asked whether it may.
    pub(crate) fn new(
        shared: &Arc<Shared>,
        task: TaskKey,
        access: Access,
        pages: Vec<Run>,
    ) -> Self {
        let flight = Arc::new(Flight {
            access,
            pages,
            state: Mutex::default(),
        });
        drop(shared.flights.seated(task, flight.clone()));
        Self {
            shared: shared.clone(),
            task,
            flight,
        }
    }

    /// Asks core whether the task's streams may do that.
    pub(crate) fn may_be(&self) -> bool {
        let access = self.flight.access;
        // Others come in between: what they take they cancel, or they wait.
        let may = |run: &Run| self.shared.kernel().may_stream(self.task, *run, access);
        self.flight.pages.iter().all(may)
    }

    /// Does what can not be interrupted: revokers wait for it.
    pub(crate) fn hold<R>(&self, work: impl FnOnce() -> R) -> R {
        let _held = self.flight.state();
        work()
    }

    /// What `read` comes to; `None`: it has been aborted, in the middle of no
    /// poll of it.
    pub(crate) async fn unless_aborted<R>(&self, read: impl Future<Output = R>) -> Option<R> {
        let mut read = pin!(read);
        poll_fn(|context| {
            let mut state = self.flight.state();
            if state.is_aborted {
                return Poll::Ready(None);
            }
            state.waiting = Some(context.waker().clone());
            read.as_mut().poll(context).map(Some)
        })
        .await
    }
}

impl Drop for Noted {
    fn drop(&mut self) {
        drop(self.shared.flights.leave(self.task));
    }
}

#[cfg(test)]
mod tests;
