//! The rules of pages on a machine of byte vectors: here the worked cases of the
//! contract, and what a failing step leaves; beside it what a call costs, which
//! pages streams may use, the short way of one page, which threads are woken, what must hold when calls come
//! in between each other, and calls in no order.

mod costs;
mod frozen;
mod fuzz;
mod interleaved;
mod machine;
mod one;
mod random;
mod siblings;
mod streams;
mod world;

use usufruct_abi::{Error, MEMC_GIVE, MEMC_NOWRITE, MEMC_OKWRITE, Number, PortfolioError};
use usufruct_core::{CHUNK_BYTES, Denied, Machine, PoolQuota, Quota, touch};

use world::{A, B, BAD_PTR, C, NO_MEM, PAGE, PAGES, START, TASKS, World, size, word};

#[test]
fn the_worked_cases_of_the_contract() {
    let mut world = World::new(TASKS);
    let (a, b, c) = (world.id(A), world.id(B), world.id(C));
    let p = world.allocate(A, 2);
    assert_eq!(p, START);
    assert_eq!(
        world.machine.bytes(world.threads[A].key(), p, 4),
        [128, 0, 0, 0]
    );
    assert!(world.stores(A, p) && !world.stores(B, p));
    assert_eq!(world.control(A, (p + 10, 8), MEMC_OKWRITE, b), 0);
    assert!(world.stores(B, p) && !world.stores(B, p + PAGE));
    for (command, task) in [
        (MEMC_OKWRITE, c),
        (MEMC_GIVE, c),
        (MEMC_NOWRITE, a),
        (MEMC_NOWRITE, 0),
    ] {
        assert_eq!(world.control(B, (p, 8), command, task), BAD_PTR);
    }
    assert_eq!(world.control(B, (p, 8), MEMC_NOWRITE, b), 0);
    assert!(!world.stores(B, p));
    assert_eq!(world.control(A, (p + PAGE - 1, 2), MEMC_OKWRITE, b), 0);
    assert!(world.stores(B, p) && world.stores(B, p + PAGE));
    assert_eq!(world.control(A, (p, 8), MEMC_GIVE, b), 0);
    assert!(world.stores(A, p), "the giver keeps write");
    assert_eq!(world.control(A, (p, 8), MEMC_NOWRITE, b), BAD_PTR);
    assert_eq!(world.control(B, (p, 8), MEMC_NOWRITE, 0), 0);
    assert_eq!(world.control(B, (p, 8), MEMC_OKWRITE, b), 0);
    assert!(!world.stores(A, p) && world.stores(B, p));
    assert_eq!(world.control(A, (p, 128), MEMC_OKWRITE, c), BAD_PTR);
    assert!(!world.stores(C, p + PAGE), "none is changed");
    world.end(A);
    assert!(!world.stores(B, p + PAGE), "a dead owner's page is free");
}

#[test]
fn a_grant_to_everybody_is_taken_up_at_the_first_store() {
    let mut world = World::new(TASKS);
    let p = world.allocate(A, 1);
    let before = world.machine.protections.get();
    assert_eq!(world.control(A, (p, 1), MEMC_OKWRITE, 0), 0);
    assert_eq!(
        world.machine.protections.get(),
        before,
        "no mapping changes"
    );
    assert!(world.stores(B, p));
    assert_eq!(world.control(A, (p, 1), MEMC_NOWRITE, world.id(B)), 0);
    assert!(!world.stores(B, p) && world.stores(C, p));
    assert_eq!(world.control(A, (p, 1), MEMC_OKWRITE, 0), 0);
    assert!(world.stores(B, p), "everybody is granted again");
    let before = world.machine.protections.get();
    assert_eq!(world.control(A, (p, 1), MEMC_NOWRITE, 0), 0);
    assert_eq!(
        world.machine.protections.get(),
        before + 3,
        "A, B and C took it up"
    );
    assert!(!world.stores(A, p) && !world.stores(B, p) && !world.stores(C, p));
    assert_eq!(world.control(A, (p, 1), MEMC_OKWRITE, 0), 0);
    assert_eq!(world.control(A, (p, 1), MEMC_GIVE, world.id(C)), 0);
    assert!(!world.stores(B, p), "it ends when the page changes hands");
    assert!(world.stores(C, p));
}

#[test]
fn giving_is_undone_when_a_step_fails() {
    let mut world = World::new(TASKS);
    let p = world.allocate(A, 3);
    let b = world.id(B);
    // The middle page is B's to write already, so two runs have to be mapped.
    assert_eq!(world.control(A, (p + PAGE, 1), MEMC_OKWRITE, b), 0);
    world.machine.fails_after.set(Some(1));
    let all = (p, size(3 * PAGE));
    assert_eq!(world.control(A, all, MEMC_OKWRITE, b), NO_MEM);
    world.machine.fails_after.set(None);
    assert!(!world.stores(B, p) && world.stores(B, p + PAGE) && !world.stores(B, p + 2 * PAGE));
    world.machine.fails_after.set(Some(0));
    assert_eq!(world.allocate(B, 1), 0);
    world.machine.fails_after.set(None);
    assert_eq!(
        world.allocate(B, PAGES - 3),
        START + 3 * PAGE,
        "the page is free again"
    );
}

