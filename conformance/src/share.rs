//! `share_mem`: who may lend what to whom.

use crate::memory::pattern;
use crate::{Rig, World, part};
use usufruct_abi::{Error, READ_PERM, WRITE_PERM};

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

/// A byte can be shared, nothing can not.
pub fn size_is_one_or_more<R: Rig>(world: &mut World<R>) {
    let (a, b) = (world.start("a"), world.start("b"));
    let target = world.id(b);
    for size in [0, -1, -100, i32::MIN] {
        let answer = world.try_share(a, target, part(0, size), READ_PERM);
        assert_eq!(answer, Err(Error::InvalidSize), "size {size}");
    }
    let smo = world.share(a, b, part(0, 1), READ_PERM);
    assert_eq!(world.size(b, smo), Ok(1));
}

/// Over the end, at the end, after it, and around the top of the address space.
pub fn whole_range_lies_in_the_callers_memory<R: Rig>(world: &mut World<R>) {
    let (a, b) = (world.start("a"), world.start("b"));
    let (target, end, arena) = (world.id(b), world.end(a), world.at(a, 0));
    let outside = [
        (end - 8, 9),
        (end - 1, 2),
        (end, 1),
        (end + 8, 1),
        (end - 8, i32::MAX),
        (arena, i32::MAX),
        (-1, 1),
        (-1, 2),
        (-16, 17),
        (-16, i32::MAX),
    ];
    for range in outside {
        let answer = world.share_raw(a, target, range, READ_PERM);
        assert_eq!(answer, Err(Error::InvalidPtr), "{range:x?}");
    }
    let last_bytes = world.share_raw(a, target, (end - 8, 8), READ_PERM).unwrap();
    assert_eq!(world.size(b, last_bytes), Ok(8));
}

/// A task is its own target like any other: with the rights of the object, no more.
pub fn target_may_be_the_caller<R: Rig>(world: &mut World<R>) {
    let a = world.start("a");
    world.poke(a, 0, b"usufruct");
    let readable = world.share(a, a, part(0, 8), READ_PERM);
    assert_eq!(world.read(a, readable, (0, 8), 100), Ok(0));
    assert_eq!(world.peek(a, 100, 8), b"usufruct");
    assert_eq!(
        world.write(a, readable, (0, 8), 100),
        Err(Error::NoPermission)
    );
    let writable = world.share(a, a, part(0, 8), WRITE_PERM);
    world.poke(a, 200, b"12345678");
    assert_eq!(world.write(a, writable, (0, 8), 200), Ok(0));
    assert_eq!(world.peek(a, 0, 8), b"12345678");
}

/// Numbers that are no task's, and the number of a task that has ended.
pub fn target_is_alive<R: Rig>(world: &mut World<R>) {
    let (a, b) = (world.start("a"), world.start("b"));
    let gone = world.id(b);
    world.exit(b, 0);
    for target in [0, -1, i32::MIN, i32::MAX, gone] {
        let answer = world.try_share(a, target, part(0, 100), READ_PERM);
        assert_eq!(answer, Err(Error::InvalidTsk), "target {target}");
    }
}

/// The owner stores after sharing; the target reads what is there then.
pub fn each_access_looks_at_the_owners_memory_as_it_is_then<R: Rig>(world: &mut World<R>) {
    let (a, b) = (world.start("a"), world.start("b"));
    world.poke(a, 0, &pattern(1, 100));
    let smo = world.share(a, b, part(0, 100), READ_PERM);
    for round in 2..5 {
        let bytes = pattern(round, 100);
        world.poke(a, 0, &bytes);
        assert_eq!(world.read(b, smo, (0, 100), 0), Ok(0));
        assert_eq!(world.peek(b, 0, 100), bytes);
    }
}

/// Objects over the same bytes are independent: rights, targets and ends.
pub fn one_range_makes_many_objects<R: Rig>(world: &mut World<R>) {
    let (a, b, c) = (world.start("a"), world.start("b"), world.start("c"));
    world.poke(a, 0, &pattern(1, 100));
    let for_b = world.share(a, b, part(0, 100), READ_PERM);
    let for_c = world.share(a, c, part(50, 50), READ_PERM | WRITE_PERM);
    assert_ne!(for_b, for_c);
    world.poke(c, 0, b"changed");
    assert_eq!(world.write(c, for_c, (0, 7), 0), Ok(0));
    assert_eq!(world.read(b, for_b, (50, 7), 0), Ok(0));
    assert_eq!(world.peek(b, 0, 7), b"changed");
    assert_eq!(world.claim(a, for_b), Ok(0));
    assert_eq!(world.size(c, for_c), Ok(50));
}

/// With 64-bit words, an int is what the low half says.
pub fn ints_are_the_low_half_of_a_word<R: Rig>(world: &mut World<R>) {
    use usufruct_abi::Number;
    let (a, b) = (world.start("a"), world.start("b"));
    let (target, address) = (world.id(b), world.at(a, 0));
    let high = if R::FACTS.word_bits == 64 {
        0x7f << 32
    } else {
        0
    };
    let words = [
        high | i64::from(target),
        address,
        high | 100,
        high | i64::from(READ_PERM),
    ];
    let smo = world.call(a, Number::ShareMem, words).unwrap();
    assert_eq!(
        world.call(b, Number::MemSize, [high | i64::from(smo), 0, 0, 0]),
        Ok(100)
    );
}
