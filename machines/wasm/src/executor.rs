//! The workers, and who is next.
//!
//! All workers take from one queue, so every task that computes gets the same
//! share, whichever worker it is on. A task that has been woken goes before
//! those that only had to yield: it has waited already. It does so a few times
//! in a row at most, so that two tasks that wake each other keep nobody out.
//!
//! Files are tokio's business, on threads of its own, and the host's streams have
//! a thread each (`streams/`); they wake tasks here.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use async_task::{Runnable, ScheduleInfo, WithInfo};
use tokio::runtime::Handle;

use crate::copier;
use crate::turn;

/// How many woken tasks may go before one that had to yield.
const WOKEN_IN_A_ROW: u32 = 8;

/// Who is ready to run. Shared by the workers and by whoever wakes tasks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Queue(Arc<Inside>);

#[derive(Debug, Default)]
struct Inside {
    ready: Mutex<Ready>,
    is_more: Condvar,
}

#[derive(Debug, Default)]
struct Ready {
    /// Woken or new.
    woken: VecDeque<Runnable>,
    /// Those whose slice was over.
    yielded: VecDeque<Runnable>,
    woken_in_a_row: u32,
    idle_workers: usize,
    /// Of those, whom somebody has called and who has not come yet.
    called_workers: usize,
    is_over: bool,
}

impl Ready {
    fn next(&mut self) -> Option<Runnable> {
        let turn_is_due = self.woken_in_a_row >= WOKEN_IN_A_ROW && !self.yielded.is_empty();
        if !turn_is_due && let Some(woken) = self.woken.pop_front() {
            self.woken_in_a_row = self.woken_in_a_row.saturating_add(1);
            return Some(woken);
        }
        self.woken_in_a_row = 0;
        self.yielded.pop_front()
    }

    /// Whether an idle worker is to be called for what is in the queue. To call one
    /// takes a call of the operating system, so those that are on their way are not
    /// called once more.
    fn calls_a_worker(&mut self) -> bool {
        let waiting = self.woken.len() + self.yielded.len();
        let calls = self.idle_workers.min(waiting) > self.called_workers;
        self.called_workers += usize::from(calls);
        calls
    }
}

impl Queue {
    /// Starts `workers` threads, which can use what `tokio` offers.
    pub(crate) fn start_workers(&self, workers: u32, tokio: &Handle) -> io::Result<()> {
        for index in 0..workers {
            let (queue, tokio) = (self.clone(), tokio.clone());
            let work = move || {
                let _context = tokio.enter();
                queue.work();
                copier::drop_own();
            };
            thread::Builder::new()
                .name(format!("usufruct-worker-{index}"))
                .spawn(work)?;
        }
        Ok(())
    }

    /// Has the workers run a future to its end.
    pub(crate) fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        let queue = self.clone();
        let schedule =
            move |runnable, info: ScheduleInfo| queue.push(runnable, info.woken_while_running);
        let (runnable, task) = async_task::spawn(future, WithInfo(schedule));
        task.detach();
        runnable.schedule();
    }

    /// No task runs any more, but for those that are on a worker now until they
    /// yield. What is in the queue is dropped.
    pub(crate) fn close(&self) {
        let mut ready = self.ready();
        ready.is_over = true;
        let left = [
            std::mem::take(&mut ready.woken),
            std::mem::take(&mut ready.yielded),
        ];
        drop(ready);
        self.0.is_more.notify_all();
        // What goes with a task may schedule others, so not under the lock.
        drop(left);
    }

    fn push(&self, runnable: Runnable, has_yielded: bool) {
        let mut ready = self.ready();
        if ready.is_over {
            drop(ready);
            drop(runnable);
            return;
        }
        let queue = if has_yielded {
            &mut ready.yielded
        } else {
            &mut ready.woken
        };
        queue.push_back(runnable);
        let calls = ready.calls_a_worker();
        drop(ready);
        if calls {
            self.0.is_more.notify_one();
        }
    }

    /// A worker's life.
    fn work(&self) {
        while let Some(runnable) = self.next() {
            // A task that panics is dropped, and with it ends; the worker goes on.
            let _ = catch_unwind(AssertUnwindSafe(|| runnable.run()));
        }
    }

    fn next(&self) -> Option<Runnable> {
        let mut ready = self.ready();
        loop {
            if ready.is_over {
                return None;
            }
            if let Some(runnable) = ready.next() {
                return Some(runnable);
            }
            ready.idle_workers += 1;
            turn::is_followed_by_other_work();
            ready = self
                .0
                .is_more
                .wait(ready)
                .unwrap_or_else(PoisonError::into_inner);
            ready.idle_workers -= 1;
            // One who comes uncalled takes another's call along: who is called then is
            // one too many, and never one too few.
            ready.called_workers = ready.called_workers.saturating_sub(1);
        }
    }

    fn ready(&self) -> MutexGuard<'_, Ready> {
        self.0.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::{Queue, WOKEN_IN_A_ROW};

    /// Runs what is in the queue, on this thread, and says in which order.
    fn order_of(queue: &Queue, seen: &Arc<Mutex<Vec<&'static str>>>) -> Vec<&'static str> {
        while let Some(runnable) = { queue.ready().next() } {
            runnable.run();
        }
        std::mem::take(&mut *seen.lock().unwrap())
    }

    #[test]
    fn the_woken_go_first_but_not_for_ever() {
        let queue = Queue::default();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let note = |name: &'static str| {
            let seen = seen.clone();
            async move { seen.lock().unwrap().push(name) }
        };
        let of_yielded = note("yielded");
        queue.spawn(async {
            // Its slice is over: the others' turn.
            tokio::task::yield_now().await;
            of_yielded.await;
        });
        let first = queue.ready().next().unwrap();
        first.run();
        let woken = WOKEN_IN_A_ROW as usize + 2;
        for _ in 0..woken {
            queue.spawn(note("woken"));
        }
        queue.ready().woken_in_a_row = 0;

        let order = order_of(&queue, &seen);
        assert_eq!(order.len(), woken + 1);
        assert_eq!(
            order.iter().position(|name| *name == "yielded"),
            Some(WOKEN_IN_A_ROW as usize)
        );
    }
}
