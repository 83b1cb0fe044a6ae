//! Steps of page calls that fail, and how many steps a call takes.

use usufruct_abi::{MEMC_GIVE, MEMC_NOWRITE, MEMC_OKWRITE, Number, PortfolioError};
use usufruct_core::{Ending, Limits, Pool, PoolQuota, Quota, Reason, Thread};
use usufruct_sim::{Act, Called, Fault, Kind, Protections, Sim, Trouble};

const PAGE: u32 = 64;
const START: u32 = 0x8000_0000;

fn machine(tasks: u32) -> Sim {
    let limits = Limits {
        tasks,
        smos: 8 * tasks,
        messages: 8 * tasks,
        pool: Pool {
            start: START,
            page_bytes: PAGE,
            pages: 64,
        },
        ..Limits::default()
    };
    Sim::new(limits, ()).expect("sound limits")
}

fn start(sim: &Sim, name: &str) -> Thread {
    let quota = Quota {
        pool: Some(PoolQuota::default()),
        ..Quota::default()
    };
    let started = sim.start(name.as_bytes(), quota, vec![0; 256]);
    started.expect("there is room for a task")
}

fn call(sim: &Sim, thread: &mut Thread, number: Number, words: [u32; 4]) -> i32 {
    match sim.call(thread, number, words.map(u64::from)) {
        Called::Word(word) => word,
        called => panic!("{called:?}"),
    }
}

/// The address of a block of so many pages.
fn alloc(sim: &Sim, thread: &mut Thread, pages: u32) -> u32 {
    let word = call(sim, thread, Number::AllocMemBlocks, [pages * PAGE, 0, 0, 0]);
    assert_ne!(word, 0, "there is room for {pages} pages");
    word.cast_unsigned()
}

/// `ControlMem`, for a task or for 0.
fn control(
    sim: &Sim,
    thread: &mut Thread,
    (address, pages): (u32, u32),
    cmd: i32,
    task: i32,
) -> i32 {
    let words = control_words((address, pages), cmd, task);
    call(sim, thread, Number::ControlMem, words)
}

fn control_words((address, pages): (u32, u32), cmd: i32, task: i32) -> [u32; 4] {
    let (cmd, task) = (cmd.cast_unsigned(), task.cast_unsigned());
    [address, pages * PAGE, cmd, task]
}

/// The task's id.
fn id(thread: &Thread) -> i32 {
    thread.task().raw()
}

fn store(sim: &Sim, thread: &Thread, address: u32) -> Result<(), Fault> {
    sim.store(thread, address.into(), &[1])
}

fn is(sim: &Sim, thread: &mut Thread, number: Number, address: u32) -> bool {
    call(sim, thread, number, [address, PAGE, 0, 0]) == 1
}

fn fail_next(sim: &Sim, kind: Kind) {
    let act = Act::Fail;
    sim.make_trouble(Trouble { kind, act });
}

/// A grant whose first or whose second mapping can not be made: NOMEM, no right, no mapping; and
/// the next try succeeds.
#[test]
fn giving_is_undone_when_a_step_fails() {
    for step in [1, 2] {
        let sim = machine(4);
        let (mut a, mut b) = (start(&sim, "a"), start(&sim, "b"));
        let block = alloc(&sim, &mut a, 5);
        // So there are two runs to map, before it and behind it.
        let middle = (block + 2 * PAGE, 1);
        assert_eq!(control(&sim, &mut a, middle, MEMC_OKWRITE, id(&b)), 0);

        let words = control_words((block, 5), MEMC_OKWRITE, id(&b));
        let answer = fail_in_step(&sim, &mut a, words, step);
        assert_eq!(answer, PortfolioError::NoMem.code());
        for page in 0..5 {
            let address = block + page * PAGE;
            let may_write = is(&sim, &mut b, Number::IsMemWritable, address);
            assert_eq!(may_write, page == 2);
            assert_eq!(store(&sim, &b, address).is_ok(), page == 2);
            assert_eq!(store(&sim, &a, address), Ok(()));
        }
        assert!(sim.invariants_hold());
        assert_eq!(control(&sim, &mut a, (block, 5), MEMC_OKWRITE, id(&b)), 0);
        for page in 0..5 {
            assert_eq!(store(&sim, &b, block + page * PAGE), Ok(()));
        }
        assert!(sim.invariants_hold());
    }
}

/// A gift has no mapping to make, and is not refused for want of one.
#[test]
fn a_gift_does_not_fail_for_want_of_a_mapping() {
    let sim = machine(4);
    let (mut a, mut b) = (start(&sim, "a"), start(&sim, "b"));
    let block = alloc(&sim, &mut a, 5);
    fail_next(&sim, Kind::Open);
    assert_eq!(control(&sim, &mut a, (block, 5), MEMC_GIVE, id(&b)), 0);
    assert!(is(&sim, &mut b, Number::IsMemOwned, block));
    let _ = sim.take_protections();
    for page in 0..5 {
        assert_eq!(store(&sim, &b, block + page * PAGE), Ok(()));
        assert_eq!(store(&sim, &a, block), Ok(()), "the giver keeps write");
    }
    assert_eq!(
        sim.take_protections().opened,
        1,
        "the first store takes up all"
    );
    assert!(sim.invariants_hold());
}

/// `ControlMem`, whose first or second mapping can not be made.
fn fail_in_step(sim: &Sim, thread: &mut Thread, words: [u32; 4], step: u32) -> i32 {
    if step == 1 {
        fail_next(sim, Kind::Open);
        return call(sim, thread, Number::ControlMem, words);
    }
    let (kind, act) = (Kind::Open, Act::Wait);
    sim.make_trouble(Trouble { kind, act });
    let Called::Open(first) = sim.call(thread, Number::ControlMem, words.map(u64::from)) else {
        panic!("there was nothing to map");
    };
    fail_next(sim, Kind::Open);
    match sim.go_on(first, thread) {
        Called::Word(word) => word,
        called => panic!("{called:?}"),
    }
}

