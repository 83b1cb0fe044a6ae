//! The host's side of the bare-metal machine: builds the kernel and its probe, boots them in
//! QEMU, and hands the conformance suite a [`BareRig`].
//!
//! ```text
//!   suite ──► BareRig ──► Virtual (QEMU) ══ serial line ══ kernel ──► probes
//!             rig.rs      machine.rs       and postbox
//!                         programs.rs: what it boots       memory.rs: the postbox
//! ```

mod machine;
mod memory;
mod programs;
mod rig;

pub use rig::BareRig;
