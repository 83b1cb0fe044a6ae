//! The yardstick machine: a task is a byte vector, and every step of the border
//! can be made to fail or to wait.
//!
//! ```text
//!   lib.rs       Sim: tasks, their memory, calls; what a test asks of it
//!   machine.rs   what core asks of it
//!   pool.rs      the pages, each task's view of them, and its loads and stores
//!   trouble.rs   which step fails or waits next
//! ```
//!
//! It is one thread, so that a test decides every order of things: a step that
//! is told to wait keeps its call open, other calls come in between, and
//! [`Sim::go_on`] carries it out at last.

#![forbid(unsafe_code)]

mod machine;
mod pool;
mod trouble;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;

use usufruct_abi::Number;
use usufruct_core::{
    BadLimits, Copier, Denied, Ending, Kernel, Limits, Outcome, Plane, Pool, Progress, Quota,
    Reply, Request, Sink, Step, TaskId, TaskKey, Thread, ThreadId, Wait, Work, carry_out,
};

pub use pool::{Fault, Protections};
pub use trouble::{Act, Kind, Trouble};

/// A machine whose tasks are byte vectors.
#[derive(Debug)]
pub struct Sim<S: Sink + Clone = ()> {
    kernel: RefCell<Kernel<S>>,
    plane: Arc<Plane>,
    copier: RefCell<Copier>,
    sink: S,
    /// The memory at each index of the kernel's task table, and whose it is.
    memories: RefCell<Vec<Memory>>,
    pool: Pool,
    /// The bytes of the pool.
    pages: RefCell<Vec<u8>>,
    protections: Cell<Protections>,
    woken: RefCell<Vec<ThreadId>>,
    troubles: RefCell<Vec<Trouble>>,
    open_calls: RefCell<BTreeMap<u32, OpenCall>>,
    next_open_call: Cell<u32>,
}

/// A task's memory. A key names one life, so that nobody finds another's at the same index.
#[derive(Debug, Default)]
struct Memory {
    of: Option<TaskKey>,
    bytes: Vec<u8>,
    /// Which pages its stores go through to; none if it is not attached.
    view: Vec<bool>,
}

impl Memory {
    /// Its bytes, if it is this life's.
    fn bytes_of(&self, task: TaskKey) -> &[u8] {
        if self.of == Some(task) {
            &self.bytes
        } else {
            &[]
        }
    }

    fn bytes_of_mut(&mut self, task: TaskKey) -> &mut [u8] {
        if self.of == Some(task) {
            &mut self.bytes
        } else {
            &mut []
        }
    }
}

/// In so many it hangs.
const FOR_EVER: u32 = 1 << 20;
/// In so many looks in vain, a call does not only clear up in batches: it waits for another.
const PATIENCE: u32 = 200;

/// A call and its words.
type Call = (Number, [u64; 4]);

/// A call, or an ending, that was told to wait in the middle of a step.
#[derive(Debug)]
struct OpenCall {
    progress: Progress,
    caller: Option<(ThreadId, Call)>,
}

/// Names a call in the middle of a step that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OpenCallId(u32);

/// What a call has come to so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Called {
    /// It is over: its word.
    Word(i32),
    /// The thread waits for a message.
    Block(Wait),
    /// A step was told to wait; the call goes on with [`Sim::go_on`].
    Open(OpenCallId),
}

impl<S: Sink + Clone> Sim<S> {
    /// A machine with one processor and no task but `host`, which has no memory.
    ///
    /// # Errors
    ///
    /// Which of the limits can not be kept.
    pub fn new(limits: Limits, sink: S) -> Result<Self, BadLimits> {
        let limits = Limits {
            processors: 1,
            ..limits
        };
        let (kernel, copiers) = Kernel::new(limits, sink.clone())?;
        let bytes = usize::try_from(limits.pool.bytes(limits.pool.pages));
        let bytes = bytes.map_err(|_| BadLimits::Pool)?;
        let copier = copiers.into_iter().next().ok_or(BadLimits::Processors)?;
        Ok(Self {
            plane: kernel.plane(),
            kernel: RefCell::new(kernel),
            copier: RefCell::new(copier),
            sink,
            memories: RefCell::new((0..limits.tasks).map(|_| Memory::default()).collect()),
            pool: limits.pool,
            pages: RefCell::new(vec![0; bytes]),
            protections: Cell::default(),
            woken: RefCell::default(),
            troubles: RefCell::default(),
            open_calls: RefCell::default(),
            next_open_call: Cell::new(0),
        })
    }

    /// A thread of the host.
    #[must_use]
    pub fn host(&self) -> Thread {
        self.kernel.borrow().host()
    }

