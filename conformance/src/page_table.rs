//! The table of grants: what each page is sure of, and what happens when it is full.

use crate::{Rig, Run, Task, World, index};
use usufruct_abi::PortfolioError::NoMem;

/// Everybody that the machine will start, attached; at least four.
fn crowd<R: Rig>(world: &mut World<R>) -> Vec<Task> {
    let count = world.tables().tasks - 1;
    let tasks = (0..count).map(|number| world.start_attached(&format!("task{number}")));
    tasks.collect()
}

/// Grants every page of a run to one task after the other until one is refused; the grants
/// made, page by page, and the task that was refused the last page.
fn grant_until_full<R: Rig>(
    world: &mut World<R>,
    (owner, others): (Task, &[Task]),
    run: Run,
) -> (Vec<Vec<Task>>, Option<(Task, Run)>) {
    let mut granted = vec![Vec::new(); index(run.pages)];
    for other in others {
        for number in 0..run.pages {
            let page = run.page(number);
            match world.okwrite(owner, page, *other) {
                Ok(()) => granted[index(number)].push(*other),
                Err(error) => {
                    assert_eq!(error, NoMem);
                    return (granted, Some((*other, page)));
                }
            }
        }
    }
    (granted, None)
}

/// Its owner and one other; half a page's worth is for whoever comes first.
pub fn every_page_is_sure_of_two_tasks<R: Rig>(world: &mut World<R>) {
    let tasks = crowd(world);
    let pages = world.whole_pool().pages;
    let (hog, victim) = (tasks[0], tasks[1]);
    let of_victim = world.alloc(victim, 2);
    let of_hog = world.alloc(hog, pages - 2);
    let (granted, refused) = grant_until_full(world, (hog, &tasks[2..]), of_hog);
    assert!(granted.iter().all(|others| !others.is_empty()));
    assert!(refused.is_some(), "a table without an end");
    for page in [of_victim.page(0), of_victim.page(1)] {
        assert_eq!(world.okwrite(victim, page, hog), Ok(()));
        world.store_to(hog, page, 1);
    }
}

/// NOMEM, and everybody's rights are as before; what is granted already goes on.
pub fn a_grant_that_does_not_fit_changes_nothing<R: Rig>(world: &mut World<R>) {
    let tasks = crowd(world);
    let pages = world.whole_pool().pages;
    let owner = tasks[0];
    let run = world.alloc(owner, pages);
    let (_, refused) = grant_until_full(world, (owner, &tasks[1..]), run);
    let (task, page) = refused.expect("a table without an end");
    let before = world.statuses(&tasks);
    assert_eq!(world.okwrite(owner, page, task), Err(NoMem));
    assert_eq!(
        world.okwrite(owner, run, task),
        Err(NoMem),
        "all or nothing"
    );
    assert_eq!(world.statuses(&tasks), before);
    assert!(!world.is_writable(task, world.bytes(page)));
    world.store_to(tasks[1], run, 1);
    // Everybody needs no record.
    assert_eq!(world.okwrite(owner, run, None), Ok(()));
    world.store_to(task, page, 2);
}

/// Revoking, giving back, and the end of a task; and each makes room.
pub fn taking_never_fails<R: Rig>(world: &mut World<R>) {
    let tasks = crowd(world);
    let pages = world.whole_pool().pages;
    let owner = tasks[0];
    let run = world.alloc(owner, pages);
    let (_, refused) = grant_until_full(world, (owner, &tasks[1..]), run);
    let (task, page) = refused.expect("a table without an end");
    assert_eq!(world.nowrite(owner, run.page(0), tasks[1]), Ok(()));
    assert_eq!(world.nowrite(owner, run.page(0), tasks[2]), Ok(()));
    assert_eq!(world.okwrite(owner, page, task), Ok(()), "room again");
    world.store_to(task, page, 1);
    let (_, refused) = grant_until_full(world, (owner, &tasks[3..]), run);
    assert!(refused.is_some(), "a table without an end");
    world.kill(tasks[2]);
    assert_eq!(world.nowrite(owner, run, None), Ok(()));
    assert_eq!(world.give(owner, run, None), Ok(()));
    let again = world.alloc(owner, pages);
    assert_eq!(world.okwrite(owner, again, tasks[3]), Ok(()));
    world.store_to(tasks[3], again, 2);
}

/// Refusals need records too: where there is none, the grant to everybody ends instead.
pub fn a_refusal_that_does_not_fit_ends_the_grant_to_everybody<R: Rig>(world: &mut World<R>) {
    let tasks = crowd(world);
    let pages = world.whole_pool().pages;
    let (owner, others) = (tasks[0], &tasks[1..]);
    let run = world.alloc(owner, pages);
    assert_eq!(world.okwrite(owner, run, None), Ok(()));
    for task in others {
        for number in 0..pages {
            let page = run.page(number);
            assert_eq!(world.nowrite(owner, page, *task), Ok(()));
            assert!(!world.is_writable(*task, world.bytes(page)));
        }
    }
    for task in others {
        assert!(!world.writable_pages(*task, run).contains(&true));
    }
    world.store_to(owner, run, 1);
    for task in others {
        world.store_faults(*task, world.address(run), owner);
    }
}

/// Of those who have made use of a grant to everybody while the table was full, there is no
/// record. What is taken from one of them is taken all the same.
pub fn what_was_taken_up_without_a_record_can_be_revoked<R: Rig>(world: &mut World<R>) {
    for everybody in [false, true] {
        let tasks = crowd(world);
        let pages = world.whole_pool().pages;
        let (owner, taker) = (tasks[0], tasks[tasks.len() - 1]);
        let run = world.alloc(owner, pages);
        let (_, refused) = grant_until_full(world, (owner, &tasks[1..]), run);
        assert!(refused.is_some(), "a table without an end");
        assert_eq!(world.okwrite(owner, run, None), Ok(()));
        world.store_to(taker, run, 1);
        // Room for a record again, but none of the taker's.
        assert_eq!(world.nowrite(owner, run, tasks[1]), Ok(()));
        let loser = (!everybody).then_some(taker);
        assert_eq!(world.nowrite(owner, run, loser), Ok(()));
        assert_eq!(world.okwrite(owner, run, owner), Ok(()));
        assert!(!world.writable_pages(taker, run).contains(&true));
        world.store_faults(taker, world.address(run.page(pages / 2)), owner);
        for task in tasks.into_iter().filter(|task| *task != taker) {
            world.kill(task);
        }
    }
}

/// From the first of those on, nobody gets one: records that come free go to whoever is granted
/// something by name.
pub fn behind_a_store_without_a_record_nobody_gets_one<R: Rig>(world: &mut World<R>) {
    let tasks = crowd(world);
    let pages = world.whole_pool().pages;
    let (owner, takers) = (tasks[0], &tasks[tasks.len() - 2..]);
    let run = world.alloc(owner, pages);
    let (_, refused) = grant_until_full(world, (owner, &tasks[1..]), run);
    let (task, page) = refused.expect("a table without an end");
    assert_eq!(world.okwrite(owner, run.page(0), None), Ok(()));
    world.store_to(takers[0], run.page(0), 1);
    assert_eq!(world.nowrite(owner, run.page(1), task), Ok(()));
    world.store_to(takers[1], run.page(0), 2);
    assert_eq!(
        world.okwrite(owner, page, task),
        Ok(()),
        "the record is left"
    );
    assert_eq!(world.nowrite(owner, run.page(0), None), Ok(()));
    for taker in takers {
        world.store_faults(*taker, world.address(run.page(0)), owner);
    }
}
