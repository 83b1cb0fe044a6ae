//! The rules of pages on a machine of byte vectors: the worked cases of the
//! contract, what a failing step leaves, and what a call costs.

use std::cell::{Cell, RefCell};
use std::sync::Mutex;

use usufruct_abi::{MEMC_GIVE, MEMC_NOWRITE, MEMC_OKWRITE, Number, PortfolioError};
use usufruct_core::{
    Access, Copier, CopyFault, Denied, Ending, Fences, Kernel, Limits, Machine, NoMapping, Plane,
    Pool, PoolQuota, Quota, Reason, Reply, Run, Span, TaskKey, Thread, ThreadId, Transfer,
    Unmapped, end_task, serve, touch,
};

const PAGE: u64 = 64;
const PAGES: u32 = 96;
const START: u64 = 0x8000_0000;
const HEAP_BYTES: usize = 4096;
const HEAP: u64 = HEAP_BYTES as u64;
const TASKS: u32 = 8;

struct Spinning;

impl Fences for Spinning {
    fn pause(&self, _looks: u32) {
        std::hint::spin_loop();
    }
}

struct Paged {
    kernel: Mutex<Kernel>,
    plane: std::sync::Arc<Plane>,
    pool: RefCell<Vec<u8>>,
    heaps: RefCell<Vec<Vec<u8>>>,
    /// What the hardware would let through: one entry for each task and page.
    writable: RefCell<Vec<Vec<bool>>>,
    /// Protections carried out; and how many are left before giving fails.
    protections: Cell<u32>,
    fails_after: Cell<Option<u32>>,
}

/// Where a page begins in the pool.
fn offset(page: u32) -> usize {
    usize::try_from(u64::from(page) * PAGE).unwrap()
}

impl Paged {
    fn at(&self, task: TaskKey, address: u64) -> (bool, usize) {
        let pool = address.checked_sub(START);
        match pool {
            Some(offset) => (true, usize::try_from(offset).unwrap()),
            None => {
                assert!(address < HEAP, "{task:?} was let through to {address:#x}");
                (false, usize::try_from(address).unwrap())
            }
        }
    }

    fn bytes(&self, task: TaskKey, from: u64, len: usize) -> Vec<u8> {
        match self.at(task, from) {
            (true, at) => self.pool.borrow()[at..at + len].to_vec(),
            (false, at) => self.heaps.borrow()[task.index()][at..at + len].to_vec(),
        }
    }

    fn put(&self, task: TaskKey, to: u64, bytes: &[u8]) {
        match self.at(task, to) {
            (true, at) => self.pool.borrow_mut()[at..at + bytes.len()].copy_from_slice(bytes),
            (false, at) => {
                self.heaps.borrow_mut()[task.index()][at..at + bytes.len()].copy_from_slice(bytes);
            }
        }
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
        span.lies_below(HEAP)
    }

    fn copy_from_task(&self, approved: &Transfer<'_>) -> Result<(), CopyFault> {
        let len = approved.len_bytes() as usize;
        let bytes = self.bytes(approved.owner(), approved.owner_start(), len);
        self.put(approved.caller(), approved.caller_start(), &bytes);
        Ok(())
    }

    fn copy_to_task(&self, approved: &Transfer<'_>) -> Result<(), CopyFault> {
        let len = approved.len_bytes() as usize;
        let bytes = self.bytes(approved.caller(), approved.caller_start(), len);
        self.put(approved.owner(), approved.owner_start(), &bytes);
        Ok(())
    }

    fn load(&self, caller: TaskKey, from: u64, into: &mut [u8]) -> Result<(), Unmapped> {
        into.copy_from_slice(&self.bytes(caller, from, into.len()));
        Ok(())
    }

    fn store(&self, caller: TaskKey, to: u64, bytes: &[u8]) -> Result<(), Unmapped> {
        self.put(caller, to, bytes);
        Ok(())
    }

    fn wake(&self, _: ThreadId) {}

