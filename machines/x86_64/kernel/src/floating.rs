//! Floating point and vector registers of tasks. The kernel is compiled without either, so
//! they stay as they are while it runs: they change hands once a turn, not at each trap.

use core::arch::asm;

/// What x87 and SSE have when a task begins: all exceptions masked, as the ABI has it.
const CONTROL_WORD: u16 = 0x37f;
const MXCSR: u32 = 0x1f80;

/// A task's registers of this kind while it does not run, as `fxsave64` lays them out.
#[repr(C, align(16))]
#[derive(Debug)]
pub(crate) struct Floating([u8; 512]);

impl Default for Floating {
    fn default() -> Self {
        let mut image = [0; 512];
        image[..2].copy_from_slice(&CONTROL_WORD.to_le_bytes());
        image[24..28].copy_from_slice(&MXCSR.to_le_bytes());
        Self(image)
    }
}

impl Floating {
    /// Gives the processor's registers these values, and takes the last task's away.
    pub(crate) fn restore(&self) {
        // SAFETY: 512 bytes on a multiple of 16, an image that `fxsave64` or `default` has
        // made, so no reserved bit is set. The kernel's code has no such registers.
        unsafe { asm!("fxrstor64 [{}]", in(reg) &raw const self.0, options(nostack)) };
    }

    /// Keeps the values that the processor's registers have.
    pub(crate) fn save(&mut self) {
        // SAFETY: 512 bytes of our own, on a multiple of 16.
        unsafe { asm!("fxsave64 [{}]", in(reg) &raw mut self.0, options(nostack)) };
    }
}
