//! Pages of the host's that tasks store to through the kernel, frozen meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use usufruct_abi::{MEMC_GIVE, Number};
use usufruct_core::Permissions;

use super::ROUNDS;
use crate::world::World;

const LEN: usize = 24;
const LEN_INT: i32 = 24;
const PAGE: usize = 4096;
const PAGE_INT: i32 = 4096;

/// A task has the kernel store to pages all the time. Each time they are frozen, nothing
/// comes there any more, so a slice of them stays what it is.
#[test]
fn a_slice_of_frozen_pages_comes_after_the_last_store_and_before_the_next() {
    let world = World::new(2);
    let mut task = world.task("task");
    let writer = task.id();
    let source = world.host.buffer_of(&[1; LEN]).unwrap();
    let share = source.share_all(task.id(), Permissions::READ).unwrap();
    let id = share.id().raw();
    let mut pages = world.host.pages(PAGE).unwrap();
    let address = pages.address().cast_signed();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let task = &mut task;
        let is_over = &is_over;
        scope.spawn(move || {
            while !is_over.load(Ordering::Relaxed) {
                task.call(Number::ReadMem, [id, 0, LEN_INT, address + 8]);
                thread::yield_now();
            }
        });
        for _ in 0..ROUNDS {
            pages.grant(writer).unwrap();
            pages.write_from(0, &[2; 64]).unwrap();
            let mut bytes = [0; 64];
            pages.read_into(0, &mut bytes).unwrap();
            let frozen = pages.freeze().unwrap();
            let seen = frozen[..64].to_vec();
            assert!(seen.iter().all(|byte| [1, 2].contains(byte)));
            thread::yield_now();
            assert_eq!(frozen[..64], seen);
            drop(frozen);
        }
        is_over.store(true, Ordering::Relaxed);
    });
    // Thawed, they are the host's alone.
    assert_eq!(task.call(Number::ReadMem, [id, 0, LEN_INT, address]), -1);
    pages.write_from(0, &[3; LEN]).unwrap();
    assert_eq!(pages.freeze().unwrap()[..LEN], [3; LEN]);
}

#[test]
fn pages_go_to_a_task_and_come_back() {
    let world = World::new(2);
    let mut task = world.task("task");
    let source = world.host.buffer_of(&[5; LEN]).unwrap();
    let share = source.share_all(task.id(), Permissions::READ).unwrap();
    let pages = world.host.pages(PAGE).unwrap();
    pages.write_from(0, &[2; LEN]).unwrap();
    let address = pages.address();
    pages.give(task.id()).unwrap();
    let host = world.host.id().raw();
    assert!(world.host.accept(address, PAGE).is_err(), "not the host's");
    thread::scope(|scope| {
        let (task, id, at) = (&mut task, share.id().raw(), address.cast_signed());
        scope.spawn(move || {
            assert_eq!(task.call(Number::ReadMem, [id, 0, LEN_INT, at]), 0);
            let words = [at, PAGE_INT, MEMC_GIVE, host];
            assert_eq!(task.call(Number::ControlMem, words), 0);
            // The giver keeps the right to write, until delivery is taken.
            while task.call(Number::ReadMem, [id, 0, LEN_INT, at + 64]) == 0 {
                thread::yield_now();
            }
        });
        let mut pages = loop {
            match world.host.accept(address, PAGE) {
                Ok(pages) => break pages,
                Err(_) => thread::yield_now(),
            }
        };
        assert!(
            world.host.accept(address, PAGE).is_err(),
            "one value a page"
        );
        let frozen = pages.freeze().unwrap();
        assert_eq!(frozen[..LEN], [5; LEN]);
        assert!(frozen[64..][..LEN].iter().all(|byte| [0, 5].contains(byte)));
    });
}

#[test]
#[cfg_attr(
    miri,
    ignore = "Miri itself panics where numbers come upon bytes that were stored singly"
)]
fn numbers_in_pages_are_atomic() {
    let world = World::new(1);
    let pages = world.host.pages(PAGE).unwrap();
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let number = pages.atomic_u64(8).unwrap();
                for _ in 0..ROUNDS {
                    number.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    let count = u64::try_from(2 * ROUNDS).unwrap();
    assert_eq!(pages.atomic_u64(8).unwrap().load(Ordering::Relaxed), count);
    assert!(pages.atomic_u64(4).is_err());
    assert!(pages.atomic_u32(PAGE).is_err());
    assert!(pages.atomic_u32(PAGE - 4).is_ok());
}

/// What is freed is zeroes before anybody else has it.
#[test]
fn a_dropped_block_comes_back_as_zeroes() {
    let world = World::new(1);
    let pages = world.host.pages(PAGE).unwrap();
    pages.write_from(PAGE - LEN, &[7; LEN]).unwrap();
    assert!(world.host.pages(1).is_err(), "the pool has one page");
    drop(pages);
    let mut pages = world.host.pages(1).unwrap();
    assert_eq!(pages.freeze().unwrap()[PAGE - LEN..], [0; LEN]);
}
