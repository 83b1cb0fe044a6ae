//! What a task's handles and its driver share: who it is, whether it runs, how
//! it ended.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::task::Context;

use tokio::sync::Notify;
use usufruct_core::{Ending, Reason, TaskId, TaskKey, end_task};
use wasmtime::Store;

use crate::counters::Counters;
use crate::machine::{Border, Shared};
use crate::report::{FAILED_STATUS, Report};
use crate::space::Memory;
use crate::state::Guest;
use crate::system::Program;
use crate::wake::Bell;

/// How a killed task ends.
pub(crate) const KILLED: Ending = Ending {
    status: FAILED_STATUS,
    reason: Reason::Killed,
};

/// The guest's code is on no processor: it waits, or it is not its turn.
const PAUSED: u8 = 0;
/// The guest's code is on a processor.
const RUNNING: u8 = 1;
/// The guest's code never runs again.
const STOPPED: u8 = 2;

/// The guest's code runs while this lives.
pub(crate) struct Running<'life>(&'life AtomicU8);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        // Before the driver looks for a kill: see `Life::kill`.
        self.0.swap(PAUSED, Ordering::SeqCst);
    }
}

/// What a task's handles and its driver share.
pub(crate) struct Life {
    pub(crate) shared: Arc<Shared>,
    pub(crate) id: TaskId,
    pub(crate) key: TaskKey,
    pub(crate) name: String,
    pub(crate) counters: Arc<Counters>,
    /// The Store, until the driver takes it.
    unborn: Mutex<Option<Store<Guest>>>,
    pub(crate) program: Program,
    /// How it ended for the kernel. Held while an ending is carried out, and
    /// while the memory is published: a task that is over publishes nothing.
    ending: Mutex<Option<Ending>>,
    /// One of the phases above.
    phase: AtomicU8,
    /// At which tick of the clock its turn began.
    turn_began: AtomicU64,
    /// Its Store is with the workers.
    pub(crate) is_resident: AtomicBool,
    is_killed: AtomicBool,
    /// Rung by the kill.
    killed: Bell,
    report: OnceLock<Report>,
    pub(crate) ended: Notify,
}

impl Life {
    pub(crate) fn new(store: Store<Guest>, name: String, program: Program) -> Arc<Self> {
        let state = store.data();
        let (gifts, counters) = (&state.shared.trace.gifts, state.counters.clone());
        if state.thread.key().is_attached() {
            gifts.insert(state.thread.task(), counters.clone());
        }
        Arc::new(Self {
            shared: state.shared.clone(),
            id: state.thread.task(),
            key: state.thread.key(),
            name,
            counters,
            unborn: Mutex::new(Some(store)),
            program,
            ending: Mutex::new(None),
            phase: AtomicU8::new(PAUSED),
            turn_began: AtomicU64::new(0),
            is_resident: AtomicBool::new(false),
            is_killed: AtomicBool::new(false),
            killed: Bell::default(),
            report: OnceLock::new(),
            ended: Notify::new(),
        })
    }

    /// Whether somebody has ended it from outside.
    pub(crate) fn is_killed(&self) -> bool {
        self.is_killed.load(Ordering::SeqCst)
    }

    /// Has the kill wake the task's driver: once is enough, for a task has one
    /// waker for its life. Whether it has been killed before.
    pub(crate) fn has_kill_wake(&self, context: &Context<'_>) -> bool {
        self.killed.poll_rung(context).is_ready()
    }

    /// See [`Task::kill`].
    pub(crate) fn kill(&self) {
        let is_first = !self.is_killed.swap(true, Ordering::SeqCst);
        let ending = self.end(KILLED);
        if !is_first {
            return;
        }
        self.killed.ring();
        // A task that is not on a processor now is over now, however many are
        // before it in the workers' queue. One that is looks up now; or it
        // leaves its processor, and then its driver looks.
        if self.stop() {
            self.finish(ending, String::new());
            drop(self.take_store());
        } else {
            self.shared.clock.have_guests_look();
        }
    }

    /// Lets the guest's code onto a processor, unless it has been stopped.
    pub(crate) fn enter(&self) -> Option<Running<'_>> {
        self.turn_began
            .store(self.shared.clock.ticks(), Ordering::Relaxed);
        self.change_phase(RUNNING).then(|| Running(&self.phase))
    }

    /// Whether the clock has not ticked since the guest's code was let on.
    pub(crate) fn has_just_begun(&self) -> bool {
        self.turn_began.load(Ordering::Relaxed) == self.shared.clock.ticks()
    }

    /// Keeps the guest's code from running ever again; fails while it runs.
    fn stop(&self) -> bool {
        self.change_phase(STOPPED)
    }

    fn change_phase(&self, to: u8) -> bool {
        self.phase
            .compare_exchange(PAUSED, to, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok()
    }

    /// Ends the task for the kernel. When this returns the barrier has passed,
    /// whoever carried it out; the answer is the ending that counts, the first.
    pub(crate) fn end(&self, ending: Ending) -> Ending {
        let mut decided = self.ending();
        if let Some(first) = *decided {
            return first;
        }
        *decided = Some(ending);
        let border = Border {
            shared: &self.shared,
            caller: None,
            restores: false,
        };
        // It was alive until now, for nobody else ends it.
        let _ = end_task(&border, self.id, ending);
        ending
    }

    fn ending(&self) -> MutexGuard<'_, Option<Ending>> {
        self.ending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets others see the task's memory, unless it is over.
    pub(crate) fn publish(&self, task: TaskKey, memory: Memory) {
        let decided = self.ending();
        if decided.is_none() {
            self.shared.spaces.publish(task, memory);
        }
    }

    /// Uses the memory as it is published, which can not go meanwhile: the
    /// task's end waits. `None` if it has ended.
    pub(crate) fn while_alive<R>(&self, use_memory: impl FnOnce(Memory) -> R) -> Option<R> {
        let decided = self.ending();
        decided
            .is_none()
            .then(|| use_memory(self.shared.spaces.of(self.key)))
    }

    pub(crate) fn report(&self) -> Option<&Report> {
        self.report.get()
    }

    /// Whether the task's Store is with the workers.
    pub(crate) fn is_resident(life: &Weak<Self>) -> bool {
        life.upgrade()
            .is_some_and(|life| life.is_resident.load(Ordering::Acquire))
    }

    pub(crate) fn take_store(&self) -> Option<Store<Guest>> {
        self.unborn
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// Nobody wakes it any more, or counts anything for it.
    fn withdraw(&self) {
        self.shared.wakers.remove(self.id.into());
        self.shared.trace.gifts.remove(self.id);
    }

    pub(crate) fn finish(&self, ending: Ending, text: String) {
        self.withdraw();
        let report = Report {
            ending,
            text,
            usage: self.counters.usage(),
        };
        if self.report.set(report).is_ok() {
            self.ended.notify_waiters();
        }
    }
}

impl Drop for Life {
    /// A task that nobody can start any more ends.
    fn drop(&mut self) {
        self.end(KILLED);
        self.withdraw();
    }
}
