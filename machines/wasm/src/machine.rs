//! What core asks of this machine: the lock, the fences, and the copies.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use usufruct_core::{
    Access, CopyFault, Direction, Event, Kernel, Machine, NoMapping, Plane, Run, Sink, Span,
    TaskKey, ThreadId, Transfer, Unmapped,
};

use crate::bytes::{move_bytes, store_bytes};
use crate::clock::Clock;
use crate::copier::Stock;
use crate::fences::Fences;
use crate::flight::Flights;
use crate::gifts::Gifts;
use crate::host::Arena;
use crate::layout::{HEAP_LIMIT_BYTES, POOL_START};
use crate::place::Places;
use crate::pool::{Pool, Views};
use crate::space::{Memory, Spaces};
use crate::wake::Wakers;

/// Spins in which a thread that waits at the kernel's lock gets it.
const YIELD_SPINS: u32 = 50;

/// The kernel and what its machine keeps beside it: shared by all threads.
pub(crate) struct Shared {
    pub(crate) kernel: Mutex<Kernel<Trace>>,
    pub(crate) plane: Arc<Plane>,
    pub(crate) fences: Fences,
    pub(crate) trace: Trace,
    pub(crate) spaces: Spaces,
    pub(crate) arena: Arena,
    pub(crate) wakers: Wakers,
    pub(crate) clock: Clock,
    pub(crate) copiers: Stock,
    pub(crate) pool: Option<Arc<Pool>>,
    pub(crate) views: Views,
    pub(crate) places: Places,
    pub(crate) flights: Flights,
    /// Whether rights that are taken are taken from views. Without, stores land late.
    pub(crate) protects: bool,
}

impl Shared {
    /// The kernel's tables. A thread that panicked with the lock held can not
    /// have been a guest's doing, and core keeps its tables whole between calls.
    pub(crate) fn kernel(&self) -> MutexGuard<'_, Kernel<Trace>> {
        self.kernel.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who is told of every transition and refusal: the counters of gifts, and the
/// embedder's listener, if there is one.
#[derive(Clone, Default)]
pub(crate) struct Trace {
    pub(crate) gifts: Arc<Gifts>,
    pub(crate) listener: Option<Arc<Listener>>,
}

pub(crate) type Listener = dyn Fn(&Event<'_>) + Send + Sync;

impl Sink for Trace {
    fn event(&self, event: &Event<'_>) {
        self.gifts.count(event);
        if let Some(listener) = &self.listener {
            listener(event);
        }
    }
}

/// The machine as one call sees it: what all share, and the caller's own memory.
pub(crate) struct Border<'call> {
    pub(crate) shared: &'call Shared,
    /// Who is calling, and its memory as of now; `None` when the host calls.
    pub(crate) caller: Option<(TaskKey, &'call Memory)>,
    /// Whether a page that is asked for may have been protected too much: then
    /// other pages of its view make room for it.
    pub(crate) restores: bool,
}

impl Border<'_> {
    /// A task's memory: the caller's from the caller itself, which is exact even
    /// if it has been ended meanwhile; others' as they are published.
    #[inline(always)]
    pub(crate) fn memory(&self, task: TaskKey) -> Memory {
        match self.caller {
            Some((caller, memory)) if caller == task => *memory,
            _ => self.shared.spaces.of(task),
        }
    }

    /// Both ends of an approved chunk, in the host: the owner's, the caller's.
    #[inline(always)]
    fn ends(&self, approved: &Transfer<'_>) -> Result<(*mut u8, *mut u8), CopyFault> {
        let len = u64::from(approved.len_bytes());
        let owners = Span::new(approved.owner_start(), len).ok_or(CopyFault::Owner)?;
        let callers = Span::new(approved.caller_start(), len).ok_or(CopyFault::Caller)?;
        let caller = self
            .memory(approved.caller())
            .at(callers)
            .or_else(|| self.in_pool(approved.caller(), callers))
            .ok_or(CopyFault::Caller)?;
        let owner = self
            .memory(approved.owner())
            .at(owners)
            .or_else(|| self.in_pool(approved.owner(), owners))
            .ok_or(CopyFault::Owner)?;
        Ok((owner, caller))
    }
}

impl Machine for Border<'_> {
    type Sink = Trace;
    type Fences = Fences;

    fn with_kernel<R>(&self, rule: impl FnOnce(&mut Kernel<Trace>) -> R) -> R {
        rule(&mut self.shared.kernel())
    }

    #[inline(always)]
    fn plane(&self) -> &Plane {
        &self.shared.plane
    }

    #[inline(always)]
    fn fences(&self) -> &Fences {
        &self.shared.fences
    }

    fn sink(&self) -> &Trace {
        &self.shared.trace
    }

    #[inline(always)]
    fn reaches(&self, task: TaskKey, span: Span, _: Access) -> bool {
        self.memory(task).at(span).is_some()
    }