    fn reap(&self, task: TaskKey) {
        self.writable.borrow_mut()[task.index()].fill(false);
    }

    fn yield_now(&self) {}

    fn protect(&self, task: TaskKey, run: Run, writable: bool) -> Result<(), NoMapping> {
        self.protections.set(self.protections.get() + 1);
        if writable && self.fails_after.get() == Some(0) {
            return Err(NoMapping);
        }
        let left = self.fails_after.get().map(|left| left.saturating_sub(1));
        self.fails_after.set(left);
        self.writable.borrow_mut()[task.index()][run.first() as usize..run.end() as usize]
            .fill(writable);
        Ok(())
    }

    fn fill(&self, run: Run, byte: u8) {
        let range = offset(run.first())..offset(run.end());
        self.pool.borrow_mut()[range].fill(byte);
    }

    fn label(&self, run: Run) {
        let at = offset(run.first());
        let len = run.pages() * u32::try_from(PAGE).unwrap();
        self.pool.borrow_mut()[at..at + 4].copy_from_slice(&len.to_le_bytes());
    }
}

/// Three tasks, A, B and C, of `tasks` that can be.
struct World {
    machine: Paged,
    copier: Copier,
    threads: Vec<Thread>,
}

const A: usize = 0;
const B: usize = 1;
const C: usize = 2;

fn word(int: i32) -> u64 {
    u64::from(int.cast_unsigned())
}

impl World {
    fn new(tasks: u32) -> Self {
        let limits = Limits {
            tasks,
            smos: tasks * 8,
            messages: tasks * 8,
            processors: 1,
            pool: Pool {
                start: u32::try_from(START).unwrap(),
                page_bytes: u32::try_from(PAGE).unwrap(),
                pages: PAGES,
            },
        };
        let (kernel, copiers) = Kernel::new(limits, ()).unwrap();
        let per_task = |_| vec![false; PAGES as usize];
        let machine = Paged {
            plane: kernel.plane(),
            kernel: Mutex::new(kernel),
            pool: RefCell::new(vec![0; offset(PAGES)]),
            heaps: RefCell::new(vec![vec![0; HEAP_BYTES]; tasks as usize]),
            writable: RefCell::new((0..tasks).map(per_task).collect()),
            protections: Cell::new(0),
            fails_after: Cell::new(None),
        };
        let mut world = Self {
            machine,
            copier: copiers.into_vec().pop().unwrap(),
            threads: Vec::new(),
        };
        for name in [b"a", b"b", b"c"] {
            let thread = world.start(name, PoolQuota::default());
            world.threads.push(thread);
        }
        world
    }

    fn start(&self, name: &[u8], pool: PoolQuota) -> Thread {
        let quota = Quota {
            pool: Some(pool),
            ..Quota::default()
        };
        self.machine
            .with_kernel(|kernel| kernel.start_task(name, quota))
            .unwrap()
    }

    fn call(&mut self, who: usize, number: Number, words: [u64; 4]) -> i32 {
        let thread = &mut self.threads[who];
        let reply = serve(&self.machine, &mut self.copier, thread, number, words);
        let Reply::Word(answer) = reply else {
            panic!("{number:?} does not wait");
        };
        assert!(
            self.machine.with_kernel(|kernel| kernel.invariants_hold()),
            "after {number:?} {words:x?}"
        );
        answer
    }

    fn id(&self, who: usize) -> i32 {
        self.threads[who].task().raw()
    }

    fn control(&mut self, who: usize, (at, size): (u64, i32), command: i32, task: i32) -> i32 {
        let words = [at, word(size), word(command), word(task)];
        self.call(who, Number::ControlMem, words)
    }

    fn allocate(&mut self, who: usize, pages: u32) -> u64 {
        let size = u64::from(pages) * PAGE;
        let answer = self.call(who, Number::AllocMemBlocks, [size, 0, 0, 0]);
        u64::from(answer.cast_unsigned())
    }

