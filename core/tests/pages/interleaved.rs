//! Calls, births and deaths that come in between the steps of a call about
//! pages, and what must hold all the same.

use usufruct_abi::{MEMC_GIVE, MEMC_NOWRITE, MEMC_OKWRITE, Number};
use usufruct_core::{Denied, PageRequest, PoolQuota, Progress, Work};

use crate::world::{A, B, C, PAGE, PAGES, START, TASKS, World, first_step, size, word};

const MANY_TASKS: u32 = 64;

pub(crate) fn control((start, bytes): (u64, u64), command: i32, task: i32) -> PageRequest {
    PageRequest::Control {
        start,
        size: size(bytes),
        command,
        task,
    }
}

/// More than a change goes over at once.
const MANY_PAGES: u32 = 5000;

fn allocation(pages: u32) -> PageRequest {
    PageRequest::Allocate {
        size: size(u64::from(pages) * PAGE),
        flags: 0,
    }
}

/// Who is born in a dead task's place in the tables.
fn heir_of(dead: usize, world: &mut World, pool: PoolQuota) -> usize {
    let heir = world.join(pool);
    let place = |who: usize| world.threads[who].key().index();
    assert_eq!(place(heir), place(dead));
    heir
}

/// A page of A's, granted to newcomers until no page has more holders than it is
/// sure of, and who they are.
pub(crate) fn use_up_the_shared_records(world: &mut World) -> (u64, Vec<usize>) {
    let q = world.allocate(A, 1);
    let named = (0..=PAGES / 4)
        .map(|_| {
            let who = world.join(PoolQuota::default());
            let id = world.id(who);
            assert_eq!(world.control(A, (q, 1), MEMC_OKWRITE, id), 0);
            who
        })
        .collect();
    (q, named)
}

/// A page of A's that everybody may write, with no room for a record of who does:
/// its two holders are A, and C by name.
fn grant_to_everybody_without_room(world: &mut World) -> u64 {
    let p = world.allocate(A, 1);
    let c = world.id(C);
    assert_eq!(world.control(A, (p, 1), MEMC_OKWRITE, c), 0);
    assert_eq!(world.control(A, (p, 1), MEMC_OKWRITE, 0), 0);
    p
}

#[test]
fn who_took_up_a_grant_without_a_record_can_be_refused_once_there_is_one() {
    let mut world = World::new(MANY_TASKS);
    let p = grant_to_everybody_without_room(&mut world);
    let (q, named) = use_up_the_shared_records(&mut world);
    assert!(world.stores(B, p));
    let first = world.id(named[0]);
    assert_eq!(world.control(A, (q, 1), MEMC_NOWRITE, first), 0);
    let b = world.id(B);
    assert_eq!(world.control(A, (p, 1), MEMC_NOWRITE, b), 0);
    assert!(!world.is(B, Number::IsMemWritable, p));
    assert!(!world.stores(B, p));
}

/// Which records there are does not hang on what a machine protects too much.
#[test]
fn who_took_up_a_grant_without_a_record_gets_none_when_its_mapping_comes_back() {
    let mut world = World::new(MANY_TASKS);
    let p = grant_to_everybody_without_room(&mut world);
    let (q, named) = use_up_the_shared_records(&mut world);
    assert!(world.stores(B, p));
    let first = world.id(named[0]);
    assert_eq!(world.control(A, (q, 1), MEMC_NOWRITE, first), 0);
    world.protect_too_much(B);
    assert!(world.stores(B, p) && world.stores(named[1], p));
    assert_eq!(world.control(A, (q, 1), MEMC_OKWRITE, first), 0);
    assert_eq!(world.control(A, (p, 1), MEMC_NOWRITE, 0), 0);
    assert!(!world.stores(B, p) && !world.stores(named[1], p));
}

/// The tasks are visited run by run, and the neighbour is no part of the call.
#[test]
fn the_end_of_one_owners_grant_leaves_the_grant_beside_it() {
    let mut world = World::new(MANY_TASKS);
    let p = grant_to_everybody_without_room(&mut world);
    let beside = world.allocate(B, 1);
    assert_eq!(beside, p + PAGE);
    assert_eq!(world.control(B, (beside, 1), MEMC_OKWRITE, 0), 0);
    let (_, named) = use_up_the_shared_records(&mut world);
    assert!(world.stores(named[0], p));
    assert_eq!(world.control(A, (p, 1), MEMC_NOWRITE, 0), 0);
    assert!(!world.stores(named[0], p));
    assert!(world.is(named[1], Number::IsMemWritable, beside));
    assert!(world.stores(named[1], beside));
}

