//! Rules: how tasks begin and end, and what goes with them.

use crate::border::{Change, Outcome, Progress, Stage, Work};
use crate::error::Denied;
use crate::id::{TaskId, TaskKey};
use crate::kernel::Kernel;
use crate::limits::{ENDING_BATCH, PORTS, Quota};
use crate::name::{Bearers, Name, Named};
use crate::page::{Chain, PAGE_BATCH};
use crate::pin::Scope;
use crate::port::Port;
use crate::sink::{Event, Sink};
use crate::table::{NONE, Table};
use crate::thread::Thread;
use usufruct_abi::{ENDED_EXIT, ENDED_FORBIDDEN_STORE, ENDED_FORGOTTEN, ENDED_KILLED, ENDED_TRAP};

/// The host's place in the task table.
pub(crate) const HOST: u32 = 0;

/// Why a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It returned, or asked to exit.
    Exit,
    /// One of its instructions trapped.
    Trap,
    /// Somebody with the right to do so ended it.
    Killed,
    /// It stored to a page without permission.
    ForbiddenStore,
    /// It ended so long ago that nobody remembers.
    Forgotten,
}

impl Reason {
    /// The word in the message to those who watch.
    #[must_use]
    pub const fn raw(self) -> i32 {
        match self {
            Self::Exit => ENDED_EXIT,
            Self::Trap => ENDED_TRAP,
            Self::Killed => ENDED_KILLED,
            Self::ForbiddenStore => ENDED_FORBIDDEN_STORE,
            Self::Forgotten => ENDED_FORGOTTEN,
        }
    }
}

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// The exit status, as the task or the machine says it.
    pub status: i32,
    /// What brought it about.
    pub reason: Reason,
}

impl Ending {
    pub(crate) const FORGOTTEN: Self = Self {
        status: 0,
        reason: Reason::Forgotten,
    };
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TaskState {
    Free,
    Alive,
    Ending(Ending),
    /// Nothing of it is left but those who watch it and have not been told.
    Cleared(Ending),
}

/// One task's books.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) state: TaskState,
    pub(crate) life: u64,
    pub(crate) id: TaskId,
    pub(crate) slot: u32,
    pub(crate) named: Named,
    pub(crate) quota: Quota,
    /// The objects it owns: a list through `Smo::next`.
    pub(crate) first_smo: u32,
    pub(crate) smo_count: u32,
    pub(crate) ports: [Port; PORTS],
    pub(crate) open_ports: u32,
    /// The watches for its end: a list through the message places.
    pub(crate) first_watch: u32,
    /// The pages it holds: a list through `Holding::next`.
    pub(crate) first_holding: u32,
    pub(crate) pages_owned: u32,
    /// The ports that are waited on, a bit each. A host waits on several at once.
    pub(crate) waiting_on: u32,
    /// The next free place in the task table, while this one is free.
    next_free: u32,
}

impl Task {
    pub(crate) fn nobody(id: TaskId, next_free: u32) -> Self {
        Self {
            state: TaskState::Free,
            life: 0,
            id,
            slot: NONE,
            named: Named::NOBODY,
            quota: Quota {
                smos: 0,
                pool: None,
            },
            first_smo: NONE,
            smo_count: 0,
            ports: [Port::CLOSED; PORTS],
            open_ports: 0,
            first_watch: NONE,
            first_holding: NONE,
            pages_owned: 0,
            waiting_on: 0,
            next_free,
        }
    }

    /// Whether it is somebody, and sees the pool.
    pub(crate) fn is_attached(&self) -> bool {
        self.state != TaskState::Free && self.quota.pool.is_some()
    }
}

impl Bearers for Table<Task> {
    fn named(&self, index: u32) -> &Named {
        &self.at(index).named
    }

    fn named_mut(&mut self, index: u32) -> &mut Named {
        &mut self.at_mut(index).named
    }
}

/// What an id slot remembers: where its task's books are, or how the last one ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TaskSlot {
    pub(crate) index: u32,
    pub(crate) ending: Ending,
}

