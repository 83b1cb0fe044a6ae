//! Rights to pages, taken away while copies store there.

use super::{POOL_AT, World, call, check, check_within, copy_at, one_copy, word};
use loom::thread;
use usufruct_abi::{Error, MEMC_GIVE, MEMC_NOWRITE, MEMC_OKWRITE, Number};
use usufruct_core::{Direction, Machine, Reply, Request, Thread, control_at_once, settle};

const PAGE: u64 = POOL_AT as u64;

fn control(machine: &super::Checked, thread: &mut Thread, command: i32, task: i32) {
    let call = (Number::ControlMem, [PAGE, 1, word(command), word(task)]);
    let request = Request::decode(machine, thread, call.0, call.1).unwrap();
    let progress = machine.with_kernel(|kernel| kernel.begin(thread, &request));
    assert_eq!(settle(machine, thread, call, progress), Reply::Word(0));
}

/// Of one page and another task, as machines do it that look at that first.
fn control_one(machine: &super::Checked, thread: &mut Thread, command: i32, task: i32) {
    let words = [PAGE, 1, word(command), word(task)];
    assert_eq!(control_at_once(machine, thread, words), Some(0));
}

fn allocate(machine: &super::Checked, thread: &mut Thread) {
    let call = (Number::AllocMemBlocks, [1, 0, 0, 0]);
    let request = Request::decode(machine, thread, call.0, call.1).unwrap();
    let progress = machine.with_kernel(|kernel| kernel.begin(thread, &request));
    let answer = Reply::Word(POOL_AT.cast_signed());
    assert_eq!(settle(machine, thread, call, progress), answer);
}

/// The owner of an object over a page forbids itself to write there.
#[test]
fn no_byte_lands_on_a_page_after_its_owner_may_not_write() {
    check(|| {
        let mut world = World::new();
        allocate(&world.machine, &mut world.owner);
        let smo = world.share_at(world.first.task().raw(), PAGE);
        let (machine, mut target) = (world.machine.clone(), world.first);
        let mut copier = world.copiers.pop().unwrap();
        let copying = thread::spawn(move || {
            match one_copy(&machine, &mut copier, &mut target, (smo, Direction::Write)) {
                Ok(()) | Err(Error::NoPermission) => {}
                Err(error) => panic!("{error:?}"),
            }
        });
        let owner = world.owner.task().raw();
        control(&world.machine, &mut world.owner, MEMC_NOWRITE, owner);
        world.machine.own_pool();
        copying.join().unwrap();
    });
}

/// A page where a task reads to is taken from it.
#[test]
fn no_byte_lands_on_a_page_after_its_reader_may_not_write() {
    for revoke in [control, control_one] {
        check(move || revoke_amid_a_read(revoke));
    }
}

fn revoke_amid_a_read(revoke: fn(&super::Checked, &mut Thread, i32, i32)) {
    let mut world = World::new();
    let reader = world.first.task().raw();
    let smo = world.share_with_first();
    allocate(&world.machine, &mut world.second);
    control(&world.machine, &mut world.second, MEMC_OKWRITE, reader);
    let (machine, mut target) = (world.machine.clone(), world.first);
    let mut copier = world.copiers.pop().unwrap();
    let copying = thread::spawn(move || {
        let read = (smo, Direction::Read, PAGE);
        match copy_at(&machine, &mut copier, &mut target, read) {
            Ok(()) | Err(Error::NoPermission) => {}
            Err(error) => panic!("{error:?}"),
        }
    });
    revoke(&world.machine, &mut world.second, MEMC_NOWRITE, reader);
    world.machine.own_pool();
    copying.join().unwrap();
}

/// Who has lost its right has left a record, and another gains by it: it is the one's or the
/// other's, and never gives the one what the other gains.
#[test]
fn a_record_that_is_handed_on_gives_its_last_task_nothing() {
    check(|| {
        let mut world = World::new();
        let [reader, heir] = [&world.first, &world.owner].map(|thread| thread.task().raw());
        let smo = world.share_with_first();
        allocate(&world.machine, &mut world.second);
        control(&world.machine, &mut world.second, MEMC_OKWRITE, reader);
        control(&world.machine, &mut world.second, MEMC_NOWRITE, reader);
        let (machine, mut target) = (world.machine.clone(), world.first);
        let mut copier = world.copiers.pop().unwrap();
        let copying = thread::spawn(move || {
            let read = (smo, Direction::Read, PAGE);
            let copied = copy_at(&machine, &mut copier, &mut target, read);
            assert_eq!(copied, Err(Error::NoPermission));
        });
        control_one(&world.machine, &mut world.second, MEMC_OKWRITE, heir);
        copying.join().unwrap();
        assert!(world.machine.with_kernel(|kernel| kernel.invariants_hold()));
    });
}

