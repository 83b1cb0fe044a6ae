//! usufruct on bare x86_64: a machine that has rings, page tables and more than one
//! processor, and no system below. It runs the systems of boot archives, and the probes of the
//! conformance suite.
//!
//! ```text
//!   boot/         first instruction ─► long mode (boot.s), what the loader says, the other
//!                 processors, on each of them an executor
//!   memory/       the kernel's own page tables, frames, the allocator of boot
//!   system/       a system file's tasks: threads, streams, lives
//!   executor.rs   the probes: each processor's loop, whose turn is it, what did it trap for
//!   seats.rs      what may be said to a probe from any processor
//!   context.rs    run a task until it traps        trap.s   the assembly of it
//!   served.rs     calls that are served at once      judge.rs   faults of tasks, in words
//!   floating.rs   the registers that the kernel itself has no use for
//!   processor/    descriptors, vectors, interrupts; shoot_down.rs: stores that must not land
//!   machine.rs    what the core asks of a machine  ─► space.rs  page tables, copies, the pool
//!   task.rs       a program in page tables of its own
//!   line.rs       frames from and to the test, over the serial line; postbox.rs, what they carry
//! ```
//!
//! # What holds everywhere
//!
//! - Interrupts are off in ring 0, but for the one instruction that halts. So a
//!   lock holder is never interrupted, and a pin never either.
//! - A processor waits for another one only for as long as that is in ring 3, where an
//!   interrupt is taken at once (shoot_down.rs), or holds a lock or a pin, which is short;
//!   and, to end a task, for as long as that serves one of the task's threads.
//! - A user address is never dereferenced: it is looked up in its task's page
//!   tables, and the frame is reached through the direct map. SMAP makes sure.
//! - No memory is both writable and executable, and none is mapped in the kernel twice.
//! - After boot nothing is allocated but frames.
//!
//! # What is deliberately absent
//!
//! Priorities, vector registers beyond SSE.

#![no_std]
#![no_main]
#![allow(
    clippy::cast_possible_truncation,
    reason = "usize has 64 bits on the only target; what else is cut is an int, a port or a field"
)]

extern crate alloc;

mod boot;
mod context;
mod executor;
mod floating;
mod judge;
mod line;
mod machine;
mod memory;
mod postbox;
mod processor;
mod seats;
mod served;
mod space;
mod system;
mod task;
mod words;

core::arch::global_asm!(
    include_str!("boot/boot.s"),
    PROCESSORS = const processor::MOST,
    WAKE_UP_AT = const boot::WAKE_UP_AT,
    IMAGE_PAGES = const memory::IMAGE_PAGES,
    LAST_RESORT_PAGES = const processor::LAST_RESORT_PAGES,
    STACKS_BYTES = const processor::STACKS_BYTES,
    options(att_syntax)
);
core::arch::global_asm!(
    include_str!("trap.s"),
    USER_CODE = const processor::USER_CODE,
    USER_DATA = const processor::USER_DATA,
    TSS_RING_0_STACK = const processor::TSS_RING_0_STACK,
    TSS_RING_1_STACK = const processor::TSS_RING_1_STACK,
    CONTEXT_KERNEL_STACK = const context::KERNEL_STACK,
    READ_MEM = const usufruct_abi::Number::ReadMem as u32,
    WRITE_MEM = const usufruct_abi::Number::WriteMem as u32,
    SYSTEM_CALL = const context::SYSTEM_CALL,
    TIMER = const processor::controller::TIMER,
    VECTORS = const processor::controller::VECTORS,
    options(att_syntax)
);

/// A bug of the kernel: say where on the log port, and end the whole machine.
#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    line::log(format_args!("kernel panic: {info}\n"));
    processor::power_off(processor::Verdict::Panic)
}