    /// A store as the hardware sees it: whether it lands.
    fn stores(&self, who: usize, at: u64) -> bool {
        let key = self.threads[who].key();
        let page = usize::try_from((at - START) / PAGE).unwrap();
        if self.machine.writable.borrow()[key.index()][page] {
            return true;
        }
        let touched = touch(&self.machine, key, at).is_ok();
        assert_eq!(self.machine.writable.borrow()[key.index()][page], touched);
        touched
    }

    fn end(&self, who: usize) {
        let ending = Ending {
            status: 0,
            reason: Reason::Killed,
        };
        end_task(&self.machine, self.threads[who].task(), ending).unwrap();
        assert!(self.machine.with_kernel(|kernel| kernel.invariants_hold()));
    }
}

const BAD_PTR: i32 = PortfolioError::BadPtr.code();
const NO_MEM: i32 = PortfolioError::NoMem.code();

#[test]
fn the_worked_cases_of_the_contract() {
    let mut world = World::new(TASKS);
    let (a, b, c) = (world.id(A), world.id(B), world.id(C));
    let p = world.allocate(A, 2);
    assert_eq!(p, START);
    assert_eq!(
        world.machine.bytes(world.threads[A].key(), p, 4),
        [128, 0, 0, 0]
    );
    assert!(world.stores(A, p) && !world.stores(B, p));
    assert_eq!(world.control(A, (p + 10, 8), MEMC_OKWRITE, b), 0);
    assert!(world.stores(B, p) && !world.stores(B, p + PAGE));
    for (command, task) in [
        (MEMC_OKWRITE, c),
        (MEMC_GIVE, c),
        (MEMC_NOWRITE, a),
        (MEMC_NOWRITE, 0),
    ] {
        assert_eq!(world.control(B, (p, 8), command, task), BAD_PTR);
    }
    assert_eq!(world.control(B, (p, 8), MEMC_NOWRITE, b), 0);
    assert!(!world.stores(B, p));
    assert_eq!(world.control(A, (p + PAGE - 1, 2), MEMC_OKWRITE, b), 0);
    assert!(world.stores(B, p) && world.stores(B, p + PAGE));
    assert_eq!(world.control(A, (p, 8), MEMC_GIVE, b), 0);
    assert!(world.stores(A, p), "the giver keeps write");
    assert_eq!(world.control(A, (p, 8), MEMC_NOWRITE, b), BAD_PTR);
    assert_eq!(world.control(B, (p, 8), MEMC_NOWRITE, 0), 0);
    assert_eq!(world.control(B, (p, 8), MEMC_OKWRITE, b), 0);
    assert!(!world.stores(A, p) && world.stores(B, p));
    assert_eq!(world.control(A, (p, 128), MEMC_OKWRITE, c), BAD_PTR);
    assert!(!world.stores(C, p + PAGE), "none is changed");
    world.end(A);
    assert!(!world.stores(B, p + PAGE), "a dead owner's page is free");
}

#[test]
fn a_grant_to_everybody_is_taken_up_at_the_first_store() {
    let mut world = World::new(TASKS);
    let p = world.allocate(A, 1);
    let before = world.machine.protections.get();
    assert_eq!(world.control(A, (p, 1), MEMC_OKWRITE, 0), 0);
    assert_eq!(
        world.machine.protections.get(),
        before,
        "no mapping changes"
    );
    assert!(world.stores(B, p));
    assert_eq!(world.control(A, (p, 1), MEMC_NOWRITE, world.id(B)), 0);
    assert!(!world.stores(B, p) && world.stores(C, p));
    assert_eq!(world.control(A, (p, 1), MEMC_OKWRITE, 0), 0);
    assert!(world.stores(B, p), "everybody is granted again");
    let before = world.machine.protections.get();
    assert_eq!(world.control(A, (p, 1), MEMC_NOWRITE, 0), 0);
    assert_eq!(
        world.machine.protections.get(),
        before + 3,
        "A, B and C took it up"
    );
    assert!(!world.stores(A, p) && !world.stores(B, p) && !world.stores(C, p));
    assert_eq!(world.control(A, (p, 1), MEMC_OKWRITE, 0), 0);
    assert_eq!(world.control(A, (p, 1), MEMC_GIVE, world.id(C)), 0);
    assert!(!world.stores(B, p), "it ends when the page changes hands");
    assert!(world.stores(C, p));
}