/// Nor does an owner's right that it has back: who only reads costs nobody a mapping.
#[test]
fn a_gift_changes_no_mapping_until_the_first_store_takes_up_all_of_it() {
    let mut world = World::new(TASKS);
    let p = world.allocate(A, 4);
    let (b, given) = (world.id(B), (p, size(3 * PAGE)));
    let fence = |world: &mut World| {
        let before = world.machine.protections.get();
        assert_eq!(world.control(B, given, MEMC_NOWRITE, 0), 0);
        assert_eq!(world.control(B, given, MEMC_OKWRITE, b), 0);
        world.machine.protections.get() - before
    };
    let before = world.machine.protections.get();
    world.machine.fails_after.set(Some(0));
    assert_eq!(world.control(A, given, MEMC_GIVE, b), 0);
    world.machine.fails_after.set(None);
    assert_eq!(world.machine.protections.get(), before);
    assert_eq!(fence(&mut world), 1, "the giver's");
    assert!(!world.is_mapped(A, p) && world.is_mapped(A, p + 3 * PAGE));
    assert!(world.stores(B, p + PAGE));
    assert!(world.is_mapped(B, p) && world.is_mapped(B, p + 2 * PAGE));
    assert!(!world.is_mapped(B, p + 3 * PAGE));
    assert_eq!(fence(&mut world), 1, "its own, for it has stored");
    assert!(!world.is_mapped(B, p) && world.stores(B, p));
    assert_eq!(world.control(B, given, MEMC_NOWRITE, 0), 0);
    assert!(!world.stores(B, p), "it has its right back by OKWRITE only");
}

#[test]
fn a_first_store_takes_up_what_the_task_may_write_and_no_more() {
    let mut world = World::new(TASKS);
    let p = world.allocate(A, 3);
    let (b, middle) = (world.id(B), p + PAGE);
    assert_eq!(world.control(A, (p, size(3 * PAGE)), MEMC_GIVE, b), 0);
    assert_eq!(world.control(B, (middle, 1), MEMC_NOWRITE, b), 0);
    assert!(world.stores(B, p));
    assert!(!world.is_mapped(B, middle) && !world.is_mapped(B, middle + PAGE));
    assert!(!world.stores(B, middle) && world.stores(B, middle + PAGE));
}

#[test]
fn a_store_for_a_task_lands_only_where_the_task_may_store() {
    let mut world = World::new(TASKS);
    let (a, b) = (word(world.id(A)), word(world.id(B)));
    let p = world.allocate(A, 2);
    let mine = world.allocate(B, 1);
    let no_permission = Error::NoPermission.code();
    let smo = word(world.call(A, Number::ShareMem, [b, p, 2 * PAGE, 6]));
    assert_eq!(world.call(B, Number::WriteMem, [smo, 0, 2 * PAGE, 0]), 0);
    assert_eq!(world.call(B, Number::ReadMem, [smo, 0, PAGE, mine]), 0);
    assert_eq!(
        world.control(A, (p + PAGE, 1), MEMC_NOWRITE, world.id(A)),
        0
    );
    assert_eq!(world.call(B, Number::WriteMem, [smo, 0, 2 * PAGE, 0]), -1);
    assert_eq!(world.threads[B].last_error().code(), no_permission);
    assert_eq!(world.call(B, Number::WriteMem, [smo, 0, PAGE, 0]), 0);
    assert_eq!(world.call(B, Number::ReadMem, [smo, 0, 8, p]), -1);
    assert_eq!(world.threads[B].last_error().code(), no_permission);
    // A message aimed at a page that its receiver may not write stays.
    assert_eq!(world.call(B, Number::OpenPort, [0; 4]), 0);
    assert_eq!(world.call(A, Number::SendMsg, [b, 0, 0, 0]), 0);
    for (message_at, sender_at) in [(p, 0), (0, p), (START + 60 * PAGE, 0), (p - 8, 0)] {
        assert_eq!(
            world.call(B, Number::GetMsg, [0, message_at, sender_at, 0]),
            -1
        );
        let error = world.threads[B].last_error();
        assert_eq!(error, Error::InvalidPtr);
    }
    assert_eq!(world.call(B, Number::GetMsg, [0, mine, mine + 16, 0]), 0);
    let sender = world.machine.bytes(world.threads[B].key(), mine + 16, 4);
    assert_eq!(u64::from(u32::from_le_bytes(sender.try_into().unwrap())), a);
}

