//! A task as the processor sees it: its registers, and how to run it until it traps.

use crate::processor::controller::TIMER;
use crate::processor::{Processor, USER_CODE, USER_DATA};
use crate::served::Served;
use crate::space::Space;
use core::mem::offset_of;
use x86_64::registers::control::Cr2;

/// The "vector" of a `syscall`; behind those of the processor.
pub(crate) const SYSTEM_CALL: u64 = 0x100;
/// RFLAGS of a task: interrupts on, and the bit that is always 1.
const RFLAGS: u64 = 1 << 9 | 1 << 1;
/// The vector of a page fault.
const PAGE_FAULT: u64 = 14;

/// A task's registers while it does not run. trap.s knows the layout; the processor
/// itself stores `rip` to `ss`, so what follows them must be 16-byte aligned.
#[repr(C, align(16))]
#[derive(Debug, Default)]
pub(crate) struct Context {
    /// r15 to r8, rdi, rsi, rbp, rbx, rdx, rcx, rax.
    registers: [u64; 15],
    vector: u64,
    error: u64,
    rip: u64,
    cs: u64,
    rflags: u64,
    rsp: u64,
    ss: u64,
    /// Where `enter` left the kernel's registers. The TSS names this place while the task runs.
    kernel_stack: u64,
}

/// Where trap.s finds it.
pub(crate) const KERNEL_STACK: usize = offset_of!(Context, kernel_stack);
const _: () = assert!(KERNEL_STACK.is_multiple_of(16));

const R10: usize = 5;
const RDI: usize = 8;
const RSI: usize = 9;
const RDX: usize = 12;
const RAX: usize = 14;

/// Why a task stopped running.
#[derive(Debug)]
pub(crate) enum Trap {
    /// It asks for something: rax says what; rdi, rsi, rdx and r10 are the words.
    Call { number: u64, words: [u64; 4] },
    /// An interrupt has come, which has not been ended: its vector.
    Interrupt(u64),
    /// It did what it may not, or can not.
    Fault(Fault),
}

/// An exception in a task.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) vector: u64,
    pub(crate) error: u64,
    /// The instruction.
    pub(crate) rip: u64,
    /// What could not be reached, of a page fault.
    pub(crate) address: Option<u64>,
}

impl Fault {
    /// Where a store was to go that the page's rights did not let through.
    pub(crate) fn stopped_store(&self) -> Option<u64> {
        const PRESENT: u64 = 1 << 0;
        const STORE: u64 = 1 << 1;
        const RING_3: u64 = 1 << 2;
        self.address
            .filter(|_| self.error == PRESENT | STORE | RING_3)
    }
}

unsafe extern "C" {
    /// trap.s: runs the context until it traps and `served` has no answer at once.
    fn enter(context: *mut Context, served: *mut u8);
}

impl Context {
    /// A task about to execute its first instruction.
    pub(crate) fn new(entry: u64, stack: u64) -> Self {
        Self {
            rip: entry,
            cs: USER_CODE,
            rflags: RFLAGS,
            rsp: stack,
            ss: USER_DATA,
            ..Self::default()
        }
    }

    /// What the call that the task waits in will answer.
    pub(crate) fn answer(&mut self, word: i32) {
        // The upper half of rax means nothing to an `int`, and says nothing of the kernel.
        self.registers[RAX] = u64::from(word.cast_unsigned());
    }

    /// What a call of the bare machine's own will answer: all of rax.
    pub(crate) fn answer_long(&mut self, word: i64) {
        self.registers[RAX] = word.cast_unsigned();
    }

    /// The first three words for a function that begins here, in the ABI's registers.
    pub(crate) fn with_words(mut self, [first, second, third]: [u64; 3]) -> Self {
        self.registers[RDI] = first;
        self.registers[RSI] = second;
        self.registers[RDX] = third;
        self
    }

    /// Has the task make the call that it waits in once more.
    pub(crate) fn call_again(&mut self) {
        /// Bytes of `syscall`.
        const SYSCALL: u64 = 2;
        // `syscall` left there where it ends, which is never below 2 for one that was executed.
        self.rip = self.rip.wrapping_sub(SYSCALL);
    }

    /// Runs the task until it traps for something that `served` can not do at once.
    pub(crate) fn run(
        &mut self,
        processor: &mut Processor,
        space: Space,
        served: &mut Served<'_>,
    ) -> Trap {
        processor.goes_to_ring_3(space, &raw mut self.kernel_stack);
        // SAFETY:
        // 1. `enter` keeps what the C ABI asks: it saves and restores the callee's
        //    registers, and comes back with interrupts off, by `save` in trap.s.
        // 2. `self` is borrowed mutably until then, and traps store to it alone:
        //    `goes_to_ring_3` has just said so to this processor.
        // 3. cs and ss are those of ring 3, from `new`, or as the processor saved them
        //    from ring 3; so whatever the task does, it has no more than ring 3's rights.
        // 4. The kernel is mapped in every space, and in none may ring 3 touch it.
        // 5. `served` is borrowed mutably until then too, and what
        //    trap.s calls of served.rs alone uses it.
        unsafe { enter(self, (&raw mut *served).cast()) };
        processor.is_back();
        match self.vector {
            SYSTEM_CALL => Trap::Call {
                number: self.registers[RAX],
                words: [RDI, RSI, RDX, R10].map(|register| self.registers[register]),
            },
            vector @ TIMER.. => Trap::Interrupt(vector),
            vector => Trap::Fault(Fault {
                vector,
                error: self.error,
                rip: self.rip,
                address: (vector == PAGE_FAULT).then(Cr2::read_raw),
            }),
        }
    }
}
