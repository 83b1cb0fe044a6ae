//! Safe, typed usufruct calls for guest programs.
//!
//! A task lends bytes of its own memory to another task as a *shared memory
//! object*, and tells it the object's id in a message. The kernel makes every
//! copy, and checks it:
//!
//! ```text
//!   the owner                                      the target
//!   Shared::readable(target, &bytes) -- id -->     Received::new(id)
//!        | a value that lives no longer               .read_at(offset, &mut buffer)
//!        | than the bytes it lends                    .pass_to(another_task)
//!   .claim(), or drop                              every later call is refused
//! ```
//!
//! ```text
//!   task.rs    who is there, and who has ended
//!   smo.rs     lending bytes, and using lent ones
//!   port.rs    messages of four words
//!   page/      pages that change hands where they lie
//!   raw.rs     the calls as the kernel has them, for what the others leave out
//!   program/   entry, arguments, files and text of a whole program (feature `program`)
//! ```
//!
//! # Example
//!
//! One program lends a buffer to the task `scaler` and waits until it is done:
//!
//! ```no_run
//! use usufruct_guest::{Error, Port, Shared, find_task, send};
//!
//! fn lend(pixels: &[u8]) -> Result<(), Error> {
//!     let answers = Port::open(0)?;
//!     let scaler = find_task("scaler")?;
//!     let shared = Shared::readable(scaler, pixels)?;
//!     send(scaler, 0, [shared.id().word(), 0, 0, 0])?;
//!     answers.wait()?;
//!     shared.claim() // from here on, no byte of `pixels` moves any more
//! }
//! ```
//!
//! and the other one takes the bytes:
//!
//! ```no_run
//! use usufruct_guest::{Error, Port, Received, SmoId, send};
//!
//! fn take(buffer: &mut [u8]) -> Result<usize, Error> {
//!     let port = Port::open(0)?;
//!     let message = port.wait()?;
//!     let id = SmoId::from_word(message.words[0]).ok_or(Error::InvalidId)?;
//!     let pixels = Received::new(id);
//!     let taken = pixels.size()?.min(buffer.len());
//!     pixels.read_at(0, &mut buffer[..taken])?;
//!     if let Some(owner) = message.sender {
//!         send(owner, 0, [0; 4])?;
//!     }
//!     Ok(taken)
//! }
//! ```
//!
//! # Where it runs
//!
//! On WebAssembly the calls are imports of the module `usufruct`, on `x86_64-unknown-none`
//! one trap. The feature `program` adds what a whole program needs, on both (`program`). On other targets there is no kernel: every call is refused, so that programs
//! which use this crate still build there, and their own parts can be tested.

#![no_std]

#[cfg(feature = "program")]
extern crate alloc;
#[cfg(any(test, all(feature = "program", not(target_os = "none"))))]
extern crate std;

pub mod page;
mod port;
#[cfg(feature = "program")]
pub mod program;
pub mod raw;
mod refusal;
mod smo;
mod task;

pub use port::{Message, Port, send};
pub use smo::{Access, Received, Shared, SmoId, lend_mut};
pub use task::{
    Ended, Reason, TaskId, current_task, current_thread, find_task, wait_for_task, watch_task,
};
pub use usufruct_abi::Error;