/// A block whose mapping can not be made: NULL, and the pages are as free as before.
#[test]
fn a_block_that_can_not_be_mapped_stays_free() {
    let sim = machine(4);
    let mut a = start(&sim, "a");
    fail_next(&sim, Kind::Open);
    let word = call(&sim, &mut a, Number::AllocMemBlocks, [64 * PAGE, 0, 0, 0]);
    assert_eq!(word, 0);
    assert!(!is(&sim, &mut a, Number::IsMemOwned, START));
    assert!(store(&sim, &a, START).is_err());
    assert_eq!(alloc(&sim, &mut a, 64), START);
    assert!(sim.invariants_hold());
}

/// Taking is carried out whatever the machine says: it has no way to fail.
#[test]
fn taking_never_fails() {
    let sim = machine(4);
    let (mut a, b) = (start(&sim, "a"), start(&sim, "b"));
    let block = alloc(&sim, &mut a, 2);
    for kind in [Kind::Shut, Kind::Drain, Kind::Fill, Kind::CancelReads] {
        assert_eq!(control(&sim, &mut a, (block, 1), MEMC_OKWRITE, id(&b)), 0);
        fail_next(&sim, kind);
        assert_eq!(control(&sim, &mut a, (block, 1), MEMC_NOWRITE, id(&b)), 0);
        assert!(store(&sim, &b, block).is_err());
        sim.make_peace();
    }
    fail_next(&sim, Kind::Shut);
    assert_eq!(control(&sim, &mut a, (block, 2), MEMC_GIVE, 0), 0);
    assert!(store(&sim, &a, block).is_err());
}

/// A machine that protects more than it was asked to: the rest comes back at the next store, and
/// what was taken does not.
#[test]
fn what_was_protected_too_much_comes_back() {
    let sim = machine(4);
    let (mut a, b) = (start(&sim, "a"), start(&sim, "b"));
    let block = alloc(&sim, &mut a, 3);
    assert_eq!(control(&sim, &mut a, (block, 3), MEMC_OKWRITE, id(&b)), 0);
    let act = Act::More;
    sim.make_trouble(Trouble {
        kind: Kind::Shut,
        act,
    });
    let middle = (block + PAGE, 1);
    assert_eq!(control(&sim, &mut a, middle, MEMC_NOWRITE, id(&b)), 0);
    assert_eq!(sim.take_protections().shut, 1);
    for (page, lands) in [(0, true), (1, false), (2, true)] {
        assert_eq!(store(&sim, &b, block + page * PAGE).is_ok(), lands);
    }
    assert_eq!(
        sim.take_protections().opened,
        2,
        "one for each page asked for again"
    );
}

/// What the mappings cost: as many steps as tasks whose mapping changes, and none for others.
#[test]
fn a_call_visits_those_alone_whose_mapping_changes() {
    let (few, many) = (mappings_changed(3), mappings_changed(60));
    assert_eq!(few, many, "idle tasks cost nothing");
}

/// Changes of mappings in a story with so many tasks that have nothing to do with it.
fn mappings_changed(idle: u32) -> Vec<Protections> {
    let sim = machine(idle + 8);
    let mut idle: Vec<Thread> = (0..idle)
        .map(|n| start(&sim, &format!("idle{n}")))
        .collect();
    let mut a = start(&sim, "a");
    let takers = ["b", "c", "d"].map(|name| start(&sim, name));
    let block = alloc(&sim, &mut a, 16);
    let (run, own) = ((block, 16), id(&a));
    let mut all = vec![sim.take_protections()];
    assert_eq!(
        (all[0].opened, all[0].shut),
        (1, 0),
        "one step for a whole run"
    );

    let mut note = |opened: u64, shut: u64, what: &str| {
        let seen = sim.take_protections();
        assert_eq!((seen.opened, seen.shut), (opened, shut), "{what}");
        all.push(seen);
    };
    assert_eq!(control(&sim, &mut a, run, MEMC_OKWRITE, 0), 0);
    note(0, 0, "a grant to everybody changes no mapping");
    assert_eq!(control(&sim, &mut a, run, MEMC_NOWRITE, 0), 0);
    note(0, 1, "nobody has taken it up but the owner");
    assert_eq!(control(&sim, &mut a, run, MEMC_OKWRITE, own), 0);
    note(0, 0, "the owner restores itself");
    assert_eq!(store(&sim, &a, block), Ok(()));
    note(1, 0, "and takes it up at its first store");
    assert_eq!(control(&sim, &mut a, run, MEMC_OKWRITE, 0), 0);
    for taker in &takers {
        assert_eq!(store(&sim, taker, block + 3 * PAGE), Ok(()));
    }
    note(3, 0, "each taker takes up one page");
    assert_eq!(control(&sim, &mut a, run, MEMC_NOWRITE, 0), 0);
    note(0, 4, "three takers, and the owner");
    for task in takers.iter().chain(idle.first()) {
        assert!(store(&sim, task, block + 3 * PAGE).is_err());
    }
    let gone = idle.pop().map(|task| task.task()).expect("some are idle");
    let ending = Ending {
        status: 0,
        reason: Reason::Exit,
    };
    assert_eq!(sim.end(gone, ending), Ok(None));
    note(0, 0, "the end of one that holds nothing");
    all
}