impl<S: Sink> Kernel<S> {
    /// Begins the life of a task: from here on it can be found, shared with,
    /// sent to and ended.
    ///
    /// # Errors
    ///
    /// A name that is not 1 to 31 bytes or belongs to a living task, a full task
    /// table, a pool that is not there, and a reserve that is not free.
    pub fn start_task(&mut self, name: &[u8], quota: Quota) -> Result<Thread, Denied> {
        let name = Name::new(name)?;
        if self.names.find(&self.tasks, &name).is_some() {
            return Err(Denied::NameTaken);
        }
        let reserve = quota.pool.map_or(0, |pool| pool.reserve);
        if quota.pool.is_some() && self.limits.pool.pages == 0 {
            return Err(Denied::NotAttached);
        }
        let free = self.pages.free.count().saturating_sub(self.pages.reserved);
        if reserve > free || quota.pool.is_some_and(|pool| reserve > pool.pages) {
            return Err(Denied::PagesReserved);
        }
        let index = self.first_free_task;
        let next_free = self
            .tasks
            .get(index)
            .ok_or(Denied::TaskTableFull)?
            .next_free;
        let (slot, bits) = self.task_slots.take().ok_or(Denied::TaskTableFull)?;
        let id = TaskId::from_raw(bits.cast_signed()).ok_or(Denied::TaskTableFull)?;
        self.first_free_task = next_free;
        self.lives = self.lives.saturating_add(1);
        let key = TaskKey::of_life(index, self.lives, quota.pool.is_some());
        self.pages.reserved = self.pages.reserved.saturating_add(reserve);
        self.task_ids.at_mut(slot).index = index;
        *self.tasks.at_mut(index) = Task {
            state: TaskState::Alive,
            life: key.life,
            slot,
            quota,
            ..Task::nobody(id, NONE)
        };
        self.names.insert(&mut self.tasks, index, name);
        self.plane.set_life(index, key.life);
        self.sink.event(&Event::TaskStarted {
            task: id,
            name: name.as_bytes(),
        });
        Ok(Thread::new(key, id))
    }

    /// Begins the end of a task. From here on none of its rights and ids work;
    /// the steps clear up, and the last of them tells those who watch. The
    /// answer is 0.
    ///
    /// The answer is [`Denied::NoSuchTask`] when it is not alive, or is the host.
    pub fn end_task(&mut self, task: TaskId, ending: Ending) -> Progress {
        let key = match self.live_task(task.raw()) {
            Ok(key) if key.index != HOST => key,
            Ok(_) | Err(_) => return Progress::Answer(Err(Denied::NoSuchTask(task.raw()))),
        };
        let unmet = self.unmet_reserve(key.index);
        self.pages.reserved = self.pages.reserved.saturating_sub(unmet);
        if let Some(pool) = &mut self.tasks.at_mut(key.index).quota.pool {
            pool.reserve = 0;
        }
        self.tasks.at_mut(key.index).state = TaskState::Ending(ending);
        self.tasks.at_mut(key.index).waiting_on = 0;
        self.plane.set_life(key.index, 0);
        self.names.remove(&mut self.tasks, key.index);
        self.sink.event(&Event::TaskEnding { task, ending });
        clearing(Work::Drain(Scope::Task(key)), key.index, Stage::Barrier)
    }

    /// The next step of a task's clearing up.
    pub(crate) fn go_on_ending(&mut self, index: u32, stage: Stage, outcome: Outcome) -> Progress {
        debug_assert_eq!(outcome, Outcome::Done, "no step of an ending can fail");
        match stage {
            Stage::Barrier => {
                let key = TaskKey {
                    index,
                    life: self.tasks.at(index).life,
                };
                clearing(Work::Reap(key), index, Stage::Reaped)
            }
            Stage::Reaped => self.end_some_pages(index),
            Stage::Holdings { chain } => {
                self.pages.put_back(chain);
                self.end_some_pages(index)
            }
            Stage::Smos { first } => {
                self.settle_chain(first);
                self.end_some_smos(index)
            }
            Stage::Ports { next } => self.end_one_port(index, next),
            Stage::Watchers => self.tell_one_watcher(index),
        }
    }

    /// Lets go of a batch of the dying task's pages: what it owns becomes free,
    /// what it only held is forgotten after the barrier that this asks for.
    pub(crate) fn end_some_pages(&mut self, index: u32) -> Progress {
        let mut chain = Chain::default();
        for _ in 0..PAGE_BATCH {
            let holding = self.tasks.at(index).first_holding;
            if holding == NONE {
                break;
            }
            let page = self.pages.holdings.at(holding).page;
            let is_owned = self.pages.states.at(page).owner == index;
            if self.pages.is_changing(page) || is_owned {
                if !chain.is_empty() {
                    break;
                }
                if self.pages.is_changing(page) {
                    return clearing(Work::Yield, index, Stage::Reaped);
                }
                return self.bury(page, index);
            }
            self.let_go(holding, index, &mut chain);
        }
        if chain.is_empty() {
            return self.end_some_smos(index);
        }
        clearing(Work::Drain(Scope::Pages), index, Stage::Holdings { chain })
    }

