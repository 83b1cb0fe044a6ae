//! Which memory belongs to which task, as other tasks' copies see it.
//!
//! The owner publishes its memory when it starts and each time it has grown,
//! at the latest in the call that shares what is new. Memories do not move and
//! do not shrink, so what was published once stays right until it is withdrawn,
//! after the barrier of the task's end.

use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use usufruct_core::{Span, TaskKey};

use crate::layout::{HEAP_LIMIT_BYTES, WASM_PAGE_BYTES};

/// A task's linear memory: where it begins in the host, and how long it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    /// The host's address of the task's address 0.
    pub(crate) base: *mut u8,
    /// Bytes from there that the task has.
    pub(crate) len_bytes: u64,
}

impl Memory {
    /// No memory yet.
    pub(crate) const NONE: Self = Self {
        base: std::ptr::null_mut(),
        len_bytes: 0,
    };

    /// The host's address of `len` bytes, of one or more, if all of them are this memory.
    #[inline(always)]
    pub(crate) fn holds(self, start: u64, len: u32) -> Option<*mut u8> {
        let end = start.checked_add(u64::from(len))?;
        let offset = usize::try_from(start).ok()?;
        (end <= self.len_bytes).then(|| self.base.wrapping_add(offset))
    }

    /// The host's address of a range, if all of it is this memory.
    #[inline(always)]
    pub(crate) fn at(self, span: Span) -> Option<*mut u8> {
        if !span.lies_below(self.len_bytes) {
            return None;
        }
        let offset = usize::try_from(span.start()).ok()?;
        Some(self.base.wrapping_add(offset))
    }
}

// SAFETY: an address and a number; whoever follows the address argues for itself.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

/// One task's published memory.
#[derive(Debug, Default)]
struct Space {
    /// Whose it is and how long it is: `life << 16 | pages`; 0: nobody's. One
    /// word, so that a task that has been ended and still runs for a moment can
    /// not lengthen the memory of the next task in this place. A heap has fewer
    /// than 2^15 pages, and 2^48 lives take years at a million a second.
    state: AtomicU64,
    /// Written before the state, for each life once.
    base: AtomicPtr<u8>,
}

const PAGES_BITS: u32 = 16;

fn state(task: TaskKey, memory: Memory) -> u64 {
    debug_assert!(memory.len_bytes <= HEAP_LIMIT_BYTES);
    (task.life() << PAGES_BITS) | (memory.len_bytes / WASM_PAGE_BYTES)
}

/// The published memories of all tasks, by [`TaskKey::index`].
#[derive(Debug)]
pub(crate) struct Spaces(Box<[Space]>);

impl Spaces {
    pub(crate) fn new(tasks: u32) -> Self {
        Self((0..tasks).map(|_| Space::default()).collect())
    }

    /// Publishes a task's memory, when it starts.
    pub(crate) fn publish(&self, task: TaskKey, memory: Memory) {
        if let Some(space) = self.0.get(task.index()) {
            space.base.store(memory.base, Ordering::Relaxed);
            space.state.store(state(task, memory), Ordering::Release);
        }
    }

    /// The task's memory has grown. Nothing happens if it is withdrawn.
    pub(crate) fn grow(&self, task: TaskKey, memory: Memory) {
        let Some(space) = self.0.get(task.index()) else {
            return;
        };
        let now = space.state.load(Ordering::Relaxed);
        if now >> PAGES_BITS == task.life() {
            // Fails only if it has been withdrawn meanwhile: only the task itself grows it.
            let _ = space.state.compare_exchange(
                now,
                state(task, memory),
                Ordering::Release,
                Ordering::Relaxed,
            );
        }
    }

    /// The memory is nobody's any more. After the barrier, so no copy uses it.
    pub(crate) fn withdraw(&self, task: TaskKey) {
        if let Some(space) = self.0.get(task.index()) {
            let withdraw = |now| (now >> PAGES_BITS == task.life()).then_some(0);
            let _ = space
                .state
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, withdraw);
        }
    }

    /// The memory of this very life of the task, if it is published. Under a pin it stays what
    /// it is.
    #[inline(always)]
    pub(crate) fn get(&self, task: TaskKey) -> Option<Memory> {
        let space = self.0.get(task.index())?;
        let state = space.state.load(Ordering::Acquire);
        if state >> PAGES_BITS != task.life() {
            return None;
        }
        let pages = state & ((1 << PAGES_BITS) - 1);
        Some(Memory {
            base: space.base.load(Ordering::Relaxed),
            len_bytes: pages * WASM_PAGE_BYTES,
        })
    }

    /// The same; else none at all.
    #[inline(always)]
    pub(crate) fn of(&self, task: TaskKey) -> Memory {
        self.get(task).unwrap_or(Memory::NONE)
    }
}
