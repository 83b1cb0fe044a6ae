//! What the core asks of a machine, carried out with page tables.

use crate::memory::{FRAME_BYTES, FreeFrames, Regions};
use crate::processor;
use crate::seats::Seats;
use crate::space::{self, LowTables, PoolFrames, PublishedSpace, Rights, Space, View};
use crate::system::{Flights, Threads};
use crate::task::{self, Allowance, BadProgram, Loaded};
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::hint;
use core::ops::Range;
use spin::Mutex;
use usufruct_core::{
    Access, BadLimits, Copier, CopyFault, Direction, Fences, Kernel, Limits, Machine, NoMapping,
    Plane, Run, Span, TaskKey, ThreadId, Transfer, Unmapped,
};

/// The kernel's core on page tables. One for the whole system.
///
/// All locks are taken with interrupts off, as the whole kernel runs; a processor that spins
/// on one keeps no pin, and is in nobody's way (processor/shoot_down.rs). Nobody takes a
/// second one, but who receives from the line takes a seat's, who serves a system's task has
/// that task's (system/member.rs) before any of these, and a stream's write asks core under its
/// flight's (system/flight.rs).
pub(crate) struct Bare {
    kernel: Mutex<Kernel>,
    plane: Arc<Plane>,
    /// The address space of the task at each of the core's indices.
    spaces: Box<[PublishedSpace]>,
    low: LowTables,
    pool: PoolFrames,
    free: Mutex<FreeFrames>,
    /// Who runs: the threads of a system's tasks, or, if there are none, the probes where they
    /// sit.
    pub(crate) threads: Threads,
    pub(crate) seats: Seats,
    /// Reads and writes of streams that are under way.
    pub(crate) flights: Flights,
}

/// Frames that a page may take: itself, and a table on each level below the root.
const TABLES_AND_A_PAGE: u64 = 4;

impl Bare {
    /// A system without tasks, and what each processor needs to copy. There will be `members`
    /// of them that make up a system, 0 for probes. `memory` is nobody's yet.
    ///
    /// # Panics
    ///
    /// If there is not memory for the pool.
    pub(crate) fn new(
        limits: Limits,
        members: usize,
        mut memory: Regions,
    ) -> Result<(Self, Box<[Copier]>), BadLimits> {
        let (kernel, copiers) = Kernel::new(limits, ())?;
        let pool = PoolFrames::take(limits.pool, &mut memory);
        let bare = Self {
            plane: kernel.plane(),
            kernel: Mutex::new(kernel),
            spaces: (0..limits.tasks)
                .map(|_| PublishedSpace::default())
                .collect(),
            low: LowTables::new(limits.tasks),
            pool: pool.expect("the pool fits into the memory that there is"),
            free: Mutex::new(FreeFrames::of(memory)),
            threads: Threads::new(members),
            seats: Seats::default(),
            flights: Flights::default(),
        };
        Ok((bare, copiers))
    }

    /// Gives a task that has just been started its memory: that of `program`, and the pool
    /// if it is attached.
    pub(crate) fn load_program(
        &self,
        task: TaskKey,
        program: &[u8],
        allowance: Allowance,
    ) -> Result<Loaded, BadProgram> {
        let pool = task.is_attached().then_some(self.pool);
        let loaded = task::load(program, allowance, pool, &mut self.free.lock())?;
        self.spaces[task.index()].publish(task.life(), loaded.space);
        self.low.publish(task.index(), loaded.space);
        Ok(loaded)
    }

    /// Gives a live task pages of zeros where it has none; how many, for memory may be used
    /// up before the last one. One processor at a time does this to a space.
    pub(crate) fn grow(&self, space: Space, at: Range<u64>, rights: Rights) -> u64 {
        let mut free = self.free.lock();
        (at.start..at.end)
            .step_by(FRAME_BYTES as usize)
            .map_while(|page| {
                let is_room = free.len() > TABLES_AND_A_PAGE;
                is_room.then(|| space.map(page, rights, &mut free))?
            })
            .count() as u64
    }

