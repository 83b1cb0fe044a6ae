//! Bytes that the host shares, and bytes that are shared with it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use usufruct_abi::Number;
use usufruct_core::Permissions;

use super::ROUNDS;
use crate::world::World;

const LEN: usize = 24;
const LEN_INT: i32 = 24;

const READ_AND_WRITE: Permissions = Permissions::READ_WRITE;

/// The task and the host load and store at once; then the share is taken back, the host has
/// a slice, and the task goes on trying.
#[test]
fn a_slice_of_a_buffer_comes_after_the_last_copy() {
    let world = World::new(1);
    let mut task = world.task("task");
    for _ in 0..ROUNDS {
        let mut buffer = world.host.buffer_of(&[0; LEN]).unwrap();
        let share = buffer.share_all(task.id(), READ_AND_WRITE).unwrap();
        let id = share.id().raw();
        let is_over = &AtomicBool::new(false);
        thread::scope(|scope| {
            let task = &mut task;
            scope.spawn(move || {
                task.store(0, &[1; LEN]);
                while !is_over.load(Ordering::Relaxed) {
                    task.call(Number::WriteMem, [id, 0, LEN_INT, 0]);
                    task.call(Number::ReadMem, [id, 0, LEN_INT, 64]);
                    thread::yield_now();
                }
                assert_eq!(task.call(Number::ReadMem, [id, 0, LEN_INT, 64]), -1);
            });
            for _ in 0..3 {
                buffer.write_from(0, &[2; LEN]).unwrap();
                assert!(buffer.to_vec().iter().all(|byte| [1, 2].contains(byte)));
            }
            share.claim();
            let slice = buffer.get_mut().unwrap();
            slice.fill(3);
            thread::yield_now();
            assert_eq!(slice, [3; LEN]);
            is_over.store(true, Ordering::Relaxed);
        });
        assert_eq!(buffer.to_vec(), [3; LEN]);
    }
}

#[test]
fn no_byte_beside_a_share_is_touched() {
    let world = World::new(1);
    let mut task = world.task("task");
    let buffer = world.host.buffer_of(&[9; LEN]).unwrap();
    let share = buffer.share((5, 3), task.id(), READ_AND_WRITE).unwrap();
    let id = share.id().raw();
    task.store(0, &[7; 8]);
    assert_eq!(task.call(Number::WriteMem, [id, 0, 3, 0]), 0);
    assert_eq!(task.call(Number::WriteMem, [id, 0, 4, 0]), -1);
    assert_eq!(task.call(Number::ReadMem, [id, 2, 1, 16]), 0);
    assert_eq!(task.load(16), [7, 0, 0, 0]);
    let mut expected = [9; LEN];
    expected[5..8].fill(7);
    assert_eq!(buffer.to_vec(), expected);
    let mut part = [0; 2];
    buffer.read_into(LEN - 2, &mut part).unwrap();
    assert_eq!(part, [9, 9]);
    assert!(buffer.read_into(LEN - 1, &mut part).is_err());
    assert!(buffer.write_from(usize::MAX, &part).is_err());
}

/// A buffer whose place was another's before has nothing of it.
#[test]
fn the_place_of_a_dropped_buffer_comes_back_as_zeroes() {
    let world = World::new(1);
    let mut first = world.host.buffer_of(&[7; LEN]).unwrap();
    let place = first.get_mut().unwrap().as_ptr().addr();
    drop(first);
    let mut second = world.host.buffer(LEN).unwrap();
    let slice = second.get_mut().unwrap();
    assert_eq!((slice.as_ptr().addr(), &*slice), (place, &[0; LEN][..]));
}

/// The host's own slices are what a call loads from and stores to, while the owner stores.
#[test]
fn the_host_copies_what_a_task_shares_with_it() {
    let world = World::new(1);
    let mut task = world.task("task");
    task.store(0, &[1; LEN]);
    let host = world.host.id().raw();
    let id = task.call(Number::ShareMem, [host, 0, LEN_INT, 6]);
    let object = world.host.object(id).unwrap();
    assert_eq!(object.size().unwrap(), LEN);
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..ROUNDS {
                task.store(0, &[2; LEN]);
            }
            assert_eq!(task.call(Number::ClaimMem, [id, 0, 0, 0]), 0);
            task.store(0, &[4; LEN]);
        });
        let mut bytes = [0; LEN];
        for _ in 0..ROUNDS {
            let is_there = object.read(0, &mut bytes).is_ok();
            assert!(!is_there || bytes.iter().all(|byte| [1, 2, 3].contains(byte)));
            let _ = object.write(3, &[3; 5]);
        }
    });
    assert!(object.to_vec().is_err());
    assert_eq!(task.load(3), [4; 4]);
}
