//! What the core needs from the machine below it.

use core::num::NonZeroU32;

use crate::copy::Direction;
use crate::error::{CopyFault, NoMapping, Unmapped};
use crate::id::{TaskKey, ThreadId};
use crate::kernel::Kernel;
use crate::page::Run;
use crate::pin::{Plane, Transfer};
use crate::sink::Sink;
use crate::span::Span;
use crate::sync::{AtomicU64, Ordering, announce, announce_lightly, fence};

/// The two fences that order a pin against the close of its record, and how to
/// wait. The defaults are sequentially consistent on both sides.
///
/// A machine that can have all its processors execute a fence may *bias*: after a
/// streak of copies through one object a processor announces its pins without a
/// fence, and whoever revokes the object pays for both sides
/// (`core/src/pin/habit.rs`).
pub trait Fences {
    /// Whether it may. A constant, for who never does carries none of it.
    const BIASES: bool = false;

    /// After how many copies in a row through one object a processor does without the
    /// fence: what [`Self::fence_everywhere`] takes, in fences. `None`: never. Each time
    /// the same answer.
    fn streak(&self) -> Option<NonZeroU32> {
        None
    }

    /// Stores the pin, at least with release order, with no fence behind it.
    #[inline(always)]
    fn announce_lightly(&self, pin: &AtomicU64, value: u64) {
        announce_lightly(pin, value);
    }

    /// Returns when every processor that copies has executed a full fence since the
    /// call; this one, too. Called only where [`Self::streak`] is given.
    fn fence_everywhere(&self) {
        self.heavy();
    }

    /// Stores the pin, at least with release order. In the view of whoever
    /// calls [`Self::heavy`], no later load passes it.
    #[inline(always)]
    fn announce(&self, pin: &AtomicU64, value: u64) {
        announce(pin, value);
    }

    /// A full fence here, and as many on other processors as
    /// [`Self::announce`] leaves out.
    #[inline(always)]
    fn heavy(&self) {
        fence(Ordering::SeqCst);
    }

    /// Between two looks at a pin, `looks` of which were in vain: spin at first,
    /// then let another thread run. A machine whose processors ask things of
    /// each other answers them here.
    fn pause(&self, looks: u32);
}

/// What the kernel is about to do with a task's memory, on behalf of that task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read it.
    Load,
    /// Store to it.
    Store,
}

/// The machine that a kernel runs on. It carries decisions out and can not make one.
///
/// # Contract
///
/// The core is safe code, so a wrong machine cannot corrupt the kernel's
/// tables. It can break the isolation of tasks. An implementation keeps to this:
///
/// 1. **Identity is the machine's.** Each call comes with the [`Thread`] of the
///    guest thread that made it, never with one that a guest chose.
/// 2. **Translate, never trust.** Each address is looked up in the memory of the
///    task it is given with. A range that passed the core's checks may still be
///    gone; that is a [`CopyFault`], not a bug.
/// 3. **All or nothing.** If moving a chunk or a delivery fails, no byte has changed.
/// 4. **As if through a buffer.** Source and destination of a chunk may overlap.
/// 5. **No way back in.** Carrying out a step calls nothing of the kernel and
///    runs no guest code; [`Machine::with_kernel`] is not entered twice by one
///    thread. A [`Transfer`] is not kept, and its thread does not suspend.
/// 6. **Every step is answered.** A [`Step`](crate::Step) that is dropped leaves
///    its object or task in the middle of a change for ever.
/// 7. **Memory outlives the barrier.** A task's memory stays readable for the
///    kernel until [`Machine::reap`] is called for it.
///
/// The last four methods are for machines with a pool of pages; without one,
/// no task is attached, and they are never called.
///
/// [`Thread`]: crate::Thread
pub trait Machine {
    /// Who listens.
    type Sink: Sink;
    /// How pins and revokers are ordered here.
    type Fences: Fences;

    /// Runs `rule` on the kernel's tables, and nobody else meanwhile. Short.
    fn with_kernel<R>(&self, rule: impl FnOnce(&mut Kernel<Self::Sink>) -> R) -> R;

    /// What both planes see.
    fn plane(&self) -> &Plane;

    /// The fences of this machine. The same ones every time.
    fn fences(&self) -> &Self::Fences;

