//! What `docs/calls.md` says, as a program that is as plain as can be made: the oracle of the
//! random test. It knows nothing of the kernel's code; sums are counted anew each time.
//!
//! ```text
//!   model.rs          the state, and what a call may answer
//!   model/call.rs     calls with their meaning
//!   model/memory.rs   the bytes, and who may store where (section 4)
//!   model/smo.rs      sections 2 and 4: objects and copies
//!   model/page.rs     section 3: owners and writers of pages
//!   model/free.rs     section 3: free pages, quotas, reserves
//!   model/port.rs     section 6: ports, messages, watches
//!   model/life.rs     section 1: tasks begin and end
//! ```
//!
//! Memory is a small window at the begin of each task's arena, and the pool. A call names places
//! in them, or places that are nobody's memory.

mod call;
mod free;
mod life;
mod memory;
mod page;
mod port;
mod smo;

use crate::rig::{PageQuota, Tables};
use crate::world::Answer;
use std::collections::{BTreeMap, HashSet};
use usufruct_abi::Error;

pub use call::{Call, Expected, PageCall, Place, Question};
pub use memory::Stretch;
pub use page::{Page, Pool};
pub use port::{InFlight, Queued};

/// The part of a task's memory that the model knows, in bytes.
pub const WINDOW_BYTES: usize = 256;
/// Objects that every task is sure of.
const SURE_SMOS: usize = 8;
/// Ports that every task is sure of.
const SURE_PORTS: usize = 4;
/// Messages that every open port is sure of.
const SURE_MESSAGES: usize = 2;

/// A task's books.
#[derive(Clone, Debug)]
pub struct Task {
    /// Which of the test's names it bears.
    pub name: u8,
    /// Objects that it may own.
    pub quota: usize,
    /// Pages that it may own; nothing if it is not attached to the pool.
    pub pages: Option<PageQuota>,
    /// The window.
    pub memory: Vec<u8>,
    /// What `last_error` says.
    pub last_error: Error,
    /// The open ports.
    pub ports: BTreeMap<u8, port::Port>,
    /// Its end has begun, and is not through.
    pub is_ending: bool,
}

/// An object's books.
#[derive(Clone, Debug)]
pub struct Smo {
    /// Whose memory.
    pub owner: i32,
    /// Who may use it; nobody after the target's end.
    pub target: Option<i32>,
    /// Where in the owner's memory.
    pub stretch: Stretch,
    /// READ, WRITE or both.
    pub perms: i32,
}

/// The whole world.
#[derive(Clone, Debug)]
pub struct Model {
    tables: Tables,
    /// The pool; without pages where the machine has none.
    pub pool: Pool,
    /// The living tasks, and those whose end is not through.
    pub tasks: BTreeMap<i32, Task>,
    /// The live objects.
    pub smos: BTreeMap<i32, Smo>,
    /// Every object's id there ever was.
    pub smo_ids: HashSet<i32>,
    /// The tasks that have ended, oldest first, and what is told of them.
    pub dead: Vec<(i32, [i32; 4])>,
    /// The id of `host`.
    pub host: i32,
    /// Messages on their way to a receiver that may be gone meanwhile.
    pub in_flight: Vec<InFlight>,
    /// Pages that a call which waits in a step is changing: whose call, and who may still be
    /// charged for the page.
    pub changing: BTreeMap<usize, (i32, Option<i32>)>,
}

impl Model {
    /// A machine with no task but `host`.
    #[must_use]
    pub fn new(tables: Tables, pool: Pool) -> Self {
        Self {
            tables,
            pool,
            tasks: BTreeMap::new(),
            smos: BTreeMap::new(),
            smo_ids: HashSet::new(),
            dead: Vec::new(),
            host: 0,
            in_flight: Vec::new(),
            changing: BTreeMap::new(),
        }
    }

