//! The slot of an object is used again for another owner's while its old target
//! still tries; and whose pins the end of a task waits for. (`tests/loom/main.rs` has the rest: no kernel uses a slot again so soon.)

use super::{Grant, Pinned, Plane, Scope};
use crate::copy::{CopyRequest, Direction, Window};
use crate::id::{SmoId, TaskKey};
use crate::limits::Limits;
use crate::machine::Fences;
use crate::rights::Permissions;
use crate::span::Span;
use crate::sync::IS_MODEL_CHECKED;
use core::cell::RefCell;
use loom::sync::Arc;
use loom::thread;

struct Yielding;

impl Fences for Yielding {
    fn pause(&self, _looks: u32) {
        thread::yield_now();
    }
}

pub(super) fn task(index: u32) -> TaskKey {
    TaskKey {
        index,
        life: u64::from(index) + 1,
    }
}

fn grant(id: i32, owner: u32, target: u32) -> Grant {
    Grant {
        id: SmoId::from_raw(id).unwrap(),
        owner: task(owner),
        target: task(target),
        span: Span::new(u64::from(owner) * 100, 8).unwrap(),
        permissions: Permissions::READ,
    }
}

fn plane() -> Plane {
    let limits = Limits {
        tasks: 4,
        processors: 1,
        ..Limits::default()
    };
    let plane = Plane::new(1, &limits);
    (0..4).for_each(|index| plane.set_life(index, task(index).life));
    plane.open(0, &grant(1, 0, 2), 1);
    plane
}

pub(super) fn read(smo: i32) -> CopyRequest {
    CopyRequest {
        direction: Direction::Read,
        smo,
        offset: 0,
        size: 8,
        buffer: 0,
        window: Window::WHOLE,
    }
}

/// Whoever copies by `id` may only ever see the bytes of `owner`.
fn reuse(heir: u32, tries: i32, owner_of_tries: u32) {
    if !IS_MODEL_CHECKED {
        return;
    }
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(move || {
        let plane = Arc::new(plane());
        let mut copier = plane.copiers().into_vec().pop().unwrap();
        let copying = thread::spawn(move || {
            if let Ok(pinned) = copier.pin(&Yielding, task(2), &read(tries)) {
                assert_eq!(pinned.owner, task(owner_of_tries));
                assert_eq!(pinned.start, u64::from(owner_of_tries) * 100);
            }
        });
        plane.close(0);
        plane.drain(Scope::Slot(0), &Yielding);
        plane.open(0, &grant(3, 1, heir), 2);
        copying.join().unwrap();
    });
}

#[test]
fn a_stale_id_never_reaches_the_slots_next_object() {
    reuse(2, 1, 0);
    reuse(3, 1, 0);
}

#[test]
fn the_new_id_never_reaches_the_slots_last_object() {
    reuse(2, 3, 1);
}

/// A copy that is over as soon as a revoker waits for it.
struct Obliging<'copier>(RefCell<Option<Pinned<'copier>>>);

impl Fences for Obliging<'_> {
    fn pause(&self, _looks: u32) {
        self.0.take();
    }
}

#[test]
fn the_end_of_a_task_waits_for_copies_of_its_own_and_for_no_others() {
    if IS_MODEL_CHECKED {
        return;
    }
    let (owner, target) = (0, 2);
    for who in 0..4 {
        let plane = plane();
        let mut copier = plane.copiers().into_vec().pop().unwrap();
        let pinned = copier.pin(&Yielding, task(target), &read(1));
        let copy = Obliging(RefCell::new(pinned.ok()));
        plane.drain(Scope::Task(task(who)), &copy);
        let has_waited = copy.0.borrow().is_none();
        assert_eq!(has_waited, [owner, target].contains(&who), "task {who}");
    }
}
