//! Threads of a system's tasks, and which of them runs next.
//!
//! A place has one thread after another; each task has places of its own, so that none can
//! take another's. A thread is on its way round:
//!
//! ```text
//!             add                next                     put_back
//!   free ───────────► ready ────────────► on a processor ──────────► ready, or waiting
//!    ▲                  ▲                       │ release                    │
//!    └──────────────────┼───────────────────────┘        wake, expire        │
//!                       └────────────────────────────────────────────────────┘
//! ```
//!
//! What ends a task dooms its threads: those that do not run are gone at once, the others
//! when their processors come back with them, which are interrupted.

use crate::context::Context;
use crate::floating::Floating;
use crate::processor;
use crate::space::Space;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use core::hint;
use core::ops::Range;
use spin::{Mutex, MutexGuard};
use usufruct_core::{TaskKey, Thread, ThreadId, Wait};

/// Threads that a task may have at one time.
const PER_MEMBER: usize = 8;

/// A thread, as the processor that runs it needs it.
#[derive(Debug)]
pub(crate) struct Body {
    pub(super) thread: Thread,
    pub(super) space: Space,
    pub(super) context: Context,
    pub(super) floating: Floating,
    /// The call that it waits in, and until when.
    pub(super) wait: Option<(Wait, Option<u64>)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Free,
    Ready,
    /// On this processor, or on its way to or from it.
    Runs(usize),
    /// For a message, or until this millisecond.
    Waits(Option<u64>),
}

#[derive(Clone, Debug)]
struct Place {
    status: Status,
    /// A message may be there, or its next wait ends at once.
    is_woken: bool,
}

/// The task whose threads a block of places has.
#[derive(Clone, Debug, Default)]
struct Block {
    task: Option<TaskKey>,
    raw: i32,
    /// From the first moment of its end on: nobody of it runs any more.
    is_doomed: bool,
}

#[derive(Debug)]
struct State {
    places: Box<[Place]>,
    blocks: Box<[Block]>,
    /// Oldest first. It has room for all places, each of which stands there once at most.
    ready: VecDeque<usize>,
    /// A bit for each processor that has found nothing to do.
    idle: u64,
}

/// All threads of all of a system's tasks.
#[derive(Debug)]
pub(crate) struct Threads {
    state: Mutex<State>,
    /// Held by the processor that runs the thread, for all of its turn: nobody waits for it.
    bodies: Box<[Mutex<Option<Body>>]>,
}

/// What a thread does when its turn is over.
#[derive(Clone, Copy, Debug)]
pub(super) enum After {
    Runs,
    Waits(Option<u64>),
}

/// There is no place for another thread.
#[derive(Debug)]
pub(super) struct NoPlace;

impl Threads {
    /// Places for the threads of so many tasks.
    pub(crate) fn new(members: usize) -> Self {
        let count = members * PER_MEMBER;
        let free = Place {
            status: Status::Free,
            is_woken: false,
        };
        Self {
            state: Mutex::new(State {
                places: (0..count).map(|_| free.clone()).collect(),
                blocks: (0..members).map(|_| Block::default()).collect(),
                ready: VecDeque::with_capacity(count),
                idle: 0,
            }),
            bodies: (0..count).map(|_| Mutex::new(None)).collect(),
        }
    }

    /// Whether there is no place at all: the machine runs probes.
    pub(crate) fn are_none(&self) -> bool {
        self.bodies.is_empty()
    }

    /// The first thread of a new life. It does not run before [`Self::begin`].
    pub(super) fn add_first(&self, member: usize, body: Body) {
        let place = member * PER_MEMBER;
        let mut state = self.state.lock();
        state.blocks[member] = Block {
            task: Some(body.thread.key()),
            raw: body.thread.task().raw(),
            is_doomed: false,
        };
        state.places[place] = Place {
            status: Status::Waits(None),
            is_woken: false,
        };
        drop(state);
        *self.bodies[place].lock() = Some(body);
    }

    /// Lets the first thread of a new life run, unless that has ended already, or has begun.
    pub(super) fn begin(&self, member: usize) {
        let mut state = self.state.lock();
        let place = member * PER_MEMBER;
        let has_not_begun = state.places[place].status == Status::Waits(None);
        if has_not_begun && !state.blocks[member].is_doomed {
            state.make_ready(place);
        }
    }

