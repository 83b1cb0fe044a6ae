//! Objects over pages: an SMO never gives more than its owner has.

use crate::memory::pattern;
use crate::{Answer, Rig, Run, Task, World};
use usufruct_abi::Error::{InvalidPtr, InvalidSize, InvalidSmo, NoPermission};
use usufruct_abi::{Number, READ_PERM, WRITE_PERM};

const BOTH: i32 = READ_PERM | WRITE_PERM;
/// Two values that tell whether a byte came late.
const OLD: u8 = 0x11;
const NEW: u8 = 0x22;

fn two_and_pages<R: Rig>(world: &mut World<R>, pages: u32) -> (Task, Task, Run) {
    let (a, b) = (world.start_attached("a"), world.start_attached("b"));
    let run = world.alloc(a, pages);
    (a, b, run)
}

/// Shares a whole run.
fn share_run<R: Rig>(world: &mut World<R>, owner: Task, target: Task, run: Run) -> i32 {
    let (target, range) = (world.id(target), world.bytes(run));
    let shared = world.share_raw(owner, target, range, BOTH);
    shared.expect("pool pages can be shared")
}

/// A whole run into the caller's arena.
fn read_run<R: Rig>(world: &mut World<R>, caller: Task, smo: i32, run: Run) -> Answer {
    let (_, bytes) = world.bytes(run);
    world.read(caller, smo, (0, bytes), 0)
}

/// A whole run from the caller's arena.
fn write_run<R: Rig>(world: &mut World<R>, caller: Task, smo: i32, run: Run) -> Answer {
    let (_, bytes) = world.bytes(run);
    world.write(caller, smo, (0, bytes), 0)
}

/// Pool to heap, heap to pool, pool to pool, overlapping.
pub fn copies_over_pages_are_exact<R: Rig>(world: &mut World<R>) {
    let (a, b, run) = two_and_pages(world, 4);
    let (start, size) = world.bytes(run);
    let all = u64::from(size.unsigned_abs());
    let smo = share_run(world, a, b, run);
    world.poke(b, 0, &pattern(1, all));
    assert_eq!(world.write(b, smo, (0, size), 0), Ok(0));
    assert_eq!(world.read(b, smo, (3, size - 3), 0x8_0000), Ok(0));
    assert_eq!(world.peek(b, 0x8_0000, all - 3), pattern(1, all)[3..]);
    // Into pages of the caller's own, and from there.
    let of_b = world.alloc(b, 4);
    let to = world.address(of_b);
    let copy = ((1, size - 1), to + 1);
    assert_eq!(world.copy_raw(b, Number::ReadMem, smo, copy), Ok(0));
    assert_eq!(world.load(b, to + 1, 32), pattern(1, all)[1..33]);
    world.fill_at(b, (to, size), 7);
    assert_eq!(
        world.copy_raw(b, Number::WriteMem, smo, ((0, size), to)),
        Ok(0)
    );
    assert!(world.is_all(a, run, 7));
    // The caller's pages are the object's.
    let own = share_run(world, a, a, run);
    world.store(a, start, &pattern(2, 32));
    let copy = ((0, 32), start + 8);
    assert_eq!(world.copy_raw(a, Number::ReadMem, own, copy), Ok(0));
    assert_eq!(world.load(b, start + 8, 32), pattern(2, 32));
}

/// At the moment of the copy: not when it was shared, and not any more when it was taken.
pub fn a_write_needs_that_the_owner_may_write<R: Rig>(world: &mut World<R>) {
    let (a, b, run) = two_and_pages(world, 2);
    let smo = share_run(world, a, b, run);
    let bytes = u64::from(world.page_bytes().unsigned_abs()) * 2;
    world.fill(b, 0, bytes, OLD);
    assert_eq!(write_run(world, b, smo, run), Ok(0));
    world.fill(b, 0, bytes, NEW);
    assert_eq!(world.nowrite(a, run, a), Ok(()));
    assert_eq!(write_run(world, b, smo, run), Err(NoPermission));
    assert_eq!(world.first_bytes(b, run), [OLD; 2]);
    assert_eq!(read_run(world, b, smo, run), Ok(0), "it may be read");
    assert_eq!(world.okwrite(a, run, b), Ok(()));
    let answer = write_run(world, b, smo, run);
    assert_eq!(answer, Err(NoPermission), "the target's own right is none");
    assert_eq!(world.okwrite(a, run, a), Ok(()));
    assert_eq!(write_run(world, b, smo, run), Ok(0));
    assert_eq!(world.nowrite(a, run, None), Ok(()));
    assert_eq!(write_run(world, b, smo, run), Err(NoPermission));
    assert_eq!(world.okwrite(a, run, None), Ok(()));
    assert_eq!(write_run(world, b, smo, run), Ok(0), "everybody may");
}

