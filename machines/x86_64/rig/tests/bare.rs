//! What the suite can not know of: two processors, page tables and rings.
#![cfg(qemu)]

use std::collections::BTreeSet;
use std::time::Instant;
use usufruct_abi::{
    ENDED_FORBIDDEN_STORE, ENDED_KILLED, ENDED_TRAP, Error, Number, READ_PERM, WRITE_PERM,
};
use usufruct_conformance::probe_core::{Command, Operation};
use usufruct_conformance::{PATIENCE, Probe, Rig, Tables, World, part};
use usufruct_x86_64_rig::{BareRig, Program, Setup};

/// Where every probe's program has its instructions (task.ld), and the kernel its own.
const PROGRAM: u64 = 0x40_0000;
const KERNEL: u64 = 0xffff_ffff_8020_0000;

fn world() -> World<BareRig> {
    world_on(Setup::USUAL)
}

fn world_on(setup: Setup) -> World<BareRig> {
    let tables = Tables::OF_THE_SUITE;
    World::on(BareRig::boot_on(setup, Program::Probe, tables), tables)
}

#[test]
fn probes_run_on_both_processors_in_turn() {
    let mut rig = BareRig::boot_on(Setup::USUAL, Program::Probe, Tables::OF_THE_SUITE);
    let processors = ["a", "b", "c", "d"].map(|name| {
        let probe = rig.start(name.as_bytes(), 8).unwrap();
        rig.processor(probe).unwrap()
    });
    assert_eq!(processors, [0, 1, 0, 1]);
}

/// On the machines that the suite is not run on as a rule: copies between the processors, a
/// right to a page that comes and goes, an end.
fn works_on(setup: Setup) {
    let mut world = world_on(setup);
    let tasks = ["a", "b", "c", "d"].map(|name| world.start_attached(name));
    let [owner, reader, ..] = tasks;
    let mut processors = (0..4).map(|probe| world.rig.processor(Probe(probe)).unwrap());
    let used: BTreeSet<_> = processors.by_ref().collect();
    assert_eq!(used.len(), setup.processors.min(tasks.len()), "{setup:?}");
    world.poke(owner, 0, b"from one to another");
    let smo = world.share(owner, reader, part(0, 19), READ_PERM);
    assert_eq!(world.read(reader, smo, (0, 19), 0), Ok(0));
    assert_eq!(world.peek(reader, 0, 19), b"from one to another");
    let page = world.alloc(owner, 1);
    for task in tasks {
        assert_eq!(world.okwrite(owner, page, task), Ok(()));
        world.store_to(task, page, 7);
    }
    for task in tasks.into_iter().skip(1) {
        assert_eq!(world.nowrite(owner, page, task), Ok(()));
        world.store_faults(task, world.address(page), owner);
    }
    world.compare_ledgers();
}

#[test]
fn one_processor_is_enough() {
    works_on(Setup {
        processors: 1,
        ..Setup::USUAL
    });
}

#[test]
fn four_processors_of_a_q35_work_together() {
    works_on(Setup {
        machine: "q35",
        processors: 4,
        ..Setup::USUAL
    });
}

/// A kernel with a bug says where it is, and ends the whole machine with a status of its own:
/// a stack that is used up, a store to code, data that is executed, an address of a task's.
#[test]
fn a_bug_of_the_kernel_ends_the_machine_and_says_where() {
    /// `processor::Verdict::Panic`, as QEMU's exit status has it.
    const PANIC: Option<i32> = Some(0x7f << 1 | 1);
    const PAGE_FAULT: &str = "exception 14, error ";
    for (bug, words) in [
        ("panic", "provoked"),
        ("stack", "exception 8, "),
        ("code", &format!("{PAGE_FAULT}0x3, ")),
        ("data", &format!("{PAGE_FAULT}0x11, ")),
        ("nothing", &format!("{PAGE_FAULT}0x0, ")),
    ] {
        let (status, said) = BareRig::provoke(bug);
        assert_eq!(status, PANIC, "{bug}: {said}");
        assert!(said.contains("kernel panic: "), "{bug}: {said}");
        assert!(said.contains(words), "{bug}: {said}");
    }
}

/// Tasks get their memory from its end, which is behind 4 GiB here.
#[test]
fn memory_behind_the_first_gibibytes_is_used() {
    for machine in ["microvm", "q35"] {
        works_on(Setup {
            machine,
            megabytes: 6 << 10,
            ..Setup::USUAL
        });
    }
}

