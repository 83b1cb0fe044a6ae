//! Reads and writes of streams that are under way, as far as pages of the pool are their
//! buffers: how a task's loss of a page ends what its streams do there.
//!
//! ```text
//!   a task's read                          who takes the page, or the right to write it
//!   1 note the pages here                  1 the books say no; page tables, barrier
//!   2 ask core: owned, and writable?       2 core: cancel these reads
//!     no: EFAULT                             under each processor's lock: aborted
//!   3 piece by piece, under the lock:      3 the call returns
//!     if it is not aborted, store
//! ```
//!
//! Core's answer in 2 is from before the books say no, and then the revoker finds the note;
//! or from after, and then it is no. A revoker waits for one piece at most. A task's end
//! waits until none of its threads is in the kernel, and so for its flights.

use crate::machine::Bare;
use crate::processor::MOST;
use spin::Mutex;
use usufruct_core::{Access, Machine, Run, TaskKey};

/// What a processor does for a task's stream now.
#[derive(Debug)]
struct Flight {
    task: TaskKey,
    run: Run,
    is_aborted: bool,
}

/// One place for each processor: a processor does one thing at a time.
#[derive(Debug)]
pub(crate) struct Flights([Mutex<Option<Flight>>; MOST]);

impl Default for Flights {
    fn default() -> Self {
        Self([const { Mutex::new(None) }; MOST])
    }
}

/// Why a piece was not moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stopped {
    /// The task may not use these pages so.
    Refused,
    /// It could when it asked, and has lost them meanwhile.
    Aborted,
}

impl Flights {
    /// What the task's streams do with these pages ends: nothing is stored there when this
    /// returns, and nothing loaded.
    pub(crate) fn cancel(&self, task: TaskKey, run: Run) {
        for place in &self.0 {
            let mut place = place.lock();
            let meets = |flight: &&mut Flight| {
                let own = flight.run;
                flight.task == task && own.first() < run.end() && run.first() < own.end()
            };
            if let Some(flight) = place.as_mut().filter(meets) {
                flight.is_aborted = true;
            }
        }
    }

    /// Has `piece` called with one number after another, by the processor that executes this,
    /// until it says that it was the last one; as long as the task may use the pages in this
    /// way.
    pub(super) fn fly(
        &self,
        (machine, processor): (&Bare, usize),
        (task, run, access): (TaskKey, Run, Access),
        mut piece: impl FnMut(usize) -> bool,
    ) -> Result<(), Stopped> {
        let place = &self.0[processor];
        *place.lock() = Some(Flight {
            task,
            run,
            is_aborted: false,
        });
        let may = machine.with_kernel(|kernel| kernel.may_stream(task, run, access));
        let mut result = may.then_some(()).ok_or(Stopped::Refused);
        for number in 0.. {
            if result.is_err() {
                break;
            }
            let held = place.lock();
            if held.as_ref().is_none_or(|flight| flight.is_aborted) {
                result = Err(Stopped::Aborted);
            } else if piece(number) {
                break;
            }
        }
        *place.lock() = None;
        result
    }
}
