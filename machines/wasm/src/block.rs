//! A thread of the host's that waits for a future, whatever executor there is or
//! is not.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake};
use std::thread::{self, Thread};
use std::time::Instant;

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// What the future comes to; `None` if it has not by the deadline.
pub(crate) fn block_on<F: Future>(future: F, deadline: Option<Instant>) -> Option<F::Output> {
    let waker = Arc::new(Unpark(thread::current())).into();
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return Some(output);
        }
        match deadline {
            None => thread::park(),
            Some(deadline) => match deadline.checked_duration_since(Instant::now()) {
                Some(left) if !left.is_zero() => thread::park_timeout(left),
                _ => return None,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::block_on;

    #[test]
    fn a_future_is_waited_for_and_a_deadline_kept() {
        let notify = tokio::sync::Notify::new();
        std::thread::scope(|scope| {
            scope.spawn(|| notify.notify_one());
            assert_eq!(block_on(notify.notified(), None), Some(()));
        });
        let deadline = Instant::now() + Duration::from_millis(2);
        assert_eq!(block_on(notify.notified(), Some(deadline)), None);
        assert!(Instant::now() >= deadline);
    }
}
