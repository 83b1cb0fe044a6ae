//! What takes two threads of the task.

use crate::acts::{alloc, control, life, me, open};
use crate::natively::{Strings, exit, native, now_ms, say};
use core::arch::x86_64::_rdtsc;
use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use usufruct_abi::{MEMC_NOWRITE, MEMC_OKWRITE, NativeCall, STREAM_READ, StreamError};

/// As many pages as one read fills.
const BLOCK_BYTES: u64 = 256 << 10;

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
pub(crate) fn threads() -> Option<()> {
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

/// What the clock shows when the other thread is to end.
static END_AT: AtomicU64 = AtomicU64::new(0);

fn clock() -> u64 {
    // SAFETY: every processor that the kernel starts on has it, and tasks may use it.
    unsafe { _rdtsc() }
}

fn wait_until(moment: u64) {
    while clock() < moment {}
}

extern "C" fn end_when_told() -> ! {
    SAID.store(1, Ordering::Relaxed);
    while HEARD.load(Ordering::Relaxed) == 0 {}
    wait_until(END_AT.load(Ordering::Relaxed));
    end_thread()
}

/// Both threads at one time, or the other one a little later, by the number of the life:
/// whichever is the last, this is how the task ends.
pub(crate) fn exit_both(strings: Strings, status: i32) -> Option<()> {
    const SOON: u64 = 60_000;
    const STEP: u64 = 500;
    const STEPS: u64 = 64;
    spawn(end_when_told)?;
    while SAID.load(Ordering::Relaxed) == 0 {
        core::hint::spin_loop();
    }
    let own = clock() + SOON;
    END_AT.store(own + life(strings)? % STEPS * STEP, Ordering::Relaxed);
    HEARD.store(1, Ordering::Relaxed);
    wait_until(own);
    exit(status)
}

extern "C" fn give_turns() -> ! {
    while HEARD.load(Ordering::Relaxed) == 0 {
        let _ = native(NativeCall::YieldTurn, [0; 3]);
    }
    end_thread()
}

/// Two threads give each other the turn: the least and the median of there and back, and what
/// two looks at the clock take themselves.
pub(crate) fn switches() -> Option<()> {
    const TIMES: usize = 64;
    let sorted = |mut taken: [u64; TIMES]| {
        taken.sort_unstable();
        taken
    };
    spawn(give_turns)?;
    let give_turn = || native(NativeCall::YieldTurn, [0; 3]).map(drop);
    let timed = |act: &dyn Fn() -> Result<(), StreamError>| {
        sorted([(); TIMES].map(|()| {
            let begin = clock();
            let done = act();
            clock() - begin + if done.is_ok() { 0 } else { u64::MAX / 2 }
        }))
    };
    let nothing = timed(&|| Ok(()));
    let taken = timed(&give_turn);
    HEARD.store(1, Ordering::Relaxed);
    say(format_args!(
        "{} {} {}\n",
        taken[0],
        taken[TIMES / 2],
        nothing[0]
    ));
    Some(())
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
pub(crate) fn abort(path: &str) -> Option<()> {
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