    /// Fills a task's own pages, whatever its rights to them; before it runs.
    pub(crate) fn fill_own(space: Space, at: u64, bytes: &[u8]) -> bool {
        View::Own(space).fill(at, bytes)
    }

    /// The memory of a task, until its end is through; `None` for the host, and then.
    fn space(&self, task: TaskKey) -> Option<Space> {
        self.spaces.get(task.index())?.of(task.life())
    }

    /// How the kernel reaches a range that the core has let pass: no range begins in the pool
    /// and ends elsewhere, or the other way round.
    fn view(&self, task: TaskKey, span: Span) -> Option<View> {
        if self.plane.pool().touches(span) {
            return Some(View::Pool(self.pool));
        }
        self.space(task).map(View::Own)
    }

    /// One end of an approved chunk: how to reach it, if all of the chunk is there and may be
    /// used in this way.
    fn end(&self, task: TaskKey, start: u64, len: u32, access: Access) -> Option<End> {
        let span = Span::new(start, u64::from(len))?;
        let view = self.view(task, span)?;
        let is_there = match view {
            View::Own(space) => space.covers(span, access == Access::Store),
            View::Pool(_) => true,
        };
        is_there.then_some((view, start))
    }

    /// Moves an approved chunk between pages of the tasks' own, from `from` to `to` (the task's
    /// index, and where it begins), whatever pages it crosses; whether all of them are there.
    #[cold]
    #[inline(never)]
    fn move_across(&self, from: (usize, u64), to: (usize, u64), bytes: u32) -> bool {
        let own = |(index, start): (usize, u64), must_write| {
            let span = Span::new(start, u64::from(bytes))?;
            let space = self.spaces.get(index)?.approved()?;
            space
                .covers(span, must_write)
                .then_some((View::Own(space), start))
        };
        let ends = own(from, false).zip(own(to, true));
        ends.is_some_and(|(from, to)| space::copy(from, to, u64::from(bytes)))
    }

    /// The caller's end and the owner's.
    fn ends(
        &self,
        approved: &Transfer<'_>,
        (callers, owners): (Access, Access),
    ) -> Result<(End, End), CopyFault> {
        let len = approved.len_bytes();
        let caller = self.end(approved.caller(), approved.caller_start(), len, callers);
        let owner = self.end(approved.owner(), approved.owner_start(), len, owners);
        Ok((
            caller.ok_or(CopyFault::Caller)?,
            owner.ok_or(CopyFault::Owner)?,
        ))
    }
}

/// How a chunk is reached, and where it begins.
type End = (View, u64);

/// Sequentially consistent pins, the core's own; a processor waits by spinning, for the
/// other one never stops in the middle of a copy.
#[derive(Debug)]
pub(crate) struct Spinning;

impl Fences for Spinning {
    fn pause(&self, _looks: u32) {
        hint::spin_loop();
    }
}

impl Machine for Bare {
    type Sink = ();
    type Fences = Spinning;

    #[inline(always)]
    fn with_kernel<R>(&self, rule: impl FnOnce(&mut Kernel) -> R) -> R {
        rule(&mut self.kernel.lock())
    }

    fn plane(&self) -> &Plane {
        &self.plane
    }

    fn fences(&self) -> &Spinning {
        &Spinning
    }

    fn sink(&self) -> &() {
        &()
    }

    fn reaches(&self, task: TaskKey, span: Span, access: Access) -> bool {
        self.space(task)
            .is_some_and(|space| space.covers(span, access == Access::Store))
    }

    fn copy_from_task(&self, approved: &Transfer<'_>) -> Result<(), CopyFault> {
        let (caller, owner) = self.ends(approved, (Access::Store, Access::Load))?;
        // Nothing takes pages from a live task, so this does not fail half-way.
        let moved = space::copy(owner, caller, u64::from(approved.len_bytes()));
        moved.then_some(()).ok_or(CopyFault::Owner)
    }

