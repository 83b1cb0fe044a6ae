//! The probe: a guest program that does what a test tells it, as guest code.
//!
//! ```text
//!   test ──► command ──► machine ──► next_command ─┐
//!            protocol.rs                           │ interpreter.rs: the calls, loads
//!   test ◄── reply   ◄── machine ◄── reply ◄───────┘ and stores are the guest's own
//! ```
//!
//! `guest.rs` is the loop of a guest program around the interpreter.
//!
//! The machine moves the frames and does not look into them. What differs
//! between machines (how to trap into the kernel, how to touch one's own memory)
//! is the [`Door`].

#![no_std]
#![forbid(unsafe_code)]

mod guest;
mod interpreter;
mod protocol;

pub use guest::{Door, run};
pub use interpreter::{Body, Called, Finish, Interpreter, Next};
pub use protocol::{
    ARENA_ALIGN, ARENA_BYTES, COMMAND_BYTES, COMMAND_HEADER_BYTES, Command, DATA_BYTES, Operation,
    REPLY_BYTES, REPLY_HEADER_BYTES, Region, Reply, Status,
};
