//! Threads by traps, and their stacks, which threads have one after another.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::arch::{asm, global_asm};
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use spin::Mutex;
use usufruct_abi::NativeCall;

use super::NoThread;
use crate::raw::native_call;

const STACK_BYTES: u64 = 256 << 10;
/// Stacks that there may be: more than a task may have threads.
const MOST: usize = 16;
/// How often a place for a thread is asked for: one that has just ended may be on its way out.
const TRIES: u32 = 100;

/// A stack that threads have one after another. What is said about it lies apart from it, where
/// no frame of its thread comes.
#[derive(Debug)]
struct Stack {
    /// Whether a thread has it, or somebody looks for memory for it.
    state: AtomicU32,
    /// Where it ends, as `grow_stack` has made it for good; 0: it has no memory yet. Who has
    /// taken the stack stores it.
    end: AtomicU64,
}

const FREE: u32 = 0;
const TAKEN: u32 = 1;

static STACKS: [Stack; MOST] = [const {
    Stack {
        state: AtomicU32::new(FREE),
        end: AtomicU64::new(0),
    }
}; MOST];

// A thread begins here, with its argument in rdi. Called, so that the stack is as a function
// expects it.
global_asm!(
    ".globl usufruct_thread",
    "usufruct_thread: xor ebp, ebp",
    "call {begin}",
    "ud2",
    begin = sym begin,
);

unsafe extern "C" {
    fn usufruct_thread();
}

/// What a thread begins with.
struct Start {
    work: Box<dyn FnOnce() + Send>,
    stack: &'static Stack,
}

/// What a thread's work has come to, once it has.
#[derive(Debug)]
pub(super) struct Running<T>(Arc<Mutex<Option<T>>>);

pub(super) fn spawn<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<Running<T>, NoThread> {
    let answer = Arc::new(Mutex::new(None));
    let running = Running(Arc::clone(&answer));
    let work = move || {
        let done = work();
        *answer.lock() = Some(done);
    };
    let stack = take_stack().ok_or(NoThread)?;
    let start = Box::into_raw(Box::new(Start {
        work: Box::new(work),
        stack,
    }));
    let entry = usufruct_thread as *const () as u64;
    let words = [
        entry,
        stack.end.load(Ordering::Relaxed),
        start.expose_provenance() as u64,
    ];
    for _ in 0..TRIES {
        // SAFETY:
        // 1. The stack is memory that `grow_stack` has given for it and nothing else uses. Its
        //    state says that it is taken, and nothing but its thread's last store, or the one
        //    below, says otherwise: a static, which no frame on any stack overlaps.
        // 2. A page that nobody has lies below it, and what Rust compiles touches each page of
        //    a frame in turn: a thread that uses it up faults there.
        if unsafe { native_call(NativeCall::SpawnThread, words) } > 0 {
            return Ok(running);
        }
        // SAFETY: stores nothing.
        unsafe { native_call(NativeCall::YieldTurn, []) };
    }
    // SAFETY: made above by `into_raw`; no thread has it.
    drop(unsafe { Box::from_raw(start) });
    stack.state.store(FREE, Ordering::Release);
    Err(NoThread)
}

impl<T> Running<T> {
    pub(super) fn join(self) -> T {
        loop {
            if let Some(answer) = self.0.lock().take() {
                return answer;
            }
            // SAFETY: stores nothing.
            unsafe { native_call(NativeCall::YieldTurn, []) };
        }
    }
}

/// A stack that another thread has left, or a new one.
fn take_stack() -> Option<&'static Stack> {
    STACKS.iter().find(|stack| {
        let (state, now) = (&stack.state, Ordering::Acquire);
        let is_taken = state.compare_exchange(FREE, TAKEN, now, Ordering::Relaxed);
        let has_memory = is_taken.is_ok() && stack.get_memory();
        if is_taken.is_ok() && !has_memory {
            state.store(FREE, Ordering::Release);
        }
        has_memory
    })
}

impl Stack {
    /// Of a stack that is taken: whether there is memory for it.
    fn get_memory(&self) -> bool {
        if self.end.load(Ordering::Relaxed) == 0 {
            // SAFETY: it only adds memory.
            let begin = unsafe { native_call(NativeCall::GrowStack, [STACK_BYTES]) };
            let Ok(begin) = u64::try_from(begin) else {
                return false;
            };
            self.end.store(begin + STACK_BYTES, Ordering::Relaxed);
        }
        true
    }
}

extern "C" fn begin(start: *mut Start) -> ! {
    // SAFETY: `spawn` has made it by `into_raw`, for this thread.
    let Start { work, stack } = *unsafe { Box::from_raw(start) };
    work();
    // SAFETY:
    // 1. From the store on, which gives the stack to the next thread, this one uses it no
    //    more: the kernel keeps registers elsewhere.
    // 2. Nothing is left to be dropped.
    unsafe {
        asm!("mov dword ptr [{stack}], {free}", "syscall", "ud2",
            stack = in(reg) stack.state.as_ptr(), free = const FREE,
            in("rax") NativeCall::ExitThread as u64, options(noreturn));
    }
}
