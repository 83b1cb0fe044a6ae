//! What each word of the arguments does.

use crate::natively::{Strings, call, exit, native, now_ms, say, write_all};
use crate::neighbours::{keep_growing, large};
use crate::threads::{abort, exit_both, switches, threads};
use usufruct_abi::{
    MEMC_GIVE, MEMC_NOWRITE, MEMC_OKWRITE, NativeCall, Number, STREAM_READ, STREAM_WRITE,
    StreamError,
};

pub(crate) const PAGE_BYTES: u64 = 4096;

/// Does them all; the task's exit status.
pub(crate) fn play(strings: Strings) -> i32 {
    let mut words = strings.arguments.split_terminator('\0');
    let _name = words.next();
    let mut place = 1;
    while let Some(word) = words.next() {
        let mut next = || words.next().unwrap_or_default();
        let done = match word {
            "say" => {
                say(format_args!("{}\n", next()));
                Some(())
            }
            "strings" => list(strings),
            "copy" => copy(next(), next()).ok(),
            "fail" => fail(next(), next(), next()),
            "grow" => grow(number(next())),
            "wait" => wait(number(next())),
            "spin" => loop {
                core::hint::spin_loop();
            },
            "store" => store(number(next())),
            "find" => find(next()).map(|_| ()),
            "exit" => exit(status(next())),
            "exit_once" => exit_once(strings, status(next())),
            "foreign" => foreign(next(), next()),
            "abort" => abort(next()),
            "threads" => threads(),
            "exit_both" => exit_both(strings, status(next())),
            "switches" => switches(),
            "flood" => flood(number(next())),
            "large" => large(strings, number(next()), number(next())),
            "keep_growing" => keep_growing(next(), number(next())),
            _ => None,
        };
        if done.is_none() {
            return place;
        }
        place += 1;
    }
    0
}

fn number(text: &str) -> u64 {
    text.parse().expect("a number")
}

fn status(text: &str) -> i32 {
    text.parse().expect("a status")
}

fn list(strings: Strings) -> Option<()> {
    for text in strings.arguments.split_terminator('\0') {
        say(format_args!("{text}\n"));
    }
    say(format_args!("|\n"));
    for text in strings.environment.split_terminator('\0') {
        say(format_args!("{text}\n"));
    }
    Some(())
}

pub(crate) fn open(path: &str, flags: i32) -> Result<u64, StreamError> {
    let flags = u64::from(flags.cast_unsigned());
    let words = [path.as_ptr() as u64, path.len() as u64, flags];
    native(NativeCall::OpenStream, words)
}

fn copy(from: &str, to: &str) -> Result<(), StreamError> {
    let (from, to) = (open(from, STREAM_READ)?, open(to, STREAM_WRITE)?);
    let mut bytes = [0; 8192];
    loop {
        let words = [from, bytes.as_mut_ptr() as u64, bytes.len() as u64];
        let count = usize::try_from(native(NativeCall::ReadStream, words)?).unwrap_or(0);
        if count == 0 {
            break;
        }
        write_all(to, &bytes[..count])?;
    }
    native(NativeCall::CloseStream, [from, 0, 0])?;
    native(NativeCall::CloseStream, [to, 0, 0])?;
    Ok(())
}

fn fail(how: &str, path: &str, error: &str) -> Option<()> {
    let flags = if how == "read" {
        STREAM_READ
    } else {
        STREAM_WRITE
    };
    let failed = open(path, flags).err();
    (failed.map(StreamError::code) == Some(status(error))).then_some(())
}

pub(crate) fn grow(kibibytes: u64) -> Option<()> {
    let bytes = kibibytes << 10;
    let begin = native(NativeCall::GrowMemory, [bytes, 0, 0]).ok()?;
    for page in (begin..begin + bytes).step_by(4096) {
        let page = page as *mut u64;
        // SAFETY: the kernel has just given it to us.
        if unsafe { page.read_volatile() } != 0 {
            return None;
        }
        // SAFETY: the same.
        unsafe { page.write_volatile(1) };
    }
    let end = native(NativeCall::GrowMemory, [0; 3]).ok()?;
    (end >= begin + bytes).then_some(())
}