#[test]
fn a_dead_callers_gift_leaves_what_the_next_in_its_place_owns() {
    let mut world = World::new(TASKS);
    let p = world.allocate(A, 1);
    let (b, c) = (world.id(B), world.id(C));
    assert_eq!(world.control(A, (p, 1), MEMC_OKWRITE, b), 0);
    let relinquish = first_step(world.begin(B, control((p, 1), MEMC_NOWRITE, b)));
    let gift = first_step(world.begin(A, control((p, 1), MEMC_GIVE, c)));
    assert_eq!(*gift.work(), Work::Yield, "the page is B's turn");
    assert_eq!(world.finish(world.go_on(relinquish)), Ok(0));
    world.end(A);
    let d = heir_of(A, &mut world, PoolQuota::default());
    assert_eq!(world.allocate(d, 1), p);
    assert!(world.finish(world.go_on(gift)).is_err());
    assert!(world.is(d, Number::IsMemOwned, p));
    assert!(world.books_hold());
}

#[test]
fn pages_that_come_free_are_not_taken_off_the_charge_of_the_next_in_a_place() {
    let mut world = World::new(TASKS);
    let p = world.allocate(A, 2);
    let freeing = world.begin(A, control((p, 2 * PAGE), MEMC_GIVE, 0));
    let drain = world.until(freeing, |work| matches!(work, Work::Drain(_)));
    assert_eq!(world.finish(world.begin_end(A)), Ok(0));
    let quota = PoolQuota {
        pages: 2,
        reserve: 0,
    };
    let d = heir_of(A, &mut world, quota);
    let two_pages = [2 * PAGE, 0, 0, 0];
    let two = world.call_amid_others(d, Number::AllocMemBlocks, two_pages);
    assert_ne!(two, 0);
    assert_eq!(world.finish(world.go_on(drain)), Ok(0));
    assert!(world.books_hold());
    assert_eq!(world.allocate(d, 1), 0, "over its quota");
}

/// It lets others in when it has gone over some of its pages.
#[test]
fn who_dies_in_the_middle_of_an_allocation_takes_no_page_with_it() {
    let mut world = World::with_pool(TASKS, PAGE, MANY_PAGES);
    let allocation = first_step(world.begin(A, allocation(MANY_PAGES)));
    assert_eq!(*allocation.work(), Work::Yield);
    let end = world.some_steps(world.begin_end(A));
    assert!(world.finish(world.go_on(allocation)).is_err());
    assert_eq!(world.finish(end), Ok(0));
    assert!(world.books_hold());
    assert_ne!(world.allocate(B, MANY_PAGES), 0, "pages are lost");
}

/// What is mapped first can be stored to before the rest turns out not to be.
#[test]
fn a_refused_allocation_leaves_nothing_of_what_was_stored_meanwhile() {
    let world = World::with_pool(TASKS, PAGE, MANY_PAGES);
    let rest = world.until(
        world.begin(A, allocation(MANY_PAGES)),
        |work| matches!(work, Work::Protect { run, .. } if run.first() > 0),
    );
    assert!(world.is_mapped(A, START));
    let key = world.threads[A].key();
    world.machine.put(key, START, b"secret");
    world.machine.fails_after.set(Some(0));
    assert_eq!(world.finish(world.go_on(rest)), Err(Denied::NoMapping));
    assert!(!world.is_mapped(A, START));
    assert_eq!(world.machine.bytes(key, START, 6), [0; 6]);
}

#[test]
fn who_gives_up_a_right_that_it_does_not_have_holds_up_nobody() {
    let mut world = World::new(TASKS);
    let p = world.allocate(A, 1);
    let c = world.id(C);
    let freeing = first_step(world.begin(A, control((p, 1), MEMC_GIVE, 0)));
    let strangers = first_step(world.begin(C, control((p, 2 * PAGE), MEMC_NOWRITE, c)));
    assert_eq!(*strangers.work(), Work::Yield);
    assert_eq!(world.finish(world.go_on(freeing)), Ok(0));
    let next = first_step(world.begin(B, allocation(2)));
    let strangers = first_step(world.go_on(strangers));
    assert_eq!(*strangers.work(), Work::Yield, "the pages are B's turn");
    assert!(world.finish(world.go_on(next)).is_ok());
    assert!(matches!(world.go_on(strangers), Progress::Answer(Ok(0))));
}