    fn copy_to_task(&self, approved: &Transfer<'_>) -> Result<(), CopyFault> {
        let (caller, owner) = self.ends(approved, (Access::Load, Access::Store))?;
        // As above.
        let moved = space::copy(caller, owner, u64::from(approved.len_bytes()));
        moved.then_some(()).ok_or(CopyFault::Owner)
    }

    /// A chunk whose ends lie in one page each and low takes one short look at the page tables
    /// of each. No page of the pool is a task's own, so none is found.
    #[inline(always)]
    fn copy_at_once(&self, approved: &Transfer<'_>, direction: Direction) -> bool {
        let caller = (approved.caller().index(), approved.caller_start());
        let owner = (approved.owner().index(), approved.owner_start());
        let bytes = approved.len_bytes();
        let (from, to) = match direction {
            Direction::Read => (owner, caller),
            Direction::Write => (caller, owner),
        };
        let crosses = |start: u64| start % FRAME_BYTES + u64::from(bytes) > FRAME_BYTES;
        if crosses(from.1) || crosses(to.1) {
            return self.move_across(from, to, bytes);
        }
        let Some(source) = self.low.place(from.0, from.1, false) else {
            return false;
        };
        let Some(target) = self.low.place(to.0, to.1, true) else {
            return false;
        };
        space::copy_in_pages(source, target, bytes);
        true
    }

    fn load(&self, caller: TaskKey, from: u64, into: &mut [u8]) -> Result<(), Unmapped> {
        let span = Span::new(from, into.len() as u64).ok_or(Unmapped)?;
        let view = self.view(caller, span).ok_or(Unmapped)?;
        view.load(from, into).then_some(()).ok_or(Unmapped)
    }

    fn store(&self, caller: TaskKey, to: u64, bytes: &[u8]) -> Result<(), Unmapped> {
        let span = Span::new(to, bytes.len() as u64).ok_or(Unmapped)?;
        let view = self.view(caller, span).ok_or(Unmapped)?;
        view.store(span, bytes).then_some(()).ok_or(Unmapped)
    }

    fn wake(&self, thread: ThreadId) {
        if self.threads.are_none() {
            self.seats.wake(thread);
        } else {
            self.threads.wake(thread);
        }
    }

    fn reap(&self, task: TaskKey) {
        self.threads.wait_until_stopped(task);
        // The host, or a task whose program could not be loaded, has none.
        if let Some(space) = self.spaces[task.index()].retract(task.life()) {
            // Who ends a task has left its memory, and others that ran it do before they run
            // another or halt.
            while processor::is_loaded(space.root()) {
                hint::spin_loop();
            }
            self.low.retract(task.index());
            let frames = space.take_apart();
            self.free.lock().give_back(frames);
        }
    }

    fn yield_now(&self) {
        // The other processor's call goes on by itself, and on this one there is no other.
        hint::spin_loop();
    }

    #[inline(always)]
    fn protect(&self, task: TaskKey, run: Run, writable: bool) -> Result<(), NoMapping> {
        // The host has no page tables: what it may store is the kernel's own business.
        let Some(place) = self.spaces.get(task.index()) else {
            return Ok(());
        };
        let pool = self.plane.pool();
        let changed = place.change(task.life(), |space| {
            space.protect(pool, run, writable);
            space.root()
        });
        // A right that comes needs no notice: who has looked the page up too early faults,
        // and asks again.
        if let Some(root) = changed.filter(|_| !writable) {
            processor::shoot_down(root);
        }
        Ok(())
    }

    fn fill(&self, run: Run, byte: u8) {
        self.pool.fill(run, byte);
    }

    fn label(&self, run: Run) {
        self.pool.label(run);
    }

    fn cancel_reads(&self, task: TaskKey, run: Run) {
        self.flights.cancel(task, run);
    }
}