#[test]
fn a_freed_page_is_zeroed() {
    let mut world = World::new(TASKS);
    let p = world.allocate(A, 2);
    world
        .machine
        .put(world.threads[A].key(), p + PAGE, b"secret");
    assert_eq!(world.control(A, (p, 128), MEMC_GIVE, 0), 0);
    let left = world.machine.bytes(world.threads[B].key(), p, 2 * PAGE);
    assert!(left.iter().all(|byte| *byte == 0));
    let p = world.allocate(A, 1);
    world.machine.put(world.threads[A].key(), p, b"secret");
    world.end(A);
    let left = world.machine.bytes(world.threads[B].key(), p, PAGE);
    assert!(left.iter().all(|byte| *byte == 0));
}

#[test]
fn a_reserve_is_kept_for_its_task() {
    let mut world = World::new(TASKS);
    let reserve = PoolQuota {
        pages: 20,
        reserve: 10,
    };
    let who = world.join(reserve);
    assert_eq!(world.allocate(A, PAGES - 9), 0);
    assert_ne!(world.allocate(A, PAGES - 10), 0);
    assert_eq!(world.allocate(B, 1), 0);
    let promised = world.allocate(who, 10);
    assert_ne!(promised, 0);
    // What it gives away it is still promised; so nothing may be given away
    // while nothing is free.
    assert_eq!(
        world.control(who, (promised, 1), MEMC_GIVE, world.id(A)),
        NO_MEM
    );
    assert_eq!(world.control(A, (START, size(20 * PAGE)), MEMC_GIVE, 0), 0);
    assert_eq!(world.control(who, (promised, 1), MEMC_GIVE, world.id(A)), 0);
    assert_eq!(world.allocate(who, 12), 0, "over its quota");
    assert_ne!(world.allocate(who, 11), 0);
}

/// The object and the buffer of another task are the same pages but for one, and
/// more than a copy moves at once.
#[test]
fn a_copy_between_two_tasks_in_the_pool_goes_as_if_through_a_buffer() {
    let page_bytes = u64::from(CHUNK_BYTES);
    let (lower, upper) = (START, START + page_bytes);
    let (up, down) = ([0, 0, 1, 2, 3, 4], [1, 2, 3, 4, 5, 5]);
    for (number, object, buffer, after) in [
        (Number::ReadMem, lower, upper, up),
        (Number::ReadMem, upper, lower, down),
        (Number::WriteMem, lower, upper, down),
        (Number::WriteMem, upper, lower, up),
    ] {
        let mut world = World::with_pool(TASKS, page_bytes, 6);
        let (a, b) = (world.threads[A].key(), world.id(B));
        world.call(A, Number::AllocMemBlocks, [6 * page_bytes, 0, 0, 0]);
        let at = |page: u8| START + u64::from(page) * page_bytes;
        for page in 0..6 {
            world.machine.put(a, at(page), &[page]);
        }
        let all = (START, size(6 * page_bytes));
        assert_eq!(world.control(A, all, MEMC_OKWRITE, b), 0);
        let len = 5 * page_bytes;
        let smo = word(world.call(A, Number::ShareMem, [word(b), object, len, 6]));
        assert_eq!(world.call(B, number, [smo, 0, len, buffer]), 0);
        let pages = [0, 1, 2, 3, 4, 5].map(|page| world.machine.bytes(a, at(page), 1)[0]);
        assert_eq!(pages, after, "{number:?} of {object:#x} at {buffer:#x}");
    }
}

#[test]
fn what_is_not_attached_sees_no_pool() {
    let mut world = World::new(TASKS);
    let thread = world
        .machine
        .with_kernel(|kernel| kernel.start_task(b"apart", Quota::default()))
        .unwrap();
    world.threads.push(thread);
    let p = world.allocate(A, 1);
    assert_eq!(world.control(A, (p, 1), MEMC_OKWRITE, 0), 0);
    assert_eq!(world.allocate(3, 1), 0);
    assert_eq!(world.control(3, (p, 1), MEMC_NOWRITE, 0), BAD_PTR);
    let bad_item = PortfolioError::BadItem.code();
    assert_eq!(world.control(A, (p, 1), MEMC_GIVE, world.id(3)), bad_item);
    for number in [Number::GetPageSize, Number::IsMemReadable] {
        assert_eq!(world.call(3, number, [0, 0, 0, 0]), 0);
    }
    let key = world.threads[3].key();
    assert_eq!(touch(&world.machine, key, p), Err(Denied::NotAttached));
    let apart = word(world.id(3));
    let smo = word(world.call(A, Number::ShareMem, [apart, 0, 8, 6]));
    assert_eq!(world.call(3, Number::ReadMem, [smo, 0, 8, p]), -1);
    let error = world.threads[3].last_error();
    assert_eq!(error, Error::InvalidPtr);
}
