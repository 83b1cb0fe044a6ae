//! Trouble on purpose: which step fails or waits next.

use usufruct_core::Work;

/// The kinds of things that core asks of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// [`Work::Drain`]
    Drain,
    /// [`Work::Deliver`]
    Deliver,
    /// [`Work::Wake`]
    Wake,
    /// [`Work::Reap`]
    Reap,
    /// [`Work::Yield`]
    Yield,
    /// [`Work::Protect`] that lets stores through.
    Open,
    /// [`Work::Protect`] that makes stores fault.
    Shut,
    /// [`Work::Fill`]
    Fill,
    /// [`Work::Label`]
    Label,
    /// [`Work::CancelReads`]
    CancelReads,
    /// A chunk of a copy, for the memory of the object's owner.
    CopyOwner,
    /// A chunk of a copy, for the memory of the caller.
    CopyCaller,
}

impl Kind {
    pub(crate) fn of(work: &Work) -> Self {
        match work {
            Work::Drain(_) => Self::Drain,
            Work::Deliver(_) => Self::Deliver,
            Work::Wake(_) => Self::Wake,
            Work::Reap(_) => Self::Reap,
            Work::Yield => Self::Yield,
            Work::Protect { writable: true, .. } => Self::Open,
            Work::Protect {
                writable: false, ..
            } => Self::Shut,
            Work::Fill { .. } => Self::Fill,
            Work::Label(_) => Self::Label,
            Work::CancelReads { .. } => Self::CancelReads,
        }
    }
}

/// What happens to the step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Act {
    /// The machine says that it could not. Only a delivery, [`Kind::Open`] and a
    /// chunk can fail; another step is carried out all the same.
    Fail,
    /// The call stays open until it is told to go on. A chunk never waits: it
    /// is carried out all the same.
    Wait,
    /// The machine does more than it was asked to: a [`Kind::Shut`] takes all of
    /// the task's mappings. Another step is carried out as it is.
    More,
}

/// One step of a kind, and what happens to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Trouble {
    /// The next step of this kind.
    pub kind: Kind,
    /// Fails or waits.
    pub act: Act,
}
