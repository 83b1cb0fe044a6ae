//! A machine of byte vectors.

use std::cell::{Cell, RefCell};
use std::sync::{Arc, Mutex};

use usufruct_core::{
    Access, CopyFault, Fences, Kernel, Machine, NoMapping, Plane, Pool, Run, Span, TaskKey,
    ThreadId, Transfer, Unmapped,
};

/// A task's private memory, from address 0.
const HEAP_BYTES: usize = 4096;

pub(crate) struct Spinning;

impl Fences for Spinning {
    fn pause(&self, _looks: u32) {
        std::hint::spin_loop();
    }
}

/// What the hardware has for one task's place in the tables.
struct Mapped {
    /// Whose it is: none's before it is born, and once it is reaped.
    life: u64,
    heap: Vec<u8>,
    /// Whether stores go through, for each page.
    writable: Vec<bool>,
}

pub(crate) struct Paged {
    kernel: Mutex<Kernel>,
    plane: Arc<Plane>,
    pages: Pool,
    pool: RefCell<Vec<u8>>,
    tasks: RefCell<Vec<Mapped>>,
    /// Protections carried out; and how many are left before giving fails.
    pub(crate) protections: Cell<u32>,
    pub(crate) fails_after: Cell<Option<u32>>,
    /// Who loses some pages loses all: the machine can not split the mapping now.
    pub(crate) takes_all: Cell<bool>,
    /// What streams are reading into: pages by number, and for whom.
    pub(crate) reads: RefCell<Vec<(TaskKey, u32)>>,
}

fn index(number: u64) -> usize {
    usize::try_from(number).unwrap()
}

impl Paged {
    pub(crate) fn new(kernel: Kernel, tasks: u32, pages: Pool) -> Self {
        let nobody = |_| Mapped {
            life: 0,
            heap: vec![0; HEAP_BYTES],
            writable: vec![false; pages.pages as usize],
        };
        Self {
            plane: kernel.plane(),
            kernel: Mutex::new(kernel),
            pages,
            pool: RefCell::new(vec![0; index(pages.bytes(pages.pages))]),
            tasks: RefCell::new((0..tasks).map(nobody).collect()),
            protections: Cell::new(0),
            fails_after: Cell::new(None),
            takes_all: Cell::new(false),
            reads: RefCell::default(),
        }
    }

    /// A task is born, with no page mapped.
    pub(crate) fn bear(&self, task: TaskKey) {
        self.tasks.borrow_mut()[task.index()].life = task.life();
    }

    /// Whether this life of the task has memory still.
    pub(crate) fn is_there(&self, task: TaskKey) -> bool {
        self.tasks.borrow()[task.index()].life == task.life()
    }

    /// Whether the hardware lets the task's stores to a page through.
    pub(crate) fn lets_through(&self, task: TaskKey, page: u32) -> bool {
        self.is_there(task) && self.tasks.borrow()[task.index()].writable[page as usize]
    }

    /// Where an address lies: in the pool, or else in a heap.
    fn at(&self, task: TaskKey, address: u64) -> (bool, usize) {
        if let Some(offset) = address.checked_sub(u64::from(self.pages.start)) {
            return (true, index(offset));
        }
        let at = index(address);
        assert!(at < HEAP_BYTES, "{task:?} was let through to {at:#x}");
        (false, at)
    }

    pub(crate) fn bytes(&self, task: TaskKey, from: u64, len: u64) -> Vec<u8> {
        let len = index(len);
        match self.at(task, from) {
            (true, at) => self.pool.borrow()[at..at + len].to_vec(),
            (false, at) => self.tasks.borrow()[task.index()].heap[at..at + len].to_vec(),
        }
    }

    pub(crate) fn put(&self, task: TaskKey, to: u64, bytes: &[u8]) {
        match self.at(task, to) {
            (true, at) => self.pool.borrow_mut()[at..at + bytes.len()].copy_from_slice(bytes),
            (false, at) => {
                let heap = &mut self.tasks.borrow_mut()[task.index()].heap;
                heap[at..at + bytes.len()].copy_from_slice(bytes);
            }
        }
    }

    /// Where a page begins in the pool.
    fn offset(&self, page: u32) -> usize {
        index(self.pages.bytes(page))
    }
}

impl Machine for Paged {
    type Sink = ();
    type Fences = Spinning;

    fn with_kernel<R>(&self, rule: impl FnOnce(&mut Kernel) -> R) -> R {
        rule(&mut self.kernel.lock().unwrap())
    }

    fn plane(&self) -> &Plane {
        &self.plane
    }

    fn fences(&self) -> &Spinning {
        &Spinning
    }

    fn sink(&self) -> &() {
        &()
    }

    fn reaches(&self, _: TaskKey, span: Span, _: Access) -> bool {
        span.lies_below(HEAP_BYTES as u64)
    }

    fn copy_from_task(&self, approved: &Transfer<'_>) -> Result<(), CopyFault> {
        let len = u64::from(approved.len_bytes());
        let bytes = self.bytes(approved.owner(), approved.owner_start(), len);
        self.put(approved.caller(), approved.caller_start(), &bytes);
        Ok(())
    }

    fn copy_to_task(&self, approved: &Transfer<'_>) -> Result<(), CopyFault> {
        let len = u64::from(approved.len_bytes());
        let bytes = self.bytes(approved.caller(), approved.caller_start(), len);
        self.put(approved.owner(), approved.owner_start(), &bytes);
        Ok(())
    }

    fn load(&self, caller: TaskKey, from: u64, into: &mut [u8]) -> Result<(), Unmapped> {
        into.copy_from_slice(&self.bytes(caller, from, into.len() as u64));
        Ok(())
    }

    fn store(&self, caller: TaskKey, to: u64, bytes: &[u8]) -> Result<(), Unmapped> {
        self.put(caller, to, bytes);
        Ok(())
    }

    fn wake(&self, _: ThreadId) {}

    fn reap(&self, task: TaskKey) {
        let mapped = &mut self.tasks.borrow_mut()[task.index()];
        mapped.life = 0;
        mapped.writable.fill(false);
        self.reads
            .borrow_mut()
            .retain(|(reader, _)| *reader != task);
    }

    fn yield_now(&self) {}

    fn protect(&self, task: TaskKey, run: Run, writable: bool) -> Result<(), NoMapping> {
        self.protections.set(self.protections.get() + 1);
        // The mappings of the dead have gone, and are not the next one's.
        if !self.is_there(task) {
            return Ok(());
        }
        if writable && self.fails_after.get() == Some(0) {
            return Err(NoMapping);
        }
        let left = self.fails_after.get().map(|left| left.saturating_sub(1));
        self.fails_after.set(left);
        let mapped = &mut self.tasks.borrow_mut()[task.index()];
        if !writable && self.takes_all.get() {
            mapped.writable.fill(false);
        }
        mapped.writable[run.first() as usize..run.end() as usize].fill(writable);
        Ok(())
    }

    fn fill(&self, run: Run, byte: u8) {
        let range = self.offset(run.first())..self.offset(run.end());
        self.pool.borrow_mut()[range].fill(byte);
    }

    fn label(&self, run: Run) {
        let at = self.offset(run.first());
        let len = run.pages() * self.pages.page_bytes;
        self.pool.borrow_mut()[at..at + 4].copy_from_slice(&len.to_le_bytes());
    }

    fn cancel_reads(&self, task: TaskKey, run: Run) {
        let pages = run.first()..run.end();
        let is_meant = |(reader, page): &(TaskKey, u32)| *reader == task && pages.contains(page);
        self.reads.borrow_mut().retain(|read| !is_meant(read));
    }
}