    /// Starts a task with this memory, which begins at address 0.
    ///
    /// # Errors
    ///
    /// The kernel's refusal.
    pub fn start(&self, name: &[u8], quota: Quota, memory: Vec<u8>) -> Result<Thread, Denied> {
        let thread = self.kernel.borrow_mut().start_task(name, quota)?;
        let key = thread.key();
        let pages = if key.is_attached() {
            self.pool.pages as usize
        } else {
            0
        };
        self.memories.borrow_mut()[key.index()] = Memory {
            of: Some(key),
            bytes: memory,
            view: vec![false; pages],
        };
        Ok(thread)
    }

    /// Ends a task. `None` when it is done; else a step waits.
    ///
    /// # Errors
    ///
    /// No such living task, or it is the host.
    pub fn end(&self, task: TaskId, ending: Ending) -> Result<Option<OpenCallId>, Denied> {
        let progress = self.kernel.borrow_mut().end_task(task, ending);
        match self.drive(progress) {
            progress @ Progress::Do(_) => Ok(Some(self.keep_open(progress, None))),
            Progress::Answer(answer) => answer.map(|_| None),
            Progress::Block(_) => Ok(None),
        }
    }

    /// Makes a call as this thread, through the guests' own door.
    pub fn call(&self, thread: &mut Thread, number: Number, words: [u64; 4]) -> Called {
        if let Some(request) = Request::decode(self, thread, number, words) {
            let progress = self.kernel.borrow_mut().begin(thread, &request);
            return self.settle(thread, (number, words), progress);
        }
        let copier = &mut *self.copier.borrow_mut();
        match usufruct_core::serve(self, copier, thread, number, words) {
            Reply::Word(word) => Called::Word(word),
            Reply::Block(wait) => Called::Block(wait),
        }
    }

    /// Goes on with a thread that waited for a message and was woken, or whose
    /// time is up.
    pub fn resume(&self, thread: &mut Thread, wait: Wait, timed_out: bool) -> Called {
        let progress = self.kernel.borrow_mut().resume(thread, wait, timed_out);
        self.settle(
            thread,
            (Number::WaitMsg, [u64::from(wait.port), 0, 0, 0]),
            progress,
        )
    }

    /// Carries out the step that waits, and goes on with its call. `thread` is the one that called, or any
    /// when an ending waits.
    ///
    /// # Panics
    ///
    /// If no such call is open, or another thread's is.
    pub fn go_on(&self, id: OpenCallId, thread: &mut Thread) -> Called {
        let open = self
            .open_calls
            .borrow_mut()
            .remove(&id.0)
            .expect("this call is open");
        let progress = self.carry_on(open.progress);
        match open.caller {
            Some((caller, call)) => {
                assert_eq!(caller, thread.id(), "the call is that thread's");
                self.settle(thread, call, progress)
            }
            None => match self.drive(progress) {
                progress @ Progress::Do(_) => Called::Open(self.keep_open(progress, None)),
                Progress::Answer(answer) => Called::Word(answer.unwrap_or(-1)),
                Progress::Block(wait) => Called::Block(wait),
            },
        }
    }

    /// The calls in the middle of a step that waits, oldest first.
    #[must_use]
    pub fn open_calls(&self) -> Vec<OpenCallId> {
        self.open_calls
            .borrow()
            .keys()
            .copied()
            .map(OpenCallId)
            .collect()
    }

    /// Whether a call that was told to wait is over all the same: others had to wait for it.
    #[must_use]
    pub fn is_over(&self, id: OpenCallId) -> bool {
        let calls = self.open_calls.borrow();
        !matches!(calls.get(&id.0), Some(open) if matches!(open.progress, Progress::Do(_)))
    }

    /// From here on, the next step of the trouble's kind fails or waits.
    pub fn make_trouble(&self, trouble: Trouble) {
        self.troubles.borrow_mut().push(trouble);
    }

    /// Forgets all trouble that has not come to pass.
    pub fn make_peace(&self) {
        self.troubles.borrow_mut().clear();
    }

    /// The threads that were woken since this was asked last.
    #[must_use]
    pub fn take_woken(&self) -> Vec<ThreadId> {
        self.woken.take()
    }

    /// Whether the kernel's books agree with each other. (`usufruct_core`, I1 to I6)
    #[must_use]
    pub fn invariants_hold(&self) -> bool {
        self.kernel.borrow().invariants_hold()
    }

    /// Carries steps out until one is told to wait, or the call is over.
    fn settle(&self, thread: &mut Thread, call: Call, progress: Progress) -> Called {
        match self.drive(progress) {
            progress @ Progress::Do(_) => {
                Called::Open(self.keep_open(progress, Some((thread.id(), call))))
            }
            progress => match usufruct_core::settle(self, thread, call, progress) {
                Reply::Word(word) => Called::Word(word),
                Reply::Block(wait) => Called::Block(wait),
            },
        }
    }

