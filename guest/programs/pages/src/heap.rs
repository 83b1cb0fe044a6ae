//! Blocks in pages of the pool.

use usufruct_guest::page::{Heap, PageError, available, page_bytes};

/// What the heap takes from the pool it gives back when it is asked to, page by page, and
/// the rest when it ends.
pub(crate) fn blocks_and_scavenging() {
    let page = page_bytes().unwrap();
    let before = available();
    let free = || usize::try_from(available().SysFree).unwrap();
    let heap = Heap::new();
    assert_eq!(available(), before, "an empty heap has nothing");

    let mut blocks = Vec::new();
    for size in [1, 15, 16, 17, 100, page, 3 * page + 1, 200 * page] {
        let mut block = heap.block(size).unwrap();
        assert!(block.iter().all(|byte| *byte == 0));
        block.fill(0x5A);
        blocks.push(block);
    }
    for (at, block) in blocks.iter().enumerate() {
        assert!(block.iter().all(|byte| *byte == 0x5A), "block {at}");
    }
    let taken = free();
    assert!(taken + 200 * page < before.SysFree as usize);

    // Every other one goes; the large ones are whole pages.
    let mut at = 0;
    blocks.retain(|_| {
        at += 1;
        at % 2 == 1
    });
    let given = heap.scavenge();
    assert!(given >= 200 * page && given.is_multiple_of(page), "{given}");
    assert_eq!(free(), taken + given);
    assert_eq!(heap.scavenge(), 0);
    assert!(
        blocks
            .iter()
            .all(|block| block.iter().all(|byte| *byte == 0x5A))
    );

    // What comes next finds zeros, though the pages were used.
    assert!(
        heap.block(200 * page)
            .unwrap()
            .iter()
            .all(|byte| *byte == 0)
    );
    assert_eq!(heap.block(0).err(), Some(PageError::BadSize));
    assert_eq!(heap.block(1 << 31).err(), Some(PageError::BadSize));
    drop(blocks);
    drop(heap);
    assert_eq!(available(), before);
}
