//! Who pays for the fences that light pins leave out, and, under the model checker, that it is
//! enough. There a light pin has no fence at all, and a fence on every processor is what it is: a
//! thread asks, and the other one executes a fence wherever it is.

use core::cell::Cell;
use core::num::NonZeroU32;

use loom::sync::Arc;
use loom::thread;

use crate::copy::{CopyRequest, Direction};
use crate::id::SmoId;
use crate::limits::Limits;
use crate::machine::Fences;
use crate::pin::tests::{read, task};
use crate::pin::{Copier, Grant, Plane, Scope};
use crate::rights::Permissions;
use crate::span::Span;
use crate::sync::{AtomicU32, AtomicU64, IS_MODEL_CHECKED, Ordering, announce_lightly, fence};

const OWNER: u32 = 0;
const TARGET: u32 = 1;
const STRANGER: u32 = 2;

fn grant(id: i32, target: u32) -> Grant {
    Grant {
        id: SmoId::from_raw(id).unwrap(),
        owner: task(OWNER),
        target: task(target),
        span: Span::new(0, 8).unwrap(),
        permissions: Permissions::READ,
    }
}

/// One slot, and object 1 in it.
fn plane(processors: u32) -> Plane {
    let limits = Limits {
        tasks: 3,
        processors,
        ..Limits::default()
    };
    let plane = Plane::new(1, &limits);
    (0..3).for_each(|index| plane.set_life(index, task(index).life));
    plane.open(0, &grant(1, TARGET), 1);
    plane
}

fn copier(plane: &Plane) -> Copier {
    plane.copiers().into_vec().pop().unwrap()
}

/// A copy as a machine that biases makes it: whether it was light, if it was allowed.
fn copy(
    copier: &mut Copier,
    fences: &impl Fences,
    (caller, smo): (u32, i32),
    moves: impl Fn(),
) -> Option<bool> {
    let (caller, request) = (task(caller), read(smo));
    if let Some(pinned) = copier.pin_lightly(fences, caller, &request) {
        moves();
        drop(pinned);
        return Some(true);
    }
    let pinned = copier.pin_by_habit(fences, caller, &request).ok()?;
    moves();
    drop(pinned);
    Some(false)
}

/// Counts the fences on every processor.
struct Counting {
    streak: Option<NonZeroU32>,
    everywhere: Cell<u32>,
}

impl Fences for Counting {
    const BIASES: bool = true;

    fn streak(&self) -> Option<NonZeroU32> {
        self.streak
    }

    fn fence_everywhere(&self) {
        self.everywhere.update(|count| count.wrapping_add(1));
    }

    fn pause(&self, _looks: u32) {}
}

fn counting(streak: u32) -> Counting {
    Counting {
        streak: NonZeroU32::new(streak),
        everywhere: Cell::new(0),
    }
}

/// How many fences on every processor a drain takes.
fn price(plane: &Plane, scope: Scope, fences: &Counting) -> u32 {
    let before = fences.everywhere.get();
    plane.drain(scope, fences);
    fences.everywhere.get().wrapping_sub(before)
}

#[test]
fn who_revokes_what_is_copied_through_often_pays_and_nobody_else() {
    if IS_MODEL_CHECKED {
        return;
    }
    let (plane, fences) = (plane(2), counting(3));
    let mut copier = copier(&plane);
    let mut is_light = || copy(&mut copier, &fences, (TARGET, 1), || ());
    let before = [(); 3].map(|()| is_light());
    assert_eq!(before, [Some(false); 3]);
    assert_eq!(price(&plane, Scope::Slot(0), &fences), 0);
    assert_eq!(
        is_light(),
        Some(false),
        "the last of a streak sets the bias"
    );
    assert_eq!(is_light(), Some(true));
    assert_eq!(price(&plane, Scope::Slot(0), &fences), 1);
    assert_eq!(price(&plane, Scope::Slot(1), &fences), 0);
    assert_eq!(price(&plane, Scope::Task(task(OWNER)), &fences), 1);
    assert_eq!(price(&plane, Scope::Task(task(TARGET)), &fences), 1);
    assert_eq!(price(&plane, Scope::Task(task(STRANGER)), &fences), 0);
    assert_eq!(price(&plane, Scope::Pages, &fences), 0);
}

