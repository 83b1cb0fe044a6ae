//! The end of a task, as far as it is about pages.

use crate::{PageQuota, Rig, Run, Task, World};
use usufruct_abi::MEMC_OKWRITE;
use usufruct_abi::PortfolioError::BadItem;

/// Ends a task; `witness` sees that it stores nothing any more.
type End<R> = fn(world: &mut World<R>, task: Task, witness: Task, page: Run);

/// Every way to end that a script has; the last is a store to a page that is `witness`'s alone.
fn ends<R: Rig>() -> [End<R>; 4] {
    [
        |world, task, _, _| {
            world.exit(task, 0);
        },
        |world, task, _, _| {
            world.trap(task);
        },
        |world, task, _, _| {
            world.kill(task);
        },
        |world, task, witness, page| world.store_faults(task, world.address(page), witness),
    ]
}

/// A dies owning P that B could write: B stores to P, faults; P is free, and zero.
pub fn pages_of_the_dead_are_free<R: Rig>(world: &mut World<R>) {
    let c = world.start_attached("c");
    let of_c = world.alloc(c, 1);
    for (number, end) in ends().into_iter().enumerate() {
        let (a, b) = (world.start_attached("a"), world.start_attached("b"));
        let free = world.avail(c).system_free;
        let run = world.alloc(a, 3);
        world.store_to(a, run, 0x42);
        if number % 2 == 0 {
            assert_eq!(world.okwrite(a, run, b), Ok(()));
        } else {
            assert_eq!(world.okwrite(a, run, None), Ok(()));
        }
        world.store_to(b, run.page(0), 0x43);
        end(world, a, c, of_c);
        assert_eq!(world.writable_pages(b, run), [false; 3]);
        assert_eq!(world.avail(c).system_free, free);
        assert!(world.is_all(c, run, 0));
        assert_eq!(world.alloc(c, 3), run);
        world.store_faults(b, world.address(run), c);
        assert_eq!(world.give(c, run, None), Ok(()));
    }
}

/// B dies: what it was granted, and what it was refused, is nobody's; the pages are as they
/// were for everybody else.
pub fn grants_of_the_dead_vanish<R: Rig>(world: &mut World<R>) {
    let (a, c) = (world.start_attached("a"), world.start_attached("c"));
    let run = world.alloc(a, 2);
    assert_eq!(world.okwrite(a, run, c), Ok(()));
    for end in ends() {
        let b = world.start_attached("b");
        assert_eq!(world.okwrite(a, run.page(0), b), Ok(()));
        assert_eq!(world.okwrite(a, run.page(0), None), Ok(()));
        assert_eq!(world.nowrite(a, run.page(0), b), Ok(()));
        assert_eq!(world.okwrite(a, run.page(0), b), Ok(()));
        world.store_to(b, run.page(0), 1);
        end(world, b, a, run.page(1));
        assert_eq!(world.nowrite(a, run.page(0), None), Ok(()));
        for task in [a, c] {
            assert_eq!(world.okwrite(a, run, task), Ok(()));
            world.store_to(task, run, 2);
        }
        let newcomer = world.start_attached("b");
        assert_eq!(world.writable_pages(newcomer, run), [false; 2]);
        world.store_faults(newcomer, world.address(run), a);
    }
}

/// Not even one that takes the dead task's place in the tables, and its name.
pub fn newcomer_inherits_no_page<R: Rig>(world: &mut World<R>) {
    let a = world.start_attached("a");
    let run = world.alloc(a, 1);
    let b = world.start_attached("b");
    let of_b = world.alloc(b, 2);
    assert_eq!(world.okwrite(a, run, b), Ok(()));
    world.store_to(b, run, 1);
    world.kill(b);
    let quota = PageQuota {
        pages: 8,
        reserve: 0,
    };
    let mut newcomers = vec![world.start_attached("b")];
    while let Ok(task) = world.try_start_attached(&format!("b{}", newcomers.len()), 8, quota) {
        newcomers.push(task);
    }
    for task in newcomers {
        for range in [world.bytes(run), world.bytes(of_b)] {
            assert!(!world.is_owned(task, range) && !world.is_writable(task, range));
        }
        world.store_faults(task, world.address(run), a);
    }
}

/// Refused to a dead task is not refused to the one that comes after it.
pub fn newcomer_inherits_no_refusal<R: Rig>(world: &mut World<R>) {
    let a = world.start_attached("a");
    let run = world.alloc(a, 1);
    assert_eq!(world.okwrite(a, run, None), Ok(()));
    for _ in 0..2 * world.tables().tasks {
        let b = world.start_attached("b");
        world.store_to(b, run, 1);
        assert_eq!(world.nowrite(a, run, b), Ok(()));
        assert!(!world.is_writable(b, world.bytes(run)));
        world.kill(b);
    }
    let b = world.start_attached("b");
    world.store_to(b, run, 2);
}

/// They are their new owner's, and so are the bytes.
pub fn pages_given_away_stay<R: Rig>(world: &mut World<R>) {
    let (b, c) = (world.start_attached("b"), world.start_attached("c"));
    let of_c = world.alloc(c, 1);
    for end in ends() {
        let a = world.start_attached("a");
        let run = world.alloc(a, 2);
        world.store_to(a, run, 0x42);
        assert_eq!(world.okwrite(a, run, c), Ok(()));
        assert_eq!(world.give(a, run.page(0), b), Ok(()));
        end(world, a, c, of_c);
        assert!(world.is_owned(b, world.bytes(run.page(0))));
        assert_eq!(world.first_bytes(b, run), [0x42, 0]);
        world.store_to(b, run.page(0), 1);
        world.store_to(c, run.page(0), 2);
        assert_eq!(world.writable_pages(c, run), [true, false]);
        assert_eq!(world.give(b, run.page(0), None), Ok(()));
    }
}

/// A grant or a gift to one that is gone: BADITEM, and the giver keeps all.
pub fn the_dead_are_given_nothing<R: Rig>(world: &mut World<R>) {
    let a = world.start_attached("a");
    let run = world.alloc(a, 1);
    for end in ends() {
        let b = world.start_attached("b");
        let c = world.start_attached("c");
        let of_c = world.alloc(c, 1);
        let id = world.id(b);
        end(world, b, c, of_c);
        let range = world.bytes(run);
        for cmd in 1..=3 {
            assert_eq!(world.control(a, range, cmd, id), Err(BadItem));
        }
        let target = world.id(c);
        assert_eq!(world.control(a, range, MEMC_OKWRITE, target), Ok(()));
        assert!(world.is_owned(a, range));
        world.exit(c, 0);
    }
}
