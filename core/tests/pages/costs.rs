//! What a call costs where there are many tasks.

use usufruct_abi::{MEMC_NOWRITE, MEMC_OKWRITE};
use usufruct_core::PoolQuota;

use crate::world::{A, B, PAGE, World, size};

#[test]
fn a_call_costs_the_same_beside_many_idle_tasks() {
    let protections = |tasks: u32| {
        let mut world = World::new(tasks);
        for _ in 3..tasks - 1 {
            world.join(PoolQuota::default());
        }
        let pages = (world.allocate(A, 16), size(16 * PAGE));
        assert_eq!(world.control(A, pages, MEMC_OKWRITE, 0), 0);
        assert!(world.stores(B, pages.0));
        let before = world.machine.protections.get();
        assert_eq!(world.control(A, pages, MEMC_NOWRITE, 0), 0);
        world.machine.protections.get() - before
    };
    assert_eq!(
        protections(16),
        2,
        "the owner's run, and the page that B took up"
    );
    assert_eq!(protections(1000), 2);
}

/// A page that a thousand tasks have taken up: each is visited once, and what is
/// done for one does not grow with the others.
#[test]
fn a_grant_that_many_took_up_is_ended_task_by_task() {
    let tasks = if cfg!(miri) { 32 } else { 2000 };
    let mut world = World::new(tasks);
    let p = world.allocate(A, 1);
    assert_eq!(world.control(A, (p, 1), MEMC_OKWRITE, 0), 0);
    let takers: Vec<usize> = (0..tasks - 4)
        .map(|_| world.join(PoolQuota::default()))
        .collect();
    for taker in &takers {
        assert!(world.stores(*taker, p));
    }
    // The last of them stands in no record; when there is one for the refusal,
    // it is refused all the same.
    let (first, last) = (takers[0], takers[takers.len() - 1]);
    world.end(first);
    let id = world.id(last);
    assert_eq!(world.control(A, (p, 1), MEMC_NOWRITE, id), 0);
    assert!(!world.is_mapped(last, p) && !world.stores(last, p));
    let before = world.machine.protections.get();
    assert_eq!(world.control(A, (p, 1), MEMC_NOWRITE, 0), 0);
    let visits = world.machine.protections.get() - before;
    // The table holds a few of them. For the others, all attached tasks are visited.
    assert!(visits > tasks - 8, "{visits} visits");
    for who in 0..world.threads.len() {
        assert!(!world.is_mapped(who, p));
    }
}