#[test]
fn a_processor_that_rests_is_biased_again_by_its_next_copy() {
    if IS_MODEL_CHECKED {
        return;
    }
    let (plane, fences) = (plane(1), counting(1));
    let mut copier = copier(&plane);
    let is_light = |copier: &mut Copier| copy(copier, &fences, (TARGET, 1), || ());
    for expected in [false, false, true] {
        assert_eq!(is_light(&mut copier), Some(expected));
    }
    copier.rest();
    assert_eq!(price(&plane, Scope::Slot(0), &fences), 0);
    assert_eq!(is_light(&mut copier), Some(false));
    assert_eq!(is_light(&mut copier), Some(true));
    assert_eq!(price(&plane, Scope::Slot(0), &fences), 1);
}

#[test]
fn a_habit_ends_with_the_tenure() {
    if IS_MODEL_CHECKED {
        return;
    }
    let (plane, fences) = (plane(1), counting(1));
    let mut copier = copier(&plane);
    for _ in 0..3 {
        copy(&mut copier, &fences, (TARGET, 1), || ());
    }
    plane.close(0);
    assert_eq!(copy(&mut copier, &fences, (TARGET, 1), || ()), None);
    plane.open(0, &grant(1, TARGET), 2);
    for expected in [false, false, true] {
        let is_light = copy(&mut copier, &fences, (TARGET, 1), || ());
        assert_eq!(is_light, Some(expected));
    }
}

#[test]
fn copies_that_are_refused_make_no_habit() {
    if IS_MODEL_CHECKED {
        return;
    }
    let (plane, fences) = (plane(1), counting(1));
    let mut copier = copier(&plane);
    for (caller, id) in [(STRANGER, 1), (TARGET, 2), (TARGET, 0)] {
        for _ in 0..9 {
            assert_eq!(copy(&mut copier, &fences, (caller, id), || ()), None);
        }
        assert_eq!(price(&plane, Scope::Slot(0), &fences), 0);
    }
    let stores = CopyRequest {
        direction: Direction::Write,
        ..read(1)
    };
    let beyond = CopyRequest {
        offset: 1,
        ..read(1)
    };
    for request in [stores, beyond] {
        for _ in 0..9 {
            let pinned = copier.pin_by_habit(&fences, task(TARGET), &request);
            assert!(pinned.is_err());
        }
        assert_eq!(price(&plane, Scope::Slot(0), &fences), 0);
    }
}

#[test]
fn what_can_not_be_copied_lightly_is_unlearned() {
    if IS_MODEL_CHECKED {
        return;
    }
    let (plane, fences) = (plane(1), counting(1));
    let mut copier = copier(&plane);
    for expected in [false, false, true] {
        let is_light = copy(&mut copier, &fences, (TARGET, 1), || ());
        assert_eq!(is_light, Some(expected));
    }
    copier.unlearn(1);
    assert_eq!(price(&plane, Scope::Slot(0), &fences), 0);
    for expected in [false, false, true] {
        let is_light = copy(&mut copier, &fences, (TARGET, 1), || ());
        assert_eq!(is_light, Some(expected));
    }
}

#[test]
fn without_a_streak_no_pin_is_light() {
    if IS_MODEL_CHECKED {
        return;
    }
    let (plane, fences) = (plane(1), counting(0));
    let mut copier = copier(&plane);
    for _ in 0..9 {
        let is_light = copy(&mut copier, &fences, (TARGET, 1), || ());
        assert_eq!(is_light, Some(false));
    }
    assert_eq!(price(&plane, Scope::Slot(0), &fences), 0);
}

/// Two threads: one copies, the other revokes.
#[derive(Default)]
struct Interrupts {
    asked: AtomicU32,
    done: AtomicU32,
}

const OVER: u32 = 2;

impl Interrupts {
    /// A step of the thread that copies: here it may be interrupted.
    fn step(&self) {
        let asked = self.asked.load(Ordering::Relaxed);
        if asked != self.done.load(Ordering::Relaxed) {
            fence(Ordering::SeqCst);
            self.done.store(asked, Ordering::Relaxed);
        }
    }