#[test]
fn giving_is_undone_when_a_step_fails() {
    let mut world = World::new(TASKS);
    let p = world.allocate(A, 3);
    let b = world.id(B);
    // The middle page is B's to write already, so two runs have to be mapped.
    assert_eq!(world.control(A, (p + PAGE, 1), MEMC_OKWRITE, b), 0);
    for command in [MEMC_OKWRITE, MEMC_GIVE] {
        world.machine.fails_after.set(Some(1));
        let size = i32::try_from(3 * PAGE).unwrap();
        assert_eq!(world.control(A, (p, size), command, b), NO_MEM);
        world.machine.fails_after.set(None);
        assert!(!world.stores(B, p) && world.stores(B, p + PAGE) && !world.stores(B, p + 2 * PAGE));
        assert_eq!(world.call(A, Number::IsMemOwned, [p, 3 * PAGE, 0, 0]), 1);
    }
    world.machine.fails_after.set(Some(0));
    assert_eq!(world.allocate(B, 1), 0);
    world.machine.fails_after.set(None);
    assert_eq!(
        world.allocate(B, PAGES - 3),
        START + 3 * PAGE,
        "the page is free again"
    );
}

#[test]
fn a_store_for_a_task_lands_only_where_the_task_may_store() {
    let mut world = World::new(TASKS);
    let (a, b) = (word(world.id(A)), word(world.id(B)));
    let p = world.allocate(A, 2);
    let mine = world.allocate(B, 1);
    let no_permission = usufruct_abi::Error::NoPermission.code();
    let smo = word(world.call(A, Number::ShareMem, [b, p, 2 * PAGE, 6]));
    assert_eq!(world.call(B, Number::WriteMem, [smo, 0, 2 * PAGE, 0]), 0);
    assert_eq!(world.call(B, Number::ReadMem, [smo, 0, PAGE, mine]), 0);
    assert_eq!(
        world.control(A, (p + PAGE, 1), MEMC_NOWRITE, world.id(A)),
        0
    );
    assert_eq!(world.call(B, Number::WriteMem, [smo, 0, 2 * PAGE, 0]), -1);
    assert_eq!(world.threads[B].last_error().code(), no_permission);
    assert_eq!(world.call(B, Number::WriteMem, [smo, 0, PAGE, 0]), 0);
    assert_eq!(world.call(B, Number::ReadMem, [smo, 0, 8, p]), -1);
    assert_eq!(world.threads[B].last_error().code(), no_permission);
    // A message aimed at a page that its receiver may not write stays.
    assert_eq!(world.call(B, Number::OpenPort, [0; 4]), 0);
    assert_eq!(world.call(A, Number::SendMsg, [b, 0, 0, 0]), 0);
    for (message_at, sender_at) in [(p, 0), (0, p), (START + 60 * PAGE, 0), (p - 8, 0)] {
        assert_eq!(
            world.call(B, Number::GetMsg, [0, message_at, sender_at, 0]),
            -1
        );
        let error = world.threads[B].last_error();
        assert_eq!(error, usufruct_abi::Error::InvalidPtr);
    }
    assert_eq!(world.call(B, Number::GetMsg, [0, mine, mine + 16, 0]), 0);
    let sender = world.machine.bytes(world.threads[B].key(), mine + 16, 4);
    assert_eq!(u64::from(u32::from_le_bytes(sender.try_into().unwrap())), a);
}

