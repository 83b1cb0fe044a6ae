//! `AllocMemBlocks` and `GetPageSize`: where pages come from, and how many a task can get.

use crate::{PageQuota, Rig, Run, World, index};
use usufruct_abi::{MEMTYPE_FILL, Number};

/// `AllocMemBlocks`: fill the block.
fn fill_with(byte: u8) -> i32 {
    (MEMTYPE_FILL | u32::from(byte)).cast_signed()
}

/// Sizes around one page and two, in bytes, and the pages that they take.
pub fn a_block_is_whole_pages_of_its_caller<R: Rig>(world: &mut World<R>) {
    let (a, b) = (world.start_attached("a"), world.start_attached("b"));
    let page = world.page_bytes();
    for (size, pages) in [
        (1, 1),
        (page - 1, 1),
        (page, 1),
        (page + 1, 2),
        (2 * page, 2),
    ] {
        let free = world.avail(b).system_free;
        let address = world.try_alloc(a, size, 0).expect("there is room");
        let run = world.run_at(address, pages);
        let range = world.bytes(run);
        assert!(world.is_owned(a, range) && world.is_writable(a, range));
        assert!(!world.is_owned(b, range) && !world.is_writable(b, range));
        world.store_to(a, run, 7);
        let taken = free - world.avail(b).system_free;
        assert_eq!(taken, range.1.unsigned_abs(), "for {size} bytes");
    }
}

/// An int32 with the bytes that there are, not those that were asked for; the rest is zero.
pub fn a_block_says_how_large_it_is<R: Rig>(world: &mut World<R>) {
    let a = world.start_attached("a");
    let page = world.page_bytes();
    for (size, given) in [(1, page), (page + 1, 2 * page), (3 * page, 3 * page)] {
        let address = world.try_alloc(a, size, 0).expect("there is room");
        assert_eq!(world.load(a, address, 4), given.to_le_bytes());
        let rest = world.load(a, address + 4, u64::from(page.unsigned_abs()) - 4);
        assert_eq!(rest, vec![0; index(page) - 4]);
    }
}

/// Every byte of every page, the first four too.
pub fn a_block_is_filled_on_request<R: Rig>(world: &mut World<R>) {
    let a = world.start_attached("a");
    for byte in [0, 1, 0x5a, 0xff] {
        let size = 2 * world.page_bytes() + 1;
        let address = world.try_alloc(a, size, fill_with(byte));
        let run = world.run_at(address.expect("there is room"), 3);
        assert!(world.is_all(a, run, byte), "filled with {byte:#x}");
    }
}

/// Nothing is taken either.
pub fn sizes_and_flags_that_are_none_get_nothing<R: Rig>(world: &mut World<R>) {
    let a = world.start_attached("a");
    let free = world.avail(a);
    for size in [0, -1, i32::MIN] {
        assert_eq!(world.try_alloc(a, size, 0), None, "size {size}");
        assert_eq!(world.try_alloc(a, size, fill_with(1)), None, "size {size}");
    }
    for flags in [1, 0x7f, 0xff, 0x200, 0x300, 0x1100, 0x10000, i32::MIN, -1] {
        assert_eq!(world.try_alloc(a, 1, flags), None, "flags {flags:#x}");
    }
    assert_eq!(world.avail(a), free);
}

/// All pages in one block; one byte more than all; then not one page.
pub fn the_whole_pool_can_be_one_block<R: Rig>(world: &mut World<R>) {
    let (a, b) = (world.start_attached("a"), world.start_attached("b"));
    let whole = world.whole_pool();
    let (_, bytes) = world.bytes(whole);
    assert_eq!(world.try_alloc(a, bytes + 1, 0), None);
    assert_eq!(world.try_alloc(a, i32::MAX, 0), None);
    assert_eq!(world.alloc(a, whole.pages), whole);
    world.store_to(a, whole, 9);
    for task in [a, b] {
        assert_eq!(world.try_alloc(task, 1, 0), None);
    }
}

