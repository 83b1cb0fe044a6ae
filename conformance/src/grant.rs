//! MEMC_OKWRITE and MEMC_NOWRITE: who may write a page.

use crate::{Rig, Run, Task, World};
use usufruct_abi::PortfolioError::BadPtr;

/// The owner of some pages, and two others.
fn owner_and_others<R: Rig>(world: &mut World<R>, pages: u32) -> ([Task; 3], Run) {
    let tasks = ["a", "b", "c"].map(|name| world.start_attached(name));
    let run = world.alloc(tasks[0], pages);
    (tasks, run)
}

/// What each of the tasks may write of one page, as the kernel says.
fn writers<R: Rig>(world: &mut World<R>, tasks: [Task; 3], page: Run) -> [bool; 3] {
    let range = world.bytes(page);
    tasks.map(|task| world.is_writable(task, range))
}

/// The one named may write, besides all who already may, and what it stores is seen by all.
pub fn an_owner_grants_write_to_a_task<R: Rig>(world: &mut World<R>) {
    let (tasks @ [a, b, c], run) = owner_and_others(world, 1);
    assert_eq!(writers(world, tasks, run), [true, false, false]);
    assert_eq!(world.okwrite(a, run, b), Ok(()));
    assert_eq!(writers(world, tasks, run), [true, true, false]);
    world.store_to(b, run, 0x42);
    assert_eq!(world.first_bytes(a, run), [0x42]);
    assert_eq!(world.okwrite(a, run, c), Ok(()));
    assert_eq!(writers(world, tasks, run), [true; 3]);
    for (task, byte) in tasks.into_iter().zip(1..) {
        world.store_to(task, run, byte);
    }
    // Granting once more what one has changes nothing.
    assert_eq!(world.okwrite(a, run, b), Ok(()));
    assert_eq!(world.okwrite(a, run, a), Ok(()));
    assert_eq!(writers(world, tasks, run), [true; 3]);
    assert!(
        !world.is_owned(b, world.bytes(run)),
        "writing is not owning"
    );
}

/// Every task that the machine will start, by a call of its own.
pub fn any_number_of_tasks_may_write_a_page<R: Rig>(world: &mut World<R>) {
    let a = world.start_attached("a");
    let run = world.alloc(a, 1);
    let others: Vec<Task> = (2..world.tables().tasks)
        .map(|number| world.start_attached(&format!("task{number}")))
        .collect();
    for other in &others {
        assert_eq!(world.okwrite(a, run, *other), Ok(()));
    }
    for (other, byte) in others.iter().zip(1..) {
        world.store_to(*other, run, byte);
    }
    for other in &others {
        assert_eq!(world.nowrite(a, run, *other), Ok(()));
        assert!(!world.is_writable(*other, world.bytes(run)));
    }
}

/// Only of the one named, and at its next store.
pub fn an_owner_revokes_what_it_granted<R: Rig>(world: &mut World<R>) {
    let (tasks @ [a, b, c], run) = owner_and_others(world, 2);
    for task in [b, c] {
        assert_eq!(world.okwrite(a, run, task), Ok(()));
        world.store_to(task, run, 0x42);
    }
    let page = run.page(0);
    assert_eq!(world.nowrite(a, page, b), Ok(()));
    assert_eq!(writers(world, tasks, page), [true, false, true]);
    assert_eq!(writers(world, tasks, run.page(1)), [true; 3]);
    for task in [a, c] {
        world.store_to(task, run, 0x43);
    }
    world.store_to(b, run.page(1), 0x44);
    // Taking what is not there changes nothing.
    assert_eq!(world.nowrite(a, page, b), Ok(()));
    world.store_faults(b, world.address(page), a);
}

