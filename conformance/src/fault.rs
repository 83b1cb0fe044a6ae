//! Stores to the pool without permission: they fault, and only who stored is concerned.

use crate::{Ending, Rig, Run, Task, World};
use usufruct_abi::{ENDED_FORBIDDEN_STORE, READ_PERM};
use usufruct_probe_core::{Command, Operation};

/// A store of one word.
fn word_to(address: i64) -> Command<'static> {
    Command {
        operation: Operation::StoreWord,
        number: 0,
        words: [address.cast_unsigned(), u64::MAX, 0, 0],
        data: &[],
    }
}

/// To a free page, to another's, to one that is given away and fenced, to one's own that is
/// protected: at the first byte, in the middle, at the last.
pub fn a_store_without_permission_ends_the_task<R: Rig>(world: &mut World<R>) {
    let a = world.start_attached("a");
    let run = world.alloc(a, 2);
    let (first, last) = (run.page(0), run.page(1));
    let free = world.address(run) + i64::from(world.page_bytes()) * 2;
    assert_eq!(world.nowrite(a, last, None), Ok(()));
    let page = i64::from(world.page_bytes());
    for address in [
        free,
        world.address(first) + page / 2,
        world.address(last) + page - 1,
    ] {
        let b = world.start_attached("b");
        world.store_faults(b, address, a);
    }
    let b = world.start_attached("b");
    let own = world.alloc(b, 1);
    assert_eq!(world.nowrite(b, own, b), Ok(()));
    // With its end, its page is free and zero.
    world.ends_by_store(b, word_to(world.address(own)));
    assert_eq!(world.first_bytes(a, own), [0]);
}

/// A load of any page by anybody who is attached, whoever owns it and whoever may write.
pub fn everybody_may_read_every_page<R: Rig>(world: &mut World<R>) {
    let (a, b) = (world.start_attached("a"), world.start_attached("b"));
    let run = world.alloc(a, 2);
    world.store_to(a, run, 0x42);
    assert_eq!(world.nowrite(a, run.page(1), None), Ok(()));
    assert_eq!(world.first_bytes(b, run), [0x42; 2]);
    let late = world.start_attached("late");
    assert_eq!(world.first_bytes(late, run), [0x42; 2]);
    let whole = world.whole_pool();
    assert_eq!(world.first_bytes(b, whole).len(), crate::index(whole.pages));
    assert!(world.is_readable(b, world.bytes(whole)));
}

/// One store over the edge of a page that may be written: the bytes before the edge stay too.
pub fn a_store_over_the_edge_writes_nothing<R: Rig>(world: &mut World<R>) {
    let a = world.start_attached("a");
    let run = world.alloc(a, 3);
    let middle = world.address(run.page(1));
    let after = world.address(run.page(2));
    for edge in [middle, after] {
        for into in 1..8 {
            let b = world.start_attached("b");
            assert_eq!(world.okwrite(a, run.page(1), b), Ok(()));
            let before = world.load(a, edge - 8, 16);
            world.ends_by_store(b, word_to(edge - into));
            assert_eq!(world.load(a, edge - 8, 16), before, "{into} bytes before");
        }
    }
    // Where both pages may be written, it is a store like any other.
    let b = world.start_attached("b");
    assert_eq!(world.okwrite(a, run, b), Ok(()));
    let Command {
        operation, words, ..
    } = word_to(middle - 3);
    world.command(b, operation, words, &[]);
    assert_eq!(world.load(a, middle - 3, 8), [0xff; 8]);
}

/// Its pages are free, its objects gone, its watchers told why; all others go on.
pub fn nobody_else_notices_a_forbidden_store<R: Rig>(world: &mut World<R>) {
    let [a, b, c] = ["a", "b", "c"].map(|name| world.start_attached(name));
    let run = world.alloc(a, 2);
    assert_eq!(world.okwrite(a, run, c), Ok(()));
    let of_b = world.alloc(b, 1);
    let smo = world.share(a, c, crate::part(0, 100), READ_PERM);
    world.open(a, 3).expect("a free port");
    let id = world.id(b);
    world.watch(a, id, 3).expect("a living task");
    world.store_faults(b, world.address(run), a);
    let told = world.get(a, 3).expect("a message of the end");
    let [task, _, reason, _] = told.words;
    assert_eq!((told.sender, task), (0, id));
    assert_eq!(reason, ENDED_FORBIDDEN_STORE);
    for (task, byte) in [a, c].into_iter().zip(1..) {
        world.store_to(task, run, byte);
    }
    assert_eq!(world.read(c, smo, (0, 100), 0), Ok(0));
    assert_eq!(world.alloc(c, 1), of_b);
}

/// A fault is an end like any other: what the task may still write afterwards is nothing, and
/// its name is free.
pub fn one_life_after_the_other_may_fault<R: Rig>(world: &mut World<R>) {
    let a = world.start_attached("a");
    let run = world.alloc(a, 1);
    let pages = world.tables().pages;
    for _ in 0..2 * world.tables().tasks {
        let b = world.start_attached("b");
        let all = world.alloc(b, pages - 1);
        world.store_to(b, all.page(0), 1);
        world.store_faults(b, world.address(run), a);
    }
    let free = Run {
        first: run.first + 1,
        pages: pages - 1,
    };
    assert!(world.is_all(a, free, 0));
}

/// The words that the end of a task by a store has.
pub fn a_forbidden_store_has_a_reason_of_its_own<R: Rig>(world: &mut World<R>) {
    let (a, b) = (world.start_attached("a"), world.start_attached("b"));
    let run: Run = world.alloc(a, 1);
    world.post(b, word_to(world.address(run)));
    let Ending { reason, .. } = world.ending(b);
    assert_eq!(reason, ENDED_FORBIDDEN_STORE);
    let outside: Task = world.start_attached("b");
    let end = world.end(outside);
    world.post(outside, word_to(end));
    assert_eq!(world.ending(outside).reason, usufruct_abi::ENDED_TRAP);
}