/// One page of three is enough to refuse all of it; what does not touch it goes on.
pub fn a_write_needs_every_page_it_touches<R: Rig>(world: &mut World<R>) {
    let (a, b, run) = two_and_pages(world, 3);
    let smo = share_run(world, a, b, run);
    let (start, size) = world.bytes(run);
    let page = world.page_bytes();
    world.fill_at(a, (start, size), OLD);
    world.fill(b, 0, 0x1_0000, NEW);
    assert_eq!(world.nowrite(a, run.page(1), a), Ok(()));
    for (offset, size) in [
        (0, size),
        (0, page + 1),
        (page - 1, 2),
        (page, 1),
        (2 * page - 1, 1),
        (2 * page - 1, 2),
    ] {
        let answer = world.write(b, smo, (offset, size), 0);
        assert_eq!(answer, Err(NoPermission), "{offset} {size}");
    }
    assert!(world.is_all(b, run, OLD), "all or nothing");
    for (offset, size) in [(0, page), (2 * page, page), (page, 0), (page + 1, 0)] {
        let answer = world.write(b, smo, (offset, size), 0);
        assert_eq!(answer, Ok(0), "{offset} {size}");
    }
    assert_eq!(world.first_bytes(b, run), [NEW, OLD, NEW]);
}

/// The caller's pages: all that the buffer touches.
pub fn a_read_into_pages_needs_that_the_caller_may_write<R: Rig>(world: &mut World<R>) {
    let (a, b, run) = two_and_pages(world, 3);
    let smo = world.share(a, b, crate::part(0, 0x4000), READ_PERM);
    world.fill(a, 0, 0x4000, NEW);
    let (start, _) = world.bytes(run);
    let page = i64::from(world.page_bytes());
    let read = |world: &mut World<R>, offset: i64, size: i32| {
        world.copy_raw(b, Number::ReadMem, smo, ((0, size), start + offset))
    };
    assert_eq!(read(world, 0, 1), Err(NoPermission));
    assert_eq!(world.okwrite(a, run.page(1), b), Ok(()));
    for (offset, size) in [(page - 1, 2), (2 * page - 1, 2), (0, 8)] {
        let answer = read(world, offset, size);
        assert_eq!(answer, Err(NoPermission), "{offset} {size}");
    }
    let small = i32::try_from(page).expect("small").min(0x4000);
    assert_eq!(read(world, page, small), Ok(0));
    assert_eq!(read(world, 0, 0), Ok(0), "a size of 0 touches no page");
    let mut wanted = world.load(a, start, 1);
    wanted.extend([NEW, 0]);
    assert_eq!(world.first_bytes(a, run), wanted);
    assert_eq!(world.nowrite(a, run.page(1), b), Ok(()));
    assert_eq!(read(world, page, 1), Err(NoPermission));
    assert_eq!(world.okwrite(a, run, None), Ok(()));
    assert_eq!(read(world, page - 1, 2), Ok(0), "everybody may");
}

/// Sharing pages that one does not own is allowed, and harmless.
pub fn sharing_others_pages_gives_nothing_away<R: Rig>(world: &mut World<R>) {
    let (a, b, run) = two_and_pages(world, 2);
    let c = world.start_attached("c");
    world.store_to(a, run, OLD);
    let smo = share_run(world, b, c, run);
    world.fill(c, 0, 0x2000, NEW);
    assert_eq!(read_run(world, c, smo, run), Ok(0));
    assert_eq!(write_run(world, c, smo, run), Err(NoPermission));
    assert_eq!(world.okwrite(a, run, c), Ok(()));
    assert_eq!(write_run(world, c, smo, run), Err(NoPermission));
    assert_eq!(world.first_bytes(a, run), [OLD; 2]);
    assert_eq!(world.okwrite(a, run, b), Ok(()));
    world.fill(c, 0, 0x2000, NEW);
    assert_eq!(write_run(world, c, smo, run), Ok(0), "b may write there");
    // Free pages, too.
    assert_eq!(world.give(a, run, None), Ok(()));
    assert_eq!(write_run(world, c, smo, run), Err(NoPermission));
    assert_eq!(read_run(world, c, smo, run), Ok(0));
    assert!(world.is_all(c, run, 0));
}