/// Sleeps in a call, as long as no message comes: and none does.
fn wait(milliseconds: u64) -> Option<()> {
    let begin = now_ms();
    call(Number::OpenPort, [0; 4]);
    call(Number::WaitMsg, [0, milliseconds, 0, 0]);
    call(Number::ClosePort, [0; 4]);
    (now_ms() - begin >= milliseconds).then_some(())
}

fn store(address: u64) -> Option<()> {
    // SAFETY: the test's choice, which is to find out what happens: at worst a fault, which
    // ends this task.
    unsafe { (address as *mut u8).write_volatile(1) };
    Some(())
}

pub(crate) fn find(name: &str) -> Option<u64> {
    let words = [name.as_ptr() as u64, name.len() as u64, 0, 0];
    u64::try_from(call(Number::FindTask, words)).ok()
}

fn exit_once(strings: Strings, status: i32) -> Option<()> {
    if life(strings)? == 0 {
        exit(status);
    }
    Some(())
}

/// Which life of the task it is, from 0.
pub(crate) fn life(strings: Strings) -> Option<u64> {
    let mut variables = strings.environment.split_terminator('\0');
    variables.find_map(|variable| variable.strip_prefix("USUFRUCT_LIFE=")?.parse().ok())
}

/// Writes without a pause.
fn flood(milliseconds: u64) -> Option<()> {
    let begin = now_ms();
    while now_ms() - begin < milliseconds {
        write_all(1, &[b'.'; 8192]).ok()?;
    }
    Some(())
}

pub(crate) fn alloc(bytes: u64) -> Option<u64> {
    let begin = call(Number::AllocMemBlocks, [bytes, 0x100, 0, 0]);
    (begin != 0).then_some(u64::from(begin.cast_unsigned()))
}

pub(crate) fn control(pages: (u64, u64), command: i32, task: u64) -> Option<()> {
    let command = u64::from(command.cast_unsigned());
    let answer = call(Number::ControlMem, [pages.0, pages.1, command, task]);
    (answer == 0).then_some(())
}

pub(crate) fn me() -> u64 {
    u64::from(call(Number::GetCurrentTask, [0; 4]).cast_unsigned())
}

/// Pages that streams may not use: not its own, or not to be written.
fn foreign(path: &str, other: &str) -> Option<()> {
    let page = alloc(PAGE_BYTES)?;
    let read = |at: u64, size: u64| {
        let stream = open(path, STREAM_READ)?;
        let count = native(NativeCall::ReadStream, [stream, at, size]);
        native(NativeCall::CloseStream, [stream, 0, 0])?;
        count
    };
    let refused = Err(StreamError::Fault);
    let whole = (page, PAGE_BYTES);
    (read(page, 100) == Ok(100)).then_some(())?;
    // Half of it is nobody's.
    (read(page + PAGE_BYTES - 50, 100) == refused).then_some(())?;
    control(whole, MEMC_NOWRITE, me())?;
    (read(page, 100) == refused).then_some(())?;
    (native(NativeCall::WriteStream, [1, page, 1]) == Ok(1)).then_some(())?;
    control(whole, MEMC_OKWRITE, me())?;
    (read(page, 100) == Ok(100)).then_some(())?;
    // From here on it may write the page and does not own it.
    control(whole, MEMC_GIVE, find(other)?)?;
    (read(page, 100) == refused).then_some(())?;
    (native(NativeCall::WriteStream, [1, page, 1]) == refused).then_some(())?;
    // The program's own instructions; the kernel; nothing.
    for at in [0x40_0000, 0xffff_8000_0000_0000, 0x1000, u64::MAX - 10] {
        (read(at, 100) == refused).then_some(())?;
    }
    Some(())
}
