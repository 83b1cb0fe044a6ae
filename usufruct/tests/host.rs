//! The host as a task: what it shares, what is shared with it, messages, pages,
//! and what its values do when they are forgotten.

use std::mem;
use std::sync::atomic::Ordering;
use std::time::Duration;

use usufruct::{Denied, HostError, Kernel, Permissions, Reason, Task, TaskId};

/// A task that does what four words tell it, and answers with what came of it:
/// 0 read_mem(b, 0, c) and the first byte; 1 write_mem(b, 0, c) of `c`s; 2 a store
/// to b of c; 3 AllocMemBlocks(b); 4 GIVE (b, c) to the host; 5 share_mem of its
/// bytes from b on, c of them, with the host, to be read and written; 6 claim b;
/// 7 ControlMem(b, c, NOWRITE, 0); 8 the byte at b.
const OBEDIENT: &str = include_str!("guests/obedient.wat");

struct Scene {
    kernel: Kernel,
    task: Task,
}

const PAGE: usize = 4096;
const POOL: u64 = 1 << 20;
/// The same as a task names them.
const PAGE_INT: i32 = 4096;
const POOL_INT: i32 = 1 << 20;

impl Scene {
    fn new() -> Self {
        let kernel = Kernel::builder()
            .workers(2)
            .pool_bytes(POOL)
            .build()
            .unwrap();
        let program = kernel.load(OBEDIENT).unwrap();
        let task = kernel.task("obedient", &program).spawn().unwrap();
        Self { kernel, task }
    }

    /// What comes of an order.
    fn order(&self, what: i32, b: i32, c: i32) -> i32 {
        let host = self.kernel.host();
        let port = host.open_port(0).unwrap();
        self.say(what, b, c);
        let answer = port.wait_for(Duration::from_secs(20)).unwrap().unwrap();
        assert_eq!(answer.sender, Some(self.task.id()));
        answer.words[0]
    }

    fn say(&self, what: i32, b: i32, c: i32) {
        let words = [what, b, c, 0];
        // Its port opens when it has begun.
        while self.kernel.host().send(self.task.id(), 0, words).is_err() {
            std::thread::yield_now();
        }
    }

    fn id(&self) -> TaskId {
        self.task.id()
    }
}

const READ: i32 = 0;
const WRITE: i32 = 1;
const STORE: i32 = 2;
const ALLOCATE: i32 = 3;
const GIVE: i32 = 4;
const SHARE: i32 = 5;
const CLAIM: i32 = 6;
const LOAD: i32 = 8;

#[test]
fn a_buffer_is_shared_to_the_byte_and_taken_back() {
    let scene = Scene::new();
    let mut buffer = scene.kernel.host().buffer_of(b"0123456789").unwrap();
    let share = buffer.share((3, 4), scene.id(), Permissions::READ).unwrap();
    assert_eq!(share.len(), 4);
    assert!(buffer.get_mut().is_none(), "a task may look at it");
    let id = share.id().raw();
    assert_eq!(scene.order(READ, id, 4), i32::from(b'3'));
    assert_eq!(scene.order(READ, id, 5), -1, "one byte too many");
    assert_eq!(scene.order(WRITE, id, 1), -1, "it may not write");
    share.claim();
    assert_eq!(scene.order(READ, id, 4), -1);
    buffer.get_mut().unwrap()[0] = b'x';
    assert_eq!(buffer.to_vec(), b"x123456789");
}

#[test]
fn a_task_writes_into_a_buffer_exactly_where_it_may() {
    let scene = Scene::new();
    let buffer = scene.kernel.host().buffer_of(&[9; 100]).unwrap();
    let share = buffer
        .share((10, 5), scene.id(), Permissions::WRITE)
        .unwrap();
    assert_eq!(scene.order(WRITE, share.id().raw(), 5), 0);
    let mut expected = [9; 100];
    expected[10..15].fill(5);
    assert_eq!(buffer.to_vec(), expected);
    assert_eq!(scene.order(WRITE, share.id().raw(), 6), -1);
    assert_eq!(buffer.to_vec(), expected);
}

#[test]
fn a_forgotten_share_keeps_its_bytes_from_being_used_again() {
    let scene = Scene::new();
    let host = scene.kernel.host();
    let mut buffer = host.buffer_of(b"old").unwrap();
    let share = buffer.share_all(scene.id(), Permissions::READ).unwrap();
    let id = share.id().raw();
    mem::forget(share);
    assert!(buffer.get_mut().is_none());
    drop(buffer);
    let newer: Vec<_> = (0..8).map(|_| host.buffer_of(b"new").unwrap()).collect();
    assert_eq!(scene.order(READ, id, 1), i32::from(b'o'));
    drop(newer);
}

