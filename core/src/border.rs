//! What core and a machine say to each other in the middle of a control call.
//!
//! ```text
//!   begin(caller, request) -> Progress          under the lock, short
//!   the machine carries out step.work()         without the lock
//!   done(step, outcome)    -> Progress          under the lock, short
//! ```
//!
//! `door.rs` drives this loop for machines that carry each step out at once.
//! Taking rights comes as `Drain` after the books say no, and never fails;
//! whatever may fail is undone by the core when it hears of it.

use crate::error::Denied;
use crate::id::{TaskId, TaskKey, ThreadId};
use crate::kernel::Request;
use crate::page::{Chain, Lease, OnePage, PageChange, Run};
use crate::pin::Scope;
use crate::thread::Thread;

/// Where a control call stands.
#[derive(Debug)]
#[must_use]
pub enum Progress {
    /// Carry this out, then say [`Kernel::done`](crate::Kernel::done).
    Do(Step),
    /// The call is over.
    Answer(Result<i32, Denied>),
    /// The thread waits until it is woken, or until the timeout; then
    /// [`Kernel::resume`](crate::Kernel::resume).
    Block(Wait),
}

/// One thing for the machine to do, and the proof that core has asked for it.
/// It is not `Clone`: one step, one outcome.
#[derive(Debug)]
#[must_use]
pub struct Step {
    pub(crate) work: Work,
    pub(crate) change: Change,
}

impl Step {
    /// What to do.
    #[must_use]
    pub fn work(&self) -> &Work {
        &self.work
    }
}

/// What a machine can be asked to carry out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// The barrier: a heavy fence, then wait for the pins in this scope.
    /// [`Plane::drain`](crate::Plane::drain) does both. Can not fail.
    Drain(Scope),
    /// Store a message into its receiver's memory; all of it or nothing. May fail.
    Deliver(Delivery),
    /// Wake a thread that waits for a message. Can not fail.
    Wake(ThreadId),
    /// The task's memory and its input and output may go now. Can not fail.
    Reap(TaskKey),
    /// Let the task's stores to these pages through from now on, or fault. To let
    /// them through may fail; else they fault before this is done, on every
    /// processor. Who can not split a mapping protects more of it:
    /// [`touch`](crate::touch) gives the rest back.
    Protect {
        /// Whose mapping.
        task: TaskKey,
        /// Which pages.
        run: Run,
        /// Whether its stores go through.
        writable: bool,
    },
    /// Fill pages with a byte. Can not fail.
    Fill {
        /// Which pages.
        run: Run,
        /// With what.
        byte: u8,
    },
    /// Store the length of these pages in their first four bytes. Can not fail.
    Label(Run),
    /// What the task's streams read into these pages ends, and stores nothing
    /// there once this is done. Can not fail.
    CancelReads {
        /// Whose streams.
        task: TaskKey,
        /// Which pages.
        run: Run,
    },
    /// Nothing: other calls come in between.
    Yield,
}

/// A message on its way into its receiver's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Whose memory.
    pub receiver: TaskKey,
    /// Where the message goes.
    pub message_at: u64,
    /// The message.
    pub message: [u8; usufruct_abi::MSG_BYTES],
    /// Where the sender's task id goes, as an `int32`, and that id (0 from the
    /// kernel); `None` for what is no message.
    pub sender: Option<(u64, i32)>,
}

/// How a step went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done; also when the task that it was about is gone.
    Done,
    /// Nothing was changed. Only a [`Work::Deliver`], and a [`Work::Protect`] that
    /// lets stores through, may fail.
    Failed,
}

/// A thread waits for a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// The port it waits on.
    pub port: u8,
    /// How long, in milliseconds; `None`: until a message comes.
    pub timeout_ms: Option<u32>,
}

/// What goes on when a step is done: the progress of one call, kept in its step
/// and nowhere else.
#[derive(Debug)]
pub(crate) enum Change {
    /// A claim or a pass of the object in this slot waits for its copies.
    Smo { slot: u32 },
    /// All is done but waking somebody.
    Answer(Result<i32, Denied>),
    /// A message place is on its way.
    Delivery {
        place: u32,
        receiver: TaskKey,
        port: u8,
        opening: u32,
        lease: Lease,
    },
    /// A call that answers 0 has stored its result, or could not.
    Told { lease: Lease },
    /// A call waits for pages that are in the middle of a change.
    Again {
        caller: TaskKey,
        task: TaskId,
        request: Request,
    },
    /// Pages are in the middle of a change.
    Pages(PageChange),
    /// One page is, and all about it is as usual.
    OnePage(OnePage),
    /// A task is being cleared away.
    Ending { index: u32, stage: Stage },
}

/// How far the clearing up of a task has come.
#[derive(Debug)]
pub(crate) enum Stage {
    /// No copy that saw it alive is left.
    Barrier,
    /// Its memory may be gone; now its pages, then its objects.
    Reaped,
    /// No copy that saw it hold these pages is left.
    Holdings { chain: Chain },
    /// No copy that saw these objects open is left: a chain of slots.
    Smos { first: u32 },
    /// Its ports, from this one on.
    Ports { next: u32 },
    /// Those who watch it hear of it, one a step.
    Watchers,
}

impl Progress {
    pub(crate) fn step(work: Work, change: Change) -> Self {
        Self::Do(Step { work, change })
    }

    /// Lets other calls in, then begins the call anew.
    pub(crate) fn again(caller: &Thread, request: Request) -> Self {
        let change = Change::Again {
            caller: caller.key,
            task: caller.task,
            request,
        };
        Self::step(Work::Yield, change)
    }

    pub(crate) fn answer(word: i32) -> Self {
        Self::Answer(Ok(word))
    }
}

impl From<Result<Self, Denied>> for Progress {
    fn from(result: Result<Self, Denied>) -> Self {
        result.unwrap_or_else(|denied| Self::Answer(Err(denied)))
    }
}