    /// The thread that copies has nothing more to do; being switched away from is a fence, too.
    fn end(&self) {
        fence(Ordering::SeqCst);
        self.done.store(OVER, Ordering::Relaxed);
    }
}

impl Fences for Arc<Interrupts> {
    const BIASES: bool = true;

    fn streak(&self) -> Option<NonZeroU32> {
        NonZeroU32::new(1)
    }

    fn announce_lightly(&self, pin: &AtomicU64, value: u64) {
        self.step();
        announce_lightly(pin, value);
        self.step();
    }

    fn fence_everywhere(&self) {
        fence(Ordering::SeqCst);
        self.asked.store(1, Ordering::Relaxed);
        while self.done.load(Ordering::Relaxed) == 0 {
            thread::yield_now();
        }
        fence(Ordering::SeqCst);
    }

    fn pause(&self, _looks: u32) {
        thread::yield_now();
    }
}

/// Copies that were made before the revoker comes: with two of them the bias is set.
fn check(copies_before: u32, revoke: impl Fn(&Plane, &Arc<Interrupts>) + Send + Sync + 'static) {
    if !IS_MODEL_CHECKED {
        return;
    }
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(move || {
        let plane = Arc::new(plane(1));
        let fences = Arc::new(Interrupts::default());
        let late = Arc::new(AtomicU32::new(0));
        let mut copier = copier(&plane);
        for _ in 0..copies_before {
            copy(&mut copier, &fences, (TARGET, 1), || ());
        }
        let (interrupts, seen) = (fences.clone(), late.clone());
        let copying = thread::spawn(move || {
            for _ in copies_before..3 {
                copy(&mut copier, &interrupts, (TARGET, 1), || {
                    interrupts.step();
                    assert_eq!(seen.load(Ordering::Relaxed), 0, "a late copy");
                    interrupts.step();
                });
            }
            interrupts.end();
        });
        revoke(&plane, &fences);
        late.store(1, Ordering::Relaxed);
        copying.join().unwrap();
    });
}

fn claim(plane: &Plane, fences: &Arc<Interrupts>) {
    plane.close(0);
    plane.drain(Scope::Slot(0), fences);
}

#[test]
fn a_claim_waits_for_a_light_copy() {
    check(2, claim);
}

#[test]
fn a_claim_waits_for_copies_that_become_light() {
    check(1, claim);
}

#[test]
fn the_end_of_the_owner_waits_for_a_light_copy() {
    check(2, |plane, fences| {
        plane.set_life(OWNER, 0);
        plane.drain(Scope::Task(task(OWNER)), fences);
    });
}

#[test]
fn the_end_of_the_target_waits_for_copies_that_become_light() {
    check(1, |plane, fences| {
        plane.set_life(TARGET, 0);
        plane.drain(Scope::Task(task(TARGET)), fences);
    });
}

#[test]
fn a_pass_ends_the_old_targets_light_copies() {
    check(2, |plane, fences| {
        claim(plane, fences);
        plane.open(0, &grant(1, STRANGER), 2);
    });
}

/// The processor turns to another task and back while somebody claims.
#[test]
fn a_claim_waits_for_a_light_copy_of_a_processor_that_rests() {
    if !IS_MODEL_CHECKED {
        return;
    }
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(|| {
        let plane = Arc::new(plane(1));
        let fences = Arc::new(Interrupts::default());
        let late = Arc::new(AtomicU32::new(0));
        let mut copier = copier(&plane);
        for _ in 0..2 {
            copy(&mut copier, &fences, (TARGET, 1), || ());
        }
        let (interrupts, seen) = (fences.clone(), late.clone());
        let copying = thread::spawn(move || {
            let mut copy_once = || {
                copy(&mut copier, &interrupts, (TARGET, 1), || {
                    assert_eq!(seen.load(Ordering::Relaxed), 0, "a late copy");
                    interrupts.step();
                });
            };
            copy_once();
            copier.rest();
            interrupts.end();
        });
        claim(&plane, &fences);
        late.store(1, Ordering::Relaxed);
        copying.join().unwrap();
    });
}
