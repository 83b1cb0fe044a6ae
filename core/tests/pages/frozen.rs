//! Frozen pages: what no call can make of them, and when they thaw.

use usufruct_abi::{MEMC_GIVE, MEMC_NOWRITE, MEMC_OKWRITE, Number};
use usufruct_core::{Denied, Machine, PageRequest, Run};

use crate::world::{A, B, BAD_PTR, PAGE, START, TASKS, World};

fn pages(end: u32) -> Run {
    Run::between(0, end).unwrap()
}

impl World {
    fn freeze(&self, who: usize, run: Run) -> Result<(), Denied> {
        self.machine
            .with_kernel(|kernel| kernel.freeze(&self.threads[who], run))
    }

    fn thaw(&self, who: usize, run: Run) -> Result<(), Denied> {
        self.machine
            .with_kernel(|kernel| kernel.thaw(&self.threads[who], run))
    }
}

/// Two pages of A's, frozen.
fn frozen() -> World {
    let mut world = World::new(TASKS);
    assert_eq!(world.allocate(A, 2), START);
    assert_eq!(world.control(A, (START, 128), MEMC_NOWRITE, 0), 0);
    assert_eq!(world.freeze(A, pages(2)), Ok(()));
    assert!(world.books_hold());
    world
}

#[test]
fn no_call_makes_a_frozen_page_writable_or_anothers() {
    let mut world = frozen();
    let (a, b) = (world.id(A), world.id(B));
    for (command, task) in [
        (MEMC_OKWRITE, a),
        (MEMC_OKWRITE, b),
        (MEMC_OKWRITE, 0),
        (MEMC_GIVE, a),
        (MEMC_GIVE, b),
        (MEMC_GIVE, 0),
    ] {
        let refused = world.control(A, (START + PAGE, 1), command, task);
        assert_eq!(refused, BAD_PTR, "{command} {task}");
        assert!(!world.stores(A, START + PAGE) && !world.stores(B, START + PAGE));
    }
    assert!(world.is(A, Number::IsMemOwned, START + PAGE));
    // To take what nobody has is no harm.
    assert_eq!(world.control(A, (START, 128), MEMC_NOWRITE, 0), 0);
    assert_eq!(world.control(A, (START, 128), MEMC_NOWRITE, b), 0);
}

#[test]
fn nobody_else_thaws_and_thawed_pages_are_ordinary_ones() {
    let mut world = frozen();
    assert_eq!(world.thaw(B, pages(2)), Err(Denied::NotPageOwner(0)));
    assert_eq!(world.freeze(B, pages(1)), Err(Denied::NotPageOwner(0)));
    assert_eq!(world.thaw(A, pages(3)), Err(Denied::NotPageOwner(2)));
    let a = world.id(A);
    assert_eq!(world.control(A, (START, 1), MEMC_OKWRITE, a), BAD_PTR);
    assert_eq!(world.thaw(A, pages(2)), Ok(()));
    assert_eq!(world.control(A, (START, 128), MEMC_OKWRITE, a), 0);
    assert!(world.stores(A, START) && world.stores(A, START + PAGE));
}

#[test]
fn what_somebody_may_write_can_not_be_frozen() {
    let mut world = World::new(TASKS);
    world.allocate(A, 2);
    let (a, b) = (world.id(A), world.id(B));
    assert_eq!(world.freeze(A, pages(2)), Err(Denied::PageWritable(0)));
    assert_eq!(world.control(A, (START, 128), MEMC_NOWRITE, 0), 0);
    assert_eq!(world.control(A, (START + PAGE, 1), MEMC_OKWRITE, b), 0);
    assert_eq!(world.freeze(A, pages(2)), Err(Denied::PageWritable(1)));
    assert_eq!(world.control(A, (START + PAGE, 1), MEMC_NOWRITE, b), 0);
    assert_eq!(world.control(A, (START + PAGE, 1), MEMC_OKWRITE, 0), 0);
    assert_eq!(world.freeze(A, pages(2)), Err(Denied::PageWritable(1)));
    // None was frozen by these.
    assert_eq!(world.control(A, (START, 1), MEMC_OKWRITE, a), 0);
    assert!(world.books_hold());
}

#[test]
fn a_grant_that_is_under_way_keeps_a_page_from_being_frozen() {
    let mut world = World::new(TASKS);
    world.allocate(A, 1);
    assert_eq!(world.control(A, (START, 1), MEMC_NOWRITE, 0), 0);
    let grant = PageRequest::Control {
        start: START,
        size: 1,
        command: MEMC_OKWRITE,
        task: world.id(B),
    };
    // The mapping comes first, and the books say nothing of it yet.
    let progress = world.begin(A, grant);
    assert_eq!(world.freeze(A, pages(1)), Err(Denied::PageWritable(0)));
    assert_eq!(world.finish(progress), Ok(0));
    assert!(world.stores(B, START));
}

#[test]
fn a_dead_owners_frozen_pages_are_free_and_frozen_no_longer() {
    let mut world = frozen();
    world.end(A);
    assert_eq!(world.allocate(B, 2), START);
    assert!(world.stores(B, START));
    let b = world.id(B);
    assert_eq!(world.control(B, (START, 1), MEMC_NOWRITE, 0), 0);
    assert_eq!(world.control(B, (START, 1), MEMC_OKWRITE, b), 0);
}
