//! The tables, and the two ways into them: `begin` a call, and say a step is `done`.

use alloc::boxed::Box;
use alloc::sync::Arc;

use crate::border::{Change, Outcome, Progress, Step, Wait};
use crate::error::{BadLimits, Denied};
use crate::id::{TaskId, TaskKey};
use crate::limits::{Limits, PoolQuota, Quota, SURE_SMOS};
use crate::message::Messages;
use crate::name::Names;
use crate::page::{Books, PageRequest};
use crate::pin::{Copier, Plane};
use crate::sink::Sink;
use crate::slots::Slots;
use crate::smo::{Share, Smo};
use crate::span::Span;
use crate::table::{NONE, Table};
use crate::task::{Ending, HOST, Task, TaskSlot};
use crate::thread::Thread;
use usufruct_abi::MSG_BYTES;

/// A control call with its words, and with what the machine has read for it out
/// of the caller's memory (`None`: it is not the caller's memory). The words
/// are unchecked: every number may be a lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(
    missing_docs,
    reason = "the fields are the words of the call, by their names"
)]
pub enum Request {
    /// `share_mem`; `span` is the range if all of it is the caller's memory.
    ShareMem {
        target: i32,
        span: Option<Span>,
        size: i32,
        permissions: i32,
    },
    /// `claim_mem`
    ClaimMem { smo: i32 },
    /// `pass_mem`
    PassMem { smo: i32, target: i32 },
    /// `watch_task`
    WatchTask { task: i32, port: i32 },
    /// `find_task`; `name` holds `len` bytes of the caller's memory.
    FindTask {
        len: i32,
        name: Option<[u8; usufruct_abi::MAX_TASK_NAME_BYTES]>,
    },
    /// `open_port`
    OpenPort { port: i32 },
    /// `close_port`
    ClosePort { port: i32 },
    /// `send_msg`
    SendMsg {
        task: i32,
        port: i32,
        message: Option<[u8; MSG_BYTES]>,
    },
    /// `get_msg`
    GetMsg {
        port: i32,
        message_at: u64,
        sender_at: u64,
    },
    /// `get_msg_count`
    GetMsgCount { port: i32 },
    /// `wait_msg`; any negative timeout is none.
    WaitMsg { port: i32, timeout_ms: i32 },
    /// One of the second document's calls.
    Page(PageRequest),
}

/// The books of the control plane. A machine keeps it behind its one short lock.
#[derive(Debug)]
pub struct Kernel<S: Sink = ()> {
    pub(crate) limits: Limits,
    pub(crate) sink: S,
    pub(crate) plane: Arc<Plane>,
    pub(crate) tasks: Table<Task>,
    pub(crate) task_slots: Slots,
    pub(crate) task_ids: Table<TaskSlot>,
    pub(crate) names: Names,
    pub(crate) first_free_task: u32,
    pub(crate) smos: Table<Smo>,
    pub(crate) smo_slots: Slots,
    /// Objects that living tasks own.
    pub(crate) smos_owned: u32,
    /// Objects that tasks are sure of and do not own now.
    pub(crate) smos_unmet: u32,
    pub(crate) messages: Messages,
    pub(crate) pages: Books,
    /// Lives of tasks so far, and openings of records: 64 bits, they never wrap.
    pub(crate) lives: u64,
    pub(crate) tenures: u64,
}

impl<S: Sink> Kernel<S> {
    /// Makes a kernel with one task, `host`, and the copiers of its processors.
    /// This is the last time that it allocates.
    ///
    /// # Errors
    ///
    /// Which of the limits can not be kept.
    pub fn new(limits: Limits, sink: S) -> Result<(Self, Box<[Copier]>), BadLimits> {
        limits.check()?;
        let smo_slots = Slots::count_for(limits.smos);
        let plane = Arc::new(Plane::new(smo_slots, &limits));
        let copiers = plane.copiers();
        let anybody = TaskId::from_raw(1).ok_or(BadLimits::Tasks)?;
        let last = limits.tasks.saturating_sub(1);
        let after = |index: u32| {
            if index < last {
                index.saturating_add(1)
            } else {
                NONE
            }
        };
        let mut kernel = Self {
            limits,
            sink,
            plane,
            tasks: Table::new(limits.tasks, |index| Task::nobody(anybody, after(index))),
            task_slots: Slots::new(limits.tasks),
            task_ids: Table::new(Slots::count_for(limits.tasks), |_| TaskSlot {
                index: NONE,
                ending: Ending::FORGOTTEN,
            }),
            names: Names::new(limits.tasks),
            first_free_task: HOST,
            smos: Table::new(smo_slots, |_| Smo::FREE),
            smo_slots: Slots::new(limits.smos),
            smos_owned: 0,
            smos_unmet: limits.tasks.saturating_mul(SURE_SMOS),
            messages: Messages::new(limits),
            pages: Books::new(limits.pool),
            lives: 0,
            tenures: 0,
        };
        let quota = Quota {
            smos: limits.smos,
            pool: (limits.pool.pages > 0).then(PoolQuota::default),
        };
        kernel
            .start_task(b"host", quota)
            .map_err(|_| BadLimits::Tasks)?;
        Ok((kernel, copiers))
    }

