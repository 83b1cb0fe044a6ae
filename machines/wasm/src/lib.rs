//! usufruct tasks as WebAssembly programs, in the host's process, run by wasmtime.
//!
//! ```text
//!   file ──► program/  check, rewrite     system.rs  compile ──► Program
//!                                              │ make
//!   streams.rs  arguments, files ──► state.rs  the task's Store
//!                                              │ start
//!   drive.rs  runs it to its end, slice by slice (executor.rs, clock.rs, stacks.rs)
//!                                              │ a call of the guest
//!   wasi/     files and streams, on memory of its own ──► wasmtime-wasi
//!   link.rs   who is calling? ──► core ──► machine.rs ──► space.rs, bytes/
//!             words                decides   carries out    whose memory, moving
//!                                                └─────────► pool/    pages that all see
//!   flight.rs     what streams do with pages, and how that ends with the pages
//!   gifts.rs      pages that changed hands, counted
//!   host/     the host as a task: buffers, pages, messages ──► core
//!   forbidden.rs  a store to a page that was stopped ──► core: again, or the end
//! ```
//!
//! # What holds
//!
//! - A task is a Store. Its memory reserves all that a 32-bit address can name,
//!   never moves, and is unmapped only after the barrier of the task's end.
//! - Copies between tasks move through instructions or atomics, never through
//!   Rust references: the other task may be storing there at that moment.
//! - A length of a memory crosses threads in one atomic word only (`space.rs`).
//! - `read_mem` and `write_mem` are plain calls of one burst; a task that waits
//!   for a message costs its fiber, and no thread.
//!
//! # What is deliberately absent
//!
//! Threads of a task.
//!
//! # Example
//!
//! ```
//! use usufruct_wasm::{Config, Spec, System};
//!
//! let system = System::new(Config::default())?;
//! let program = system.load(br#"(module
//!     (memory (export "memory") 1)
//!     (func (export "main") (result i32) i32.const 7))"#)?;
//! let task = system.make(&program, &Spec::new("seven"))?;
//! task.start();
//! assert_eq!(task.wait().ending.status, 7);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod block;
mod bytes;
mod clock;
mod config;
mod copier;
mod counters;
mod drive;
mod engine;
mod executor;
mod fences;
mod flight;
mod forbidden;
mod gifts;
mod host;
mod import;
mod layout;
mod life;
mod link;
mod linkers;
mod machine;
mod mapping;
#[doc(hidden)]
pub mod measure;
mod membarrier;
mod place;
mod pool;
mod program;
mod release;
mod report;
mod self_test;
mod space;
mod stacks;
mod state;
mod streams;
mod system;
mod task;
mod turn;
mod wake;
mod wasi;

pub use config::{Config, MakeError, Spec, StartError};
pub use counters::Usage;
pub use host::{Buffer, Frozen, Host, HostError, Message, Object, Pages, Port, Share};
pub use import::{Caller, Imports, Parameters, Results, Trap};
pub use layout::{HEAP_LIMIT_BYTES, POOL_START, WASM_PAGE_BYTES};
pub use pool::{HugePages, PoolError, Protection, leaked_views, page_bytes};
pub use program::{Contents, Import, ImportError, LoadError, MemorySize, Start};
pub use report::{FAILED_STATUS, Report};
pub use state::Guest;
pub use streams::{Capture, Directory, Input, Output, Sink, Source, Streams};
pub use system::{Program, System};
pub use task::Task;
pub use usufruct_abi::{Error as SartorisError, Number};
pub use usufruct_core::{
    BadLimits, Denied, Ending, Event, ForbiddenStore, Limits, PageAct, Permissions, PoolQuota,
    Quota, Reason, Run, SmoId, Span, TaskId, ThreadId,
};
pub use wasmtime;