    #[inline(always)]
    fn copy_from_task(&self, approved: &Transfer<'_>) -> Result<(), CopyFault> {
        let (owner, caller) = self.ends(approved)?;
        // SAFETY:
        // 1. Both ranges lie in linear memories: `ends` has looked both up, and
        //    what `memory.size` has reached stays mapped for reading and writing
        //    until the memory is unmapped. The caller's is there while it is in
        //    this call. The owner's is there while `approved` lives: its pin
        //    stood when the owner was seen alive, the barrier of the owner's end
        //    waits for that pin, and the owner's Store is dropped after the
        //    barrier only (`drive::Resident`). Or they lie in the pool, whose
        //    mapping of the kernel's own stays as long as `shared`.
        // 2. No Rust reference into linear memory is used, here or elsewhere:
        //    this crate makes none, and gives wasmtime-wasi other memory (`wasi/`).
        unsafe { move_bytes(caller, owner, approved.len_bytes() as usize) }
        Ok(())
    }

    #[inline(always)]
    fn copy_to_task(&self, approved: &Transfer<'_>) -> Result<(), CopyFault> {
        let (owner, caller) = self.ends(approved)?;
        // SAFETY: the two points of `copy_from_task`, the other way round.
        unsafe { move_bytes(owner, caller, approved.len_bytes() as usize) }
        Ok(())
    }

    /// Between two heaps, which end below the pool. Nobody else is looked for, so that little is
    /// kept on the way.
    #[inline(always)]
    fn copy_at_once(&self, approved: &Transfer<'_>, direction: Direction) -> bool {
        const { assert!(HEAP_LIMIT_BYTES <= POOL_START) };
        let len = approved.len_bytes();
        let Some((_, callers)) = self.caller else {
            return false;
        };
        let Some(owners) = self.shared.spaces.get(approved.owner()) else {
            return false;
        };
        let (Some(caller), Some(owner)) = (
            callers.holds(approved.caller_start(), len),
            owners.holds(approved.owner_start(), len),
        ) else {
            return false;
        };
        let (to, from) = match direction {
            Direction::Read => (caller, owner),
            Direction::Write => (owner, caller),
        };
        // SAFETY: the two points of `copy_from_task`. Who copies is the caller, and its memory is
        // the caller's of this border's.
        unsafe { move_bytes(to, from, len as usize) }
        true
    }

    fn load(&self, caller: TaskKey, from: u64, into: &mut [u8]) -> Result<(), Unmapped> {
        let span = Span::new(from, into.len() as u64).ok_or(Unmapped)?;
        let from = self.callers_at(caller, span).ok_or(Unmapped)?;
        // SAFETY:
        // 1. The source lies in the caller's memory, which is there while it is
        //    in this call, or in the pool; `into` is a live slice of that length.
        // 2. `into` is ours alone; for the source see `copy_from_task`.
        unsafe { move_bytes(into.as_mut_ptr(), from, into.len()) }
        Ok(())
    }

    fn store(&self, caller: TaskKey, to: u64, bytes: &[u8]) -> Result<(), Unmapped> {
        let span = Span::new(to, bytes.len() as u64).ok_or(Unmapped)?;
        let to = self.callers_at(caller, span).ok_or(Unmapped)?;
        // SAFETY: the destination lies in the caller's memory, or in pages of the
        // pool that core lets it store to; see `load`.
        unsafe { store_bytes(to, bytes) }
        Ok(())
    }

    fn wake(&self, thread: ThreadId) {
        self.shared.wakers.wake(thread);
    }

    fn reap(&self, task: TaskKey) {
        self.shared.spaces.withdraw(task);
        self.shared.flights.end(task);
        // Its pages are about to be others'; and whoever is killed may run until
        // it looks up.
        if let Some(view) = self.shared.views.of(task)
            && self.shared.protects
        {
            view.shut();
        }
    }

    fn yield_now(&self) {
        (0..YIELD_SPINS).for_each(|_| std::hint::spin_loop());
    }

    /// A task without a view runs no code: either none yet, and its view will
    /// begin with all pages protected, or never more.
    fn protect(&self, task: TaskKey, run: Run, writable: bool) -> Result<(), NoMapping> {
        let Some(view) = self.shared.views.of(task) else {
            return Ok(());
        };
        let pages = run.first()..run.end();
        match (writable, self.restores) {
            (true, false) => view.allow(&pages),
            (true, true) => view.restore(&pages),
            (false, _) => {
                if self.shared.protects {
                    view.forbid(&pages);
                }
                Ok(())
            }
        }
    }

    fn fill(&self, run: Run, byte: u8) {
        if let Some(pool) = &self.shared.pool {
            pool.bytes().fill(run.first()..run.end(), byte);
        }
    }

    fn label(&self, run: Run) {
        if let Some(pool) = &self.shared.pool {
            pool.bytes().label(run.first()..run.end());
        }
    }

    fn cancel_reads(&self, task: TaskKey, run: Run) {
        self.shared.flights.cancel(task, run);
    }
}

impl Border<'_> {
    /// The host's address of a range of the caller's, and of nobody else's:
    /// without a pin no other task's memory may be touched.
    fn callers_at(&self, task: TaskKey, span: Span) -> Option<*mut u8> {
        let (_, memory) = self.caller.filter(|(caller, _)| *caller == task)?;
        memory.at(span).or_else(|| self.in_pool(task, span))
    }

    /// The kernel's own address of a range of the pool, if all of it lies there
    /// and the task is attached. Core has decided who may store.
    #[cold]
    pub(crate) fn in_pool(&self, task: TaskKey, span: Span) -> Option<*mut u8> {
        let pool = self.shared.pool.as_ref().filter(|_| task.is_attached())?;
        let offset = span.start().checked_sub(POOL_START)?;
        pool.bytes().at(offset, span.len())
    }
}
