//! Who may listen to what the kernel decides.

use alloc::sync::Arc;

use crate::error::Denied;
use crate::id::{SmoId, TaskId, ThreadId};
use crate::page::{PageAct, Run};
use crate::rights::Permissions;
use crate::span::Span;
use crate::task::Ending;
use usufruct_abi::Number;

/// A transition of the control plane, or a refusal on either plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are named after what they hold")]
pub enum Event<'a> {
    /// A task was made.
    TaskStarted { task: TaskId, name: &'a [u8] },
    /// A task's rights and ids ended.
    TaskEnding { task: TaskId, ending: Ending },
    /// All that it left has been cleared up.
    TaskEnded { task: TaskId, ending: Ending },
    /// An object was made.
    Shared {
        owner: TaskId,
        target: TaskId,
        smo: SmoId,
        span: Span,
        permissions: Permissions,
    },
    /// An object was taken back by its owner.
    Claimed { owner: TaskId, smo: SmoId },
    /// An object has another target.
    Passed { by: TaskId, to: TaskId, smo: SmoId },
    /// A port was opened.
    PortOpened { task: TaskId, port: u8 },
    /// A port was closed; what it held is gone.
    PortClosed { task: TaskId, port: u8 },
    /// A message was queued.
    Sent { from: TaskId, to: TaskId, port: u8 },
    /// A message reached its receiver's memory.
    Received { task: TaskId, port: u8 },
    /// A task wants to hear of another's end.
    Watching { by: TaskId, of: TaskId, port: u8 },
    /// The rights to pages have changed.
    PagesChanged { by: TaskId, act: PageAct, run: Run },
    /// A call was refused.
    Refused {
        thread: ThreadId,
        number: Number,
        words: [u64; 4],
        denied: Denied,
    },
}

/// Listens. Called with the control lock held (refusals of copies: without), on
/// any processor: be short, and call nothing of the kernel.
pub trait Sink {
    /// One thing that has just happened.
    fn event(&self, event: &Event<'_>);
}

/// Nobody listens, at no cost.
impl Sink for () {
    #[inline(always)]
    fn event(&self, _: &Event<'_>) {}
}

impl<S: Sink + ?Sized> Sink for Arc<S> {
    fn event(&self, event: &Event<'_>) {
        (**self).event(event);
    }
}
