//! What every machine must do, as tests that any machine can run.
//!
//! ```text
//!   list.rs       every script, and the sentence of docs/calls.md that it holds
//!   share.rs ..   the scripts: plain functions over a World, named after what a guest can see
//!   world.rs      tasks as values, calls as methods (calls.rs), and a ledger of the calls made
//!   rig.rs        what a machine supplies: probes, commands and replies, ends, time
//!   random.rs     random calls against model.rs, which says what docs/calls.md says
//!   guests.rs     builds the probe for WebAssembly, in Rust and in C
//! ```
//!
//! A machine implements [`Rig`] and writes one line:
//!
//! ```ignore
//! usufruct_conformance::suite!(MyRig);
//! ```
//!
//! No script looks inside a machine or the kernel: each goes in through the guests' own door.

#![forbid(unsafe_code)]
pub mod barrier;
mod calls;
pub mod claim;
pub mod copy;
pub mod death;
pub mod guests;
pub mod id;
pub mod last_error;
mod list;
mod memory;
pub mod model;
pub mod pass;
pub mod port;
pub mod quota;
pub mod random;
mod rig;
pub mod share;
pub mod task;
pub mod wait;
pub mod watch;
mod world;

pub use calls::{Part, part};
pub use list::{SCRIPTS, Script};
pub use memory::{checksum, index, pattern};
pub use rig::{Ending, Facts, Probe, Rig, Tables};
pub use usufruct_probe_core as probe_core;
pub use world::{
    Answer, MESSAGE_AT, Message, NOTHING_COMES, PATIENCE, SENDER_AT, SMO_QUOTA, Said, Task, World,
    answer,
};

/// Runs one script on a fresh machine, and compares the calls that the guests executed with
/// those that it asked for.
pub fn perform<R: Rig>(script: fn(&mut World<R>)) {
    let mut world = World::new(Tables::OF_THE_SUITE);
    script(&mut world);
    world.compare_ledgers();
}
