//! Bugs on request, for the tests that see what becomes of a kernel that has one:
//! `provoke=NAME` on the command line.

use core::hint::black_box;

/// Has the bug of this name.
///
/// # Panics
///
/// Always: that is what the tests look at.
pub(super) fn provoke(name: &str) -> ! {
    match name {
        "panic" => panic!("provoked"),
        "stack" => drop(recurse(0)),
        "code" => store_to_code(),
        "data" => execute_data(),
        "nothing" => load_from_nothing(),
        _ => panic!("command line: provoke={name} is none of panic, stack, code, data, nothing"),
    }
    panic!("provoke={name} went unnoticed");
}

/// Uses the stack up.
#[expect(unconditional_recursion, reason = "that is the bug")]
fn recurse(depth: u64) -> [u64; 64] {
    let mut used = black_box([depth; 64]);
    used[0] += recurse(depth + 1)[1];
    used
}

fn store_to_code() {
    let code = provoke as *const () as *mut u8;
    // SAFETY: none; it faults, for code can not be written.
    unsafe { code.write_volatile(0xc3) };
}

fn execute_data() {
    static mut DATA: [u8; 16] = [0xc3; 16];
    let data = &raw const DATA;
    // SAFETY: none; the call faults, for data can not be executed. (It would return.)
    let function: extern "C" fn() = unsafe { core::mem::transmute(data) };
    function();
}

/// Where a task would have its memory: the kernel has nothing there.
fn load_from_nothing() {
    let nothing = black_box(0x40_0000 as *const u8);
    // SAFETY: none; it faults.
    unsafe { nothing.read_volatile() };
}
