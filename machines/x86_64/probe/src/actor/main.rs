//! A program that does what its arguments say, one after another: the tests of real systems
//! are made of it. A word that fails ends the task with the word's place as its status.
//!
//! | words | |
//! |---|---|
//! | `say TEXT` | writes a line to standard output |
//! | `strings` | writes all arguments, `|`, and the environment, a line each |
//! | `copy FROM TO` | a file, through private memory |
//! | `fail CALL PATH` | opening it to `read` or `write` fails with this: the number follows |
//! | `grow KIB` | asks for so much memory, and touches it |
//! | `wait MS` | sleeps |
//! | `spin` | computes for ever |
//! | `store ADDRESS` | stores a byte there |
//! | `find NAME` | there must be a task of this name |
//! | `exit STATUS` | |
//! | `exit_once STATUS` | in the first life |
//! | `foreign PATH` | reads into pages that it may write and does not own, or owns and may not |
//! | `abort PATH` | reads into a page, while another thread takes the right to write it |
//! | `threads` | two threads of this task run at the same time |
//! | `exit_both STATUS` | exits, while another thread ends itself; sooner or later with the life |
//! | `switches` | counts what two threads take that give each other the turn |
//! | `flood MS` | writes dots for so long |
//! | `large KIB LIFE` | takes memory, and ends when it is told to: well in this life only |
//! | `keep_growing NAME LIVES` | asks for pages while so many lives of that task end |

#![no_std]
#![no_main]

mod acts;
mod natively;
mod neighbours;
mod threads;

use core::arch::global_asm;
use natively::{exit, strings};

// rsp is a multiple of 16; rdi, rsi and rdx are the words of `main`.
global_asm!(".globl _start", "_start: call main", "ud2");

#[unsafe(no_mangle)]
extern "C" fn main(at: *const u8, arguments: usize, environment: usize) -> ! {
    // SAFETY: the words that the kernel began the program with.
    let strings = unsafe { strings(at, arguments, environment) };
    exit(acts::play(strings))
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    natively::say(format_args!("panic: {info}\n"));
    exit(111)
}
