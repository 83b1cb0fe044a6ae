//! Who is calling.

use crate::id::{TaskId, TaskKey, ThreadId};
use usufruct_abi::Error;

/// One thread of a task, as its machine keeps it: an identity that no guest
/// supplies, and that thread's last error. It is not `Clone`: one thread, one
/// last error.
#[derive(Debug)]
pub struct Thread {
    pub(crate) key: TaskKey,
    pub(crate) task: TaskId,
    pub(crate) id: ThreadId,
    last_error: Error,
}

impl Thread {
    pub(crate) fn new(key: TaskKey, task: TaskId) -> Self {
        Self {
            key,
            task,
            id: task.into(),
            last_error: Error::Ok,
        }
    }

    /// Another thread of the same task, with a last error of its own. The two have one
    /// number, and are woken together: whoever was not meant goes on waiting.
    #[must_use]
    pub fn sibling(&self) -> Self {
        Self::new(self.key, self.task)
    }

    /// The task's place in the machine's own tables.
    #[must_use]
    #[inline]
    pub fn key(&self) -> TaskKey {
        self.key
    }

    /// The task's id, as guests see it.
    #[must_use]
    #[inline]
    pub fn task(&self) -> TaskId {
        self.task
    }

    /// The thread's id, as guests see it.
    #[must_use]
    #[inline]
    pub fn id(&self) -> ThreadId {
        self.id
    }

    /// What `last_error` answers.
    #[must_use]
    #[inline]
    pub fn last_error(&self) -> Error {
        self.last_error
    }

    #[inline]
    pub(crate) fn succeed(&mut self) {
        self.last_error = Error::Ok;
    }

    pub(crate) fn fail(&mut self, error: Error) {
        self.last_error = error;
    }
}
