//! `read_mem`, `write_mem` and `mem_size`: exactly the bytes, by the target alone, all or nothing.

use crate::memory::{checksum, index, pattern};
use crate::{Rig, Task, World, part};
use usufruct_abi::{Error, Number, READ_PERM, WRITE_PERM};

const BOTH: i32 = READ_PERM | WRITE_PERM;

/// Ranges that reach out of an object of 100 bytes.
const OUT_OF_100: &[(i32, i32)] = &[
    (0, 101),
    (99, 2),
    (100, 1),
    (101, 0),
    (-1, 1),
    (-1, 0),
    (0, -1),
    (i32::MIN, 0),
    (0, i32::MIN),
    (-1, -1),
    (50, -50),
    (0, i32::MAX),
    (1, i32::MAX),
    (i32::MAX, 0),
    (i32::MAX, 1),
    (i32::MAX, i32::MAX),
    (i32::MIN, i32::MIN),
];

/// A refused copy must leave both arenas as they were.
fn hashes<R: Rig>(world: &mut World<R>, tasks: [Task; 2]) -> [u64; 2] {
    tasks.map(|task| world.checksum(task, 0, 4096))
}

/// A part of the object arrives where it should, and nothing beside it.
pub fn read_copies_exactly_the_bytes_asked_for<R: Rig>(world: &mut World<R>) {
    let (a, b) = (world.start("a"), world.start("b"));
    let bytes = pattern(1, 200);
    world.poke(a, 0, &bytes);
    let smo = world.share(a, b, part(50, 100), READ_PERM);
    for (offset, size, to) in [(0, 100, 8), (1, 98, 9), (99, 1, 15), (37, 13, 64)] {
        world.fill(b, 0, 300, 0xee);
        assert_eq!(world.read(b, smo, (offset, size), to), Ok(0));
        let mut expected = vec![0xee; 300];
        let (from, size, to) = (50 + index(offset), index(size), index(to));
        expected[to..to + size].copy_from_slice(&bytes[from..from + size]);
        assert_eq!(world.peek(b, 0, 300), expected, "{offset} {size} {to}");
    }
    assert_eq!(
        world.peek(a, 0, 200),
        bytes,
        "a read changes nothing of the owner's"
    );
}

/// The same the other way.
pub fn write_copies_exactly_the_bytes_asked_for<R: Rig>(world: &mut World<R>) {
    let (a, b) = (world.start("a"), world.start("b"));
    let bytes = pattern(1, 200);
    world.poke(b, 0, &bytes);
    let smo = world.share(a, b, part(50, 100), WRITE_PERM);
    for (offset, size, from) in [(0, 100, 8), (1, 98, 9), (99, 1, 15), (37, 13, 64)] {
        world.fill(a, 0, 300, 0xee);
        assert_eq!(world.write(b, smo, (offset, size), from), Ok(0));
        let mut expected = vec![0xee; 300];
        let (from, size, to) = (index(from), index(size), 50 + index(offset));
        expected[to..to + size].copy_from_slice(&bytes[from..from + size]);
        assert_eq!(world.peek(a, 0, 300), expected, "{offset} {size} {from}");
    }
    assert_eq!(
        world.peek(b, 0, 200),
        bytes,
        "a write changes nothing of the caller's"
    );
}

/// Around the sizes at which machines change their way of copying, at odd places.
pub fn copies_of_every_size_are_exact<R: Rig>(world: &mut World<R>) {
    let (a, b) = (world.start("a"), world.start("b"));
    let bytes = pattern(3, 600_000);
    world.poke(a, 0, &bytes);
    let smo = world.share(a, b, part(0, 600_000), READ_PERM);
    let around = |size: i32| [size - 1, size, size + 1];
    let small = (1..70).chain(
        [16, 32, 64, 128, 256, 512, 1024, 2048, 4096]
            .into_iter()
            .flat_map(around),
    );
    let large = [65536, 131_072, 262_144, 524_288]
        .into_iter()
        .flat_map(around);
    for size in small.chain(large) {
        let (offset, to) = (size % 61, u64::from(size.unsigned_abs() % 13) + 1);
        let length = u64::from(size.unsigned_abs());
        world.fill(b, 0, to + length + 16, 0);
        assert_eq!(world.read(b, smo, (offset, size), to), Ok(0));
        let mut expected = vec![0; index(to)];
        expected.extend(&bytes[index(offset)..][..index(length)]);
        expected.extend([0; 16]);
        assert_eq!(
            world.checksum(b, 0, to + length + 16),
            checksum(&expected),
            "{size} bytes"
        );
    }
}

