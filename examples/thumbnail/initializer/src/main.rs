//! `initializer.wat` for bare x86-64: the attempt whose instruction compilers do not offer. It
//! ends the first life; the second one does nothing.

#![cfg_attr(target_os = "none", no_std, no_main)]

use usufruct_guest::println;
use usufruct_guest::program::variable;

usufruct_guest::main!(initialize);

fn initialize() -> i32 {
    if variable("USUFRUCT_LIFE").as_deref() != Some("0") {
        return 0;
    }
    println!(
        "attempt init-a-page: has a string instruction store to a page of the pool -> this life ends"
    );
    let what = store_to_a_page(b"not for the pool");
    println!("attempt init-a-page -> {what}");
    0
}

/// To the first page of the pool, in one instruction. What came of it.
#[cfg(target_os = "none")]
fn store_to_a_page(bytes: &[u8]) -> &'static str {
    const POOL: usize = 0x8000_0000;
    // SAFETY: no reference to a page is made in this program. The machine ends it here.
    unsafe {
        core::arch::asm!("rep movsb", inout("rcx") bytes.len() => _,
            inout("rsi") bytes.as_ptr() => _, inout("rdi") POOL => _, options(nostack));
    }
    "SUCCEEDED: the life goes on"
}

/// On WebAssembly, that is what `initializer.wat` is for.
#[cfg(not(target_os = "none"))]
fn store_to_a_page(_: &[u8]) -> &'static str {
    "not tried: this machine runs initializer.wat"
}
