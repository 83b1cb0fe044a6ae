//! Threads by traps, and their stacks, which threads have one after another.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::arch::{asm, global_asm};
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use spin::Mutex;
use usufruct_abi::NativeCall;

use super::NoThread;
use crate::raw::native_call;

const STACK_BYTES: usize = 256 << 10;
/// Stacks that there may be: more than a task may have threads.
const MOST: usize = 16;
/// How often a place for a thread is asked for: one that has just ended may be on its way out.
const TRIES: u32 = 100;

/// A stack's lowest word, which says whether a thread has it. It is never freed.
type Lowest = AtomicU32;
const FREE: u32 = 0;
const TAKEN: u32 = 1;

static STACKS: [AtomicPtr<Lowest>; MOST] = [const { AtomicPtr::new(core::ptr::null_mut()) }; MOST];

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
    stack: &'static Lowest,
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
    let end = core::ptr::from_ref(stack).wrapping_byte_add(STACK_BYTES);
    let entry = usufruct_thread as *const () as u64;
    let words = [
        entry,
        end.expose_provenance() as u64,
        start.expose_provenance() as u64,
    ];
    for _ in 0..TRIES {
        // SAFETY: the stack is `take_stack`'s, and so nobody else's until its thread gives it
        // back, or it is given back below.
        if unsafe { native_call(NativeCall::SpawnThread, words) } > 0 {
            return Ok(running);
        }
        // SAFETY: stores nothing.
        unsafe { native_call(NativeCall::YieldTurn, []) };
    }
    // SAFETY: made above by `into_raw`; no thread has it.
    drop(unsafe { Box::from_raw(start) });
    stack.store(FREE, Ordering::Release);
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
fn take_stack() -> Option<&'static Lowest> {
    for place in &STACKS {
        // SAFETY: null, or a word that `new_stack` has got from the kernel for good.
        let known = unsafe { place.load(Ordering::Acquire).as_ref() };
        let Some(stack) = known else {
            let stack = new_stack()?;
            let lowest = core::ptr::from_ref(stack).cast_mut();
            // Another thread may have put one there meanwhile: this one is not reused then.
            let _ = place.compare_exchange(
                core::ptr::null_mut(),
                lowest,
                Ordering::Release,
                Ordering::Relaxed,
            );
            return Some(stack);
        };
        let taken = stack.compare_exchange(FREE, TAKEN, Ordering::Acquire, Ordering::Relaxed);
        if taken.is_ok() {
            return Some(stack);
        }
    }
    None
}

fn new_stack() -> Option<&'static Lowest> {
    // SAFETY: it only adds memory.
    let begin = unsafe { native_call(NativeCall::GrowStack, [STACK_BYTES as u64]) };
    let begin = usize::try_from(begin).ok()?;
    let lowest = core::ptr::with_exposed_provenance::<Lowest>(begin);
    // SAFETY: so many bytes of zeros, aligned to pages, which nothing else uses and nobody
    // takes back; the lowest word is this one's for ever.
    let stack = unsafe { &*lowest };
    stack.store(TAKEN, Ordering::Relaxed);
    Some(stack)
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
            stack = in(reg) core::ptr::from_ref(stack), free = const FREE,
            in("rax") NativeCall::ExitThread as u64, options(noreturn));
    }
}