    fn drive(&self, mut progress: Progress) -> Progress {
        let mut yields = 0;
        while let Progress::Do(step) = progress {
            let kind = Kind::of(step.work());
            let outcome = match self.take_trouble(kind) {
                Some(Act::Wait) => return Progress::Do(step),
                Some(Act::Fail) if matches!(kind, Kind::Deliver | Kind::Open) => Outcome::Failed,
                _ => self.carry_out_now(step.work()),
            };
            yields = if kind == Kind::Yield { yields + 1 } else { 0 };
            if yields > PATIENCE {
                let passed = self.let_steps_pass();
                assert!(passed || yields < FOR_EVER, "a call waits for nobody");
            }
            progress = self.kernel.borrow_mut().done(step, outcome);
        }
        progress
    }

    /// Carries out the one step that waited.
    fn carry_on(&self, progress: Progress) -> Progress {
        match progress {
            Progress::Do(step) => {
                let outcome = self.carry_out_now(step.work());
                self.kernel.borrow_mut().done(step, outcome)
            }
            over => over,
        }
    }

    /// Other calls come in when the test makes them, so a yield is nothing here.
    fn carry_out_now(&self, work: &Work) -> Outcome {
        match work {
            Work::Yield => Outcome::Done,
            work => carry_out(self, work),
        }
    }

    /// Whoever must wait its turn lets those take a step who were told to wait in one that
    /// others can wait for; their calls stay open. The barrier of an ending passes only when
    /// nobody else is before: few wait for that, and behind it the ending may be through. Says
    /// whether there was anybody.
    fn let_steps_pass(&self) -> bool {
        let waits = std::mem::take(&mut *self.open_calls.borrow_mut());
        let is_waited_for = |open: &OpenCall| match &open.progress {
            Progress::Do(step) => self.is_waited_for(step.work()),
            Progress::Answer(_) | Progress::Block(_) => false,
        };
        let is_end = |open: &OpenCall| {
            let is_drain = |step: &Step| matches!(step.work(), Work::Drain(_));
            open.caller.is_none() && matches!(&open.progress, Progress::Do(step) if is_drain(step))
        };
        let before = |open: &&OpenCall| is_waited_for(open);
        let only_ends = waits.values().filter(before).all(is_end);
        let mut passed = false;
        for (id, mut open) in waits {
            if is_waited_for(&open) && (only_ends || !is_end(&open)) {
                open.progress = self.carry_on(open.progress);
                passed = true;
            }
            self.open_calls.borrow_mut().insert(id, open);
        }
        passed
    }

    /// Whether others may have to wait until this is done: a barrier, and what holds pages.
    fn is_waited_for(&self, work: &Work) -> bool {
        let holds_page = |at: u64, len: usize| self.in_pool(at, len).is_some();
        match work {
            Work::Drain(_)
            | Work::Protect { .. }
            | Work::Fill { .. }
            | Work::Label(_)
            | Work::CancelReads { .. } => true,
            Work::Deliver(delivery) => {
                let sender = delivery.sender.is_some_and(|(at, _)| holds_page(at, 4));
                sender || holds_page(delivery.message_at, delivery.message.len())
            }
            Work::Wake(_) | Work::Reap(_) | Work::Yield => false,
        }
    }

    fn keep_open(&self, progress: Progress, caller: Option<(ThreadId, Call)>) -> OpenCallId {
        let id = self.next_open_call.get();
        self.next_open_call.set(id + 1);
        self.open_calls
            .borrow_mut()
            .insert(id, OpenCall { progress, caller });
        OpenCallId(id)
    }

    /// The trouble that waits for a step of this kind; it comes to pass once. What makes a step
    /// do more is left for the step itself.
    fn take_trouble(&self, kind: Kind) -> Option<Act> {
        let is_next = |trouble: &Trouble| trouble.kind == kind && trouble.act != Act::More;
        self.take_first(is_next)
    }

    /// Whether this step is to do more than it is asked to.
    fn takes_more(&self, kind: Kind) -> bool {
        let is_next = |trouble: &Trouble| trouble.kind == kind && trouble.act == Act::More;
        self.take_first(is_next).is_some()
    }

    fn take_first(&self, is_next: impl Fn(&Trouble) -> bool) -> Option<Act> {
        let mut troubles = self.troubles.borrow_mut();
        let next = troubles.iter().position(is_next)?;
        Some(troubles.remove(next).act)
    }
}
