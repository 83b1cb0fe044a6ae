//! What runs a task on the workers, from its first instruction to the end of
//! its memory.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;

use tokio::task::spawn_blocking;
use wasmtime::{Instance, Store, UpdateDeadline};

use crate::copier;
use crate::engine::Beginning;
use crate::forbidden;
use crate::life::{KILLED, Life};
use crate::place::in_place;
use crate::pool::{Guarded, View};
use crate::release::give_back;
use crate::report::{ending_of, ending_of_store};
use crate::space::Memory;
use crate::state::Guest;
use crate::turn::{self, Turn};

/// A memory larger than this, in bytes, is given back by another thread: that
/// takes tens of milliseconds for a gibibyte, which the worker's tasks would wait.
const LARGE_BYTES: usize = 4 << 20;

/// A task's Store, and with it the memory and the view of the pool, while it is
/// on the workers. However this is dropped (at the task's end, with the system,
/// in a panic), the task ends for the kernel first: its memory goes after the
/// barrier, always, and its view before the memory.
struct Resident {
    life: Arc<Life>,
    store: Option<Guarded<Guest>>,
}

impl Resident {
    fn new(life: Arc<Life>, store: Store<Guest>) -> Self {
        life.is_resident.store(true, Ordering::Release);
        Self {
            life,
            store: Some(Guarded::new(store)),
        }
    }
}

impl Drop for Resident {
    fn drop(&mut self) {
        self.life.shared.views.remove(self.life.key);
        let first = self.life.end(KILLED);
        self.life.finish(first, String::new());
        let store = self.store.take();
        if !self.life.shared.fences.announces() {
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
        Some(Err(error)) if let Some(fault) = store.data().forbidden.get() => {
            ending_of_store(fault, &error, &life.program)
        }
        Some(outcome) => ending_of(outcome, life.program.generated_from()),
        None => (KILLED, String::new()),
    };
    // Its end takes time that is not the next one's.
    turn::is_followed_by_other_work();
    // No code of the task runs any more: its end need not shut its view.
    life.shared.views.remove(life.key);
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
async fn run_unless_killed(
    life: &Life,
    store: &mut Guarded<Guest>,
) -> Option<wasmtime::Result<i32>> {
    let mut guest = pin!(run(life, store));
    let mut is_heard = false;
    poll_fn(|context| {
        if !std::mem::replace(&mut is_heard, true) && life.has_kill_wake(context) {
            return Poll::Ready(None);
        }
        // Whoever kills it may have woken it first, and not stopped it yet.
        if life.is_killed() {
            return Poll::Ready(None);
        }
        let Some(running) = life.enter() else {
            return Poll::Ready(None);
        };
        let turn = Turn::begin();
        let polled = guest.as_mut().poll(context);
        copier::rest();
        life.counters.count_run_time(turn.end());
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
async fn run(life: &Life, store: &mut Guarded<Guest>) -> wasmtime::Result<i32> {
    store.set_epoch_deadline(1);
    let instance = instance(life, store).await?;
    let exported = instance
        .get_memory(&mut **store, "memory")
        .ok_or_else(|| wasmtime::Error::msg("the memory is not there"))?;
    let memory = Memory::of(&exported, &**store);
    let guest = store.data_mut();
    guest.exported = Some(exported);
    guest.memory = memory;
    guest.limits.may_have_grown = false;
    life.publish(life.key, memory);
    if life.key.is_attached() {
        show_pool(life, store, memory)?;
    }
    let entry = instance.get_typed_func::<(), i32>(&mut **store, life.program.entry())?;
    entry.call_async(&mut **store, ()).await
}

/// Makes the instance, in a place of a task before where its program can have one.
async fn instance(life: &Life, store: &mut Guarded<Guest>) -> wasmtime::Result<Instance> {
    let program = &life.program;
    if program.beginning() == Beginning::Shared {
        return program.instance().instantiate_async(&mut **store).await;
    }
    let places = &life.shared.places;
    let held = places.take(program.minimum_bytes(), life.key.is_attached());
    let held = held.map_err(|error| {
        wasmtime::Error::msg(format!(
            "the operating system has no place left for a memory ({error}); raise vm.max_map_count and `ulimit -v`, or run fewer tasks"
        ))
    })?;
    let place = held.place();
    store.hold(held);
    in_place(place, program.instance().instantiate_async(&mut **store)).await
}

/// Maps the pool into the task's memory, before the first instruction of it:
/// the loader has made the start section a part of the entry.
fn show_pool(life: &Life, store: &mut Guarded<Guest>, memory: Memory) -> wasmtime::Result<()> {
    let Some(pool) = &life.shared.pool else {
        return Ok(());
    };
    let view = match store.held() {
        Some(held) => held.show(pool, memory.base),
        // SAFETY: the engine's memories reserve all that a 32-bit address can name,
        // and this one's heap ends below the pool by the Store's limits; both have
        // been tried out when the system started.
        None => unsafe { View::open(pool, memory.base) },
    };
    let view = view.map_err(|_| {
        wasmtime::Error::msg(
            "the operating system has no mapping left for the pool; raise vm.max_map_count, or run fewer tasks",
        )
    })?;
    store.attach(view.clone());
    forbidden::judge(store, &view);
    // A task that has been ended gets no right any more, and would keep it.
    life.while_alive(|_| life.shared.views.insert(life.key, view));
    Ok(())
}
