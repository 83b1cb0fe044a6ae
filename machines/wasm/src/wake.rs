//! How a thread that waits for a message is woken.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;
use usufruct_core::ThreadId;

/// The living threads' bells. One rung before its thread waits is kept until
/// the thread does.
#[derive(Debug, Default)]
pub(crate) struct Wakers(Mutex<HashMap<ThreadId, Bell>>);

#[derive(Clone, Debug)]
struct Bell {
    notify: Arc<Notify>,
    /// Several threads of the host's may wait for it; each looks for itself.
    is_for_all: bool,
}

impl Wakers {
    /// A bell for a new thread.
    pub(crate) fn insert(&self, thread: ThreadId) -> Arc<Notify> {
        self.hang(thread, false)
    }

    /// A bell that wakes all who wait for it, and is not kept for those who come
    /// later: they look whether there is a message before they wait.
    pub(crate) fn insert_for_all(&self, thread: ThreadId) -> Arc<Notify> {
        self.hang(thread, true)
    }

    fn hang(&self, thread: ThreadId, is_for_all: bool) -> Arc<Notify> {
        let notify = Arc::new(Notify::new());
        let bell = Bell {
            notify: notify.clone(),
            is_for_all,
        };
        self.table().insert(thread, bell);
        notify
    }

    /// The thread has ended.
    pub(crate) fn remove(&self, thread: ThreadId) {
        self.table().remove(&thread);
    }

    pub(crate) fn wake(&self, thread: ThreadId) {
        let bell = self.table().get(&thread).cloned();
        match bell {
            Some(bell) if bell.is_for_all => bell.notify.notify_waiters(),
            Some(bell) => bell.notify.notify_one(),
            None => {}
        }
    }

    fn table(&self) -> std::sync::MutexGuard<'_, HashMap<ThreadId, Bell>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