    /// Who listens to refusals.
    fn sink(&self) -> &Self::Sink;

    /// Whether all of `span` is memory of `task`'s own that it may use in this
    /// way; of an empty span, its first address. Never asked about the pool. Asked about the caller, or about an
    /// owner under a pin, before the first byte of anything moves.
    fn reaches(&self, task: TaskKey, span: Span, access: Access) -> bool;

    /// Moves an approved chunk from the owner's memory to the caller's.
    /// (Sartoris: `arch_cpy_from_task`)
    ///
    /// # Errors
    ///
    /// Whose side was not there; if neither was, the caller's. Nothing was moved then.
    fn copy_from_task(&self, approved: &Transfer<'_>) -> Result<(), CopyFault>;

    /// Moves an approved chunk from the caller's memory to the owner's.
    /// (Sartoris: `arch_cpy_to_task`)
    ///
    /// # Errors
    ///
    /// Whose side was not there; if neither was, the caller's. Nothing was moved then.
    fn copy_to_task(&self, approved: &Transfer<'_>) -> Result<(), CopyFault>;

    /// Moves an approved chunk either way, if that is easy: whether it has been moved. Who says
    /// no has moved nothing, and is asked again. Neither end may be in the pool, where the
    /// rights have not been looked at and no revoker would see the pin, nor may it wrap: both are to be looked at here, and who
    /// writes a method of its own may know it by the way.
    #[inline(always)]
    fn copy_at_once(&self, approved: &Transfer<'_>, direction: Direction) -> bool {
        approved.is_outside(self.plane().pool().span())
            && match direction {
                Direction::Read => self.copy_from_task(approved).is_ok(),
                Direction::Write => self.copy_to_task(approved).is_ok(),
            }
    }

    /// Reads an argument out of the caller's memory.
    ///
    /// # Errors
    ///
    /// The range is not the caller's to read.
    fn load(&self, caller: TaskKey, from: u64, into: &mut [u8]) -> Result<(), Unmapped>;

    /// Stores a result into the caller's memory.
    ///
    /// # Errors
    ///
    /// The range is not the caller's to store to. No byte was stored.
    fn store(&self, caller: TaskKey, to: u64, bytes: &[u8]) -> Result<(), Unmapped>;

    /// Lets a thread that waits go on; if it does not wait yet, its next wait
    /// ends at once. Then the machine calls [`resume`](crate::resume) for it. Its wait
    /// may be over: then it is woken for nothing, and looks once more in the next one.
    fn wake(&self, thread: ThreadId);

    /// The barrier of a task's end has passed: its memory and its input and
    /// output may go. Nothing that it still stores to the pool, or its streams
    /// read, lands once this has returned: its pages come free without
    /// [`Self::protect`] and [`Self::cancel_reads`].
    fn reap(&self, task: TaskKey);

    /// Lets other calls in before the caller goes on.
    fn yield_now(&self);

    /// Lets a task's stores to these pages through from now on, or makes them
    /// fault: before this returns, on every processor. A machine that can not
    /// split a mapping protects more of it, and gives the rest back when
    /// [`touch`](crate::touch) asks for it. A task that is gone is done with.
    ///
    /// # Errors
    ///
    /// There is no mapping left; only when `writable`. Nothing was changed. A
    /// page that [`touch`](crate::touch) asks for is the task's to write already,
    /// and the task ends when it can not be had: make room for it.
    fn protect(&self, task: TaskKey, run: Run, writable: bool) -> Result<(), NoMapping> {
        let _ = (task, run);
        if writable { Err(NoMapping) } else { Ok(()) }
    }

    /// Fills pages with a byte.
    fn fill(&self, run: Run, byte: u8) {
        let _ = (run, byte);
    }

    /// Stores the length of these pages, in bytes, in their first four, little end first.
    fn label(&self, run: Run) {
        let _ = run;
    }

    /// Ends what the task's streams do with these pages by a question
    /// ([`Kernel::may_stream`]) that was answered before: reads into them are
    /// aborted, and nothing is stored there once this has returned; bytes that
    /// are written from there have been taken.
    fn cancel_reads(&self, task: TaskKey, run: Run) {
        let _ = (task, run);
    }
}
