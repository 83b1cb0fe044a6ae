//! The pool, and the page calls as methods of a [`World`]: who calls comes first, then a
//! [`Run`] of pages, or an address and a size.

use crate::memory::index;
use crate::rig::{PageQuota, Pool, Rig};
use crate::world::{PATIENCE, SMO_QUOTA, Task, World};
use usufruct_abi::{
    ENDED_FORBIDDEN_STORE, MEMC_GIVE, MEMC_NOWRITE, MEMC_OKWRITE, Number, PortfolioError,
};
use usufruct_probe_core::{Command, Operation};

/// What `ControlMem` said: 0, or an error word.
pub type PageAnswer = Result<(), PortfolioError>;

/// Neighbouring pages of the pool, by the number of the first and their count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// The first page's number in the pool.
    pub first: u32,
    /// How many.
    pub pages: u32,
}

impl Run {
    /// One of these pages.
    #[must_use]
    pub fn page(self, number: u32) -> Self {
        assert!(number < self.pages, "{self:?} has no page {number}");
        Self {
            first: self.first + number,
            pages: 1,
        }
    }
}

/// What `AvailMem` says, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemInfo {
    /// Free in the system.
    pub system_free: u32,
    /// The largest block of it.
    pub system_largest: u32,
    /// Free for the task.
    pub task_free: u32,
    /// The largest block of it.
    pub task_largest: u32,
}

/// Where [`World::avail`] has its answer put, as an offset into the arena.
const INFO_AT: u64 = 0xf_e000;

impl<R: Rig> World<R> {
    /// Where the pool is.
    ///
    /// # Panics
    ///
    /// If the machine has none.
    #[must_use]
    pub fn pool(&self) -> Pool {
        R::pool().expect("a machine with a pool")
    }

    /// The size of a page, in bytes.
    #[must_use]
    pub fn page_bytes(&self) -> i32 {
        i32::try_from(self.pool().page_bytes).expect("pages are small")
    }

    /// The pages of the pool.
    #[must_use]
    pub fn whole_pool(&self) -> Run {
        Run {
            first: 0,
            pages: self.tables().pages,
        }
    }

    /// Starts a task that is attached to the pool and may own all of it.
    pub fn start_attached(&mut self, name: &str) -> Task {
        let quota = PageQuota {
            pages: self.tables().pages,
            reserve: 0,
        };
        self.start_with_pages(name, quota)
    }

    /// Starts a task that may own so many pages.
    pub fn start_with_pages(&mut self, name: &str, quota: PageQuota) -> Task {
        let started = self.try_start_attached(name, SMO_QUOTA, quota);
        started.unwrap_or_else(|refusal| panic!("task {name:?} did not start: {refusal}"))
    }

    // Addresses.

    /// The address of the first byte of a run.
    #[must_use]
    pub fn address(&self, run: Run) -> i64 {
        let pool = self.pool();
        i64::from(pool.start) + i64::from(run.first) * i64::from(pool.page_bytes)
    }

    /// The bytes of a run: address and size.
    #[must_use]
    pub fn bytes(&self, run: Run) -> (i64, i32) {
        let bytes = i64::from(run.pages) * i64::from(self.page_bytes());
        let bytes = i32::try_from(bytes).expect("pools of scripts are small");
        (self.address(run), bytes)
    }

    /// The page that an address is in, and the next ones.
    #[must_use]
    pub fn run_at(&self, address: i64, pages: u32) -> Run {
        let pool = self.pool();
        let offset = address - i64::from(pool.start);
        assert_eq!(offset % i64::from(pool.page_bytes), 0, "a page's address");
        let first = u32::try_from(offset / i64::from(pool.page_bytes));
        Run {
            first: first.expect("an address in the pool"),
            pages,
        }
    }

    // Calls.

