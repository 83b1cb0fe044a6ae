//! Ids of objects: one life each, and no right by themselves.

use crate::{Rig, Task, World, part};
use std::collections::HashSet;
use usufruct_abi::{Error, READ_PERM, WRITE_PERM};

/// Every call that takes an object's id.
fn refused_by_all<R: Rig>(world: &mut World<R>, caller: Task, smo: i32, error: Error) {
    assert_eq!(world.claim(caller, smo), Err(error), "claim_mem({smo})");
    assert_eq!(
        world.pass(caller, smo, caller),
        Err(error),
        "pass_mem({smo})"
    );
    assert_eq!(
        world.read(caller, smo, (0, 0), 0),
        Err(error),
        "read_mem({smo})"
    );
    assert_eq!(
        world.write(caller, smo, (0, 0), 0),
        Err(error),
        "write_mem({smo})"
    );
    assert_eq!(world.size(caller, smo), Err(error), "mem_size({smo})");
}

/// 0 and negative numbers.
pub fn zero_and_negative_numbers_are_no_ids<R: Rig>(world: &mut World<R>) {
    let a = world.start("a");
    let smo = world.share(a, a, part(0, 100), READ_PERM);
    for number in [0, -1, -smo, i32::MIN, i32::MIN + smo] {
        refused_by_all(world, a, number, Error::InvalidId);
    }
}

/// Numbers that were never issued, and one that was.
pub fn positive_numbers_that_name_no_object_are_invalid<R: Rig>(world: &mut World<R>) {
    let (a, b) = (world.start("a"), world.start("b"));
    let smo = world.share(a, b, part(0, 100), READ_PERM | WRITE_PERM);
    let near = (0..31)
        .map(|bit| smo ^ 1 << bit)
        .filter(|number| *number != 0);
    for number in near.chain([i32::MAX]) {
        refused_by_all(world, b, number, Error::InvalidSmo);
    }
    assert_eq!(world.claim(a, smo), Ok(0));
    refused_by_all(world, a, smo, Error::InvalidSmo);
    refused_by_all(world, b, smo, Error::InvalidSmo);
}

/// Whatever is made and claimed meanwhile; and making never stops for want of ids.
pub fn ids_come_back_late<R: Rig>(world: &mut World<R>) {
    let (a, b) = (world.start("a"), world.start("b"));
    let stale = world.share(a, b, part(0, 100), READ_PERM);
    assert_eq!(world.claim(a, stale), Ok(0));
    let mut seen = HashSet::from([stale]);
    for _ in 0..2000 {
        let smo = world.share(a, b, part(0, 100), READ_PERM);
        assert!(seen.insert(smo), "id {smo} came back");
        assert_eq!(world.size(b, stale), Err(Error::InvalidSmo));
        assert_eq!(world.claim(a, smo), Ok(0));
    }
}

/// The same with a table as full as can be, so that one slot serves them all.
pub fn ids_come_back_late_from_one_slot<R: Rig>(world: &mut World<R>) {
    let (a, b) = (world.start("a"), world.start("b"));
    let mut last = None;
    while let Ok(smo) = world.try_share(a, world.id(b), part(0, 100), READ_PERM) {
        last = Some(smo);
    }
    let mut smo = last.expect("a table has room for one");
    let mut seen = HashSet::from([smo]);
    for _ in 0..500 {
        assert_eq!(world.claim(a, smo), Ok(0));
        let next = world.share(a, b, part(0, 100), READ_PERM);
        assert!(seen.insert(next), "id {next} came back");
        assert_eq!(world.size(b, smo), Err(Error::InvalidSmo));
        smo = next;
    }
}

/// Knowing a number is not having a right: a third task holds every id there is.
pub fn an_id_gives_no_right<R: Rig>(world: &mut World<R>) {
    let (a, b, c) = (world.start("a"), world.start("b"), world.start("c"));
    for _ in 0..10 {
        let smo = world.share(a, b, part(0, 100), READ_PERM | WRITE_PERM);
        assert_eq!(world.read(c, smo, (0, 100), 0), Err(Error::NotSmoTarget));
        assert_eq!(world.write(c, smo, (0, 100), 0), Err(Error::NotSmoTarget));
        assert_eq!(world.pass(c, smo, c), Err(Error::NotSmoTarget));
        assert_eq!(world.claim(c, smo), Err(Error::SmoNotOwned));
    }
}
