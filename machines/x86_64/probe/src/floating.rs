//! Values in the vector registers that must be there whenever the probe looks: no other task
//! and nothing of the kernel's may change them, wherever the probe is interrupted.

use core::arch::asm;

/// Lists the registers once.
macro_rules! registers {
    ($act:ident) => {
        $act!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15)
    };
}

/// Fills each register with a number of this task's and of its own. The program is compiled
/// without such registers, so nothing else in it uses them.
pub(crate) fn fill(seed: u64) {
    macro_rules! fill {
        ($($register:literal)*) => {$(
            // SAFETY: changes a register that no compiled code of this program uses.
            unsafe {
                asm!(concat!("movq xmm", $register, ", {}"), in(reg) value(seed, $register),
                    options(nomem, nostack, preserves_flags));
            }
        )*};
    }
    registers!(fill);
}

/// Whether each still has it.
pub(crate) fn are_kept(seed: u64) -> bool {
    let mut are_kept = true;
    macro_rules! look {
        ($($register:literal)*) => {$(
            let found: u64;
            // SAFETY: only looks.
            unsafe {
                asm!(concat!("movq {}, xmm", $register), out(reg) found,
                    options(nomem, nostack, preserves_flags));
            }
            are_kept &= found == value(seed, $register);
        )*};
    }
    registers!(look);
    are_kept
}

const fn value(seed: u64, register: u64) -> u64 {
    (seed << 32) | (register + 1)
}
