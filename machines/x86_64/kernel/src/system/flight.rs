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
//!
//! A write is not aborted: under the lock it asks core once more, of the pages that it takes
//! its bytes from, and takes them; then it needs them no more.

use super::streams::WRITE_BYTES;
use crate::machine::Bare;
use crate::memory::FRAME_BYTES;
use crate::processor::MOST;
use spin::Mutex;
use usufruct_core::{Access, Machine, Run, TaskKey};

/// Pages that core is asked about at one time: others call meanwhile.
const BATCH_PAGES: u32 = 256;
/// Pages that the bytes of one write lie in at most.
const WRITE_PAGES: u32 = WRITE_BYTES.div_ceil(FRAME_BYTES as usize) as u32 + 1;

/// What a processor does for a task's stream now.
#[derive(Debug)]
struct Flight {
    task: TaskKey,
    run: Run,
    /// Stores to the pages, or loads from them.
    access: Access,
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
    /// What the task's streams read into these pages ends: nothing is stored there when this
    /// returns. A write has taken its bytes by then, or is yet to ask core.
    pub(crate) fn cancel(&self, task: TaskKey, run: Run) {
        for place in &self.0 {
            let mut place = place.lock();
            let meets = |flight: &&mut Flight| {
                let own = flight.run;
                let is_read = flight.task == task && flight.access == Access::Store;
                is_read && own.first() < run.end() && run.first() < own.end()
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
            access,
            is_aborted: false,
        });
        let may = |run| machine.with_kernel(|kernel| kernel.may_stream(task, run, access));
        // Of all of it, before a byte moves; what changes behind a batch aborts the flight.
        let mut result = if batches(run, BATCH_PAGES).all(may) {
            Ok(())
        } else {
            Err(Stopped::Refused)
        };
        for number in 0.. {
            if result.is_err() {
                break;
            }
            let held = place.lock();
            if held.as_ref().is_none_or(|flight| flight.is_aborted) {
                result = Err(Stopped::Aborted);
            } else if access == Access::Load && !batches(run, WRITE_PAGES).take(1).all(may) {
                result = Err(Stopped::Refused);
            } else if piece(number) {
                break;
            }
        }
        *place.lock() = None;
        result
    }
}

/// The pages of a run in order, so many at a time.
fn batches(run: Run, pages: u32) -> impl Iterator<Item = Run> {
    let firsts = (run.first()..run.end()).step_by(pages as usize);
    firsts.filter_map(move |first| Run::between(first, run.end().min(first + pages)))
}
