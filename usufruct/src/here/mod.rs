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
    BadLimits, Buffer, Caller, Capture, Denied, Directory, Ending, Event, Frozen, HEAP_LIMIT_BYTES,
    Host, HostError, ImportError, Imports, Input, Limits, LoadError, MakeError, Message, Object,
    Output, POOL_START, Pages, Parameters, Permissions, PoolError, PoolQuota, Port, Program,
    Protection, Reason, Report, Results, Share, Sink, SmoId, Source, StartError, TaskId, Trap,
    Usage, page_bytes,
};