#[test]
fn a_dropped_buffers_place_is_zeroes_again() {
    let scene = Scene::new();
    let host = scene.kernel.host();
    for _ in 0..3 {
        let buffer = host.buffer(3 * PAGE).unwrap();
        assert!(buffer.to_vec().iter().all(|byte| *byte == 0));
        buffer.write_from(0, &[7; 3 * PAGE]).unwrap();
    }
    assert!(matches!(host.buffer(0), Err(HostError::Length { len: 0 })));
    assert!(matches!(
        host.buffer(usize::MAX),
        Err(HostError::Length { .. })
    ));
}

#[test]
fn what_a_task_shares_the_host_reads_writes_and_passes() {
    let scene = Scene::new();
    let host = scene.kernel.host();
    let id = scene.order(SHARE, 512, 16);
    let object = host.object(id).unwrap();
    assert_eq!(object.size().unwrap(), 16);
    object.write(4, b"hello").unwrap();
    assert_eq!(scene.order(LOAD, 512 + 4, 0), i32::from(b'h'));
    let mut bytes = [0; 5];
    object.read(4, &mut bytes).unwrap();
    assert_eq!(&bytes, b"hello");
    assert_eq!(object.to_vec().unwrap().len(), 16);
    assert!(matches!(
        object.read(12, &mut bytes),
        Err(HostError::Copy(_))
    ));
    assert!(object.write(usize::MAX, b"x").is_err());
    assert_eq!(scene.order(CLAIM, id, 0), 0);
    let gone = object.read(0, &mut bytes).unwrap_err();
    assert!(gone.to_string().contains("no live object"), "{gone}");
    assert!(object.pass(host.id()).is_err());
    assert!(host.object(0).is_err() && host.object(-3).is_err());
}

#[test]
fn the_host_shares_with_itself() {
    let scene = Scene::new();
    let host = scene.kernel.host();
    let buffer = host.buffer_of(b"abcdef").unwrap();
    let share = buffer
        .share((1, 4), host.id(), Permissions::READ_WRITE)
        .unwrap();
    let object = host.object(share.id().raw()).unwrap();
    assert_eq!(object.to_vec().unwrap(), b"bcde");
    object.write(3, b"!").unwrap();
    assert_eq!(buffer.to_vec(), b"abcd!f");
}

#[test]
fn bad_numbers_are_errors() {
    let scene = Scene::new();
    let host = scene.kernel.host();
    let buffer = host.buffer(10).unwrap();
    let mut some = [0; 4];
    for offset in [7, 10, usize::MAX - 1, usize::MAX] {
        assert!(buffer.read_into(offset, &mut some).is_err());
        assert!(buffer.write_from(offset, &some).is_err());
        assert!(
            buffer
                .share((offset, 4), scene.id(), Permissions::READ)
                .is_err()
        );
    }
    assert!(
        buffer
            .share((10, 0), scene.id(), Permissions::READ)
            .is_err()
    );
    assert!(host.open_port(32).is_err());
    assert!(host.send(scene.id(), 200, [0; 4]).is_err());
    assert_eq!(host.find_task("nobody"), None);
    assert_eq!(host.find_task(&"x".repeat(40)), None);
    assert_eq!(host.find_task(""), None);
    assert_eq!(host.find_task("obedient"), Some(scene.id()));
    assert_eq!(host.find_task("host"), Some(host.id()));
}

#[test]
fn pages_are_granted_revoked_and_given_without_a_copy() {
    let scene = Scene::new();
    let mut pages = scene.kernel.host().pages(2 * PAGE).unwrap();
    assert_eq!(pages.len(), 2 * PAGE);
    let at = pages.address().cast_signed();
    pages.write_from(PAGE, b"look").unwrap();
    assert_eq!(
        scene.order(LOAD, at + PAGE_INT, 0),
        i32::from(b'l'),
        "every attached task reads"
    );
    pages.grant(scene.id()).unwrap();
    assert_eq!(scene.order(STORE, at, 77), 0);
    let number = pages.atomic_u32(0).unwrap();
    assert_eq!(number.load(Ordering::Acquire), 77);
    number.store(0x0102_0304, Ordering::Release);
    assert_eq!(scene.order(LOAD, at, 0), 4);
    assert!(pages.atomic_u32(2).is_err() && pages.atomic_u64(2 * PAGE).is_err());
    pages.revoke(scene.id()).unwrap();
    scene.say(STORE, at, 1);
    let report = scene.task.join();
    assert_eq!(report.ending.reason, Reason::ForbiddenStore, "{report}");
    let mut word = [0; 4];
    pages.read_into(0, &mut word).unwrap();
    assert_eq!(word, [4, 3, 2, 1]);
}

