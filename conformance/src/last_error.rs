//! `last_error`: what the last call of this thread came to.

use crate::{Rig, World, part};
use usufruct_abi::{Error, READ_PERM};

/// After a refusal its number; after a success SERR_OK, whichever call it was.
pub fn every_call_sets_last_error<R: Rig>(world: &mut World<R>) {
    let (a, b) = (world.start("a"), world.start("b"));
    let smo = world.share(a, b, part(0, 100), READ_PERM);
    let target = world.id(b);
    let check = |answer: crate::Answer, world: &mut World<R>| {
        assert!(answer.is_ok());
        assert_eq!(world.last_error(b), Error::Ok.code());
        assert_eq!(world.claim(b, 0), Err(Error::InvalidId));
        assert_eq!(world.last_error(b), Error::InvalidId.code());
    };
    let answer = world.size(b, smo);
    check(answer, world);
    let answer = world.read(b, smo, (0, 100), 0);
    check(answer, world);
    let answer = world.read(b, smo, (0, 0), 0);
    check(answer, world);
    let answer = world.try_share(b, target, part(0, 100), READ_PERM);
    check(answer, world);
    let answer = world.claim(b, answer.unwrap());
    check(answer, world);
    let answer = world.pass(b, smo, b);
    check(answer, world);
}

/// Asked as often as one likes.
pub fn last_error_leaves_itself<R: Rig>(world: &mut World<R>) {
    let a = world.start("a");
    assert_eq!(world.size(a, i32::MAX), Err(Error::InvalidSmo));
    for _ in 0..3 {
        assert_eq!(world.last_error(a), Error::InvalidSmo.code());
    }
}

/// What others do does not show.
pub fn last_error_is_the_callers_own<R: Rig>(world: &mut World<R>) {
    let (a, b) = (world.start("a"), world.start("b"));
    assert_eq!(world.size(a, -1), Err(Error::InvalidId));
    assert_eq!(world.size(b, i32::MAX), Err(Error::InvalidSmo));
    let smo = world.share(b, a, part(0, 1), READ_PERM);
    assert_eq!(world.last_error(a), Error::InvalidId.code());
    assert_eq!(world.size(a, smo), Ok(1));
    assert_eq!(world.last_error(b), Error::Ok.code());
}
