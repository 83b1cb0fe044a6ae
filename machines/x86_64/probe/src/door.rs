//! What a program of the tests is told and answers, and how it begins and ends: the traps that
//! the abi does not name.

use core::arch::{asm, global_asm};
use usufruct_x86_64_wire::{TRAP_EXIT, TRAP_NEXT_COMMAND, TRAP_REPLY};

// The kernel enters with the stack on a multiple of 16; the ABI wants it as after a call.
global_asm!(".globl _start", "_start: call main", "ud2");

/// A trap: `syscall` with the number in rax and the words in rdi, rsi, rdx and r10.
#[allow(
    clippy::cast_possible_truncation,
    reason = "an int is what the low 32 bits say"
)]
pub(crate) fn trap(number: u64, words: [u64; 4]) -> i32 {
    let [first, second, third, fourth] = words;
    let answer: u64;
    // SAFETY:
    // 1. The kernel keeps all registers but rax, rcx and r11, and does not touch the stack.
    // 2. What a call stores goes where its words say: a buffer that the caller has borrowed
    //    for it, or addresses that the test chose, which is what the test is there for.
    unsafe {
        asm!("syscall", inlateout("rax") number => answer,
            in("rdi") first, in("rsi") second, in("rdx") third, in("r10") fourth,
            lateout("rcx") _, lateout("r11") _, options(nostack));
    }
    (answer as u32).cast_signed()
}

/// Waits for the next command; its length, or `None` if it does not fit.
pub(crate) fn next_command(into: &mut [u8]) -> Option<usize> {
    let (buffer, room) = (into.as_mut_ptr() as u64, into.len() as u64);
    usize::try_from(trap(TRAP_NEXT_COMMAND, [buffer, room, 0, 0])).ok()
}

/// Answers it.
pub(crate) fn reply(frame: &[u8]) {
    trap(
        TRAP_REPLY,
        [frame.as_ptr() as u64, frame.len() as u64, 0, 0],
    );
}

/// Ends the task.
pub(crate) fn exit(status: i32) -> ! {
    trap(TRAP_EXIT, [u64::from(status.cast_unsigned()), 0, 0, 0]);
    trap_for_good()
}

/// Executes an instruction that is none.
pub(crate) fn trap_for_good() -> ! {
    // SAFETY: ends this task, which is what is asked for.
    unsafe { asm!("ud2", options(noreturn)) }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    exit(-1)
}