#[test]
fn pages_that_a_task_gives_are_the_hosts_alone_when_they_are_accepted() {
    let scene = Scene::new();
    let host = scene.kernel.host();
    let at = scene.order(ALLOCATE, PAGE_INT, 0);
    assert!(host.accept(at.cast_unsigned(), PAGE).is_err(), "not yet");
    assert_eq!(scene.order(STORE, at, 5), 0);
    assert_eq!(scene.order(GIVE, at, PAGE_INT), 0);
    let mut pages = host.accept(at.cast_unsigned(), PAGE).unwrap();
    assert!(matches!(
        host.accept(at.cast_unsigned(), 1),
        Err(HostError::AlreadyHeld)
    ));
    assert_eq!(pages.freeze().unwrap()[0], 5);
    // The giver has kept nothing.
    scene.say(STORE, at, 6);
    assert_eq!(scene.task.join().ending.reason, Reason::ForbiddenStore);
    assert!(host.accept(16, PAGE).is_err(), "the heap is no pool");
    assert!(host.accept(u32::MAX, usize::MAX).is_err());
}

#[test]
fn given_pages_are_the_tasks_and_a_refused_gift_comes_back() {
    let scene = Scene::new();
    let host = scene.kernel.host();
    let pages = host.pages(PAGE).unwrap();
    let at = pages.address().cast_signed();
    pages.give(scene.id()).unwrap();
    assert_eq!(scene.order(STORE, at, 9), 0);
    assert_eq!(scene.order(GIVE, at, PAGE_INT), 0);
    let back = host.accept(at.cast_unsigned(), PAGE).unwrap();
    scene.task.kill();
    let (back, error) = back.give(scene.id()).unwrap_err();
    assert!(matches!(error, HostError::Denied(Denied::NoSuchTask(_))));
    back.write_from(0, &[1]).unwrap();
}

#[test]
fn frozen_pages_can_not_be_stored_to_by_anybody() {
    let scene = Scene::new();
    let mut pages = scene.kernel.host().pages(PAGE).unwrap();
    let at = pages.address().cast_signed();
    pages.grant_to_all().unwrap();
    assert_eq!(scene.order(STORE, at, 3), 0);
    let frozen = pages.freeze().unwrap();
    assert_eq!(&frozen[..4], &[3, 0, 0, 0]);
    assert_eq!(frozen.len(), PAGE);
    scene.say(STORE, at, 4);
    assert_eq!(scene.task.join().ending.reason, Reason::ForbiddenStore);
    assert_eq!(frozen.as_ref()[0], 3);
    drop(frozen);
    pages.write_from(0, &[8]).unwrap();
}

#[test]
fn a_forgotten_frozen_harms_nobody() {
    let scene = Scene::new();
    let mut pages = scene.kernel.host().pages(PAGE).unwrap();
    let at = pages.address().cast_signed();
    mem::forget(pages.freeze().unwrap());
    let refused = pages.write_from(0, &[1]).unwrap_err();
    assert!(refused.to_string().contains("frozen"), "{refused}");
    assert!(pages.atomic_u32(0).is_err());
    // Whoever has it as `&mut` again can go on.
    pages.grant(scene.id()).unwrap();
    assert_eq!(scene.order(STORE, at, 1), 0);
    mem::forget(pages.freeze().unwrap());
    drop(pages);
    assert_eq!(scene.order(ALLOCATE, POOL_INT, 0), at, "all of it is free");
}

#[test]
fn forgotten_pages_are_nobody_elses() {
    let scene = Scene::new();
    let host = scene.kernel.host();
    let pages = host.pages(PAGE).unwrap();
    let at = pages.address();
    mem::forget(pages);
    assert!(matches!(host.accept(at, PAGE), Err(HostError::AlreadyHeld)));
    assert_ne!(host.pages(PAGE).unwrap().address(), at);
    assert_eq!(scene.order(ALLOCATE, POOL_INT, 0), 0);
}

#[test]
fn without_a_pool_there_are_no_pages() {
    let kernel = Kernel::builder().workers(1).build().unwrap();
    assert!(matches!(kernel.host().pages(1), Err(HostError::NoPool)));
    assert!(matches!(kernel.host().accept(0, 1), Err(HostError::NoPool)));
}
