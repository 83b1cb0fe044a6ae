//! `IsMem*` and `AvailMem`: what a task may ask about memory.

use crate::{MemInfo, PageQuota, Rig, Run, World};
use usufruct_abi::Number;

/// Readable 1, writable 0, owned 0; and no for a size that is none.
pub fn size_0_is_readable_only<R: Rig>(world: &mut World<R>) {
    let a = world.start_attached("a");
    let run = world.alloc(a, 1);
    for address in [world.address(run), world.at(a, 0)] {
        assert!(world.is_readable(a, (address, 0)));
        assert!(!world.is_writable(a, (address, 0)));
        assert!(!world.is_owned(a, (address, 0)));
        for size in [-1, -8, i32::MIN] {
            assert!(!world.is_readable(a, (address, size)), "size {size}");
            assert!(!world.is_writable(a, (address, size)), "size {size}");
            assert!(!world.is_owned(a, (address, size)), "size {size}");
        }
    }
}

/// A wrapping range: no, three times.
pub fn a_range_that_wraps_is_nothing<R: Rig>(world: &mut World<R>) {
    let a = world.start_attached("a");
    for range in [(-1, 1), (-1, 2), (-16, 17), (-1, i32::MAX)] {
        assert!(!world.is_readable(a, range), "{range:?}");
        assert!(!world.is_writable(a, range), "{range:?}");
        assert!(!world.is_owned(a, range), "{range:?}");
    }
}

/// All of it, to the last byte; what only begins there does not.
pub fn private_memory_is_its_tasks<R: Rig>(world: &mut World<R>) {
    let a = world.start_attached("a");
    let (start, end) = (world.at(a, 0), world.end(a));
    let size = i32::try_from(end - start).expect("an arena is small");
    for (range, wanted) in [
        ((start, 1), true),
        ((start, size), true),
        ((end - 1, 1), true),
        ((start, size + 1), false),
        ((end - 1, 2), false),
        ((end, 1), false),
        ((start, i32::MAX), false),
    ] {
        assert_eq!(world.is_readable(a, range), wanted, "{range:?}");
        assert_eq!(world.is_writable(a, range), wanted, "{range:?}");
        assert_eq!(world.is_owned(a, range), wanted, "{range:?}");
    }
}

/// Of a range, every page must qualify; whatever part of it is asked about stands for a page.
pub fn every_page_of_a_range_must_qualify<R: Rig>(world: &mut World<R>) {
    let (a, b) = (world.start_attached("a"), world.start_attached("b"));
    let run = world.alloc(a, 3);
    assert_eq!(world.nowrite(a, run.page(1), a), Ok(()));
    assert_eq!(world.give(a, run.page(2), b), Ok(()));
    let (start, page) = (world.address(run), i64::from(world.page_bytes()));
    // Offset, size, writable, owned.
    for (offset, size, writable, owned) in [
        (0, page, true, true),
        (0, page + 1, false, true),
        (page - 1, 2, false, true),
        (page, 1, false, true),
        (2 * page - 1, 1, false, true),
        (2 * page - 1, 2, false, false),
        (2 * page, page, true, false),
        (0, 3 * page, false, false),
        (2 * page, page + 1, false, false),
    ] {
        let range = (start + offset, i32::try_from(size).expect("small"));
        assert!(world.is_readable(a, range), "{range:?}");
        assert_eq!(world.is_writable(a, range), writable, "{range:?}");
        assert_eq!(world.is_owned(a, range), owned, "{range:?}");
    }
    let whole = world.whole_pool();
    let (start, bytes) = world.bytes(whole);
    assert!(world.is_readable(b, (start, bytes)));
    let end = start + i64::from(bytes);
    for range in [(start, bytes + 1), (end - 1, 2), (end, 1), (start - 1, 2)] {
        assert!(!world.is_readable(b, range), "{range:?}");
    }
}

/// In bytes: all that is free, and the longest piece of it.
pub fn avail_mem_counts_what_is_free<R: Rig>(world: &mut World<R>) {
    let a = world.start_attached("a");
    let (page, pages) = (world.page_bytes().unsigned_abs(), world.whole_pool().pages);
    let system = |info: MemInfo| (info.system_free / page, info.system_largest / page);
    assert_eq!(system(world.avail(a)), (pages, pages));
    let run = world.alloc(a, 7);
    assert_eq!(system(world.avail(a)), (pages - 7, pages - 7));
    assert_eq!(world.give(a, run.page(1), None), Ok(()));
    let two = Run {
        first: run.first + 4,
        pages: 2,
    };
    assert_eq!(world.give(a, two, None), Ok(()));
    assert_eq!(system(world.avail(a)), (pages - 4, pages - 7));
    let rest = world.alloc(a, pages - 7);
    assert_eq!(system(world.avail(a)), (3, 2));
    assert_eq!(world.okwrite(a, rest, None), Ok(()), "grants take nothing");
    assert_eq!(system(world.avail(a)), (3, 2));
    world.alloc(a, 2);
    world.alloc(a, 1);
    assert_eq!(system(world.avail(a)), (0, 0));
}

/// What AllocMemBlocks would still give it: its quota, and others' reserves, come off.
pub fn avail_mem_counts_what_a_task_can_get<R: Rig>(world: &mut World<R>) {
    let (page, pages) = (world.page_bytes().unsigned_abs(), world.whole_pool().pages);
    let quota = |pages, reserve| PageQuota { pages, reserve };
    let a = world.start_with_pages("a", quota(3, 0));
    let b = world.start_with_pages("b", quota(pages, 4));
    let of_task = |world: &mut World<R>, task| {
        let info = world.avail(task);
        (info.task_free / page, info.task_largest / page)
    };
    assert_eq!(of_task(world, a), (3, 3));
    assert_eq!(of_task(world, b), (pages, pages));
    let c = world.start_attached("c");
    assert_eq!(of_task(world, c), (pages - 4, pages - 4));
    world.alloc(a, 2);
    assert_eq!(of_task(world, a), (1, 1));
    assert_eq!(of_task(world, c), (pages - 6, pages - 6));
    world.alloc(c, pages - 6);
    assert_eq!(of_task(world, c), (0, 0));
    assert_eq!(of_task(world, a), (0, 0));
    assert_eq!(of_task(world, b), (4, 4));
    assert_eq!(world.try_alloc_pages(c, 1), None);
    assert_eq!(world.try_alloc_pages(a, 1), None);
    world.alloc(b, 4);
    assert_eq!(of_task(world, b), (0, 0));
}

/// Flags other than 0: nothing happens, not even an answer.
pub fn avail_mem_with_flags_stores_nothing<R: Rig>(world: &mut World<R>) {
    let a = world.start_attached("a");
    world.fill(a, 0, 64, 0x42);
    let address = world.at(a, 0);
    for flags in [1, -1, 0x100, i64::from(i32::MIN)] {
        world.word(a, Number::AvailMem, [address, flags, 0, 0]);
        assert_eq!(world.peek(a, 0, 64), [0x42; 64]);
    }
    world.word(a, Number::AvailMem, [address + 1, 0, 0, 0]);
    let seen = world.peek(a, 0, 64);
    assert_eq!(seen[0], 0x42);
    assert_eq!(seen[17..], [0x42; 47], "four uint32, no more");
    assert_ne!(seen[1..17], [0x42; 16]);
}