    /// Another thread of the task: its number among the task's.
    pub(super) fn add(&self, member: usize, body: Body) -> Result<usize, NoPlace> {
        let places = places_of(member);
        let mut state = self.state.lock();
        let is_free = |place: &usize| state.places[*place].status == Status::Free;
        let free = places.clone().find(is_free);
        let place = free
            .filter(|_| !state.blocks[member].is_doomed)
            .ok_or(NoPlace)?;
        // Whoever had the place has let go of its body before the place was free.
        *self.bodies[place].lock() = Some(body);
        state.places[place].is_woken = false;
        state.make_ready(place);
        // From 1 on, also in the place that the first one has left.
        Ok(place - places.start + 1)
    }

    /// Whose turn it is on this processor; `None`: nobody's, and it is rung when there is
    /// somebody.
    pub(super) fn next(&self, processor: usize) -> Option<usize> {
        let mut state = self.state.lock();
        let place = state.ready.pop_front();
        match place {
            Some(place) => {
                state.places[place].status = Status::Runs(processor);
                state.idle &= !(1 << processor);
            }
            None => state.idle |= 1 << processor,
        }
        place
    }

    /// The thread at a place that [`Self::next`] has given to the caller.
    pub(super) fn body(&self, place: usize) -> MutexGuard<'_, Option<Body>> {
        self.bodies[place].lock()
    }

    /// Whether a thread that waited may go on because it was woken, asked once; else its time
    /// is up.
    pub(super) fn take_wake(&self, place: usize) -> bool {
        core::mem::take(&mut self.state.lock().places[place].is_woken)
    }

    /// Takes a thread back whose turn is over. False if its task is doomed: the caller has it
    /// still, and is to let go of it.
    pub(super) fn put_back(&self, place: usize, after: After) -> bool {
        let mut state = self.state.lock();
        if state.blocks[member_of(place)].is_doomed {
            return false;
        }
        match after {
            After::Waits(until) if !state.places[place].is_woken => {
                state.places[place].status = Status::Waits(until);
            }
            After::Waits(_) | After::Runs => state.make_ready(place),
        }
        true
    }

    /// The thread at this place is gone, its body and its task's memory have been let go of.
    /// Whether its task lives and has no other.
    pub(super) fn release(&self, place: usize) -> bool {
        let mut state = self.state.lock();
        state.places[place].status = Status::Free;
        let member = member_of(place);
        let is_free = |place: usize| state.places[place].status == Status::Free;
        !state.blocks[member].is_doomed && places_of(member).all(is_free)
    }

    /// A message may be there for the threads of this number.
    pub(crate) fn wake(&self, thread: ThreadId) {
        let mut state = self.state.lock();
        let Some(member) = state.member(|block| block.raw == thread.raw()) else {
            return;
        };
        for place in places_of(member) {
            state.places[place].is_woken = true;
            if matches!(state.places[place].status, Status::Waits(_)) {
                state.make_ready(place);
            }
        }
    }

    /// Lets those go on whose time is up.
    pub(super) fn expire(&self, now: u64) {
        let mut state = self.state.lock();
        for place in 0..state.places.len() {
            if let Status::Waits(Some(until)) = state.places[place].status
                && until <= now
            {
                state.make_ready(place);
            }
        }
    }

    /// From now on no thread of the task begins a turn, and those that have one come back.
    pub(super) fn doom(&self, member: usize) {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        state.blocks[member].is_doomed = true;
        state.ready.retain(|place| member_of(*place) != member);
        for place in &mut state.places[places_of(member)] {
            match place.status {
                Status::Runs(processor) => processor::ring(processor),
                Status::Free | Status::Ready | Status::Waits(_) => place.status = Status::Free,
            }
        }
    }

    /// Returns when no processor runs a thread of this task, which is doomed.
    pub(crate) fn wait_until_stopped(&self, task: TaskKey) {
        let runs = || {
            let state = self.state.lock();
            let member = state.member(|block| block.task == Some(task));
            let runs = |place: &Place| matches!(place.status, Status::Runs(_));
            member.is_some_and(|member| state.places[places_of(member)].iter().any(runs))
        };
        while runs() {
            hint::spin_loop();
        }
    }
}

impl State {
    fn member(&self, is_meant: impl Fn(&Block) -> bool) -> Option<usize> {
        self.blocks.iter().position(is_meant)
    }

    /// Puts a thread in the queue, and rings a processor that has nothing to do.
    fn make_ready(&mut self, place: usize) {
        self.places[place].status = Status::Ready;
        self.ready.push_back(place);
        if self.idle != 0 {
            let processor = self.idle.trailing_zeros() as usize;
            self.idle &= self.idle - 1;
            processor::ring(processor);
        }
    }
}

fn places_of(member: usize) -> Range<usize> {
    member * PER_MEMBER..(member + 1) * PER_MEMBER
}

/// Whose place it is.
pub(super) fn member_of(place: usize) -> usize {
    place / PER_MEMBER
}
