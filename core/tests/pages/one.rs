//! One page that another task may write, or no longer: the change with a way of its own, and
//! the empty record that it leaves.

use usufruct_abi::{MEMC_GIVE, MEMC_NOWRITE, MEMC_OKWRITE, Number};
use usufruct_core::{Denied, Machine, Progress, Work, control_at_once, touch};

use crate::interleaved::{control, use_up_the_shared_records};
use crate::world::{A, B, C, NO_MEM, PAGE, TASKS, World, first_step, size, word};

/// Whether it goes the short way, and its answer.
fn at_once(world: &mut World, (at, bytes): (u64, u64), command: i32, task: i32) -> Option<i32> {
    let words = [at, word(size(bytes)), word(command), word(task)];
    let answer = control_at_once(&world.machine, &mut world.threads[A], words);
    assert!(world.books_hold());
    answer
}

#[test]
fn one_page_for_one_other_task_and_nothing_else_goes_the_short_way() {
    let mut world = World::new(TASKS);
    let (a, b) = (world.id(A), world.id(B));
    let p = world.allocate(A, 2);
    let stranger = world.allocate(B, 1);
    for (range, command, task) in [
        ((p, 0), MEMC_OKWRITE, b),
        ((p + 1, PAGE), MEMC_OKWRITE, b),
        ((p, 1), MEMC_GIVE, b),
        ((p, 1), MEMC_OKWRITE, a),
        ((p, 1), MEMC_OKWRITE, 0),
        ((p, 1), MEMC_OKWRITE, i32::MAX),
        ((p, 1), MEMC_NOWRITE, b),
        ((p - 1, 1), MEMC_OKWRITE, b),
        ((stranger, 1), MEMC_OKWRITE, world.id(C)),
    ] {
        assert_eq!(
            at_once(&mut world, range, command, task),
            None,
            "{range:x?}"
        );
    }
    for range in [(p, PAGE), (p + PAGE - 1, 1)] {
        assert_eq!(at_once(&mut world, range, MEMC_OKWRITE, b), Some(0));
        assert!(world.is_mapped(B, p) && world.is(B, Number::IsMemWritable, p));
        assert_eq!(at_once(&mut world, range, MEMC_OKWRITE, b), None);
        assert_eq!(at_once(&mut world, range, MEMC_NOWRITE, b), Some(0));
        assert!(!world.is_mapped(B, p) && !world.is(B, Number::IsMemWritable, p));
    }
}

#[test]
fn what_can_not_be_mapped_is_refused_and_leaves_nothing() {
    let mut world = World::new(TASKS);
    let (b, c) = (world.id(B), world.id(C));
    let p = world.allocate(A, 1);
    for others in [0, 1] {
        world.machine.fails_after.set(Some(0));
        assert_eq!(at_once(&mut world, (p, 1), MEMC_OKWRITE, b), Some(NO_MEM));
        let granting = world.begin(A, control((p, 1), MEMC_OKWRITE, b));
        assert_eq!(world.finish(granting), Err(Denied::NoMapping));
        world.machine.fails_after.set(None);
        assert!(
            !world.is(B, Number::IsMemWritable, p),
            "beside {others} others"
        );
        assert_eq!(
            at_once(&mut world, (p, 1), MEMC_OKWRITE, c),
            [Some(0), None][others]
        );
    }
}

/// The page is sure of a second holder, whoever was the last.
#[test]
fn who_gains_takes_over_what_the_last_has_left() {
    let mut world = World::new(64);
    let (b, c) = (world.id(B), world.id(C));
    let p = world.allocate(A, 1);
    assert_eq!(at_once(&mut world, (p, 1), MEMC_OKWRITE, b), Some(0));
    assert_eq!(at_once(&mut world, (p, 1), MEMC_NOWRITE, b), Some(0));
    use_up_the_shared_records(&mut world);
    assert_eq!(at_once(&mut world, (p, 1), MEMC_OKWRITE, c), Some(0));
    assert!(world.stores(C, p) && !world.stores(B, p));
    assert_eq!(world.control(A, (p, 1), MEMC_OKWRITE, b), NO_MEM);
    world.end(C);
    assert_eq!(world.control(A, (p, 1), MEMC_OKWRITE, b), 0);
}

