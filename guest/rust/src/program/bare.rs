//! By traps, for programs on bare x86-64.

use alloc::string::String;
use alloc::vec::Vec;
use core::arch::{asm, global_asm};
use core::fmt::{self, Write as _};
use core::panic::Location;
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use core::time::Duration;

use usufruct_abi::{NativeCall, STREAM_READ, STREAM_WRITE};

use super::{FileError, panic};
use crate::raw::native_call;

// What a program finds in its registers: see `usufruct_abi::NativeCall`. Called, so that the
// stack is as a function expects it.
global_asm!(
    ".globl _start",
    "_start: xor ebp, ebp",
    "call {begin}",
    "ud2",
    begin = sym begin,
);

/// Where the strings of this program lie, and how many bytes are arguments and environment.
static STRINGS: AtomicPtr<u8> = AtomicPtr::new(core::ptr::null_mut());
static ARGUMENT_BYTES: AtomicUsize = AtomicUsize::new(0);
static VARIABLE_BYTES: AtomicUsize = AtomicUsize::new(0);

unsafe extern "Rust" {
    /// The program's first function, by [`main!`](crate::main).
    fn usufruct_main() -> i32;
}

extern "C" fn begin(strings: *mut u8, argument_bytes: usize, variable_bytes: usize) -> ! {
    STRINGS.store(strings, Ordering::Relaxed);
    ARGUMENT_BYTES.store(argument_bytes, Ordering::Relaxed);
    VARIABLE_BYTES.store(variable_bytes, Ordering::Relaxed);
    // SAFETY: `main!` defines it, with this type, and it is a safe function.
    exit(unsafe { usufruct_main() })
}

/// The arguments, each followed by NUL, and the variables likewise.
fn strings() -> (&'static [u8], &'static [u8]) {
    let begin = STRINGS.load(Ordering::Relaxed);
    let arguments = ARGUMENT_BYTES.load(Ordering::Relaxed);
    let variables = VARIABLE_BYTES.load(Ordering::Relaxed);
    if begin.is_null() {
        return (&[], &[]);
    }
    // SAFETY:
    // 1. The kernel has put so many bytes there, for as long as the task lives.
    // 2. The task may only read them.
    let all = unsafe { core::slice::from_raw_parts(begin, arguments + variables) };
    all.split_at(arguments)
}

fn each(strings: &'static [u8]) -> impl Iterator<Item = &'static [u8]> {
    let strings = strings.strip_suffix(&[0]).unwrap_or(strings);
    strings
        .split(|byte| *byte == 0)
        .filter(move |_| !strings.is_empty())
}

pub(super) fn argument(number: usize) -> Option<String> {
    let argument = each(strings().0).nth(number)?;
    Some(String::from_utf8_lossy(argument).into_owned())
}

pub(super) fn variable(name: &str) -> Option<String> {
    let value = each(strings().1).find_map(|variable| {
        let value = variable.strip_prefix(name.as_bytes())?;
        value.strip_prefix(b"=")
    });
    String::from_utf8(value?.to_vec()).ok()
}

pub(super) fn exit(status: i32) -> ! {
    call(NativeCall::Exit, [u64::from(status.cast_unsigned())]);
    abort()
}

pub(super) fn abort() -> ! {
    // SAFETY: ends this task, which is what is asked for.
    unsafe { asm!("ud2", options(noreturn)) }
}

pub(super) fn now() -> Duration {
    Duration::from_millis(call(NativeCall::TimeMs, []).cast_unsigned())
}

pub(super) fn sleep(time: Duration) {
    let end = now().saturating_add(time);
    while now() < end {
        call(NativeCall::YieldTurn, []);
    }
}

pub(super) fn on_panic(last_words: fn(Option<&Location<'_>>)) {
    panic::set(last_words);
}

pub(super) fn say(words: fmt::Arguments<'_>) {
    let _ = Stream(OUTPUT).line(words);
}

pub(super) fn complain(words: fmt::Arguments<'_>) {
    let _ = Stream(ERROR).line(words);
}

/// Streams that are open from the start.
const OUTPUT: u64 = 1;
const ERROR: u64 = 2;

#[derive(Debug)]
pub(super) struct Stream(u64);

impl Stream {
    pub(super) fn open(path: &str) -> Result<Self, FileError> {
        Self::opened(path, STREAM_READ)
    }

    pub(super) fn create(path: &str) -> Result<Self, FileError> {
        Self::opened(path, STREAM_WRITE)
    }

    fn opened(path: &str, flags: i32) -> Result<Self, FileError> {
        let flags = u64::from(flags.cast_unsigned());
        let words = [path.as_ptr() as u64, path.len() as u64, flags];
        // SAFETY: the kernel only reads, and only the path.
        done(unsafe { native_call(NativeCall::OpenStream, words) }).map(Self)
    }

    /// The kernel does not say how long a file is.
    pub(super) fn size(&self) -> Option<usize> {
        None
    }

    pub(super) fn read(&mut self, into: &mut [u8]) -> Result<usize, FileError> {
        let words = [self.0, into.as_mut_ptr() as u64, into.len() as u64];
        // SAFETY: the kernel stores no more than `into.len()` bytes, at `into`, which is
        // borrowed for as long.
        let read = done(unsafe { native_call(NativeCall::ReadStream, words) })?;
        usize::try_from(read).map_err(|_| FileError::from_number(0))
    }

    pub(super) fn write_all(&mut self, mut bytes: &[u8]) -> Result<(), FileError> {
        while !bytes.is_empty() {
            let words = [self.0, bytes.as_ptr() as u64, bytes.len() as u64];
            // SAFETY: the kernel only reads, and only `bytes`.
            let written = done(unsafe { native_call(NativeCall::WriteStream, words) })?;
            let written = usize::try_from(written).unwrap_or(usize::MAX).max(1);
            bytes = bytes.get(written..).unwrap_or_default();
        }
        Ok(())
    }

    /// A line in one piece, if there is memory for it.
    fn line(&mut self, words: fmt::Arguments<'_>) -> fmt::Result {
        let mut line = Line(Vec::new());
        writeln!(line, "{words}")?;
        self.write_all(&line.0).map_err(|_| fmt::Error)
    }

    fn close(self) -> Result<(), FileError> {
        let closed = done(call(NativeCall::CloseStream, [self.0]));
        core::mem::forget(self);
        closed.map(drop)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if self.0 > ERROR {
            call(NativeCall::CloseStream, [self.0]);
        }
    }
}

/// Text that grows only if it can: last words must not end in another panic.
struct Line(Vec<u8>);

impl fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.try_reserve(text.len()).map_err(|_| fmt::Error)?;
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

/// Files here can not be renamed: the old one is gone when the new one begins.
pub(super) fn replace_file(path: &str, contents: &[u8]) -> Result<(), FileError> {
    let mut file = Stream::create(path)?;
    file.write_all(contents)?;
    file.close()
}

/// A call that is safe, whatever its words.
fn call<const WORDS: usize>(number: NativeCall, words: [u64; WORDS]) -> i64 {
    // SAFETY: neither `ReadStream` nor `SpawnThread`, which store.
    unsafe { native_call(number, words) }
}

/// A call's answer, or the error that it stands for.
fn done(answer: i64) -> Result<u64, FileError> {
    u64::try_from(answer).map_err(|_| {
        let number = i32::try_from(answer.saturating_neg()).unwrap_or(i32::MAX);
        FileError::from_number(number)
    })
}