/// The rights of the object, both ways.
pub fn read_needs_read_and_write_needs_write<R: Rig>(world: &mut World<R>) {
    let (a, b) = (world.start("a"), world.start("b"));
    world.poke(a, 0, &pattern(1, 100));
    world.poke(b, 0, &pattern(2, 100));
    let before = hashes(world, [a, b]);
    let readable = world.share(a, b, part(0, 100), READ_PERM);
    let writable = world.share(a, b, part(0, 100), WRITE_PERM);
    assert_eq!(
        world.write(b, readable, (0, 100), 0),
        Err(Error::NoPermission)
    );
    assert_eq!(
        world.read(b, writable, (0, 100), 0),
        Err(Error::NoPermission)
    );
    assert_eq!(hashes(world, [a, b]), before);
    let both = world.share(a, b, part(0, 100), BOTH);
    assert_eq!(world.write(b, both, (0, 100), 0), Ok(0));
    assert_eq!(world.read(b, both, (0, 100), 200), Ok(0));
    assert_eq!(world.peek(b, 200, 100), pattern(2, 100));
}

/// Owner and stranger are refused, and the object works on.
pub fn only_the_target_reads_writes_and_asks_the_size<R: Rig>(world: &mut World<R>) {
    let (a, b, c) = (world.start("a"), world.start("b"), world.start("c"));
    let smo = world.share(a, b, part(0, 100), BOTH);
    for other in [a, c] {
        let before = hashes(world, [a, other]);
        assert_eq!(
            world.read(other, smo, (0, 100), 0),
            Err(Error::NotSmoTarget)
        );
        assert_eq!(
            world.write(other, smo, (0, 100), 0),
            Err(Error::NotSmoTarget)
        );
        assert_eq!(world.size(other, smo), Err(Error::NotSmoTarget));
        assert_eq!(hashes(world, [a, other]), before);
        assert_eq!(world.size(b, smo), Ok(100));
    }
}

/// Every range that sticks out, with sums that wrap.
pub fn offset_and_size_stay_inside_the_object<R: Rig>(world: &mut World<R>) {
    let (a, b) = (world.start("a"), world.start("b"));
    world.poke(a, 0, &pattern(1, 4096));
    world.poke(b, 0, &pattern(2, 4096));
    let smo = world.share(a, b, part(1000, 100), BOTH);
    let before = hashes(world, [a, b]);
    for range in OUT_OF_100 {
        assert_eq!(
            world.read(b, smo, *range, 0),
            Err(Error::InvalidSize),
            "read {range:?}"
        );
        assert_eq!(
            world.write(b, smo, *range, 0),
            Err(Error::InvalidSize),
            "write {range:?}"
        );
        assert_eq!(hashes(world, [a, b]), before, "{range:?}");
    }
}

/// At its start, within, and at its end; not behind it.
pub fn size_zero_inside_the_object_succeeds<R: Rig>(world: &mut World<R>) {
    let (a, b) = (world.start("a"), world.start("b"));
    let smo = world.share(a, b, part(0, 100), BOTH);
    let before = hashes(world, [a, b]);
    for offset in [0, 1, 99, 100] {
        assert_eq!(world.read(b, smo, (offset, 0), 0), Ok(0), "offset {offset}");
        assert_eq!(
            world.write(b, smo, (offset, 0), 0),
            Ok(0),
            "offset {offset}"
        );
    }
    assert_eq!(world.read(b, smo, (101, 0), 0), Err(Error::InvalidSize));
    assert_eq!(hashes(world, [a, b]), before);
}

/// For size 0, the first address; it may be the last byte, not the one after it.
pub fn size_zero_needs_its_first_address<R: Rig>(world: &mut World<R>) {
    let (a, b) = (world.start("a"), world.start("b"));
    let smo = world.share(a, b, part(0, 100), BOTH);
    let end = world.end(b);
    for number in [Number::ReadMem, Number::WriteMem] {
        assert_eq!(world.copy_raw(b, number, smo, ((0, 0), end - 1)), Ok(0));
        for address in [end, end + 1, -1] {
            let answer = world.copy_raw(b, number, smo, ((0, 0), address));
            assert_eq!(answer, Err(Error::InvalidPtr), "{address:x}");
        }
    }
}