/// An owner may lack write, and restores itself.
pub fn an_owner_protects_its_own_pages<R: Rig>(world: &mut World<R>) {
    let (tasks @ [a, b, _], run) = owner_and_others(world, 1);
    assert_eq!(world.okwrite(a, run, b), Ok(()));
    world.store_to(a, run, 1);
    assert_eq!(world.nowrite(a, run, a), Ok(()));
    assert_eq!(writers(world, tasks, run), [false, true, false]);
    assert!(world.is_owned(a, world.bytes(run)));
    world.store_to(b, run, 2);
    assert_eq!(world.okwrite(a, run, a), Ok(()));
    world.store_to(a, run, 3);
    // On pages that outlive it, so that it can be seen that nothing was stored.
    assert_eq!(world.give(a, run, b), Ok(()));
    assert_eq!(world.nowrite(b, run, a), Ok(()));
    world.store_faults(a, world.address(run), b);
}

/// Whether it had anything or not, and wherever in the pool.
pub fn a_task_relinquishes_what_it_does_not_own<R: Rig>(world: &mut World<R>) {
    let (tasks @ [a, b, c], run) = owner_and_others(world, 2);
    assert_eq!(world.okwrite(a, run, b), Ok(()));
    world.store_to(b, run, 1);
    for task in [b, b, c] {
        assert_eq!(world.nowrite(task, run, task), Ok(()));
        assert_eq!(writers(world, tasks, run.page(0)), [true, false, false]);
    }
    // Free pages, the owner's, and the relinquisher's own, in one call.
    let of_b = world.alloc(b, 1);
    let whole = world.whole_pool();
    assert_eq!(world.nowrite(b, whole, b), Ok(()));
    assert_eq!(writers(world, tasks, of_b), [false; 3]);
    assert_eq!(writers(world, tasks, run.page(1)), [true, false, false]);
    world.store_faults(b, world.address(run), a);
}

/// B may write P and does not own it: whatever it asks for is refused, and nothing changes.
pub fn only_the_owner_grants_gives_and_revokes<R: Rig>(world: &mut World<R>) {
    let (tasks @ [a, b, c], run) = owner_and_others(world, 1);
    assert_eq!(world.okwrite(a, run, b), Ok(()));
    let before = world.statuses(&tasks);
    for target in [Some(a), Some(b), Some(c), None] {
        assert_eq!(world.okwrite(b, run, target), Err(BadPtr));
        assert_eq!(world.give(b, run, target), Err(BadPtr));
    }
    for target in [Some(a), Some(c), None] {
        assert_eq!(world.nowrite(b, run, target), Err(BadPtr));
    }
    assert_eq!(world.statuses(&tasks), before);
    world.store_to(b, run, 1);
}

/// The caller and owner included; it restores itself.
pub fn nowrite_0_takes_everybodys_write<R: Rig>(world: &mut World<R>) {
    let (tasks @ [a, b, c], run) = owner_and_others(world, 1);
    for task in [b, c] {
        assert_eq!(world.okwrite(a, run, task), Ok(()));
        world.store_to(task, run, 1);
    }
    assert_eq!(world.nowrite(a, run, None), Ok(()));
    assert_eq!(writers(world, tasks, run), [false; 3]);
    assert!(world.is_owned(a, world.bytes(run)));
    assert_eq!(world.okwrite(a, run, a), Ok(()));
    assert_eq!(writers(world, tasks, run), [true, false, false]);
    world.store_to(a, run, 2);
    for task in [b, c] {
        world.store_faults(task, world.address(run), a);
    }
}

/// Also those that start later, and those that store there for the first time.
pub fn okwrite_0_lets_everybody_write<R: Rig>(world: &mut World<R>) {
    let (tasks @ [a, b, _], run) = owner_and_others(world, 2);
    assert_eq!(world.okwrite(a, run, None), Ok(()));
    assert_eq!(writers(world, tasks, run.page(1)), [true; 3]);
    let late = world.start_attached("late");
    for (task, byte) in [late, b, a].into_iter().zip(1..) {
        world.store_to(task, run, byte);
    }
    // Until NOWRITE 0, also for those who never made use of it.
    assert_eq!(world.nowrite(a, run, None), Ok(()));
    assert_eq!(writers(world, tasks, run.page(1)), [false; 3]);
    let later = world.start_attached("later");
    for task in [late, b, later] {
        world.store_faults(task, world.address(run), tasks[2]);
    }
}

