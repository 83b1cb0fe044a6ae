//! Which pages streams may use, and whose reads end by which call.

use usufruct_abi::{MEMC_GIVE, MEMC_NOWRITE, MEMC_OKWRITE};
use usufruct_core::{Access, Machine, PoolQuota, Quota, Run, Span};

use crate::world::{A, B, C, PAGE, PAGES, START, TASKS, World, size};

impl World {
    /// Whether a task's streams may load from, and store to, so many bytes.
    fn streams(&self, who: usize, (at, len): (u64, u64)) -> (bool, bool) {
        let machine = &self.machine;
        let Some(run) = machine.plane().pool().run_of(Span::new(at, len).unwrap()) else {
            return (false, false);
        };
        let key = self.threads[who].key();
        let may = |access| machine.with_kernel(|kernel| kernel.may_stream(key, run, access));
        (may(Access::Load), may(Access::Store))
    }

    /// Begins a read into a page, and says whether that may be.
    pub(crate) fn begin_read(&self, who: usize, at: u64) -> bool {
        let may = self.streams(who, (at, 1)).1;
        if may {
            let page = u32::try_from((at - START) / PAGE).unwrap();
            let read = (self.threads[who].key(), page);
            self.machine.reads.borrow_mut().push(read);
        }
        may
    }

    /// The pages that a task's reads go on into.
    fn reading(&self, who: usize) -> Vec<u32> {
        let key = self.threads[who].key();
        let reads = self.machine.reads.borrow();
        let own = reads.iter().filter(|(reader, _)| *reader == key);
        own.map(|(_, page)| *page).collect()
    }
}

#[test]
fn a_task_must_own_the_memory_for_its_io_buffers() {
    let mut world = World::new(TASKS);
    let (a, b) = (world.id(A), world.id(B));
    let p = world.allocate(A, 3);
    let all = (p, 3 * PAGE);
    assert_eq!(world.streams(A, all), (true, true));
    assert_eq!(world.streams(A, (p, 0)), (false, false), "it names no page");
    assert_eq!(world.streams(B, all), (false, false), "not its own");
    assert_eq!(world.control(A, (p, 1), MEMC_OKWRITE, b), 0);
    assert_eq!(world.streams(B, (p, 1)), (false, false), "only may write");
    assert_eq!(
        world.streams(A, (p, 4 * PAGE)),
        (false, false),
        "one is free"
    );
    assert_eq!(world.streams(A, (START - 1, 2)), (false, false));
    let end = START + u64::from(PAGES) * PAGE;
    assert_eq!(world.streams(A, (end - 1, 2)), (false, false));
    assert_eq!(world.streams(A, (u64::MAX, 0)), (false, false));

    assert_eq!(world.control(A, (p + PAGE, 1), MEMC_NOWRITE, a), 0);
    assert_eq!(world.streams(A, all), (true, false));
    assert_eq!(world.streams(A, (p, PAGE)), (true, true));
    assert_eq!(world.streams(A, (p, PAGE + 1)), (true, false));
    assert_eq!(world.control(A, (p + PAGE, 1), MEMC_OKWRITE, 0), 0);
    assert_eq!(world.streams(A, all), (true, true), "as everybody may");
    assert_eq!(world.control(A, (p, 1), MEMC_GIVE, b), 0);
    assert_eq!(
        world.streams(A, (p, 1)),
        (false, false),
        "it may write still"
    );
    assert_eq!(world.streams(B, (p, 1)), (true, true));
    let gone = world.threads[B].key();
    world.end(B);
    assert!(!world.machine.with_kernel(|kernel| {
        let run = Run::between(0, 1).unwrap();
        kernel.may_stream(gone, run, Access::Load)
    }));
    let apart = world
        .machine
        .with_kernel(|kernel| kernel.start_task(b"apart", Quota::default()))
        .unwrap();
    world.threads.push(apart);
    assert_eq!(world.streams(3, (p, 1)), (false, false), "not attached");
}

#[test]
fn who_loses_a_page_or_the_right_to_write_it_reads_there_no_more() {
    // Who calls, on which of A's three pages, what, about whom; and which of A's
    // reads, one into each page, go on.
    let (all, middle) = ((0, 3), (1, 1));
    for (caller, (first, pages), command, about, left) in [
        (A, middle, MEMC_NOWRITE, Some(A), vec![0, 2]),
        (A, middle, MEMC_NOWRITE, None, vec![0, 2]),
        (A, all, MEMC_NOWRITE, None, vec![]),
        (A, middle, MEMC_GIVE, Some(C), vec![0, 2]),
        (A, middle, MEMC_GIVE, None, vec![0, 2]),
        (A, all, MEMC_NOWRITE, Some(B), vec![0, 1, 2]),
        (A, all, MEMC_OKWRITE, Some(C), vec![0, 1, 2]),
        (A, all, MEMC_OKWRITE, None, vec![0, 1, 2]),
        (A, all, MEMC_GIVE, Some(A), vec![0, 1, 2]),
        (B, all, MEMC_NOWRITE, Some(B), vec![0, 1, 2]),
        (B, all, MEMC_NOWRITE, None, vec![0, 1, 2]),
    ] {
        let mut world = World::new(TASKS);
        let p = world.allocate(A, 3);
        let (b, whole) = (world.id(B), (p, size(3 * PAGE)));
        assert_eq!(world.control(A, whole, MEMC_OKWRITE, b), 0);
        assert!((0..3).all(|page| world.begin_read(A, p + page * PAGE)));
        let run = (p + first * PAGE, size(pages * PAGE));
        let about_id = about.map_or(0, |who| world.id(who));
        world.control(caller, run, command, about_id);
        assert_eq!(world.reading(A), left, "{caller} {command} {about:?}");
    }
}

/// The one way to end another's right to write what it owns: a refusal for which
/// there is no record ends the grant to everybody, and with it the owner's own.
#[test]
fn a_read_ends_with_the_grant_to_everybody_that_it_stands_on() {
    let mut world = World::with_pool(TASKS, PAGE, 4);
    let p = world.allocate(A, 1);
    assert_eq!(world.control(A, (p, 1), MEMC_NOWRITE, 0), 0);
    assert_eq!(world.control(A, (p, 1), MEMC_OKWRITE, 0), 0);
    assert!(world.begin_read(A, p));
    let strangers = [B, C, world.join(PoolQuota::default())];
    for (number, who) in strangers.into_iter().enumerate() {
        assert_eq!(world.reading(A), [0], "before refusal {number}");
        let own = world.id(who);
        assert_eq!(world.control(who, (p, 1), MEMC_NOWRITE, own), 0);
    }
    assert_eq!(world.streams(A, (p, 1)), (true, false));
    assert_eq!(world.reading(A), [] as [u32; 0]);
}

#[test]
fn the_dead_read_no_more() {
    let mut world = World::new(TASKS);
    let p = world.allocate(A, 1);
    assert!(world.begin_read(A, p));
    world.end(A);
    assert_eq!(world.reading(A), [] as [u32; 0]);
}
