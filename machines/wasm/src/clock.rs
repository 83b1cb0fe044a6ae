//! The clock: one thread that ticks about once a millisecond. Each tick ends the
//! slices of all tasks, and wakes those whose time has come; in this order of
//! effect they are the next to run.
//!
//! Timeouts are kept here and not with tokio, whose timers round up twice to
//! whole milliseconds and are served by a thread that first has to get a
//! processor.

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use wasmtime::Engine;

/// Shared by the ticking thread and by whoever sets alarms.
#[derive(Clone)]
pub(crate) struct Clock(Arc<Inside>);

struct Inside {
    engines: Vec<Engine>,
    alarms: Mutex<Alarms>,
    ticks: AtomicU64,
    is_over: AtomicBool,
}

#[derive(Debug, Default)]
struct Alarms {
    /// By time, and by a number that makes each alarm one of its own.
    waiting: BTreeMap<(Instant, u64), Waker>,
    set_so_far: u64,
}

/// An alarm that is set. Dropped, it is none any more.
struct Alarm<'clock> {
    clock: &'clock Clock,
    key: (Instant, u64),
}

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        self.clock.alarms().waiting.remove(&self.key);
    }
}

impl Clock {
    /// The clock of some engines' guests, not yet ticking.
    pub(crate) fn new(engines: Vec<Engine>) -> Self {
        Self(Arc::new(Inside {
            engines,
            alarms: Mutex::default(),
            ticks: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
        }))
    }

    /// Starts the thread that ticks every `slice`, until [`Self::stop`].
    pub(crate) fn start(&self, slice: Duration) -> io::Result<()> {
        let clock = self.clone();
        let tick = move || {
            while !clock.0.is_over.load(Ordering::Relaxed) {
                thread::sleep(slice);
                clock.ring(Instant::now());
                clock.0.ticks.fetch_add(1, Ordering::Relaxed);
                clock.have_guests_look();
            }
        };
        thread::Builder::new()
            .name("usufruct-clock".to_owned())
            .spawn(tick)
            .map(drop)
    }

    /// Ticks so far.
    pub(crate) fn ticks(&self) -> u64 {
        self.0.ticks.load(Ordering::Relaxed)
    }

    /// Has every guest that runs look whether it has been killed, or its slice
    /// is over. Without a tick no slice is.
    pub(crate) fn have_guests_look(&self) {
        self.0.engines.iter().for_each(Engine::increment_epoch);
    }

    pub(crate) fn stop(&self) {
        self.0.is_over.store(true, Ordering::Relaxed);
    }

    /// What `future` comes to, or `None` if it has not by `deadline`.
    pub(crate) async fn within<T>(
        &self,
        deadline: Instant,
        future: impl Future<Output = T>,
    ) -> Option<T> {
        let mut future = pin!(future);
        let mut alarm = None;
        poll_fn(|context| {
            if let Poll::Ready(output) = future.as_mut().poll(context) {
                return Poll::Ready(Some(output));
            }
            if Instant::now() >= deadline {
                return Poll::Ready(None);
            }
            alarm.get_or_insert_with(|| self.set(deadline, context.waker().clone()));
            Poll::Pending
        })
        .await
    }

    /// A task has one waker for its life, so one alarm is enough for a wait.
    fn set(&self, time: Instant, waker: Waker) -> Alarm<'_> {
        let mut alarms = self.alarms();
        alarms.set_so_far += 1;
        let key = (time, alarms.set_so_far);
        alarms.waiting.insert(key, waker);
        Alarm { clock: self, key }
    }

    /// Wakes everybody whose time has come.
    fn ring(&self, now: Instant) {
        loop {
            let mut alarms = self.alarms();
            let first = alarms.waiting.first_entry();
            let Some(due) = first.filter(|alarm| alarm.key().0 <= now) else {
                return;
            };
            let waker = due.remove();
            // Whoever is woken may set or drop alarms.
            drop(alarms);
            waker.wake();
        }
    }

    fn alarms(&self) -> MutexGuard<'_, Alarms> {
        self.0.alarms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