/// Two readers, one on each processor, and an owner that takes both objects back while they
/// read: each gets whole copies, and then none.
#[test]
fn both_processors_copy_while_the_owner_claims() {
    const BYTES: i32 = 200_000;
    let mut world = world();
    let tasks = ["owner", "there", "here"].map(|name| world.start(name));
    let [owner, readers @ ..] = tasks;
    let bytes = u64::from(BYTES.unsigned_abs());
    world.fill(owner, 0, bytes, 0x11);
    let whole = world.checksum(owner, 0, bytes);
    let mut copies = [0; 2];
    let mut rounds = 0;
    // A loaded host may give a processor no time for many rounds.
    while rounds < 20 || copies.iter().any(|count| *count < 20) {
        rounds += 1;
        assert!(rounds < 2000, "{copies:?} copies in {rounds} rounds");
        let lent = readers.map(|reader| world.share(owner, reader, part(0, BYTES), READ_PERM));
        for (reader, smo) in readers.into_iter().zip(lent) {
            let words = [smo.into(), 0, BYTES.into(), world.at(reader, 0)];
            world.post_repeat(reader, Number::ReadMem, words, 0);
        }
        world.rig.advance(2);
        for smo in lent {
            assert_eq!(world.claim(owner, smo), Ok(0));
        }
        world.fill(owner, 0, bytes, 0x22);
        for (reader, copies) in readers.into_iter().zip(&mut copies) {
            let (count, last) = world.repeated(reader, Number::ReadMem);
            assert_eq!(last, Err(Error::InvalidSmo));
            *copies += count;
            if count > 0 {
                assert_eq!(world.checksum(reader, 0, bytes), whole, "a late byte");
            }
        }
        world.fill(owner, 0, bytes, 0x11);
    }
    world.compare_ledgers();
}

/// The kernel names the instruction, the page, its owner, who may write, and what would have
/// allowed the store, in a frame on the serial line and on the log.
#[test]
fn the_report_of_a_forbidden_store_says_what_would_have_allowed_it() {
    let mut world = world();
    let [a, b, c] = ["a", "b", "c"].map(|name| world.start_attached(name));
    let page = world.alloc(a, 1);
    assert_eq!(world.okwrite(a, page, c), Ok(()));
    let address = world.address(page);
    world.post(b, store_of_a_byte(address));
    assert_eq!(world.ending(b).reason, ENDED_FORBIDDEN_STORE);
    let [a, b, c] = [a, b, c].map(|task| world.id(task));
    // Probes are numbered in the order of their starts.
    let words = world.rig.last_words(Probe(1)).to_owned();
    let at = words.strip_prefix("instruction 0x4").expect(&words);
    let (_, rest) = at.split_once(": ").expect(&words);
    let expected = format!(
        "task `b` ({b}), thread {b}, stored to {address:#x} in page 0, which task `a` ({a}) owns \
         and tasks `c` ({c}), `a` ({a}) may write; \
         a ControlMem(MEMC_OKWRITE) of task `a` ({a}) for task `b` ({b}) would have allowed it"
    );
    assert_eq!(rest, expected);
    // It comes by a way of its own, which may be slower.
    let until = Instant::now() + PATIENCE;
    while !world.rig.said().contains(&words) {
        assert!(Instant::now() < until, "{}", world.rig.said());
        world.rig.advance(1);
    }
}

/// One task stores to a page as fast as it can, on one processor; on the other its owner
/// takes the right away, and from then on the page stands still.
#[test]
fn no_store_of_another_processor_lands_after_the_right_is_taken() {
    let mut world = world();
    let owner = world.start_attached("owner");
    let pages = world.alloc(owner, 2);
    for round in 0..50 {
        let writer = world.start_attached("writer");
        assert_eq!(world.okwrite(owner, pages, writer), Ok(()));
        world.post_keep_storing(writer, world.bytes(pages), 0x77);
        world.rig.advance(1);
        assert_eq!(world.nowrite(owner, pages, writer), Ok(()));
        world.fill_at(owner, world.bytes(pages), 0);
        let ending = world.rig.ending(Probe(round + 1), PATIENCE);
        let reason = ending.map(|ending| ending.reason);
        assert_eq!(reason, Some(ENDED_FORBIDDEN_STORE), "round {round}");
        world.give_up(writer);
        assert!(
            world.is_all(owner, pages, 0),
            "a late byte in round {round}"
        );
    }
}

/// The page tables of tasks that saw the pool go with them, and the pool stays.
#[test]
fn an_ended_task_leaves_the_pool_as_it_was() {
    let mut world = world();
    let owner = world.start_attached("owner");
    let whole = world.whole_pool();
    let pages = world.alloc(owner, whole.pages);
    world.fill_at(owner, world.bytes(pages), 0x5a);
    for _ in 0..300 {
        let visitor = world.start_attached("visitor");
        world.kill(visitor);
    }
    assert!(world.is_all(owner, pages, 0x5a));
}

