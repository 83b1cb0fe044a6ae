//! What each word of the arguments does.

use crate::natively::{Strings, call, exit, native, now_ms, say, write_all};
use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use usufruct_abi::{
    MEMC_GIVE, MEMC_NOWRITE, MEMC_OKWRITE, NativeCall, Number, STREAM_READ, STREAM_WRITE,
    StreamError,
};

const PAGE_BYTES: u64 = 4096;
/// As many pages as one read fills.
const BLOCK_BYTES: u64 = 256 << 10;

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
            "exit_both" => exit_both(status(next())),
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

fn open(path: &str, flags: i32) -> Result<u64, StreamError> {
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

fn grow(kibibytes: u64) -> Option<()> {
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

fn find(name: &str) -> Option<u64> {
    let words = [name.as_ptr() as u64, name.len() as u64, 0, 0];
    u64::try_from(call(Number::FindTask, words)).ok()
}

fn exit_once(strings: Strings, status: i32) -> Option<()> {
    let mut variables = strings.environment.split_terminator('\0');
    if variables.any(|variable| variable == "USUFRUCT_LIFE=0") {
        exit(status);
    }
    Some(())
}

fn alloc(bytes: u64) -> Option<u64> {
    let begin = call(Number::AllocMemBlocks, [bytes, 0x100, 0, 0]);
    (begin != 0).then_some(u64::from(begin.cast_unsigned()))
}

fn control(pages: (u64, u64), command: i32, task: u64) -> Option<()> {
    let command = u64::from(command.cast_unsigned());
    let answer = call(Number::ControlMem, [pages.0, pages.1, command, task]);
    (answer == 0).then_some(())
}

fn me() -> u64 {
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

/// What the two threads of `abort` and of `threads` say to each other.
static SAID: AtomicU64 = AtomicU64::new(0);
static HEARD: AtomicU32 = AtomicU32::new(0);
const STOP: u64 = u64::MAX;

#[repr(C, align(16))]
struct Stack(UnsafeCell<[u8; 64 << 10]>);

// SAFETY: only its address is taken; the one thread that has it for a stack uses the bytes.
unsafe impl Sync for Stack {}

static STACK: Stack = Stack(UnsafeCell::new([0; 64 << 10]));

core::arch::global_asm!(".globl thread_start", "thread_start: call rdi", "ud2");

unsafe extern "C" {
    fn thread_start();
}

fn spawn(begin: extern "C" fn() -> !) -> Option<()> {
    let stack_end = STACK.0.get().wrapping_add(1) as u64;
    let words = [
        thread_start as *const () as u64,
        stack_end,
        begin as *const () as u64,
    ];
    native(NativeCall::SpawnThread, words).ok().map(|_| ())
}

fn end_thread() -> ! {
    let _ = native(NativeCall::ExitThread, [0; 3]);
    exit(99)
}

/// The processor's own number, as its hardware has it.
fn processor() -> u32 {
    core::arch::x86_64::__cpuid(1).ebx >> 24
}

extern "C" fn say_processor() -> ! {
    while HEARD.load(Ordering::Relaxed) == 0 {
        SAID.store(u64::from(processor()) + 1, Ordering::Relaxed);
    }
    end_thread()
}

/// Until both have been seen on different processors at one time.
fn threads() -> Option<()> {
    const PATIENCE_MS: u64 = 10_000;
    spawn(say_processor)?;
    let begin = now_ms();
    while now_ms() - begin < PATIENCE_MS {
        // A value from before this moment does not count.
        SAID.store(0, Ordering::Relaxed);
        for _ in 0..100_000 {
            let said = SAID.load(Ordering::Relaxed);
            if said != 0 && said != u64::from(processor()) + 1 {
                HEARD.store(1, Ordering::Relaxed);
                return Some(());
            }
        }
    }
    None
}

extern "C" fn end_when_told() -> ! {
    SAID.store(1, Ordering::Relaxed);
    while HEARD.load(Ordering::Relaxed) == 0 {
        core::hint::spin_loop();
    }
    end_thread()
}

/// Both threads at one time: whichever is the last, this is how the task ends.
fn exit_both(status: i32) -> Option<()> {
    spawn(end_when_told)?;
    while SAID.load(Ordering::Relaxed) == 0 {
        core::hint::spin_loop();
    }
    HEARD.store(1, Ordering::Relaxed);
    exit(status)
}

/// Takes the right to write away from its own task, while that reads, and looks whether a
/// byte comes later.
extern "C" fn revoke() -> ! {
    let begin = SAID.load(Ordering::Relaxed);
    let block = (begin, BLOCK_BYTES);
    let sum = || {
        let words = (begin..begin + BLOCK_BYTES).step_by(512);
        words.fold(0_u64, |sum, at| {
            // SAFETY: pages of the pool may be read by every task.
            let word = unsafe { (at as *const u64).read_volatile() };
            sum.rotate_left(5) ^ word
        })
    };
    while SAID.load(Ordering::Relaxed) != STOP {
        let is_late = || {
            control(block, MEMC_NOWRITE, me())?;
            let then = sum();
            (0..2000).for_each(|_| core::hint::spin_loop());
            (sum() == then).then_some(())?;
            control(block, MEMC_OKWRITE, me())?;
            for at in (begin..begin + BLOCK_BYTES).step_by(512) {
                // SAFETY: the task's own pages, which it may write again.
                unsafe { (at as *mut u64).write_volatile(0xeeee) };
            }
            Some(())
        };
        if is_late().is_none() {
            exit(98);
        }
    }
    HEARD.store(1, Ordering::Relaxed);
    end_thread()
}

/// Reads that are aborted have taken nothing: the next one gets it. The file's words say
/// where they are in it.
fn abort(path: &str) -> Option<()> {
    const WANTED: u32 = 5;
    const PATIENCE_MS: u64 = 60_000;
    let block = alloc(BLOCK_BYTES)?;
    SAID.store(block, Ordering::Relaxed);
    spawn(revoke)?;
    let begin = now_ms();
    let (mut aborted, mut whole) = (0, 0);
    while (aborted < WANTED || whole < WANTED) && now_ms() - begin < PATIENCE_MS {
        let stream = open(path, STREAM_READ).ok()?;
        let mut private = [0_u8; 8];
        let mut at = 0_u64;
        loop {
            match native(NativeCall::ReadStream, [stream, block, BLOCK_BYTES]) {
                Ok(0) => break,
                Ok(count) => {
                    whole += 1;
                    at += count;
                    let words = [stream, private.as_mut_ptr() as u64, 8];
                    if native(NativeCall::ReadStream, words).ok()? == 8 {
                        (u64::from_le_bytes(private) == at).then_some(())?;
                        at += 8;
                    }
                }
                Err(StreamError::Canceled) => aborted += 1,
                Err(StreamError::Fault) => {}
                Err(_) => return None,
            }
        }
        native(NativeCall::CloseStream, [stream, 0, 0]).ok()?;
    }
    SAID.store(STOP, Ordering::Relaxed);
    while HEARD.load(Ordering::Relaxed) == 0 {
        native(NativeCall::YieldTurn, [0; 3]).ok()?;
    }
    say(format_args!("aborted {aborted}, whole {whole}\n"));
    (aborted >= WANTED && whole >= WANTED).then_some(())
}