/// NOWRITE, a gift that is fenced, GIVE 0, death.
pub fn losing_write_ends_what_an_object_could_do<R: Rig>(world: &mut World<R>) {
    let (a, b, run) = two_and_pages(world, 4);
    let c = world.start_attached("c");
    let smos = [0, 1, 2].map(|number| share_run(world, a, b, run.page(number)));
    world.fill(b, 0, 0x1_0000, NEW);
    assert_eq!(world.give(a, run.page(0), c), Ok(()));
    assert_eq!(
        write_run(world, b, smos[0], run.page(0)),
        Ok(0),
        "a keeps write"
    );
    assert_eq!(world.nowrite(c, run.page(0), None), Ok(()));
    assert_eq!(world.give(a, run.page(1), None), Ok(()));
    assert_eq!(world.nowrite(a, run.page(2), a), Ok(()));
    for (smo, number) in smos.into_iter().zip(0..) {
        let page = run.page(number);
        assert_eq!(write_run(world, b, smo, page), Err(NoPermission));
    }
    world.kill(a);
    for (smo, number) in smos.into_iter().zip(0..) {
        let page = run.page(number);
        assert_eq!(write_run(world, b, smo, page), Err(InvalidSmo));
    }
}

/// For a task that is not attached, pool addresses are nobody's memory.
pub fn a_stranger_to_the_pool_copies_nothing_there<R: Rig>(world: &mut World<R>) {
    let (a, _, run) = two_and_pages(world, 1);
    let stranger = world.start("stranger");
    assert_eq!(world.okwrite(a, run, None), Ok(()));
    let (start, size) = world.bytes(run);
    let id = world.id(a);
    for size in [1, size] {
        let answer = world.share_raw(stranger, id, (start, size), READ_PERM);
        assert_eq!(answer, Err(InvalidPtr));
    }
    let smo = world.share(a, stranger, crate::part(0, 64), BOTH);
    for number in [Number::ReadMem, Number::WriteMem] {
        for size in [0, 1] {
            let answer = world.copy_raw(stranger, number, smo, ((0, size), start));
            assert_eq!(answer, Err(InvalidPtr), "{number:?} {size}");
        }
    }
    // An object over pages serves it like any other.
    world.store_to(a, run, OLD);
    let smo = share_run(world, a, stranger, run);
    assert_eq!(read_run(world, stranger, smo, run), Ok(0));
    assert_eq!(world.peek(stranger, 0, 1), [OLD]);
    assert_eq!(write_run(world, stranger, smo, run), Ok(0));
}

/// A range lies in the pool or in private memory, not half in either.
pub fn a_buffer_ends_with_the_pool<R: Rig>(world: &mut World<R>) {
    let a = world.start_attached("a");
    let whole = world.whole_pool();
    world.alloc(a, whole.pages);
    let (start, size) = world.bytes(whole);
    let (end, id) = (start + i64::from(size), world.id(a));
    for range in [(start - 1, 2), (end - 1, 2), (end, 1), (start, size + 1)] {
        assert_eq!(world.share_raw(a, id, range, BOTH), Err(InvalidPtr));
    }
    let smo = world.share(a, a, crate::part(0, 64), BOTH);
    for number in [Number::ReadMem, Number::WriteMem] {
        for address in [start - 1, end - 1] {
            let answer = world.copy_raw(a, number, smo, ((0, 2), address));
            assert_eq!(answer, Err(InvalidPtr), "{number:?} {address:#x}");
        }
        assert_eq!(world.copy_raw(a, number, smo, ((0, 1), end - 1)), Ok(0));
    }
}