#[test]
fn a_freed_page_is_zeroed() {
    let mut world = World::new(TASKS);
    let p = world.allocate(A, 2);
    world
        .machine
        .put(world.threads[A].key(), p + PAGE, b"secret");
    assert_eq!(world.control(A, (p, 128), MEMC_GIVE, 0), 0);
    let left = world.machine.bytes(world.threads[B].key(), p, offset(2));
    assert_eq!(left, vec![0; offset(2)]);
    let p = world.allocate(A, 1);
    world.machine.put(world.threads[A].key(), p, b"secret");
    world.end(A);
    let left = world.machine.bytes(world.threads[B].key(), p, offset(1));
    assert_eq!(left, vec![0; offset(1)]);
}

#[test]
fn a_reserve_is_kept_for_its_task() {
    let mut world = World::new(TASKS);
    let reserve = PoolQuota {
        pages: 20,
        reserve: 10,
    };
    let thread = world.start(b"promised", reserve);
    world.threads.push(thread);
    assert_eq!(world.allocate(A, PAGES - 9), 0);
    assert_ne!(world.allocate(A, PAGES - 10), 0);
    assert_eq!(world.allocate(B, 1), 0);
    let promised = world.allocate(3, 10);
    assert_ne!(promised, 0);
    // What it gives away it is still promised; so nothing may be given away
    // while nothing is free.
    assert_eq!(
        world.control(3, (promised, 1), MEMC_GIVE, world.id(A)),
        NO_MEM
    );
    assert_eq!(
        world.control(A, (START, i32::try_from(20 * PAGE).unwrap()), MEMC_GIVE, 0),
        0
    );
    assert_eq!(world.control(3, (promised, 1), MEMC_GIVE, world.id(A)), 0);
    assert_eq!(world.allocate(3, 12), 0, "over its quota");
    assert_ne!(world.allocate(3, 11), 0);
}

/// Calls of three tasks in no order, and their ends: the books agree with each
/// other after each, and the hardware never lets through what they do not.
#[test]
fn the_books_hold_whatever_is_called() {
    let mut world = World::new(TASKS);
    let mut state = 7_u64;
    let mut random = |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) % below
    };
    let rounds = if cfg!(miri) { 200 } else { 20_000 };
    let mut done = 0;
    for round in 0..rounds {
        let who = usize::try_from(random(3)).unwrap();
        let at = START + random(u64::from(PAGES)) * PAGE;
        let size = i32::try_from(1 + random(4 * PAGE)).unwrap();
        let to = world.id(usize::try_from(random(3)).unwrap());
        let fails = (random(8) == 0).then(|| u32::try_from(random(2)).unwrap());
        world.machine.fails_after.set(fails);
        match random(10) {
            0..4 => {
                let command = i32::try_from(1 + random(3)).unwrap();
                let task = if random(3) == 0 { 0 } else { to };
                done += u32::from(world.control(who, (at, size), command, task) == 0);
            }
            4..6 => {
                world.allocate(who, u32::try_from(1 + random(9)).unwrap());
            }
            6..9 => {
                let key = world.threads[who].key();
                let page = u32::try_from((at - START) / PAGE).unwrap();
                let lands = world.stores(who, at);
                let may = world.call(who, Number::IsMemWritable, [at, 1, 0, 0]) == 1;
                assert!(
                    may || !lands,
                    "{key:?} stored to page {page} in round {round}"
                );
            }
            _ => {
                world.machine.fails_after.set(None);
                if random(20) == 0 {
                    world.end(who);
                    world.threads[who] = world.start([b"a", b"b", b"c"][who], PoolQuota::default());
                }
            }
        }
    }
    assert!(done > rounds / 50, "{done} of {rounds}");
}

