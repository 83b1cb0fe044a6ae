//! MEMC_GIVE: pages change hands, and no byte moves.

use crate::memory::pattern;
use crate::{PageQuota, Rig, Run, Task, World, index};
use usufruct_abi::ENDED_FORBIDDEN_STORE;
use usufruct_abi::PortfolioError::{BadPtr, NoMem};

fn owner_and_others<R: Rig>(world: &mut World<R>, pages: u32) -> ([Task; 3], Run) {
    let tasks = ["a", "b", "c"].map(|name| world.start_attached(name));
    let run = world.alloc(tasks[0], pages);
    (tasks, run)
}

/// It owns the pages, may write, and finds what was there.
pub fn the_new_owner_owns_and_may_write<R: Rig>(world: &mut World<R>) {
    let ([a, b, c], run) = owner_and_others(world, 3);
    let middle = run.page(1);
    let (address, bytes) = world.bytes(middle);
    let content = pattern(1, u64::from(bytes.unsigned_abs()).min(4096));
    world.store(a, address, &content);
    assert_eq!(world.give(a, middle, b), Ok(()));
    assert_eq!(world.load(b, address, content.len() as u64), content);
    for (number, owned) in [(0, false), (1, true), (2, false)] {
        let range = world.bytes(run.page(number));
        assert_eq!(world.is_owned(b, range), owned);
        assert_eq!(world.is_owned(a, range), !owned);
        assert_eq!(world.is_writable(b, range), owned);
    }
    world.store_to(b, middle, 1);
    assert_eq!(world.okwrite(b, middle, c), Ok(()), "it may grant");
    assert_eq!(world.give(b, middle, c), Ok(()), "and give on");
    assert!(world.is_owned(c, (address, bytes)));
}

/// A store of the giver lands; it may not command the pages any more.
pub fn the_giver_keeps_write_and_nothing_else<R: Rig>(world: &mut World<R>) {
    let (tasks @ [a, b, _], run) = owner_and_others(world, 1);
    assert_eq!(world.give(a, run, b), Ok(()));
    world.store_to(a, run, 0x42);
    assert_eq!(world.first_bytes(b, run), [0x42]);
    let before = world.statuses(&tasks);
    for target in [Some(b), None] {
        assert_eq!(world.nowrite(a, run, target), Err(BadPtr));
    }
    for target in [Some(a), Some(b), None] {
        assert_eq!(world.okwrite(a, run, target), Err(BadPtr));
        assert_eq!(world.give(a, run, target), Err(BadPtr));
    }
    assert_eq!(world.statuses(&tasks), before);
    assert_eq!(world.nowrite(b, run, a), Ok(()));
    world.store_faults(a, world.address(run), b);
}

/// Those that were granted by name.
pub fn other_writers_keep_write<R: Rig>(world: &mut World<R>) {
    let ([a, b, c], run) = owner_and_others(world, 1);
    assert_eq!(world.okwrite(a, run, c), Ok(()));
    assert_eq!(world.give(a, run, b), Ok(()));
    world.store_to(c, run, 0x42);
    assert_eq!(world.first_bytes(b, run), [0x42]);
}

/// One that protected itself and gives the page away has no write to keep.
pub fn a_giver_without_write_gets_none<R: Rig>(world: &mut World<R>) {
    let ([a, b, _], run) = owner_and_others(world, 1);
    assert_eq!(world.nowrite(a, run, a), Ok(()));
    assert_eq!(world.give(a, run, b), Ok(()));
    world.store_to(b, run, 1);
    assert!(!world.is_writable(a, world.bytes(run)));
    world.store_faults(a, world.address(run), b);
}

/// It stays the owner, and may write again.
pub fn giving_to_oneself_restores_write<R: Rig>(world: &mut World<R>) {
    let (tasks @ [a, b, _], run) = owner_and_others(world, 1);
    assert_eq!(world.okwrite(a, run, b), Ok(()));
    assert_eq!(world.nowrite(a, run, a), Ok(()));
    assert_eq!(world.give(a, run, a), Ok(()));
    world.store_to(a, run, 1);
    world.store_to(b, run, 2);
    let range = world.bytes(run);
    let owned = tasks.map(|task| world.is_owned(task, range));
    assert_eq!(owned, [true, false, false]);
}