/// A buffer that lies outside in whole or in part moves nothing, not even its good part.
pub fn whole_buffer_lies_in_the_callers_memory<R: Rig>(world: &mut World<R>) {
    let (a, b) = (world.start("a"), world.start("b"));
    world.poke(a, 0, &pattern(1, 4096));
    let smo = world.share(a, b, part(0, 4096), BOTH);
    let (end, tail) = (world.end(b), world.end_offset(b) - 64);
    let before = (hashes(world, [a, b]), world.peek(b, tail, 64));
    let outside = [
        (end - 64, 65),
        (end - 1, 2),
        (end - 64, 4096),
        (end, 1),
        (end, 4096),
        (-1, 1),
        (-1, 2),
        (-64, 128),
    ];
    for (address, size) in outside {
        for number in [Number::ReadMem, Number::WriteMem] {
            let answer = world.copy_raw(b, number, smo, ((0, size), address));
            assert_eq!(
                answer,
                Err(Error::InvalidPtr),
                "{number:?} {address:x} {size}"
            );
            assert_eq!((hashes(world, [a, b]), world.peek(b, tail, 64)), before);
        }
    }
}

/// Distances from the overlap's smallest to more than a chunk, both directions, both calls.
pub fn overlap_behaves_as_if_through_a_buffer<R: Rig>(world: &mut World<R>) {
    let a = world.start("a");
    let smo = world.share(a, a, part(0, 510_000), BOTH);
    world.poke(a, PRISTINE_AT, &pattern(5, 510_000));
    for size in [2, 64, 65, 200, 4097, 65_537, 300_001] {
        for shift in [1, 7, 64, 4095, 65_536, 70_001, 200_000]
            .into_iter()
            .filter(|shift| *shift < size)
        {
            overlap(world, (a, smo), (0, shift), size);
            overlap(world, (a, smo), (shift, 0), size);
        }
    }
}

/// Where the bytes before a copy are kept.
const PRISTINE_AT: u64 = 520_000;

/// Copies `size` bytes within the object that `task` has lent itself, once by each call.
fn overlap<R: Rig>(
    world: &mut World<R>,
    (task, smo): (Task, i32),
    (from, to): (i32, i32),
    size: i32,
) {
    let length = u64::from((size + from.max(to)).unsigned_abs());
    let mut expected = pattern(5, length);
    expected.copy_within(index(from)..index(from + size), index(to));
    let expected = checksum(&expected);
    let place = |offset: i32| u64::from(offset.unsigned_abs());

    world.copy_within(task, PRISTINE_AT, 0, length);
    assert_eq!(world.read(task, smo, (from, size), place(to)), Ok(0));
    assert_eq!(
        world.checksum(task, 0, length),
        expected,
        "read {size} bytes from {from} to {to}"
    );

    world.copy_within(task, PRISTINE_AT, 0, length);
    assert_eq!(world.write(task, smo, (to, size), place(from)), Ok(0));
    assert_eq!(
        world.checksum(task, 0, length),
        expected,
        "write {size} bytes from {from} to {to}"
    );
}

/// Id, life, role, permission, bounds, the caller's memory.
pub fn checks_of_a_copy_come_in_order<R: Rig>(world: &mut World<R>) {
    let (a, b, c) = (world.start("a"), world.start("b"), world.start("c"));
    let gone = world.share(a, b, part(0, 100), BOTH);
    assert_eq!(world.claim(a, gone), Ok(0));
    for (number, right, other_right) in [
        (Number::ReadMem, READ_PERM, WRITE_PERM),
        (Number::WriteMem, WRITE_PERM, READ_PERM),
    ] {
        let refusing = world.share(a, b, part(0, 100), other_right);
        let granting = world.share(a, b, part(0, 100), right);
        let nowhere = world.end(b);
        let mut copy = |caller, smo, range| world.copy_raw(caller, number, smo, (range, nowhere));
        assert_eq!(copy(c, 0, (-1, 1)), Err(Error::InvalidId));
        assert_eq!(copy(c, -1, (-1, 1)), Err(Error::InvalidId));
        assert_eq!(copy(c, gone, (-1, 1)), Err(Error::InvalidSmo));
        assert_eq!(copy(c, refusing, (-1, 1)), Err(Error::NotSmoTarget));
        assert_eq!(copy(b, refusing, (-1, 1)), Err(Error::NoPermission));
        assert_eq!(copy(b, granting, (-1, 1)), Err(Error::InvalidSize));
        assert_eq!(copy(b, granting, (0, 1)), Err(Error::InvalidPtr));
    }
}

/// The size is the one shared, whatever the rights.
pub fn mem_size_is_the_size_shared<R: Rig>(world: &mut World<R>) {
    let (a, b) = (world.start("a"), world.start("b"));
    for size in [1, 2, 100, 65_536, 1_000_000] {
        for perms in [READ_PERM, WRITE_PERM, BOTH] {
            let smo = world.share(a, b, part(0, size), perms);
            assert_eq!(world.size(b, smo), Ok(size));
        }
    }
}