fn store_of_a_byte(address: i64) -> Command<'static> {
    Command {
        operation: Operation::Store,
        number: 0,
        words: [address.cast_unsigned(), 0, 0, 0],
        data: &[1],
    }
}

/// A thousand megabytes of tasks, one after another, on a machine of 64.
#[test]
fn an_ended_task_leaves_all_its_memory() {
    let mut rig = BareRig::boot_on(Setup::USUAL, Program::Probe, Tables::OF_THE_SUITE);
    for _ in 0..1000 {
        let probe = rig.start(b"again", 8).unwrap();
        rig.kill(probe);
        assert!(rig.ending(probe, PATIENCE).is_some());
    }
}

/// Four tasks on two processors compute for a while, each with values of its own in its
/// vector registers: a probe that finds another's there ends itself.
#[test]
fn registers_of_tasks_that_take_turns_stay_their_own() {
    let mut world = world();
    let tasks = ["a", "b", "c", "d"].map(|name| world.start(name));
    for task in tasks {
        world.post_spin(task);
    }
    world.rig.advance(300);
    for task in tasks {
        assert_eq!(world.kill(task).reason, ENDED_KILLED, "{task:?}");
    }
}

/// Loads and stores, of the kernel's memory and of the program's own instructions.
#[test]
fn what_a_task_may_not_touch_ends_it() {
    let mut world = world();
    let bystander = world.start("bystander");
    for (operation, address) in [
        (Operation::Load, KERNEL),
        (Operation::Store, KERNEL),
        (Operation::Store, PROGRAM),
        (Operation::Load, 0),
        (Operation::Load, 1 << 47),
    ] {
        let task = world.start("nosy");
        let words = [address, 1, 0, 0];
        world.post(
            task,
            Command {
                operation,
                number: 0,
                words,
                data: &[0],
            },
        );
        let ending = world.ending(task);
        assert_eq!(ending.reason, ENDED_TRAP, "{operation:?} at {address:#x}");
    }
    world.poke(bystander, 0, b"untouched");
    assert_eq!(world.peek(bystander, 0, 9), b"untouched");
}

/// The kernel stores only where the task itself could: on either side of a copy.
#[test]
fn copies_do_not_write_what_the_task_may_not() {
    let mut world = world();
    let (a, b) = (world.start("a"), world.start("b"));
    let data = world.share(a, b, part(0, 8), READ_PERM | WRITE_PERM);
    for address in [PROGRAM, KERNEL, 0, 1 << 47] {
        let what = ((0, 8), address.cast_signed());
        let answer = world.copy_raw(b, Number::ReadMem, data, what);
        assert_eq!(answer, Err(Error::InvalidPtr), "{address:#x}");
    }
    // It is the owner's memory, though nobody may write there.
    let target = world.id(b);
    let range = (PROGRAM.cast_signed(), 8);
    let program = world
        .share_raw(a, target, range, READ_PERM | WRITE_PERM)
        .unwrap();
    assert_eq!(world.read(b, program, (0, 8), 0), Ok(0));
    assert_eq!(world.write(b, program, (0, 8), 0), Err(Error::InvalidPtr));
}

/// A message that does not fit, or may not be stored, changes nothing: it waits, and no byte
/// of it is there.
#[test]
fn messages_are_not_stored_where_the_task_may_not() {
    let mut world = world();
    let (a, b) = (world.start("a"), world.start("b"));
    world.open(b, 3).unwrap();
    world.send(a, b, 3, [1, 2, 3, 4]).unwrap();
    let (last_bytes, end, arena) = (world.end(b) - 8, world.end(b), world.at(b, 0));
    for (message, sender) in [
        (PROGRAM.cast_signed(), arena),
        (KERNEL.cast_signed(), arena),
        (last_bytes, arena),
        (arena, end),
        (arena, PROGRAM.cast_signed()),
    ] {
        let answer = world.get_raw(b, 3, message, sender);
        assert_eq!(answer, Err(Error::InvalidPtr), "{message:#x}, {sender:#x}");
    }
    assert_eq!(world.peek(b, 0, 16), [0; 16]);
    let end_offset = world.end_offset(b);
    assert_eq!(world.peek(b, end_offset - 8, 8), [0; 8]);
    assert_eq!(world.get(b, 3).unwrap().words, [1, 2, 3, 4]);
}
