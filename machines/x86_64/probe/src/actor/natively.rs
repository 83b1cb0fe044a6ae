//! The kernel's calls as this program needs them, and nothing between.

use core::arch::asm;
use core::fmt::{self, Write as _};
use usufruct_abi::{NativeCall, Number, StreamError};

/// A trap: `syscall` with the number in rax and the words in rdi, rsi, rdx and r10; all of
/// rax is the answer.
pub(crate) fn trap(number: u64, words: [u64; 4]) -> i64 {
    let [first, second, third, fourth] = words;
    let answer: u64;
    // SAFETY:
    // 1. The kernel keeps all registers but rax, rcx and r11, and does not touch the stack.
    // 2. Where it stores is what the words say: memory of the caller's that it has for this.
    unsafe {
        asm!("syscall", inlateout("rax") number => answer,
            in("rdi") first, in("rsi") second, in("rdx") third, in("r10") fourth,
            lateout("rcx") _, lateout("r11") _, options(nostack));
    }
    answer.cast_signed()
}

/// A call of the contract's, whose answer is an `int`.
pub(crate) fn call(number: Number, words: [u64; 4]) -> i32 {
    let low = trap(u64::from(number as u32), words) & 0xffff_ffff;
    u32::try_from(low).unwrap_or(0).cast_signed()
}

/// A call of the machine's own.
pub(crate) fn native(number: NativeCall, words: [u64; 3]) -> Result<u64, StreamError> {
    let [first, second, third] = words;
    let answer = trap(u64::from(number as u32), [first, second, third, 0]);
    u64::try_from(answer).map_err(|_| {
        let code = i32::try_from(answer).ok();
        code.and_then(StreamError::from_code)
            .expect("an error that the abi names")
    })
}

pub(crate) fn exit(status: i32) -> ! {
    let words = [u64::from(status.cast_unsigned()), 0, 0];
    // It does not return.
    let _ = native(NativeCall::Exit, words);
    loop {
        core::hint::spin_loop();
    }
}

pub(crate) fn now_ms() -> u64 {
    native(NativeCall::TimeMs, [0; 3]).expect("there is always a time")
}

/// All of it, to a stream.
pub(crate) fn write_all(stream: u64, mut bytes: &[u8]) -> Result<(), StreamError> {
    while !bytes.is_empty() {
        let words = [stream, bytes.as_ptr() as u64, bytes.len() as u64];
        let count = native(NativeCall::WriteStream, words)?;
        bytes = &bytes[usize::try_from(count).unwrap_or(0)..];
    }
    Ok(())
}

/// To standard output, in one piece as far as it goes.
pub(crate) fn say(words: fmt::Arguments<'_>) {
    struct Line([u8; 1024], usize);
    impl fmt::Write for Line {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            let place = self
                .0
                .get_mut(self.1..self.1 + text.len())
                .ok_or(fmt::Error)?;
            place.copy_from_slice(text.as_bytes());
            self.1 += text.len();
            Ok(())
        }
    }
    let mut line = Line([0; 1024], 0);
    let _ = line.write_fmt(words);
    let _ = write_all(1, &line.0[..line.1]);
}

/// What the program was begun with: texts that end in NUL.
#[derive(Clone, Copy)]
pub(crate) struct Strings {
    pub(crate) arguments: &'static str,
    pub(crate) environment: &'static str,
}

/// # Safety
///
/// The words that the kernel began the program with.
pub(crate) unsafe fn strings(at: *const u8, arguments: usize, environment: usize) -> Strings {
    let text = |at: *const u8, bytes: usize| {
        // SAFETY: the kernel's word: so many bytes are there, and stay as they are.
        let bytes = unsafe { core::slice::from_raw_parts(at, bytes) };
        core::str::from_utf8(bytes).expect("the system file is in UTF-8")
    };
    Strings {
        arguments: text(at, arguments),
        environment: text(at.wrapping_add(arguments), environment),
    }
}