    /// `ControlMem` of any range, with any words.
    pub fn control(
        &mut self,
        caller: Task,
        range: (i64, i32),
        cmd: i32,
        task_id: i32,
    ) -> PageAnswer {
        let words = [range.0, range.1.into(), cmd.into(), task_id.into()];
        match self.word(caller, Number::ControlMem, words) {
            0 => Ok(()),
            word => {
                let error = PortfolioError::from_code(word);
                Err(error.unwrap_or_else(|| panic!("ControlMem: {word:#x} is no error word")))
            }
        }
    }

    /// `ControlMem` of a run, for a task or for 0.
    fn control_run(&mut self, caller: Task, run: Run, cmd: i32, task: Option<Task>) -> PageAnswer {
        let id = task.map_or(0, |task| self.id(task));
        self.control(caller, self.bytes(run), cmd, id)
    }

    /// MEMC_NOWRITE for a task, or for everybody.
    pub fn nowrite(&mut self, caller: Task, run: Run, task: impl Into<Option<Task>>) -> PageAnswer {
        self.control_run(caller, run, MEMC_NOWRITE, task.into())
    }

    /// MEMC_OKWRITE for a task, or for everybody.
    pub fn okwrite(&mut self, caller: Task, run: Run, task: impl Into<Option<Task>>) -> PageAnswer {
        self.control_run(caller, run, MEMC_OKWRITE, task.into())
    }

    /// MEMC_GIVE to a task, or to the system.
    pub fn give(&mut self, caller: Task, run: Run, task: impl Into<Option<Task>>) -> PageAnswer {
        self.control_run(caller, run, MEMC_GIVE, task.into())
    }

    /// `AllocMemBlocks`; the block's address, or `None` for NULL.
    pub fn try_alloc(&mut self, caller: Task, size: i32, flags: i32) -> Option<i64> {
        let words = [size.into(), flags.into(), 0, 0];
        let word = self.word(caller, Number::AllocMemBlocks, words);
        (word != 0).then(|| i64::from(word.cast_unsigned()))
    }

    /// So many pages, if there are as many.
    pub fn try_alloc_pages(&mut self, caller: Task, pages: u32) -> Option<Run> {
        let size = i32::try_from(pages).expect("few pages") * self.page_bytes();
        let address = self.try_alloc(caller, size, 0)?;
        Some(self.run_at(address, pages))
    }

    /// So many pages.
    pub fn alloc(&mut self, caller: Task, pages: u32) -> Run {
        let run = self.try_alloc_pages(caller, pages);
        run.unwrap_or_else(|| panic!("no {pages} pages for {caller:?}"))
    }

    /// `IsMemReadable`.
    pub fn is_readable(&mut self, caller: Task, range: (i64, i32)) -> bool {
        self.ask(caller, Number::IsMemReadable, range)
    }

    /// `IsMemWritable`.
    pub fn is_writable(&mut self, caller: Task, range: (i64, i32)) -> bool {
        self.ask(caller, Number::IsMemWritable, range)
    }

    /// `IsMemOwned`.
    pub fn is_owned(&mut self, caller: Task, range: (i64, i32)) -> bool {
        self.ask(caller, Number::IsMemOwned, range)
    }

    fn ask(&mut self, caller: Task, number: Number, range: (i64, i32)) -> bool {
        match self.word(caller, number, [range.0, range.1.into(), 0, 0]) {
            0 => false,
            1 => true,
            word => panic!("{} says {word}", number.name()),
        }
    }

