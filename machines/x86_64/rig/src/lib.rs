//! The host's side of the bare-metal machine: builds the kernel and its probe, boots them in
//! QEMU, and hands the conformance suite a [`BareRig`].
//!
//! ```text
//!   suite ──► BareRig ──► Virtual (QEMU) ══ serial line ══ kernel ──► probes
//!             rig.rs      machine.rs       and postbox
//!                         programs.rs: what it boots       memory.rs: the postbox
//!                 setup.rs: which machine
//! ```
//!
//! And it runs real systems: pack.rs makes the boot archive, system.rs boots it, prints what
//! its tasks say and writes their files.

mod counts;
mod machine;
mod memory;
mod pack;
mod programs;
mod rig;
mod setup;
mod system;

pub use counts::{Count, count};
pub use pack::{Order, Packed, pack};
pub use programs::{Program, compile, programs_folder};
pub use rig::BareRig;
pub use setup::Setup;
pub use system::{Ended, Outputs, run, run_archive};
