//! The system file: which tasks there are and what each of them may have, read and checked.
//! The command line and the bare machine read it by this code alone, so they can not differ
//! about it. It needs an allocator and no operating system.
//!
//! ```text
//!   file.rs      which keys there are and what they mean   ──► plan.rs
//!   section.rs   one table, key by key; knows the place of everything
//!   placeholder.rs   $1, $2, ...      size.rs   "64 MiB"
//!   verdict.rs   what became of the tasks
//!   fault.rs     the thing, the cause, the way out        nearest.rs   did you mean ...?
//! ```

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod fault;
mod file;
mod nearest;
mod placeholder;
mod plan;
mod section;
pub mod size;
mod verdict;

pub use fault::Fault;
pub use file::{Facts, parse};
pub use plan::{Folder, HOST, LIFE_VARIABLE, Limits, Plan, Sizes, TaskPlan, name_problem};
pub use verdict::{End, Failed, InWords, NextLife};