    /// Closes a batch of the dying task's objects; their slots are free after
    /// the barrier that this asks for.
    fn end_some_smos(&mut self, index: u32) -> Progress {
        let mut first = NONE;
        for _ in 0..ENDING_BATCH {
            let slot = self.tasks.at(index).first_smo;
            if slot == NONE {
                break;
            }
            self.doom(slot);
            self.smos.at_mut(slot).next = first;
            first = slot;
        }
        if first == NONE {
            return self.end_one_port(index, 0);
        }
        let task = self.key_of(index);
        clearing(Work::Drain(Scope::Task(task)), index, Stage::Smos { first })
    }

    fn end_one_port(&mut self, index: u32, from: u32) -> Progress {
        let open = |port: &u32| self.port(index, *port).is_some_and(Port::is_open);
        let Some(port) = (from..)
            .take_while(|port| (*port as usize) < PORTS)
            .find(open)
        else {
            return self.tell_one_watcher(index);
        };
        self.clear_port(index, port);
        let next = port.saturating_add(1);
        clearing(Work::Yield, index, Stage::Ports { next })
    }

    /// Tells one of those who watch; with the last, the task's place is free.
    fn tell_one_watcher(&mut self, index: u32) -> Progress {
        let task = self.tasks.at_mut(index);
        let (TaskState::Ending(ending) | TaskState::Cleared(ending)) = task.state else {
            return Progress::answer(0);
        };
        // From here on a new watch is told at once: nobody can make this list longer.
        task.state = TaskState::Cleared(ending);
        let (id, place) = (task.id, task.first_watch);
        let wake = (place != NONE)
            .then(|| self.fire(place, id, ending))
            .flatten();
        let is_last = self.tasks.at(index).first_watch == NONE;
        if is_last {
            self.free_task(index, ending);
        }
        match wake {
            Some(thread) if is_last => Progress::step(Work::Wake(thread), Change::Answer(Ok(0))),
            Some(thread) => clearing(Work::Wake(thread), index, Stage::Watchers),
            None if is_last => Progress::answer(0),
            None => clearing(Work::Yield, index, Stage::Watchers),
        }
    }

    fn free_task(&mut self, index: u32, ending: Ending) {
        let (id, slot) = (self.tasks.at(index).id, self.tasks.at(index).slot);
        self.task_slots.release(slot);
        *self.task_ids.at_mut(slot) = TaskSlot {
            index: NONE,
            ending,
        };
        *self.tasks.at_mut(index) = Task::nobody(id, self.first_free_task);
        self.first_free_task = index;
        self.sink.event(&Event::TaskEnded { task: id, ending });
    }

    /// The live task that a guest's number means.
    pub(crate) fn live_task(&self, raw: i32) -> Result<TaskKey, Denied> {
        let key = self.known_task(raw)?;
        match self.tasks.at(key.index).state {
            TaskState::Alive => Ok(key),
            TaskState::Free | TaskState::Ending(_) | TaskState::Cleared(_) => {
                Err(Denied::NoSuchTask(raw))
            }
        }
    }

    /// The same, or one that is ending and not yet cleared away.
    pub(crate) fn known_task(&self, raw: i32) -> Result<TaskKey, Denied> {
        let id = TaskId::from_raw(raw).ok_or(Denied::NoSuchTask(raw))?;
        let slot = self
            .task_slots
            .find(id.bits())
            .ok_or(Denied::NoSuchTask(raw))?;
        let index = self.task_ids.at(slot).index;
        Ok(TaskKey {
            index,
            life: self.tasks.at(index).life,
        })
    }

    /// `find_task`: the living task of a name.
    pub(crate) fn find_task(&self, name: &[u8]) -> Result<Progress, Denied> {
        let name = Name::new(name).map_err(|_| Denied::NoSuchName)?;
        let index = self
            .names
            .find(&self.tasks, &name)
            .ok_or(Denied::NoSuchName)?;
        Ok(Progress::answer(self.tasks.at(index).id.raw()))
    }
}

fn clearing(work: Work, index: u32, stage: Stage) -> Progress {
    Progress::step(work, Change::Ending { index, stage })
}
