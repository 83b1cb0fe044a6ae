//! The conformance probe as a ring-3 program: the interpreter of probe-core, with traps
//! for its door.

#![no_std]
#![no_main]

mod door;
mod floating;

use core::arch::asm;
use core::cell::UnsafeCell;
use door::{exit, trap, trap_for_good};
use usufruct_abi::Number;
use usufruct_probe_core::{ARENA_BYTES, COMMAND_BYTES, Door, Finish, Region, run};

/// Scratch memory; last in the program, see task.ld.
#[repr(C, align(4096))]
struct Arena(UnsafeCell<[u8; ARENA_BYTES]>);

// SAFETY: only its address is taken; all access is by `Door::load` and `Door::store`, and the
// program has one thread.
unsafe impl Sync for Arena {}

#[unsafe(link_section = ".arena")]
static ARENA: Arena = Arena(UnsafeCell::new([0; ARENA_BYTES]));

/// The kernel's calls as traps; the task's number.
struct Traps(u64);

impl Traps {
    /// The vector registers are this task's own, whatever came in between.
    fn look_at_registers(&self) {
        if !floating::are_kept(self.0) {
            trap_for_good();
        }
    }
}

impl Door for Traps {
    fn next_command(&mut self, into: &mut [u8; COMMAND_BYTES]) -> Option<usize> {
        let length = door::next_command(into);
        self.look_at_registers();
        length
    }

    fn reply(&mut self, frame: &[u8]) {
        door::reply(frame);
    }

    fn call(&mut self, number: Number, words: [u64; 4]) -> Option<i32> {
        Some(trap(u64::from(number as u32), words))
    }

    fn load(&mut self, address: u64) -> u8 {
        // SAFETY: the test's choice, which is to find out what happens: at worst a fault,
        // which ends this task.
        unsafe { (address as *const u8).read_volatile() }
    }

    fn store(&mut self, address: u64, byte: u8) {
        // SAFETY: as `load`. A test that overwrites the program itself gets what it asked for.
        unsafe { (address as *mut u8).write_volatile(byte) }
    }

    fn store_word(&mut self, address: u64, word: u64) {
        // SAFETY: as `store`; a mov takes any address.
        unsafe { asm!("mov [{}], {}", in(reg) address, in(reg) word, options(nostack)) }
    }

    fn region(&self) -> Region {
        let arena = ARENA.0.get() as u64;
        let arena_bytes = ARENA_BYTES as u64;
        Region {
            arena,
            arena_bytes,
            end: arena + arena_bytes,
        }
    }

    fn compute(&mut self) -> bool {
        (0..1000).for_each(|_| core::hint::spin_loop());
        self.look_at_registers();
        true
    }
}

#[unsafe(no_mangle)]
extern "C" fn main() -> ! {
    let task = trap(u64::from(Number::GetCurrentTask as u32), [0; 4]);
    let mut traps = Traps(u64::from(task.cast_unsigned()));
    floating::fill(traps.0);
    match run(&mut traps) {
        Finish::Exit(status) => exit(status),
        Finish::Trap => trap_for_good(),
    }
}
