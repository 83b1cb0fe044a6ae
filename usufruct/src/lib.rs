#![cfg_attr(
    all(
        target_os = "linux",
        any(target_arch = "x86_64", target_arch = "aarch64")
    ),
    doc = include_str!("../README.md")
)]
//!
//! # The parts
//!
//! ```text
//!   Kernel ── load ──► Program ── task(name) ──► TaskBuilder ── spawn ──► Task
//!     │ host()                                    limits, streams           wait, kill, inspect
//!     ▼
//!   Host: the program itself, as the task `host`
//!     ├─ Buffer ── share ──► Share          bytes that a task may read, write or both
//!     ├─ Object                             bytes that a task has shared with the host
//!     ├─ Pages ── grant, give, freeze ──► Frozen: &[u8]
//!     └─ Port, send                         messages of four words
//! ```
//!
//! # What the types promise
//!
//! - Tasks never get at a Rust reference's bytes: the host shares what the kernel
//!   keeps for it, [`Buffer`]s and [`Pages`], and copies in and out.
//! - A value that is forgotten instead of dropped does no harm: an object goes on
//!   with its bytes, pages stay the host's, and nothing else gets their place.
//! - [`Pages`] are one value for each page; who changes rights needs it as `&mut`.
//!   [`Pages::freeze`] takes every right to write and waits until no store is
//!   under way; the [`Frozen`] that it gives is the only way to a `&[u8]`, and while
//!   it lives the kernel refuses whatever could make a page of it writable.
//!
//! # Threads and executors
//!
//! A kernel has threads of its own, on which tasks run. Nothing here needs an
//! executor, and everything works in any: [`Task::wait`] and [`Port::receive`] are
//! futures, [`Task::join`], [`Kernel::run`] and [`Port::wait`] block their thread.
//! A process may have several kernels; their tasks know nothing of each other.
//!
//! # Signals
//!
//! WebAssembly's traps are signals of the processor. With the first kernel,
//! handlers for SIGSEGV, SIGBUS, SIGILL and SIGFPE are installed for the process.
//! They act on faults of guest code alone, and hand every other signal to the
//! handler that was there before. A program that installs handlers of its own for
//! them afterwards must do the same. What panics or overflows its stack in the host
//! is reported as ever.
//!
//! # Where it runs
//!
//! Linux on x86-64 and on AArch64. Elsewhere it does not compile, and says so.

#![forbid(unsafe_code)]

#[cfg(not(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64")
)))]
compile_error!(
    "usufruct runs on Linux on x86-64 and AArch64 only: its walls are Linux's memory protection"
);

#[cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]
mod here;

#[cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]
pub use here::*;
