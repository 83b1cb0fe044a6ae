//! What runs a task on the workers, from its first instruction to the end of
//! its memory.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Instant;

use tokio::task::spawn_blocking;
use wasmtime::{Store, UpdateDeadline};

use crate::life::{KILLED, Life};
use crate::release::give_back;
use crate::report::ending_of;
use crate::space::Memory;
use crate::state::Guest;

/// A memory larger than this, in bytes, is given back by another thread: that
/// takes tens of milliseconds for a gibibyte, which the worker's tasks would wait.
const LARGE_BYTES: usize = 4 << 20;

/// A task's Store, and with it the memory, while it is on the workers. However
/// this is dropped (at the task's end, with the system, in a panic), the task
/// ends for the kernel first: its memory goes after the barrier, always.
struct Resident {
    life: Arc<Life>,
    store: Option<Store<Guest>>,
}

impl Resident {
    fn new(life: Arc<Life>, store: Store<Guest>) -> Self {
        life.is_resident.store(true, Ordering::Release);
        Self {
            life,
            store: Some(store),
        }
    }
}

impl Drop for Resident {
    fn drop(&mut self) {
        let first = self.life.end(KILLED);
        self.life.finish(first, String::new());
        let store = self.store.take();
        if !self.life.shared.fences.announces {
            // Nobody waits for copies: they may still be reading.
            std::mem::forget(store);
        } else if let Some(store) = store {
            give_back(store);
        }
        self.life.is_resident.store(false, Ordering::Release);
    }
}

/// Runs a task to its end. Dropped at any time, also before it has begun, it
/// ends the task.
pub(crate) fn drive(life: Arc<Life>, store: Store<Guest>) -> impl Future<Output = ()> + Send {
    run_to_the_end(Resident::new(life, store))
}

async fn run_to_the_end(mut resident: Resident) {
    let life = resident.life.clone();
    let Some(store) = &mut resident.store else {
        return;
    };
    yield_when_slices_end(&life, store);
    let (ending, text) = match run_unless_killed(&life, store).await {
        Some(outcome) => ending_of(outcome, life.program.generated_from()),
        None => (KILLED, String::new()),
    };
    let first = life.end(ending);
    life.finish(first, if first == ending { text } else { String::new() });
    if may_be_large(store) {
        spawn_blocking(move || drop(resident));
    }
}

/// Whether the memory is large now, as far as can be seen. One that was made
/// for an instance which never came to be, its start section ended, can not.
fn may_be_large(store: &Store<Guest>) -> bool {
    store
        .data()
        .exported
        .is_none_or(|memory| memory.data_size(store) > LARGE_BYTES)
}

/// When a slice is over it is the next task's turn, or the end. A task that has
/// slept finds its slice over long ago, and still has its turn.
fn yield_when_slices_end(life: &Arc<Life>, store: &mut Store<Guest>) {
    let life = Arc::downgrade(life);
    store.epoch_deadline_callback(move |_| {
        Ok(match life.upgrade() {
            Some(life) if life.is_killed() => UpdateDeadline::Interrupt,
            Some(life) if life.has_just_begun() => UpdateDeadline::Continue(1),
            Some(_) => UpdateDeadline::Yield(1),
            None => UpdateDeadline::Interrupt,
        })
    });
}

/// The guest's code, to its end or to the kill, whichever is first; `None`: the
/// kill. Counts the time that it runs.
async fn run_unless_killed(life: &Life, store: &mut Store<Guest>) -> Option<wasmtime::Result<i32>> {
    let mut killed = pin!(life.kill.notified());
    let mut guest = pin!(run(life, store));
    poll_fn(|context| {
        if killed.as_mut().poll(context).is_ready() {
            return Poll::Ready(None);
        }
        let Some(running) = life.enter() else {
            return Poll::Ready(None);
        };
        let begun = Instant::now();
        let polled = guest.as_mut().poll(context);
        life.counters.count_run_time(begun.elapsed());
        drop(running);
        // Killed meanwhile, it is not sent to the end of the queue once more.
        if polled.is_pending() && life.is_killed() {
            return Poll::Ready(None);
        }
        polled.map(Some)
    })
    .await
}

/// Makes the instance and calls its entry.
async fn run(life: &Life, store: &mut Store<Guest>) -> wasmtime::Result<i32> {
    store.set_epoch_deadline(1);
    let instance = life
        .program
        .instance()
        .instantiate_async(&mut *store)
        .await?;
    let exported = instance
        .get_memory(&mut *store, "memory")
        .ok_or_else(|| wasmtime::Error::msg("the memory is not there"))?;
    let memory = Memory::of(&exported, &*store);
    let guest = store.data_mut();
    guest.exported = Some(exported);
    guest.memory = memory;
    guest.limits.may_have_grown = false;
    life.publish(guest.thread.key(), memory);
    let entry = instance.get_typed_func::<(), i32>(&mut *store, life.program.entry())?;
    entry.call_async(&mut *store, ()).await
}
