//! Calls with their meaning, as the model takes them.

use crate::world::Answer;

/// An address, as the model sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// An offset into the window.
    Window(usize),
    /// An offset into the pool.
    Pool(usize),
    /// Where, from here on, not all bytes asked for are the task's memory.
    Outside,
}

/// A call with its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the words of docs/calls.md")]
pub enum Call {
    Share {
        target: i32,
        at: Place,
        size: i32,
        perms: i32,
    },
    Claim {
        smo: i32,
    },
    Pass {
        smo: i32,
        target: i32,
    },
    Copy {
        is_write: bool,
        smo: i32,
        offset: i32,
        size: i32,
        at: Place,
    },
    Size {
        smo: i32,
    },
    LastError,
    CurrentTask,
    Watch {
        task: i32,
        port: i32,
    },
    Find {
        name: Option<u8>,
        length: i32,
        is_memory: bool,
    },
    Open {
        port: i32,
    },
    Close {
        port: i32,
    },
    Send {
        task: i32,
        port: i32,
        at: Place,
    },
    Get {
        port: i32,
        at: Place,
        sender_at: Place,
    },
    Count {
        port: i32,
    },
    Wait {
        port: i32,
        timeout_ms: i32,
    },
    Page(PageCall),
}

/// A call of section 3 with its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the words of docs/calls.md")]
pub enum PageCall {
    Control {
        at: Place,
        size: i32,
        cmd: i32,
        task: i32,
    },
    Alloc {
        size: i32,
        flags: i32,
    },
    PageSize {
        flags: i32,
    },
    Ask {
        question: Question,
        at: Place,
        size: i32,
    },
    Avail {
        at: Place,
        flags: i32,
    },
}

/// What an `IsMem*` asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the words of docs/calls.md")]
pub enum Question {
    Readable,
    Writable,
    Owned,
}

/// What a call may come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Exactly this.
    Is(Answer),
    /// A positive number that was never an object's id.
    NewId,
    /// Exactly this word, and `last_error` is as before.
    Word(i32),
    /// NULL, or a block of so many pages, any of those that may be free by now.
    AnyBlock(usize),
    /// It sleeps: for so many milliseconds, or for ever.
    Sleeps(Option<u32>),
}