/// Bounds, the caller's memory, the owner's, and only then the pages.
pub fn pages_are_the_last_check_of_a_copy<R: Rig>(world: &mut World<R>) {
    let (a, b, run) = two_and_pages(world, 1);
    let smo = share_run(world, a, b, run);
    assert_eq!(world.nowrite(a, run, a), Ok(()));
    let (size, end) = (world.page_bytes(), world.end(b));
    let mut write = |range, address| world.copy_raw(b, Number::WriteMem, smo, (range, address));
    assert_eq!(write((0, size + 1), end), Err(InvalidSize));
    assert_eq!(write((0, size), end), Err(InvalidPtr));
    assert_eq!(write((0, size), end - i64::from(size)), Err(NoPermission));
    assert_eq!(write((0, 0), end - 1), Ok(0));
}

/// The owner protects itself while the target writes without a pause: nothing comes late.
pub fn no_byte_is_written_after_the_owner_lost_write<R: Rig>(world: &mut World<R>) {
    let (a, b, run) = two_and_pages(world, 4);
    let (start, size) = world.bytes(run);
    world.fill(b, 0, u64::from(size.unsigned_abs()), OLD);
    let smo = share_run(world, a, b, run);
    let buffer = world.at(b, 0);
    for by_name in [true, false, true, false, true] {
        world.fill_at(a, (start, size), OLD);
        let words = [smo.into(), 0, size.into(), buffer];
        world.post_repeat(b, Number::WriteMem, words, 0);
        world.rig.advance(3);
        let loser = by_name.then_some(a);
        assert_eq!(world.nowrite(a, run, loser), Ok(()));
        let (_, last) = world.repeated(b, Number::WriteMem);
        assert_eq!(last, Err(NoPermission));
        assert_eq!(world.okwrite(a, run, a), Ok(()));
        world.fill_at(a, (start, size), NEW);
        assert!(world.is_all(a, run, NEW), "late bytes");
    }
}

/// The reader's own page is taken while it reads into it without a pause.
pub fn no_byte_is_read_into_a_page_after_its_revocation<R: Rig>(world: &mut World<R>) {
    let (a, b, run) = two_and_pages(world, 4);
    let (start, size) = world.bytes(run);
    world.fill(a, 0, u64::from(size.unsigned_abs()), OLD);
    let smo = world.share(a, b, crate::part(0, size), READ_PERM);
    for everybody in [false, true, false, true] {
        let granted = (!everybody).then_some(b);
        assert_eq!(world.okwrite(a, run, granted), Ok(()));
        let words = [smo.into(), 0, size.into(), start];
        world.post_repeat(b, Number::ReadMem, words, 0);
        world.rig.advance(3);
        assert_eq!(world.nowrite(a, run, granted), Ok(()));
        assert_eq!(world.okwrite(a, run, a), Ok(()));
        world.fill_at(a, (start, size), NEW);
        let (_, last) = world.repeated(b, Number::ReadMem);
        assert_eq!(last, Err(NoPermission));
        assert!(world.is_all(a, run, NEW), "late bytes");
    }
}

/// GIVE 0 and the owner's end, while others write through an object over the pages.
pub fn no_byte_lands_in_a_free_page<R: Rig>(world: &mut World<R>) {
    let (b, c) = (world.start_attached("b"), world.start_attached("c"));
    for dies in [false, true, false, true] {
        let a = world.start_attached("a");
        let run = world.alloc(a, 4);
        let (_, size) = world.bytes(run);
        world.fill(b, 0, u64::from(size.unsigned_abs()), OLD);
        let smo = share_run(world, a, b, run);
        let words = [smo.into(), 0, size.into(), world.at(b, 0)];
        world.post_repeat(b, Number::WriteMem, words, 0);
        world.rig.advance(3);
        let wanted = if dies {
            world.kill(a);
            InvalidSmo
        } else {
            assert_eq!(world.give(a, run, None), Ok(()));
            NoPermission
        };
        assert!(world.is_all(c, run, 0), "late bytes in a free page");
        let (_, last) = world.repeated(b, Number::WriteMem);
        assert_eq!(last, Err(wanted));
        assert!(world.is_all(c, run, 0), "late bytes in a free page");
        if !dies {
            world.kill(a);
        }
    }
}
