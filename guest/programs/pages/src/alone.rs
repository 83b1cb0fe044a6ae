//! A task by itself.

use usufruct_guest::page::{Heap, MemInfo, PageError, Pages, Received, available, page_bytes};

/// Where pools begin.
const POOL: usize = 1 << 31;

/// New pages are zeros, the word included in which the kernel says how many they are; and
/// still zeros when somebody has had them before.
pub(crate) fn zeros() {
    let page = page_bytes().unwrap();
    for pages in [1, 2, 7, 100] {
        for _ in 0..2 {
            let mut block = Pages::alloc(pages * page - 1).unwrap();
            assert_eq!(block.len(), pages * page);
            assert!(block.as_ptr().addr() >= POOL);
            assert!(block.iter().all(|byte| *byte == 0), "{pages} pages");
            block.fill(0xA5);
            assert!(block.iter().all(|byte| *byte == 0xA5));
        }
    }
    let heap = Heap::new();
    for _ in 0..2 {
        let mut block = heap.block(3 * page).unwrap();
        assert!(block.iter().all(|byte| *byte == 0));
        block.fill(0xA5);
    }
}

/// A task that is not attached is told so by everything, and nothing panics.
pub(crate) fn no_pool() {
    let none = Some(PageError::NoPool);
    assert_eq!(page_bytes().err(), none);
    assert_eq!(Pages::alloc(1).err(), none);
    assert_eq!(Heap::new().block(1).err(), none);
    let letter = Received::new(POOL, 4096);
    assert_eq!(letter.accept().err(), none);
    assert_eq!(letter.accept_to_read().err(), none);
    assert_eq!(letter.visit().err(), none);
    assert_eq!(available(), MemInfo::default());
}

/// Sizes that can not be, and a pool that is used up.
pub(crate) fn sizes() {
    for bytes in [0, 0x7fff_0001, 1 << 31, usize::MAX] {
        assert_eq!(
            Pages::alloc(bytes).err(),
            Some(PageError::BadSize),
            "{bytes}"
        );
    }
    let before = available();
    let all = usize::try_from(before.TaskLargest).unwrap();
    assert_eq!(Pages::alloc(all + 1).err(), Some(PageError::NoMemory));
    let most = Pages::alloc(all).unwrap();
    assert_eq!(Pages::alloc(1).err(), Some(PageError::NoMemory));
    assert_eq!(Heap::new().block(1).err(), Some(PageError::NoMemory));
    drop(most);
    assert_eq!(available(), before);
}

/// In a pool that ends at 4 GiB: its last page can be no slice, for where it ends is no
/// address. All others can.
pub(crate) fn last_pages() {
    let page = page_bytes().unwrap();
    let free = usize::try_from(available().TaskLargest).unwrap();
    let first = 0_usize.wrapping_sub(free);
    let mut pages = Vec::new();
    for at in (first..=usize::MAX - page).step_by(page) {
        let mut one = Pages::alloc(1).unwrap();
        assert_eq!(one.as_ptr().addr(), at);
        one.fill(7);
        assert_eq!(one.words()[0].cast_unsigned(), u32::try_from(at).unwrap());
        pages.push(one);
    }
    assert_eq!(pages.len(), free / page - 1);
    let left = available();
    assert_eq!(Pages::alloc(1).err(), Some(PageError::NoMemory));
    assert_eq!(available(), left, "and is free as before");

    let last = Received::new(0_usize.wrapping_sub(page), page);
    assert_eq!(last.accept().err(), Some(PageError::BadSize));
    assert_eq!(last.visit().err(), Some(PageError::BadSize));
    drop(pages.pop());
    assert_eq!(Pages::alloc(2 * page).err(), Some(PageError::NoMemory));
    assert_eq!(
        Pages::alloc(page).unwrap().as_ptr().addr(),
        usize::MAX - 2 * page + 1
    );
}