/// Free pages that are not neighbours are no block.
pub fn a_block_is_one_piece<R: Rig>(world: &mut World<R>) {
    let a = world.start_attached("a");
    let pages = world.whole_pool().pages;
    let whole = world.alloc(a, pages);
    for number in (0..pages).step_by(2) {
        assert_eq!(world.give(a, whole.page(number), None), Ok(()));
    }
    assert_eq!(world.try_alloc_pages(a, 2), None);
    assert_eq!(world.give(a, whole.page(3), None), Ok(()));
    let run = world.alloc(a, 3);
    assert_eq!(run, Run { first: 2, pages: 3 });
    assert_eq!(world.try_alloc_pages(a, 2), None);
    world.alloc(a, 1);
}

/// Exact, counted by what is owned, and nobody else's business.
pub fn a_task_owns_as_many_pages_as_its_quota<R: Rig>(world: &mut World<R>) {
    let quota = PageQuota {
        pages: 3,
        reserve: 0,
    };
    let (a, b) = (
        world.start_with_pages("a", quota),
        world.start_attached("b"),
    );
    assert_eq!(world.try_alloc_pages(a, 4), None);
    let run = world.alloc(a, 2);
    assert_eq!(world.try_alloc_pages(a, 2), None);
    world.alloc(a, 1);
    assert_eq!(world.try_alloc_pages(a, 1), None);
    world.alloc(b, 4);
    // What is given away or back does not count any more; what may be written never did.
    assert_eq!(world.give(a, run.page(0), b), Ok(()));
    world.alloc(a, 1);
    assert_eq!(world.give(a, run.page(1), None), Ok(()));
    world.alloc(a, 1);
    assert_eq!(world.try_alloc_pages(a, 1), None);
}

/// Whoever takes all that there is leaves what others were promised, until they have it.
pub fn a_reserve_is_kept_from_others<R: Rig>(world: &mut World<R>) {
    let pages = world.whole_pool().pages;
    let reserved = PageQuota { pages, reserve: 5 };
    let a = world.start_with_pages("a", reserved);
    let hog = world.start_attached("hog");
    assert_eq!(world.try_alloc_pages(hog, pages - 4), None);
    world.alloc(hog, pages - 5);
    assert_eq!(world.try_alloc_pages(hog, 1), None);
    let run = world.alloc(a, 3);
    assert_eq!(world.try_alloc_pages(hog, 1), None);
    assert_eq!(world.give(a, run.page(1), None), Ok(()));
    assert_eq!(world.try_alloc_pages(hog, 1), None, "promised again");
    world.alloc(a, 2);
    world.alloc(a, 1);
    assert_eq!(world.try_alloc_pages(a, 1), None);
    // The promise ends with the task.
    world.exit(a, 0);
    for _ in 0..5 {
        world.alloc(hog, 1);
    }
    assert_eq!(world.try_alloc_pages(hog, 1), None);
}

/// The next owner sees its own number and zeros; so does whoever looks at a free page.
pub fn what_an_owner_left_is_never_seen<R: Rig>(world: &mut World<R>) {
    let (a, b) = (world.start_attached("a"), world.start_attached("b"));
    let run = world.alloc(a, 3);
    let (address, bytes) = world.bytes(run);
    world.store_to(a, run, 0x77);
    assert_eq!(world.give(a, run, None), Ok(()));
    assert!(world.is_all(b, run, 0), "free pages are zero");
    assert_eq!(world.alloc(b, 3), run, "the first free pages");
    let mut wanted = vec![0; index(bytes)];
    wanted[..4].copy_from_slice(&bytes.to_le_bytes());
    for number in 0..3 {
        let page = world.page_bytes();
        let at = i64::from(page) * number;
        let seen = world.load(b, address + at, u64::from(page.unsigned_abs()));
        assert_eq!(seen, wanted[index(at)..index(at) + index(page)]);
    }
}

/// Programs must ask; for other flags there is no answer.
pub fn page_size_is_what_the_kernel_says<R: Rig>(world: &mut World<R>) {
    let a = world.start_attached("a");
    let page = world.page_bytes();
    assert!(page >= 64 && page.cast_unsigned().is_power_of_two());
    assert_eq!(world.word(a, Number::GetPageSize, [0; 4]), page);
    for flags in [1, -1, 0x100, i64::from(i32::MIN)] {
        assert_eq!(world.word(a, Number::GetPageSize, [flags, 0, 0, 0]), 0);
    }
}
