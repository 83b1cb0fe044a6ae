//! How a thread that waits for a message is woken.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;
use usufruct_core::ThreadId;

/// The living threads' bells. One rung before its thread waits is kept until
/// the thread does.
#[derive(Debug, Default)]
pub(crate) struct Wakers(Mutex<HashMap<ThreadId, Arc<Notify>>>);

impl Wakers {
    /// A bell for a new thread.
    pub(crate) fn insert(&self, thread: ThreadId) -> Arc<Notify> {
        let bell = Arc::new(Notify::new());
        self.table().insert(thread, bell.clone());
        bell
    }

    /// The thread has ended.
    pub(crate) fn remove(&self, thread: ThreadId) {
        self.table().remove(&thread);
    }

    pub(crate) fn wake(&self, thread: ThreadId) {
        let bell = self.table().get(&thread).cloned();
        if let Some(bell) = bell {
            bell.notify_one();
        }
    }

    fn table(&self) -> std::sync::MutexGuard<'_, HashMap<ThreadId, Arc<Notify>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
