//! `claim_mem`: the owner takes back what it has lent.

use crate::memory::pattern;
use crate::{Rig, World, part};
use usufruct_abi::{Error, READ_PERM, WRITE_PERM};

/// Target and stranger are refused, and the object works on.
pub fn only_the_owner_claims<R: Rig>(world: &mut World<R>) {
    let (a, b, c) = (world.start("a"), world.start("b"), world.start("c"));
    let smo = world.share(a, b, part(0, 100), READ_PERM);
    for other in [b, c] {
        assert_eq!(world.claim(other, smo), Err(Error::SmoNotOwned));
        assert_eq!(world.read(b, smo, (0, 100), 0), Ok(0));
    }
    assert_eq!(world.claim(a, smo), Ok(0));
}

/// Nothing that could be done with the object can be done any more, by nobody.
pub fn claimed_object_is_gone<R: Rig>(world: &mut World<R>) {
    let (a, b) = (world.start("a"), world.start("b"));
    world.poke(a, 0, &pattern(1, 100));
    let smo = world.share(a, b, part(0, 100), READ_PERM | WRITE_PERM);
    assert_eq!(world.claim(a, smo), Ok(0));

    assert_eq!(world.read(b, smo, (0, 100), 0), Err(Error::InvalidSmo));
    assert_eq!(world.write(b, smo, (0, 100), 0), Err(Error::InvalidSmo));
    assert_eq!(world.size(b, smo), Err(Error::InvalidSmo));
    assert_eq!(world.pass(b, smo, a), Err(Error::InvalidSmo));
    assert_eq!(world.claim(a, smo), Err(Error::InvalidSmo));
    assert_eq!(world.peek(b, 0, 100), [0; 100]);
    assert_eq!(world.peek(a, 0, 100), pattern(1, 100));
}

/// Of several objects over the same bytes, one is claimed.
pub fn claim_leaves_other_objects_alone<R: Rig>(world: &mut World<R>) {
    let (a, b) = (world.start("a"), world.start("b"));
    let smos: Vec<i32> = (0..5)
        .map(|_| world.share(a, b, part(0, 100), READ_PERM))
        .collect();
    assert_eq!(world.claim(a, smos[2]), Ok(0));
    for (index, smo) in smos.into_iter().enumerate() {
        let expected = if index == 2 {
            Err(Error::InvalidSmo)
        } else {
            Ok(0)
        };
        assert_eq!(world.read(b, smo, (0, 100), 0), expected);
    }
}

/// It remains the owner's, however often it was passed.
pub fn owner_claims_a_passed_object<R: Rig>(world: &mut World<R>) {
    let (a, b, c) = (world.start("a"), world.start("b"), world.start("c"));
    let smo = world.share(a, b, part(0, 100), READ_PERM);
    assert_eq!(world.pass(b, smo, c), Ok(0));
    assert_eq!(world.claim(b, smo), Err(Error::SmoNotOwned));
    assert_eq!(world.claim(c, smo), Err(Error::SmoNotOwned));
    assert_eq!(world.claim(a, smo), Ok(0));
    assert_eq!(world.read(c, smo, (0, 100), 0), Err(Error::InvalidSmo));
}

/// Id, life, role.
pub fn checks_of_claim_come_in_order<R: Rig>(world: &mut World<R>) {
    let (a, b) = (world.start("a"), world.start("b"));
    let smo = world.share(a, b, part(0, 100), READ_PERM);
    let gone = world.share(a, b, part(0, 100), READ_PERM);
    assert_eq!(world.claim(a, gone), Ok(0));
    assert_eq!(world.claim(b, 0), Err(Error::InvalidId));
    assert_eq!(world.claim(b, gone), Err(Error::InvalidSmo));
    assert_eq!(world.claim(b, smo), Err(Error::SmoNotOwned));
}
