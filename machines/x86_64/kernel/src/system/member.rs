//! A task of the system file through its lives: what the machine keeps of it beside the core.

use super::streams::Streams;
use crate::memory::FRAME_BYTES;
use crate::task::PRIVATE_END;
use crate::words::Words;
use core::time::Duration;
use spin::{Mutex, MutexGuard};
use usufruct_core::{Ending, Reason, TaskId};
use usufruct_system_file::{End, TaskPlan};

/// Memory of a task that the system file says nothing about, in bytes.
const USUAL_MEMORY_BYTES: u64 = 64 << 20;

/// A task of the plan's.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) plan: TaskPlan,
    /// The plan's paths that its program and its folders are.
    pub(super) program: usize,
    pub(super) folders: alloc::boxed::Box<[usize]>,
    state: Mutex<State>,
    /// A lock of its own: a stream may take a while.
    pub(super) streams: Mutex<Streams>,
}

/// What changes.
#[derive(Debug)]
pub(super) struct State {
    /// Which life it is, from 0.
    pub(super) life: u32,
    /// The core's name for it, from its making to the first moment of its end.
    pub(super) task: Option<TaskId>,
    /// The millisecond at which it is killed.
    pub(super) deadline: Option<u64>,
    pub(super) heap: Heap,
    /// How the last life ended, in a line, and whether that was well.
    pub(super) end: Words,
    pub(super) has_succeeded: bool,
}

/// The heap of a life, in addresses.
#[derive(Debug, Default)]
pub(super) struct Heap {
    /// Up to here it has been asked for.
    pub(super) end: u64,
    /// Up to here there are pages.
    pub(super) mapped_end: u64,
    /// The place of the thread whose growth goes on, and has pages behind `end`; of several the
    /// last one that has got some.
    pub(super) growing: Option<usize>,
    /// Pages that the task may have beside.
    pub(super) pages_left: u64,
}

impl Heap {
    /// Where the heap ends when so many bytes are added; `None` if they are more than the task
    /// may have.
    pub(super) fn end_with(&self, bytes: u64) -> Option<u64> {
        let bytes = bytes.checked_next_multiple_of(FRAME_BYTES)?;
        let end = self.end.checked_add(bytes)?;
        let missing = end.saturating_sub(self.mapped_end) / FRAME_BYTES;
        (end <= PRIVATE_END && missing <= self.pages_left).then_some(end)
    }
}

impl Member {
    pub(super) fn new(plan: TaskPlan, paths: &[&str]) -> Self {
        let number = |path: &str| paths.iter().position(|other| *other == path);
        let number = |path| number(path).expect("the paths are all of the plan's");
        Self {
            program: number(&plan.file),
            folders: plan.dirs.iter().map(|dir| number(&dir.host)).collect(),
            plan,
            state: Mutex::new(State {
                life: 0,
                task: None,
                deadline: None,
                heap: Heap::default(),
                end: Words::default(),
                has_succeeded: false,
            }),
            streams: Mutex::default(),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Pages of memory that it may have.
    pub(super) fn pages(&self) -> u64 {
        self.plan.memory_bytes.unwrap_or(USUAL_MEMORY_BYTES) / FRAME_BYTES
    }

    /// How a life ended, in the words of all machines; `is_late`: it was killed for that.
    pub(super) fn end<'a>(&self, ending: Ending, text: &'a str, is_late: bool) -> End<'a> {
        let exceeded: Option<Duration> = self.plan.time_limit;
        End {
            reason: ending.reason.raw(),
            status: ending.status,
            text,
            exceeded: exceeded.filter(|_| is_late && ending.reason == Reason::Killed),
        }
    }
}