    /// What a call of a living task may come to, now. When an end is not through yet, its places
    /// in the tables may count or not: `counts_ending` says which.
    #[must_use]
    pub fn expect(&self, caller: i32, call: &Call, counts_ending: bool) -> Expected {
        let answer = match *call {
            Call::Share {
                target,
                at,
                size,
                perms,
            } => {
                return match self.may_share(caller, (target, at, size, perms), counts_ending) {
                    Ok(()) => Expected::NewId,
                    Err(error) => Expected::Is(Err(error)),
                };
            }
            Call::Wait { port, timeout_ms } => return self.expect_wait(caller, port, timeout_ms),
            Call::Page(ref call) => return self.expect_page(caller, call, counts_ending),
            Call::Claim { smo } => self.may_claim(caller, smo).map(|()| 0),
            Call::Pass { smo, target } => self.may_pass(caller, smo, target).map(|()| 0),
            Call::Copy {
                is_write,
                smo,
                offset,
                size,
                at,
            } => self
                .may_copy(caller, is_write, smo, (offset, size, at))
                .map(|_| 0),
            Call::Size { smo } => self
                .targeted(caller, smo)
                .map(|smo| small(smo.stretch.range.len())),
            Call::LastError => Ok(self.tasks[&caller].last_error.code()),
            Call::CurrentTask => Ok(caller),
            Call::Watch { task, port } => self
                .may_watch(caller, task, port, counts_ending)
                .map(|()| 0),
            Call::Find {
                name,
                length,
                is_memory,
            } => self.find(name, length, is_memory),
            Call::Open { port } => self.may_open(caller, port, counts_ending).map(|_| 0),
            Call::Close { port } => self.open_port(caller, port).map(|_| 0),
            Call::Send { task, port, at } => self
                .may_send(caller, (task, port, at), counts_ending)
                .map(|_| 0),
            Call::Get {
                port,
                at,
                sender_at,
            } => self.may_get(caller, port, (at, sender_at)).map(|_| 0),
            Call::Count { port } => self
                .open_port(caller, port)
                .map(|port| small(port.queue.len())),
        };
        Expected::Is(answer)
    }

    /// Does what a call does that was answered so. Calls that sleep, and deliveries that are
    /// held up, have methods of their own.
    pub fn apply(&mut self, caller: i32, call: &Call, answer: Answer) {
        if let Call::Page(call) = call {
            let word = answer.expect("a word");
            return self.apply_page(caller, call, word);
        }
        if *call == Call::LastError {
            return;
        }
        self.note(caller, answer);
        let Ok(word) = answer else {
            return;
        };
        match *call {
            Call::Share {
                target,
                at,
                size,
                perms,
            } => self.share(caller, word, (target, at, size, perms)),
            Call::Claim { smo } => drop(self.smos.remove(&smo)),
            Call::Pass { smo, target } => self.pass(smo, target),
            Call::Copy {
                is_write,
                smo,
                offset,
                size,
                at,
            } => self.copy(caller, is_write, smo, (offset, size, at)),
            Call::Watch { task, port } => self.watch(caller, task, port),
            Call::Open { port } => self.open(caller, port),
            Call::Close { port } => self.close(caller, port),
            Call::Send { task, port, at } => self.send(caller, (task, port, at)),
            Call::Get { .. } => unreachable!("a delivery is taken, then arrives"),
            Call::Size { .. }
            | Call::LastError
            | Call::CurrentTask
            | Call::Find { .. }
            | Call::Count { .. }
            | Call::Wait { .. }
            | Call::Page(_) => {}
        }
    }

    /// The caller's `last_error` after this answer.
    pub fn note(&mut self, caller: i32, answer: Answer) {
        if let Some(task) = self.tasks.get_mut(&caller) {
            task.last_error = answer.err().unwrap_or(Error::Ok);
        }
    }

    /// Whether the number names a living task.
    #[must_use]
    pub fn is_alive(&self, task: i32) -> bool {
        task == self.host || self.tasks.get(&task).is_some_and(|task| !task.is_ending)
    }

    fn require_alive(&self, task: i32) -> Result<(), Error> {
        if self.is_alive(task) {
            Ok(())
        } else {
            Err(Error::InvalidTsk)
        }
    }

    /// Places of the task table, used or not, as `(open ports, of those beyond the sure ones)`
    /// need them.
    fn table_of_tasks(&self) -> usize {
        crate::index(self.tables.tasks)
    }
}

/// A count as a call's result.
fn small(count: usize) -> i32 {
    i32::try_from(count).expect("counts are small")
}