/// An owner gives a page away while another of its threads claims the object
/// over it, and a copy runs; the new owner fences, and looks.
#[test]
fn a_gift_is_the_new_owners_alone_once_it_has_fenced() {
    check_within(2, || {
        let mut world = World::new();
        let machine = world.machine.clone();
        let [mut giver, mut claimer] =
            [(); 2].map(|()| machine.with_kernel(|kernel| kernel.host()));
        allocate(&machine, &mut giver);
        world.owner = machine.with_kernel(|kernel| kernel.host());
        let smo = world.share_at(world.first.task().raw(), PAGE);
        let (copies, mut target) = (machine.clone(), world.first);
        let mut copier = world.copiers.pop().unwrap();
        let copying = thread::spawn(move || {
            let _ = one_copy(&copies, &mut copier, &mut target, (smo, Direction::Write));
        });
        let claims = machine.clone();
        let claiming = thread::spawn(move || {
            call(&claims, &mut claimer, Number::ClaimMem, [smo, 0]).unwrap();
        });
        let heir = world.second.task().raw();
        control(&machine, &mut giver, MEMC_GIVE, heir);
        control(&machine, &mut world.second, MEMC_NOWRITE, 0);
        machine.own_pool();
        copying.join().unwrap();
        claiming.join().unwrap();
        assert!(machine.with_kernel(|kernel| kernel.invariants_hold()));
    });
}

/// Its owner takes a page from everybody; who had been refused before is let
/// through in no moment of that.
#[test]
fn who_is_refused_stays_so_while_the_grant_to_everybody_ends() {
    check(|| {
        let mut world = World::new();
        allocate(&world.machine, &mut world.second);
        let refused = world.owner.task().raw();
        control(&world.machine, &mut world.second, MEMC_OKWRITE, 0);
        control(&world.machine, &mut world.second, MEMC_NOWRITE, refused);
        let smo = world.share_at(world.first.task().raw(), PAGE);
        let (machine, mut target) = (world.machine.clone(), world.first);
        let mut copier = world.copiers.pop().unwrap();
        let copying = thread::spawn(move || {
            let write = (smo, Direction::Write);
            let copied = one_copy(&machine, &mut copier, &mut target, write);
            assert_eq!(copied, Err(Error::NoPermission));
        });
        control(&world.machine, &mut world.second, MEMC_NOWRITE, 0);
        copying.join().unwrap();
    });
}

/// What the owner stores before it lets others write comes before what they store.
#[test]
fn a_grant_publishes_what_was_stored_before_it() {
    for is_for_everybody in [true, false] {
        check(move || {
            let mut world = World::new();
            allocate(&world.machine, &mut world.second);
            let named = world.owner.task().raw();
            if !is_for_everybody {
                // So that its record is there already, and the grant is all that is new.
                control(&world.machine, &mut world.second, MEMC_OKWRITE, 0);
                control(&world.machine, &mut world.second, MEMC_NOWRITE, named);
            }
            let grantee = if is_for_everybody { 0 } else { named };
            let smo = world.share_at(world.first.task().raw(), PAGE);
            let (machine, mut target) = (world.machine.clone(), world.first);
            let mut copier = world.copiers.pop().unwrap();
            let copying = thread::spawn(move || {
                let write = (smo, Direction::Write);
                match one_copy(&machine, &mut copier, &mut target, write) {
                    Ok(()) | Err(Error::NoPermission) => {}
                    Err(error) => panic!("{error:?}"),
                }
            });
            world.machine.own_pool();
            control(&world.machine, &mut world.second, MEMC_OKWRITE, grantee);
            copying.join().unwrap();
        });
    }
}

/// Who writes with everybody is given the page: no copy of its is refused meanwhile.
#[test]
fn a_right_held_before_and_after_a_gift_is_found_in_between() {
    check(|| {
        let mut world = World::new();
        allocate(&world.machine, &mut world.second);
        control(&world.machine, &mut world.second, MEMC_OKWRITE, 0);
        let smo = world.share_at(world.first.task().raw(), PAGE);
        let heir = world.owner.task().raw();
        let (machine, mut target) = (world.machine.clone(), world.first);
        let mut copier = world.copiers.pop().unwrap();
        let copying = thread::spawn(move || {
            let write = (smo, Direction::Write);
            let copied = one_copy(&machine, &mut copier, &mut target, write);
            assert_eq!(copied, Ok(()));
        });
        control(&world.machine, &mut world.second, MEMC_GIVE, heir);
        copying.join().unwrap();
    });
}
