//! How a thread that waits for a message is woken.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::sync::Notify;
use usufruct_core::ThreadId;

/// What one thread waits for. Rung before the thread waits, it is kept until the
/// thread does.
#[derive(Debug, Default)]
pub(crate) struct Bell(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    is_rung: bool,
    waiting: Option<Waker>,
}

impl Bell {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn ring(&self) {
        let mut state = self.state();
        state.is_rung = true;
        let waiting = state.waiting.take();
        drop(state);
        // Not under the lock: it may come to the end of a task.
        if let Some(waiting) = waiting {
            waiting.wake();
        }
    }

    /// Ready when it has been rung, once for each time that it has been heard.
    pub(crate) fn poll_rung(&self, context: &Context<'_>) -> Poll<()> {
        let mut state = self.state();
        if std::mem::take(&mut state.is_rung) {
            return Poll::Ready(());
        }
        state.waiting = Some(context.waker().clone());
        Poll::Pending
    }
}

/// The living threads' bells.
#[derive(Debug, Default)]
pub(crate) struct Wakers(Mutex<Table>);

type Table = HashMap<ThreadId, Hung, BuildHasherDefault<Spread>>;

#[derive(Clone, Debug)]
enum Hung {
    /// A task's.
    Bell(Arc<Bell>),
    /// The host's: several threads may wait for it, and each looks for itself.
    ForAll(Arc<Notify>),
}

impl Wakers {
    /// A bell for a new thread.
    pub(crate) fn insert(&self, thread: ThreadId) -> Arc<Bell> {
        let bell = Arc::new(Bell::default());
        self.table().insert(thread, Hung::Bell(bell.clone()));
        bell
    }

    /// A bell that wakes all who wait for it, and is not kept for those who come
    /// later: they look whether there is a message before they wait.
    pub(crate) fn insert_for_all(&self, thread: ThreadId) -> Arc<Notify> {
        let notify = Arc::new(Notify::new());
        self.table().insert(thread, Hung::ForAll(notify.clone()));
        notify
    }

    /// The thread has ended.
    pub(crate) fn remove(&self, thread: ThreadId) {
        self.table().remove(&thread);
    }

    pub(crate) fn wake(&self, thread: ThreadId) {
        let hung = self.table().get(&thread).cloned();
        match hung {
            Some(Hung::Bell(bell)) => bell.ring(),
            Some(Hung::ForAll(notify)) => notify.notify_waiters(),
            None => {}
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A hash of one number that the kernel has made: nobody can choose them so that
/// many fall together, and a keyed hash takes longer than the rest of a look.
#[derive(Debug, Default)]
struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u32(u32::from(*byte));
        }
    }

    fn write_u32(&mut self, number: u32) {
        // The golden ratio's digits: neighbours end up far apart, in all bits.
        let mixed = (self.0 ^ u64::from(number)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = mixed ^ (mixed >> 32);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Poll, Wake, Waker};

    use super::Bell;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_bell_is_heard_once_whether_it_is_rung_before_or_after() {
        let count = Arc::new(Count::default());
        let waker = Waker::from(count.clone());
        let context = Context::from_waker(&waker);
        let bell = Bell::default();
        bell.ring();
        bell.ring();
        assert_eq!(bell.poll_rung(&context), Poll::Ready(()));
        assert_eq!(bell.poll_rung(&context), Poll::Pending);
        assert_eq!(count.0.load(Ordering::Relaxed), 0);
        bell.ring();
        bell.ring();
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        assert_eq!(bell.poll_rung(&context), Poll::Ready(()));
        assert_eq!(bell.poll_rung(&context), Poll::Pending);
    }
}
