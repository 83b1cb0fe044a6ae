//! All of it, where it runs.

/// Tests alone see it.
#[cfg(doctest)]
#[doc = include_str!("../../tests/misuse.md")]
mod misuse {}

mod error;
mod kernel;
mod task;

pub use self::error::Error;
pub use self::kernel::{Builder, Kernel};
pub use self::task::{Task, TaskBuilder};
pub use usufruct_wasm::{
    BadLimits, Buffer, Caller, Capture, Contents, Denied, Directory, Ending, Event, ForbiddenStore,
    Frozen, HEAP_LIMIT_BYTES, Host, HostError, Import, ImportError, Imports, Input, Limits,
    LoadError, MakeError, MemorySize, Message, Number, Object, Output, POOL_START, PageAct, Pages,
    Parameters, Permissions, PoolError, PoolQuota, Port, Program, Protection, Reason, Report,
    Results, Run, SartorisError, Share, Sink, SmoId, Source, Span, Start, StartError, TaskId,
    ThreadId, Trap, Usage, WASM_PAGE_BYTES, page_bytes,
};