/// No owner, no writers, nothing left behind.
pub fn pages_given_to_0_are_free<R: Rig>(world: &mut World<R>) {
    let (tasks @ [a, b, c], run) = owner_and_others(world, 3);
    let free = world.avail(a).system_free;
    assert_eq!(world.okwrite(a, run, b), Ok(()));
    assert_eq!(world.okwrite(a, run, None), Ok(()));
    for task in tasks {
        world.store_to(task, run, 0x42);
    }
    assert_eq!(world.give(a, run, None), Ok(()));
    assert!(world.is_all(c, run, 0));
    let range = world.bytes(run);
    for task in tasks {
        assert!(!world.is_owned(task, range));
        assert_eq!(world.writable_pages(task, run), [false; 3]);
    }
    let freed = world.avail(a).system_free - free;
    assert_eq!(freed, range.1.unsigned_abs());
    assert_eq!(world.okwrite(a, run, a), Err(BadPtr));
    for task in [a, b] {
        world.store_faults(task, world.address(run), c);
    }
}

/// Also when only the last of them is too much.
pub fn giving_over_the_quota_changes_nothing<R: Rig>(world: &mut World<R>) {
    let a = world.start_attached("a");
    let quota = PageQuota {
        pages: 2,
        reserve: 0,
    };
    let b = world.start_with_pages("b", quota);
    let run = world.alloc(a, 3);
    let before = world.statuses(&[a, b]);
    assert_eq!(world.give(a, run, b), Err(NoMem));
    assert_eq!(world.statuses(&[a, b]), before);
    assert_eq!(world.give(a, run.page(0), b), Ok(()));
    world.alloc(b, 1);
    let before = world.statuses(&[a, b]);
    assert_eq!(world.give(a, run.page(1), b), Err(NoMem));
    assert_eq!(world.statuses(&[a, b]), before);
    assert_eq!(world.give(b, run.page(0), b), Ok(()), "it is there already");
    assert_eq!(world.okwrite(a, run.page(1), b), Ok(()), "grants are free");
    world.store_to(b, run.page(1), 1);
}

/// NOWRITE 0 and OKWRITE on oneself: from then on nobody else changes the pages.
pub fn taking_delivery_fences_the_giver_off<R: Rig>(world: &mut World<R>) {
    let ([a, b, c], run) = owner_and_others(world, 2);
    assert_eq!(world.okwrite(a, run, c), Ok(()));
    assert_eq!(world.give(a, run, b), Ok(()));
    world.store_to(a, run, 0x42);
    assert_eq!(world.nowrite(b, run, None), Ok(()));
    assert_eq!(world.okwrite(b, run, b), Ok(()));
    assert_eq!(world.first_bytes(b, run), [0x42; 2], "what came before");
    world.store_to(b, run, 0x43);
    for task in [a, c] {
        world.store_faults(task, world.address(run), b);
    }
}

/// A giver that stores without a pause is fenced off all the same: when the receiver's NOWRITE
/// returns, the bytes stay as they are.
pub fn no_store_of_the_giver_lands_after_the_fence<R: Rig>(world: &mut World<R>) {
    if !world.needs_preemption() {
        return;
    }
    let b = world.start_attached("b");
    for _ in 0..8 {
        let a = world.start_attached("a");
        let run = world.alloc(a, 2);
        assert_eq!(world.give(a, run, b), Ok(()));
        let (address, bytes) = world.bytes(run);
        world.post_keep_storing(a, (address, bytes), 0x77);
        world.rig.advance(3);
        assert_eq!(world.nowrite(b, run, None), Ok(()));
        let half = index(bytes).min(4096) as u64;
        let seen = world.load(b, address, half);
        world.rig.advance(3);
        assert_eq!(world.load(b, address, half), seen, "late bytes");
        assert_eq!(world.ending(a).reason, ENDED_FORBIDDEN_STORE);
        assert_eq!(world.load(b, address, half), seen, "late bytes");
        assert_eq!(world.give(b, run, None), Ok(()));
    }
}
