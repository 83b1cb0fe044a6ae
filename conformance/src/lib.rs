//! What every machine must do, as tests that any machine can run.
//!
//! ```text
//!   list.rs       every script, and the sentence of docs/calls.md that it holds (page_list.rs)
//!   share.rs ..   the scripts: plain functions over a World, named after what a guest can see
//!   world.rs      tasks as values, calls as methods (calls.rs, pages.rs), and a ledger of the
//!                 calls made
//!   rig.rs        what a machine supplies: probes, commands and replies, ends, time
//!   random.rs     random calls against model.rs, which says what docs/calls.md says
//!   guests.rs     builds guests for WebAssembly, in Rust and in C
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
pub mod alloc;
pub mod barrier;
mod calls;
pub mod claim;
pub mod control;
pub mod copy;
pub mod death;
pub mod fault;
pub mod give;
pub mod grant;
pub mod guests;
pub mod id;
pub mod last_error;
mod list;
mod memory;
pub mod model;
pub mod page_end;
mod page_list;
pub mod page_message;
pub mod page_smo;
pub mod page_table;
mod pages;
pub mod pass;
pub mod port;
pub mod question;
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
pub use pages::{MemInfo, PageAnswer, Run};
pub use rig::{Ending, Facts, PageQuota, Pool, Probe, Rig, Tables};
pub use usufruct_probe_core as probe_core;
pub use world::{
    Answer, MESSAGE_AT, Message, NOTHING_COMES, PATIENCE, SENDER_AT, SMO_QUOTA, Said, Task, World,
    answer,
};

/// Runs one script about pages on a fresh machine, or says aloud that the machine has none.
pub fn perform_on_pages<R: Rig>(name: &str, script: fn(&mut World<R>)) {
    if R::pool().is_some() {
        perform(script);
    } else {
        eprintln!("SKIPPED: {name}, for this machine has no pool");
    }
}

/// Runs one script on a fresh machine, and compares the calls that the guests executed with
/// those that it asked for.
pub fn perform<R: Rig>(script: fn(&mut World<R>)) {
    let mut world = World::new(Tables::OF_THE_SUITE);
    script(&mut world);
    world.compare_ledgers();
}