/// With the hands, the grant to everybody ends; what was granted by name stays.
pub fn a_grant_to_everybody_ends_when_the_page_changes_hands<R: Rig>(world: &mut World<R>) {
    let (tasks @ [a, b, c], run) = owner_and_others(world, 2);
    let d = world.start_attached("d");
    assert_eq!(world.okwrite(a, run, b), Ok(()));
    assert_eq!(world.okwrite(a, run, None), Ok(()));
    world.store_to(c, run, 1);
    world.store_to(b, run, 2);
    assert_eq!(world.give(a, run, d), Ok(()));
    assert_eq!(writers(world, tasks, run.page(1)), [true, true, false]);
    world.store_to(b, run, 3);
    world.store_to(d, run, 4);
    world.store_faults(c, world.address(run), d);
    // Through the free pool, nothing stays.
    assert_eq!(world.okwrite(d, run, None), Ok(()));
    assert_eq!(world.give(d, run, None), Ok(()));
    let again = world.alloc(d, 2);
    assert_eq!(again, run);
    for task in [a, b] {
        assert_eq!(world.writable_pages(task, run), [false; 2]);
        world.store_faults(task, world.address(run), d);
    }
}

/// The one named is refused, everybody else is not, until it or everybody is granted again.
pub fn nowrite_outlasts_a_grant_to_everybody<R: Rig>(world: &mut World<R>) {
    let (tasks @ [a, b, c], run) = owner_and_others(world, 1);
    for again in [Some(b), None] {
        assert_eq!(world.okwrite(a, run, None), Ok(()));
        world.store_to(b, run, 1);
        assert_eq!(world.nowrite(a, run, b), Ok(()));
        assert_eq!(writers(world, tasks, run), [true, false, true]);
        let late = world.start_attached("late");
        for (task, byte) in [a, c, late].into_iter().zip(2..) {
            world.store_to(task, run, byte);
        }
        assert_eq!(world.okwrite(a, run, c), Ok(()), "another is granted");
        assert_eq!(writers(world, tasks, run), [true, false, true]);
        assert_eq!(world.okwrite(a, run, again), Ok(()));
        world.store_to(b, run, 5);
        world.exit(late, 0);
    }
    // It may refuse itself, too, and the owner may.
    for task in [b, a] {
        assert_eq!(world.nowrite(task, run, task), Ok(()));
    }
    assert_eq!(writers(world, tasks, run), [false, false, true]);
    world.store_faults(b, world.address(run), c);
}

/// A task stores without a pause while its right is taken: nothing lands after the call.
pub fn no_store_lands_after_a_revocation<R: Rig>(world: &mut World<R>) {
    if !world.needs_preemption() {
        return;
    }
    let a = world.start_attached("a");
    let run = world.alloc(a, 2);
    for by in 0..10 {
        let b = world.start_attached("b");
        let everybody = by % 2 == 0;
        let granted = if everybody { None } else { Some(b) };
        assert_eq!(world.okwrite(a, run, granted), Ok(()));
        world.post_keep_storing(b, world.bytes(run), 0x77);
        world.rig.advance(3);
        let revoked = if by % 4 < 2 { None } else { Some(b) };
        assert_eq!(world.nowrite(a, run, revoked), Ok(()));
        assert_eq!(world.okwrite(a, run, a), Ok(()));
        let (address, bytes) = world.bytes(run);
        world.fill_at(a, (address, bytes), 0x11);
        assert_eq!(world.ending(b).reason, usufruct_abi::ENDED_FORBIDDEN_STORE);
        assert!(world.is_all(a, run, 0x11), "late bytes");
        assert_eq!(world.nowrite(a, run, None), Ok(()));
        assert_eq!(world.okwrite(a, run, a), Ok(()));
    }
}