#[test]
fn a_call_costs_the_same_beside_many_idle_tasks() {
    let protections = |tasks: u32| {
        let mut world = World::new(tasks);
        for number in 3..tasks - 1 {
            let name = number.to_le_bytes();
            let thread = world.start(&name, PoolQuota::default());
            world.threads.push(thread);
        }
        let thread = &mut world.threads[A];
        let words = [START, 16 * PAGE, word(MEMC_OKWRITE), 0];
        let _ = serve(
            &world.machine,
            &mut world.copier,
            thread,
            Number::AllocMemBlocks,
            [16 * PAGE, 0, 0, 0],
        );
        let _ = serve(
            &world.machine,
            &mut world.copier,
            thread,
            Number::ControlMem,
            words,
        );
        assert!(touch(&world.machine, world.threads[B].key(), START).is_ok());
        let before = world.machine.protections.get();
        let words = [START, 16 * PAGE, word(MEMC_NOWRITE), 0];
        let _ = serve(
            &world.machine,
            &mut world.copier,
            &mut world.threads[A],
            Number::ControlMem,
            words,
        );
        world.machine.protections.get() - before
    };
    assert_eq!(
        protections(16),
        2,
        "the owner's run, and the page that B took up"
    );
    assert_eq!(protections(1000), 2);
}

/// A page that a thousand tasks have taken up: each is visited once, and what is
/// done for one does not grow with the others.
#[test]
fn a_grant_that_many_took_up_is_ended_task_by_task() {
    let tasks = if cfg!(miri) { 32 } else { 2000 };
    let mut world = World::new(tasks);
    let p = world.allocate(A, 1);
    assert_eq!(world.control(A, (p, 1), MEMC_OKWRITE, 0), 0);
    let mut takers: Vec<Thread> = (0..tasks - 4)
        .map(|number| world.start(&number.to_le_bytes(), PoolQuota::default()))
        .collect();
    for taker in &takers {
        assert!(touch(&world.machine, taker.key(), p).is_ok());
    }
    // The last of them stands in no record; when there is one for the refusal,
    // it is refused all the same.
    let ending = Ending {
        status: 0,
        reason: Reason::Exit,
    };
    end_task(&world.machine, takers.remove(0).task(), ending).unwrap();
    let last = takers.last().map(|taker| (taker.key(), taker.task().raw()));
    let (key, id) = last.unwrap();
    assert_eq!(world.control(A, (p, 1), MEMC_NOWRITE, id), 0);
    assert!(!world.machine.writable.borrow()[key.index()][0]);
    assert!(touch(&world.machine, key, p).is_err());
    let before = world.machine.protections.get();
    assert_eq!(world.control(A, (p, 1), MEMC_NOWRITE, 0), 0);
    let visits = world.machine.protections.get() - before;
    // The table holds a few of them. For the others, all attached tasks are visited.
    assert!(visits > tasks - 8, "{visits} visits");
    for taker in takers.iter().chain(&world.threads) {
        let writable = world.machine.writable.borrow();
        assert!(!writable[taker.key().index()][0]);
    }
}

#[test]
fn what_is_not_attached_sees_no_pool() {
    let mut world = World::new(TASKS);
    let thread = world
        .machine
        .with_kernel(|kernel| kernel.start_task(b"apart", Quota::default()))
        .unwrap();
    world.threads.push(thread);
    let p = world.allocate(A, 1);
    assert_eq!(world.control(A, (p, 1), MEMC_OKWRITE, 0), 0);
    assert_eq!(world.allocate(3, 1), 0);
    assert_eq!(world.control(3, (p, 1), MEMC_NOWRITE, 0), BAD_PTR);
    let bad_item = PortfolioError::BadItem.code();
    assert_eq!(world.control(A, (p, 1), MEMC_GIVE, world.id(3)), bad_item);
    for number in [Number::GetPageSize, Number::IsMemReadable] {
        assert_eq!(world.call(3, number, [0, 0, 0, 0]), 0);
    }
    let key = world.threads[3].key();
    assert_eq!(touch(&world.machine, key, p), Err(Denied::NotAttached));
    let apart = word(world.id(3));
    let smo = word(world.call(A, Number::ShareMem, [apart, 0, 8, 6]));
    assert_eq!(world.call(3, Number::ReadMem, [smo, 0, 8, p]), -1);
    let error = world.threads[3].last_error();
    assert_eq!(error, usufruct_abi::Error::InvalidPtr);
}