    /// `AvailMem`.
    pub fn avail(&mut self, caller: Task) -> MemInfo {
        let address = self.at(caller, INFO_AT);
        self.word(caller, Number::AvailMem, [address, 0, 0, 0]);
        let bytes = self.load(caller, address, 16);
        let word = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|byte| bytes[at + byte]));
        MemInfo {
            system_free: word(0),
            system_largest: word(4),
            task_free: word(8),
            task_largest: word(12),
        }
    }

    // What everybody may do with which page.

    /// For each page of the pool, for each of the tasks: does it own it, may it write it?
    pub fn statuses(&mut self, tasks: &[Task]) -> Vec<Vec<(bool, bool)>> {
        let pages = 0..self.tables().pages;
        let of_page = |first| {
            let range = self.bytes(Run { first, pages: 1 });
            let status =
                |task: &Task| (self.is_owned(*task, range), self.is_writable(*task, range));
            tasks.iter().map(status).collect()
        };
        pages.map(of_page).collect()
    }

    /// Whether the task may write each page of a run, as the kernel says.
    pub fn writable_pages(&mut self, task: Task, run: Run) -> Vec<bool> {
        let pages = 0..run.pages;
        pages
            .map(|number| {
                let range = self.bytes(run.page(number));
                self.is_writable(task, range)
            })
            .collect()
    }

    // Loads and stores.

    /// The task loads bytes from any address; few of them.
    pub fn load(&mut self, task: Task, address: i64, bytes: u64) -> Vec<u8> {
        let words = [address.cast_unsigned(), bytes, 0, 0];
        self.command(task, Operation::Load, words, &[]).data
    }

    /// The task stores a few bytes to any address, and lives on.
    pub fn store(&mut self, task: Task, address: i64, bytes: &[u8]) {
        let words = [address.cast_unsigned(), 0, 0, 0];
        self.command(task, Operation::Store, words, bytes);
    }

    /// The task stores one byte all over a range.
    pub fn fill_at(&mut self, task: Task, (address, bytes): (i64, i32), byte: u8) {
        let (address, bytes) = (address.cast_unsigned(), u64::from(bytes.unsigned_abs()));
        self.command(task, Operation::Fill, [address, bytes, byte.into(), 0], &[]);
    }

    /// The task stores to each page of a run, at both its ends, and sees what it has stored.
    pub fn store_to(&mut self, task: Task, run: Run, byte: u8) {
        for number in 0..run.pages {
            let (start, bytes) = self.bytes(run.page(number));
            for address in [start, start + i64::from(bytes) - 1] {
                self.store(task, address, &[byte]);
                assert_eq!(self.load(task, address, 1), [byte], "at {address:#x}");
            }
        }
    }

    /// The task loads the first byte of each page of a run.
    pub fn first_bytes(&mut self, task: Task, run: Run) -> Vec<u8> {
        let pages = 0..run.pages;
        pages
            .map(|number| self.load(task, self.address(run.page(number)), 1)[0])
            .collect()
    }

    /// The task carries a command out that stores where it may not, and ends so. A task that
    /// can only say that it is not dead is at fault.
    pub fn ends_by_store(&mut self, task: Task, command: Command<'_>) {
        self.post(task, command);
        let ending = self.rig.ending(self.probe(task), PATIENCE);
        let ending = ending.unwrap_or_else(|| panic!("{task:?} lives after a forbidden store"));
        assert_eq!(ending.reason, ENDED_FORBIDDEN_STORE, "{task:?}: {ending:?}");
        self.ending(task);
    }

    /// The task stores one byte where it may not: it ends, and `witness` sees that nothing
    /// was stored.
    pub fn store_faults(&mut self, task: Task, address: i64, witness: Task) {
        let before = self.load(witness, address, 1);
        let command = Command {
            operation: Operation::Store,
            number: 0,
            words: [address.cast_unsigned(), 0, 0, 0],
            data: &[before[0] ^ 0xff],
        };
        self.ends_by_store(task, command);
        assert_eq!(self.load(witness, address, 1), before, "at {address:#x}");
    }

    /// Whether all bytes of a run are this one, as the task sees them.
    pub fn is_all(&mut self, task: Task, run: Run, byte: u8) -> bool {
        let (address, bytes) = self.bytes(run);
        let words = [
            address.cast_unsigned(),
            u64::from(bytes.unsigned_abs()),
            0,
            0,
        ];
        let seen = self.command(task, Operation::Checksum, words, &[]).value;
        seen == crate::checksum(&vec![byte; index(bytes)])
    }
}
