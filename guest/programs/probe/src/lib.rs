//! The conformance suite's guest program for WebAssembly. What it does is in
//! `usufruct-probe-core`; here is how it reaches the kernel, the test and its memory.
//!
//! A module without WASI, so that nothing but `usufruct` and the test's own module
//! `probe` is imported. Its entry is `main`; the value returned is the exit code.

#![no_std]
#![cfg(target_arch = "wasm32")]

mod import;

use core::cell::UnsafeCell;
use usufruct_abi::Number;
use usufruct_probe_core::{ARENA_BYTES, COMMAND_BYTES, Door, Finish, Region, run};

/// Size of a page of WebAssembly memory, in bytes.
const WASM_PAGE_BYTES: u64 = 65536;

/// The scratch memory: tests, the kernel and this program load and store here.
#[repr(C, align(4096))]
struct Arena(UnsafeCell<[u8; ARENA_BYTES]>);

// SAFETY: the module has one thread, and no reference into the arena is ever made; bytes are
// reached by address alone.
unsafe impl Sync for Arena {}

static ARENA: Arena = Arena(UnsafeCell::new([0; ARENA_BYTES]));

/// Eight bytes that need not be aligned, and are stored at once.
#[repr(C, packed)]
struct Unaligned(u64);

struct Imports;

impl Door for Imports {
    fn next_command(&mut self, into: &mut [u8; COMMAND_BYTES]) -> Option<usize> {
        // SAFETY:
        // 1. The host stores at most `COMMAND_BYTES` bytes from the pointer on.
        // 2. They are `into`'s, which is borrowed for as long as the call lasts.
        let length = unsafe { import::next_command(into.as_mut_ptr(), COMMAND_BYTES) };
        usize::try_from(length).ok()
    }

    fn reply(&mut self, frame: &[u8]) {
        // SAFETY: the host only loads, and only `frame.len()` bytes from the pointer on.
        unsafe { import::reply(frame.as_ptr(), frame.len()) }
    }

    fn call(&mut self, number: Number, words: [u64; 4]) -> Option<i32> {
        import::call(number, words)
    }

    fn load(&mut self, address: u64) -> u8 {
        let address = pointer(address);
        // SAFETY:
        // 1. A test names addresses of the arena, which is never freed and which no reference
        //    points into; volatile, because the kernel stores there too.
        // 2. An address outside the memory traps, and that is what such a test is after.
        unsafe { address.read_volatile() }
    }

    fn store(&mut self, address: u64, byte: u8) {
        let address = pointer(address);
        // SAFETY: as in `load`; the arena may be stored to because it is an `UnsafeCell`.
        unsafe { address.write_volatile(byte) }
    }

    fn store_word(&mut self, address: u64, word: u64) {
        let address = pointer(address).cast::<Unaligned>();
        // SAFETY: as in `store`; the type asks for no alignment.
        unsafe { address.write_volatile(Unaligned(word)) }
    }

    fn region(&self) -> Region {
        let pages = core::arch::wasm32::memory_size::<0>();
        Region {
            arena: ARENA.0.get().expose_provenance() as u64,
            arena_bytes: ARENA_BYTES as u64,
            end: pages as u64 * WASM_PAGE_BYTES,
        }
    }

    fn compute(&mut self) -> bool {
        core::hint::black_box(true)
    }
}

/// The pointer to an address of this module's memory.
#[allow(
    clippy::cast_possible_truncation,
    reason = "addresses of a 32-bit memory"
)]
fn pointer(address: u64) -> *mut u8 {
    core::ptr::with_exposed_provenance_mut(address as usize)
}

/// The task's entry: obeys until told to end.
#[unsafe(no_mangle)]
pub extern "C" fn main() -> i32 {
    match run(&mut Imports) {
        Finish::Exit(status) => status,
        Finish::Trap => core::arch::wasm32::unreachable(),
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