#[test]
fn who_has_left_a_record_and_dies_takes_it_along() {
    let mut world = World::new(TASKS);
    let (b, c) = (world.id(B), world.id(C));
    let p = world.allocate(A, 1);
    for id in [b, c] {
        assert_eq!(at_once(&mut world, (p, 1), MEMC_OKWRITE, id), Some(0));
        assert_eq!(at_once(&mut world, (p, 1), MEMC_NOWRITE, id), Some(0));
    }
    world.end(B);
    world.end(C);
    assert_eq!(world.control(A, (p, 1), MEMC_GIVE, 0), 0);
}

/// It has nothing there that it could give up.
#[test]
fn who_has_left_a_record_holds_up_nobody() {
    let mut world = World::new(TASKS);
    let b = world.id(B);
    let p = world.allocate(A, 1);
    assert_eq!(at_once(&mut world, (p, 1), MEMC_OKWRITE, b), Some(0));
    assert_eq!(at_once(&mut world, (p, 1), MEMC_NOWRITE, b), Some(0));
    let closing = first_step(world.begin(A, control((p, 1), MEMC_NOWRITE, 0)));
    let relinquish = first_step(world.begin(B, control((p, 1), MEMC_NOWRITE, b)));
    assert_eq!(world.finish(world.go_on(closing)), Ok(0));
    let c = world.id(C);
    assert_eq!(at_once(&mut world, (p, 1), MEMC_OKWRITE, c), Some(0));
    assert!(matches!(world.go_on(relinquish), Progress::Answer(Ok(0))));
}

/// Its page is marked: others wait, and the gainer's place stays its own.
#[test]
fn a_short_change_is_waited_for() {
    let mut world = World::new(TASKS);
    let (b, c) = (world.id(B), world.id(C));
    let p = world.allocate(A, 1);
    let granting = first_step(world.begin(A, control((p, 1), MEMC_OKWRITE, b)));
    assert_eq!(at_once(&mut world, (p, 1), MEMC_OKWRITE, c), None);
    let gift = first_step(world.begin(A, control((p, 1), MEMC_GIVE, c)));
    assert_eq!(*gift.work(), Work::Yield);
    let end = world.some_steps(world.begin_end(B));
    assert!(matches!(end, Progress::Do(_)), "it holds a marked page");
    assert_eq!(world.finish(world.go_on(granting)), Ok(0));
    assert_eq!(world.finish(end), Ok(0));
    assert_eq!(world.finish(world.go_on(gift)), Ok(0));
    assert!(world.is(C, Number::IsMemOwned, p) && world.books_hold());
}

/// Who stores first to a page that it was given, and finds no room for it, may come again.
#[test]
fn a_first_store_that_can_not_be_mapped_leaves_the_right() {
    let mut world = World::new(TASKS);
    let b = world.id(B);
    let p = world.allocate(A, 1);
    assert_eq!(world.control(A, (p, 1), MEMC_GIVE, b), 0);
    let key = world.threads[B].key();
    world.machine.fails_after.set(Some(0));
    assert_eq!(touch(&world.machine, key, p), Err(Denied::NoMapping));
    let by_steps = world.machine.with_kernel(|kernel| kernel.touch(key, p));
    assert_eq!(world.finish(by_steps), Err(Denied::NoMapping));
    world.machine.fails_after.set(None);
    assert!(!world.is_mapped(B, p) && world.is(B, Number::IsMemWritable, p));
    assert!(world.stores(B, p));
    assert_eq!(world.control(B, (p, 1), MEMC_NOWRITE, b), 0);
    assert!(!world.is_mapped(B, p), "what was taken up is noted");
}