    /// What both planes see.
    #[must_use]
    pub fn plane(&self) -> Arc<Plane> {
        self.plane.clone()
    }

    /// A thread of the task `host`: the program that this kernel is part of.
    #[must_use]
    pub fn host(&self) -> Thread {
        let host = self.tasks.at(HOST);
        Thread::new(
            TaskKey {
                index: HOST,
                life: host.life,
            },
            host.id,
        )
    }

    /// Begins a call of a guest.
    pub fn begin(&mut self, caller: &Thread, request: &Request) -> Progress {
        if !self.plane.lives(caller.key) {
            return Progress::Answer(Err(Denied::CallerEnding));
        }
        self.decide(caller, request).into()
    }

    fn decide(&mut self, caller: &Thread, request: &Request) -> Result<Progress, Denied> {
        match *request {
            Request::ShareMem {
                target,
                span,
                size,
                permissions,
            } => self.share(
                caller,
                &Share {
                    target,
                    size,
                    permissions,
                    span,
                },
            ),
            Request::ClaimMem { smo } => self.claim(caller, smo),
            Request::PassMem { smo, target } => self.pass(caller, smo, target),
            Request::WatchTask { task, port } => self.watch(caller, task, port),
            Request::FindTask { len, name } => {
                let len = usize::try_from(len).map_err(|_| Denied::NoSuchName)?;
                if len == 0 || len > usufruct_abi::MAX_TASK_NAME_BYTES {
                    return Err(Denied::NoSuchName);
                }
                let name = name.ok_or(Denied::CallerMemory)?;
                self.find_task(name.get(..len).ok_or(Denied::NoSuchName)?)
            }
            Request::OpenPort { port } => self.open_port(caller, port),
            Request::ClosePort { port } => self.close_port(caller, port),
            Request::SendMsg {
                task,
                port,
                message,
            } => self.send(caller, (task, port), message),
            Request::GetMsg {
                port,
                message_at,
                sender_at,
            } => self.get(caller, port, (message_at, sender_at)),
            Request::GetMsgCount { port } => self.message_count(caller, port),
            Request::WaitMsg { port, timeout_ms } => {
                self.wait(caller, (port, u32::try_from(timeout_ms).ok()), false)
            }
            Request::Page(page) => self.page_call(caller, &page),
        }
    }

    /// Goes on with a call or an ending whose step has been carried out.
    pub fn done(&mut self, step: Step, outcome: Outcome) -> Progress {
        match step.change {
            Change::Smo { slot } => {
                self.settle(slot);
                Progress::answer(0)
            }
            Change::Answer(answer) => Progress::Answer(answer),
            Change::Delivery {
                place,
                receiver,
                port,
                opening,
                lease,
            } => {
                self.give_back(&lease);
                self.delivered((place, receiver), (port, opening), outcome)
            }
            Change::Told { lease } => {
                self.give_back(&lease);
                Progress::answer(0)
            }
            Change::Again {
                caller,
                task,
                request,
            } => self.begin(&Thread::new(caller, task), &request),
            Change::Pages(change) => self.go_on_with_pages(change, outcome),
            Change::OnePage(one) => self.go_on_with_one(one, outcome),
            Change::Ending { index, stage } => self.go_on_ending(index, stage, outcome),
        }
    }

    /// Goes on with a thread that waited and was woken, or whose time is up.
    /// Should it block again, its timeout still counts from the first time.
    pub fn resume(&mut self, caller: &Thread, wait: Wait, timed_out: bool) -> Progress {
        if !self.plane.lives(caller.key) {
            return Progress::Answer(Err(Denied::CallerEnding));
        }
        let Wait { port, timeout_ms } = wait;
        self.wait(caller, (i32::from(port), timeout_ms), timed_out)
            .into()
    }
}
