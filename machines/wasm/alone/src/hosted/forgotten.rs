//! Values that are forgotten instead of dropped do no harm.

use std::mem;

use usufruct_abi::Number;
use usufruct_core::{Denied, Permissions};

use crate::host::HostError;
use crate::world::World;

const PAGE: usize = 4096;

#[test]
fn a_forgotten_share_keeps_its_bytes() {
    let world = World::new(1);
    let mut task = world.task("task");
    let mut buffer = world.host.buffer_of(b"old!").unwrap();
    let share = buffer.share_all(task.id(), Permissions::READ).unwrap();
    let id = share.id().raw();
    mem::forget(share);
    assert!(buffer.get_mut().is_none());
    drop(buffer);
    let mut newer = world.host.buffer_of(b"new!").unwrap();
    newer.get_mut().unwrap().fill(b'x');
    assert_eq!(task.call(Number::ReadMem, [id, 0, 4, 0]), 0);
    assert_eq!(task.load(0), *b"old!");
}

#[test]
fn a_forgotten_slice_leaves_its_pages_frozen() {
    let world = World::new(2);
    let task = world.task("task");
    let mut pages = world.host.pages(PAGE).unwrap();
    mem::forget(pages.freeze().unwrap());
    assert!(matches!(
        pages.write_from(0, b"x"),
        Err(HostError::Denied(Denied::PageFrozen(_)))
    ));
    assert!(pages.atomic_u32(0).is_err());
    // Frozen again it is a slice again, and who grants it thaws it.
    assert_eq!(pages.freeze().unwrap()[0], 0);
    mem::forget(pages.freeze().unwrap());
    pages.grant(task.id()).unwrap();
    pages.write_from(0, b"x").unwrap();
}

#[test]
fn forgotten_pages_stay_the_hosts() {
    let world = World::new(1);
    let pages = world.host.pages(PAGE).unwrap();
    let address = pages.address();
    mem::forget(pages);
    assert!(world.host.pages(PAGE).is_err(), "nobody else gets them");
    assert!(
        world.host.accept(address, PAGE).is_err(),
        "nor a second value"
    );
}

#[test]
fn a_forgotten_buffer_is_nobody_elses() {
    let world = World::new(1);
    let mut buffer = world.host.buffer_of(b"old!").unwrap();
    let place = buffer.get_mut().unwrap().as_ptr().addr();
    mem::forget(buffer);
    let mut newer = world.host.buffer_of(b"new!").unwrap();
    assert_ne!(newer.get_mut().unwrap().as_ptr().addr(), place);
}
