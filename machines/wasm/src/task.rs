//! The handle of a task.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use usufruct_core::TaskId;

use crate::block::block_on;
use crate::counters::Usage;
use crate::drive::drive;
use crate::executor::Queue;
use crate::life::Life;
use crate::report::Report;

/// A task of a [`System`](crate::System): it exists from its making, under its
/// name, and runs when it is started. A handle; the task goes on without it.
#[derive(Clone)]
pub struct Task {
    pub(crate) life: Arc<Life>,
    pub(crate) queue: Queue,
}

impl Task {
    /// The task's id, as guests see it.
    #[must_use]
    pub fn id(&self) -> TaskId {
        self.life.id
    }

    /// The task's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.life.name
    }

    /// What it has done so far.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.life.counters.usage()
    }

    /// How it ended, if it has.
    #[must_use]
    pub fn report(&self) -> Option<&Report> {
        self.life.report()
    }

    /// Lets the task run. A second time, nothing happens.
    pub fn start(&self) {
        if let Some(store) = self.life.take_store() {
            self.queue.spawn(drive(self.life.clone(), store));
        }
    }

    /// Ends the task, whatever it is doing. When this returns its rights are
    /// gone and nothing moves through its objects. If it is on a processor, its
    /// own instructions end where it next looks up: at a loop's turn, a call, or
    /// a burst of a copy.
    pub fn kill(&self) {
        self.life.kill();
    }

    /// Waits for the task's end, on this thread. From a thread outside the system
    /// only: on one of its own, the task might have to wait for this one.
    #[must_use]
    pub fn wait(&self) -> Report {
        loop {
            if let Some(report) = block_on(self.ended(), None) {
                return report;
            }
        }
    }

    /// The same for so long at most: `None` if the task goes on.
    #[must_use]
    pub fn wait_for(&self, time: Duration) -> Option<Report> {
        // A time that no clock reaches is none.
        block_on(self.ended(), Instant::now().checked_add(time))
    }

    /// Waits for the task's end. A future for any executor.
    pub async fn ended(&self) -> Report {
        loop {
            let mut notified = pin!(self.life.ended.notified());
            notified.as_mut().enable();
            if let Some(report) = self.life.report() {
                return report.clone();
            }
            notified.await;
        }
    }
}

impl std::fmt::Debug for Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Task({} {:?})", self.name(), self.id())
    }
}
