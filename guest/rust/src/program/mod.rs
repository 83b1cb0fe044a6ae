//! What a whole program needs besides the kernel's calls, under the same names on WebAssembly
//! and on bare x86-64: how it begins and ends, its arguments, files, time and lines of text.
//!
//! On WebAssembly, and where programs are tested, the standard library does it. On bare x86-64
//! there is none: there this module brings the entry, the heap behind `alloc`, the panic handler,
//! and streams by traps (`usufruct_abi::NativeCall`).
//!
//! ```text
//!   file.rs     files, and why they can not be read or written
//!   hosted.rs   all of it by the standard library
//!   bare.rs     all of it by traps: entry, strings, streams, time
//!   heap.rs     the heap of a bare program;  panic.rs   and its last words
//!   threads.rs  threads, which WebAssembly has none of;  stacks.rs   by traps
//! ```
//!
//! # Example
//!
//! ```no_run
//! // The first line of the program:
//! #![cfg_attr(target_os = "none", no_std, no_main)]
//!
//! use usufruct_guest::println;
//! use usufruct_guest::program::argument;
//!
//! usufruct_guest::main!(greet);
//!
//! /// The exit status.
//! fn greet() -> i32 {
//!     let Some(name) = argument(1) else { return 1 };
//!     println!("good morning, {name}");
//!     0
//! }
//! ```
//!
//! The linker has to be told where a bare program lies, which its build script does:
//!
//! ```no_run
//! // build.rs; the program depends on `usufruct-guest` directly
//! if let Ok(arguments) = std::env::var("DEP_USUFRUCT_GUEST_LINK_ARGUMENTS") {
//!     for argument in arguments.split_whitespace() {
//!         println!("cargo::rustc-link-arg-bins={argument}");
//!     }
//! }
//! ```

use alloc::string::String;
use core::fmt;
use core::panic::Location;
use core::time::Duration;

#[cfg(target_os = "none")]
mod bare;
mod file;
#[cfg(target_os = "none")]
mod heap;
#[cfg(not(target_os = "none"))]
mod hosted;
#[cfg(target_os = "none")]
mod panic;
#[cfg(target_os = "none")]
mod stacks;
mod threads;

#[cfg(target_os = "none")]
use bare as machine;
#[cfg(not(target_os = "none"))]
use hosted as machine;

pub use file::{File, FileError, read_file, replace_file};
pub use threads::{NoThread, Thread, spawn};

/// Makes a function without arguments, which returns the exit status (`i32`), the program's
/// first.
#[macro_export]
macro_rules! main {
    ($function:path) => {
        #[cfg(not(target_os = "none"))]
        fn main() {
            $crate::program::exit($function())
        }

        /// What the entry in `usufruct_guest` calls.
        #[cfg(target_os = "none")]
        #[unsafe(no_mangle)]
        extern "Rust" fn usufruct_main() -> i32 {
            $function()
        }
    };
}

/// Writes a line to standard output, in one piece if the machine takes it so.
#[macro_export]
macro_rules! println {
    ($($words:tt)*) => { $crate::program::say(format_args!($($words)*)) };
}

/// The same to standard error.
#[macro_export]
macro_rules! eprintln {
    ($($words:tt)*) => { $crate::program::complain(format_args!($($words)*)) };
}

/// The argument of this number; 0 is the program's or the task's name. What is not UTF-8 in
/// it is replaced.
#[must_use]
pub fn argument(number: usize) -> Option<String> {
    machine::argument(number)
}

/// A variable of the environment. `None`: there is none, or it is not UTF-8.
#[must_use]
pub fn variable(name: &str) -> Option<String> {
    machine::variable(name)
}

/// Ends the program.
pub fn exit(status: i32) -> ! {
    machine::exit(status)
}

/// Ends the program in a trap, as what no program should do ends it.
pub fn abort() -> ! {
    machine::abort()
}

/// The time since some moment; it never goes back. On bare machines in whole milliseconds.
#[must_use]
pub fn now() -> Duration {
    machine::now()
}

/// Lets so much time pass.
pub fn sleep(time: Duration) {
    machine::sleep(time);
}

/// Has a panic call `last_words` with the place where it happened, instead of saying it
/// itself. If that returns, the program ends in a trap. Memory that can not be had is no panic.
pub fn on_panic(last_words: fn(Option<&Location<'_>>)) {
    machine::on_panic(last_words);
}

/// What [`println!`](crate::println) calls. That a line can not be written is nobody's fault
/// who could do anything about it.
#[doc(hidden)]
pub fn say(words: fmt::Arguments<'_>) {
    machine::say(words);
}

/// What [`eprintln!`](crate::eprintln) calls.
#[doc(hidden)]
pub fn complain(words: fmt::Arguments<'_>) {
    machine::complain(words);
}