/// Its right is gone from the books, and its stores go through until the barrier; or its
/// stores go through already, and its right is not in the books.
#[test]
fn who_gives_up_its_right_waits_for_whoever_takes_or_grants_it() {
    for holders in [1, 2] {
        let mut world = World::new(TASKS);
        let p = world.allocate(A, 1);
        for task in [C, B].into_iter().take(holders) {
            let id = world.id(task);
            assert_eq!(world.control(A, (p, 1), MEMC_OKWRITE, id), 0);
        }
        let last = [C, B][holders - 1];
        let id = world.id(last);
        for command in [MEMC_NOWRITE, MEMC_OKWRITE] {
            let owners = first_step(world.begin(A, control((p, 1), command, id)));
            let own = first_step(world.begin(last, control((p, 1), MEMC_NOWRITE, id)));
            assert_eq!(*own.work(), Work::Yield, "{command}");
            assert_eq!(world.finish(world.go_on(owners)), Ok(0));
            assert_eq!(world.finish(world.go_on(own)), Ok(0));
            assert!(!world.is(last, Number::IsMemWritable, p));
        }
    }
    let mut world = World::new(TASKS);
    let p = world.allocate(A, 1);
    let a = world.id(A);
    assert!(world.stores(A, p));
    let closing = first_step(world.begin(A, control((p, 1), MEMC_NOWRITE, 0)));
    let own = first_step(world.begin(A, control((p, 1), MEMC_NOWRITE, a)));
    assert_eq!(*own.work(), Work::Yield, "another of its threads may store");
    assert_eq!(world.finish(world.go_on(closing)), Ok(0));
    assert_eq!(world.finish(world.go_on(own)), Ok(0));
}

/// A forbids B, who may write the first of three pages by name and the last with
/// everybody; and B is killed before the last is reached.
fn forbid_who_dies(world: &mut World) -> u64 {
    let p = world.allocate(A, 3);
    let (b, last) = (world.id(B), p + 2 * PAGE);
    assert_eq!(world.control(A, (p, 1), MEMC_OKWRITE, b), 0);
    assert_eq!(world.control(A, (last, 1), MEMC_OKWRITE, 0), 0);
    let forbidding = first_step(world.begin(A, control((p, 3 * PAGE), MEMC_NOWRITE, b)));
    assert!(matches!(forbidding.work(), Work::Protect { .. }));
    let end = world.some_steps(world.begin_end(B));
    assert_eq!(world.finish(world.go_on(forbidding)), Ok(0));
    assert_eq!(world.finish(end), Ok(0));
    last
}

#[test]
fn who_is_born_in_a_dead_tasks_place_is_not_refused_in_its_stead() {
    let mut world = World::new(TASKS);
    let last = forbid_who_dies(&mut world);
    let d = heir_of(B, &mut world, PoolQuota::default());
    assert!(world.stores(d, last));
    assert!(world.books_hold());
}

#[test]
fn a_refusal_of_the_dead_leaves_the_lists_of_those_born_in_their_place_whole() {
    let mut world = World::new(TASKS);
    let last = forbid_who_dies(&mut world);
    let d = world.join(PoolQuota::default());
    let own = world.allocate(d, 1);
    assert_eq!(world.control(A, (last, 1), MEMC_NOWRITE, 0), 0);
    world.end(d);
    let e = heir_of(d, &mut world, PoolQuota::default());
    assert!(!world.is(e, Number::IsMemOwned, own));
}

/// The receiver writes with everybody until it owns the page.
#[test]
fn a_right_held_before_and_after_a_gift_is_not_missed_in_between() {
    let mut world = World::new(TASKS);
    let p = world.allocate(A, 1);
    let (b, c) = (world.id(B), word(world.id(C)));
    assert_eq!(world.control(A, (p, 1), MEMC_OKWRITE, 0), 0);
    // Who loses by the gift, so that it takes its steps.
    assert!(world.stores(C, p));
    let smo = word(world.call(B, Number::ShareMem, [c, p, 8, 6]));
    let mut progress = world.begin(A, control((p, 1), MEMC_GIVE, b));
    let mut drained = false;
    while let Progress::Do(step) = progress {
        let write = world.call_amid_others(C, Number::WriteMem, [smo, 0, 8, 0]);
        assert_eq!(write, 0, "before {:?}", step.work());
        drained |= matches!(step.work(), Work::Drain(_));
        progress = world.go_on(step);
    }
    assert!(drained && matches!(progress, Progress::Answer(Ok(0))));
    assert_eq!(world.call(C, Number::WriteMem, [smo, 0, 8, 0]), 0);
}

/// Runs of pages that it has given up already, each a page long.
#[test]
fn who_gives_up_scattered_pages_lets_others_in_between_them() {
    let world = World::with_pool(TASKS, PAGE, MANY_PAGES);
    let all = (START, u64::from(MANY_PAGES) * PAGE);
    let allocated = world.finish(world.begin(A, allocation(MANY_PAGES)));
    assert!(allocated.is_ok());
    for page in (0..u64::from(MANY_PAGES)).step_by(2) {
        let grant = control((START + page * PAGE, 1), MEMC_OKWRITE, 0);
        assert_eq!(world.finish(world.begin(A, grant)), Ok(0));
    }
    let b = world.id(B);
    for _ in 0..2 {
        let mut progress = world.begin(B, control(all, MEMC_NOWRITE, b));
        let mut steps = 0;
        while let Progress::Do(step) = progress {
            progress = world.go_on(step);
            steps += 1;
        }
        assert!(matches!(progress, Progress::Answer(Ok(0))));
        assert!(steps >= MANY_PAGES / 2, "all in {steps} steps");
    }
    assert!(world.books_hold());
}
