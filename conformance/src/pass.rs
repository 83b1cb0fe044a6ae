//! `pass_mem`: the target hands on what was lent to it.

use crate::memory::pattern;
use crate::{Rig, World, part};
use usufruct_abi::{Error, READ_PERM, WRITE_PERM};

/// Same range, same permissions; another target.
pub fn pass_changes_the_target_and_nothing_else<R: Rig>(world: &mut World<R>) {
    let (a, b, c) = (world.start("a"), world.start("b"), world.start("c"));
    let bytes = pattern(1, 100);
    world.poke(a, 0, &bytes);
    let readable = world.share(a, b, part(10, 80), READ_PERM);
    let writable = world.share(a, b, part(10, 80), WRITE_PERM);
    assert_eq!(world.pass(b, readable, c), Ok(0));
    assert_eq!(world.pass(b, writable, c), Ok(0));

    assert_eq!(world.size(c, readable), Ok(80));
    assert_eq!(world.read(c, readable, (0, 80), 0), Ok(0));
    assert_eq!(world.peek(c, 0, 80), bytes[10..90]);
    assert_eq!(
        world.write(c, readable, (0, 1), 0),
        Err(Error::NoPermission)
    );
    assert_eq!(world.read(c, writable, (0, 1), 0), Err(Error::NoPermission));
    assert_eq!(world.read(c, readable, (0, 81), 0), Err(Error::InvalidSize));
}

/// From the moment that the call returns.
pub fn passer_loses_access<R: Rig>(world: &mut World<R>) {
    let (a, b, c) = (world.start("a"), world.start("b"), world.start("c"));
    let smo = world.share(a, b, part(0, 100), READ_PERM | WRITE_PERM);
    assert_eq!(world.pass(b, smo, c), Ok(0));
    assert_eq!(world.read(b, smo, (0, 100), 0), Err(Error::NotSmoTarget));
    assert_eq!(world.write(b, smo, (0, 100), 0), Err(Error::NotSmoTarget));
    assert_eq!(world.size(b, smo), Err(Error::NotSmoTarget));
    assert_eq!(world.pass(b, smo, b), Err(Error::NotSmoTarget));
    assert_eq!(world.read(c, smo, (0, 100), 0), Ok(0));
    assert_eq!(world.claim(a, smo), Ok(0));
}

/// Neither the owner nor a stranger passes; the object works on.
pub fn only_the_target_passes<R: Rig>(world: &mut World<R>) {
    let (a, b, c) = (world.start("a"), world.start("b"), world.start("c"));
    let smo = world.share(a, b, part(0, 100), READ_PERM);
    for other in [a, c] {
        for heir in [a, b, c] {
            assert_eq!(world.pass(other, smo, heir), Err(Error::NotSmoTarget));
            assert_eq!(world.read(b, smo, (0, 100), 0), Ok(0));
        }
    }
}

/// The target stays what it is, and keeps the right to pass.
pub fn passing_to_oneself_succeeds<R: Rig>(world: &mut World<R>) {
    let (a, b) = (world.start("a"), world.start("b"));
    let smo = world.share(a, b, part(0, 100), READ_PERM);
    for _ in 0..3 {
        assert_eq!(world.pass(b, smo, b), Ok(0));
        assert_eq!(world.read(b, smo, (0, 100), 0), Ok(0));
    }
}

/// Then the owner reads like any target, and can pass it on again.
pub fn passing_back_to_the_owner_succeeds<R: Rig>(world: &mut World<R>) {
    let (a, b) = (world.start("a"), world.start("b"));
    let smo = world.share(a, b, part(0, 100), READ_PERM);
    assert_eq!(world.pass(b, smo, a), Ok(0));
    assert_eq!(world.read(a, smo, (0, 50), 200), Ok(0));
    assert_eq!(world.write(a, smo, (0, 50), 200), Err(Error::NoPermission));
    assert_eq!(world.pass(a, smo, b), Ok(0));
    assert_eq!(world.read(b, smo, (0, 100), 0), Ok(0));
}

/// Dead, never born, or no id at all.
pub fn passing_to_nobody_leaves_the_target<R: Rig>(world: &mut World<R>) {
    let (a, b, c) = (world.start("a"), world.start("b"), world.start("c"));
    let smo = world.share(a, b, part(0, 100), READ_PERM);
    let gone = world.id(c);
    world.exit(c, 0);
    for heir in [gone, 0, -1, i32::MAX, i32::MIN] {
        assert_eq!(
            world.pass_raw(b, smo, heir),
            Err(Error::InvalidTsk),
            "heir {heir}"
        );
        assert_eq!(world.read(b, smo, (0, 100), 0), Ok(0));
    }
}

/// Around through many hands; at every moment one task can use it.
pub fn one_target_at_a_time<R: Rig>(world: &mut World<R>) {
    let owner = world.start("owner");
    let tasks: Vec<_> = (0..5)
        .map(|index| world.start(&format!("hand{index}")))
        .collect();
    let smo = world.share(owner, tasks[0], part(0, 100), READ_PERM);
    for round in 0..10 {
        let holder = tasks[round % 5];
        for task in &tasks {
            let expected = if *task == holder {
                Ok(0)
            } else {
                Err(Error::NotSmoTarget)
            };
            assert_eq!(world.read(*task, smo, (0, 100), 0), expected);
        }
        assert_eq!(world.pass(holder, smo, tasks[(round + 1) % 5]), Ok(0));
    }
}

/// Id, life, role, heir.
pub fn checks_of_pass_come_in_order<R: Rig>(world: &mut World<R>) {
    let (a, b) = (world.start("a"), world.start("b"));
    let smo = world.share(a, b, part(0, 100), READ_PERM);
    let gone = world.share(a, b, part(0, 100), READ_PERM);
    assert_eq!(world.claim(a, gone), Ok(0));
    assert_eq!(world.pass_raw(a, 0, 0), Err(Error::InvalidId));
    assert_eq!(world.pass_raw(a, gone, 0), Err(Error::InvalidSmo));
    assert_eq!(world.pass_raw(a, smo, 0), Err(Error::NotSmoTarget));
    assert_eq!(world.pass_raw(b, smo, 0), Err(Error::InvalidTsk));
}
