//! `share_mem`: who may lend what to whom.

use crate::{Rig, World, part};
use usufruct_abi::Error;

/// Walks over the numbers around the allowed ones, the bits of both, and the ends of an int.
pub fn perms_are_read_write_or_both<R: Rig>(world: &mut World<R>) {
    let (a, b) = (world.start("a"), world.start("b"));
    for perms in [2, 4, 6] {
        world.share(a, b, part(0, 100), perms);
    }
    let target = world.id(b);
    for perms in [
        0,
        1,
        3,
        5,
        7,
        8,
        10,
        12,
        14,
        -1,
        -2,
        0x102,
        i32::MAX,
        i32::MIN,
    ] {
        let answer = world.try_share(a, target, part(0, 100), perms);
        assert_eq!(answer, Err(Error::InvalidPerms), "perms {perms}");
    }
}
