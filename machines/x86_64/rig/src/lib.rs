//! The host's side of the bare-metal machine: builds the kernel and its probe, boots them in
//! QEMU, and hands the conformance suite a [`BareRig`].
//!
//! ```text
//!   suite ──► BareRig ──► Virtual (QEMU) ══ serial line ══ kernel ──► probes
//!             rig.rs      machine.rs       and postbox
//!                         programs.rs: what it boots       memory.rs: the postbox
//!                 setup.rs: which machine
//! ```

mod counts;
mod machine;
mod memory;
mod programs;
mod rig;
mod setup;

pub use counts::{BY_THE_CLOCK, Count, count};
pub use programs::Program;
pub use rig::BareRig;
pub use setup::Setup;
