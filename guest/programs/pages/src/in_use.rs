//! One value for each page: a letter that names pages which the program has already.

use std::mem::forget;

use usufruct_guest::page::{Frozen, Heap, Lent, PageError, Pages, Received, available, page_bytes};

use crate::talk::Talk;

/// Every way to take pages in by a letter says that the program has them.
fn assert_in_use([address, size]: [i32; 2], what: &str) {
    let page = i32::try_from(page_bytes().unwrap()).unwrap();
    // All of them, the first one, the last one, and one more at either end.
    for (from, until) in [
        (0, size),
        (0, page),
        (size - page, size),
        (-page, size),
        (0, size + page),
    ] {
        let words = [address.wrapping_add(from), until - from];
        let letter = Received::from_words(words).unwrap();
        let refused = Some(PageError::InUse);
        assert_eq!(letter.accept().err(), refused, "{what} {from} {until}");
        assert_eq!(
            letter.accept_to_read().err(),
            refused,
            "{what} {from} {until}"
        );
        assert_eq!(letter.visit().err(), refused, "{what} {from} {until}");
    }
}

/// The task `in-use`, beside `heir`.
pub(crate) fn every_value_keeps_its_pages() {
    let talk = Talk::with("heir");
    let page = page_bytes().unwrap();
    // Nothing lies before the first page of the pool but the heap, so one is left out.
    let _first = Pages::alloc(1).unwrap();
    let alloc = || Pages::alloc(3 * page).unwrap();

    let mut pages = alloc();
    pages.fill(1);
    assert_in_use(pages.words(), "pages");
    let frozen: Frozen = pages.freeze();
    assert_in_use(frozen.words(), "frozen");
    let lent: Lent = frozen.thaw().unwrap().grant(talk.other()).unwrap();
    assert_in_use(lent.words(), "lent");
    let pages = lent.reclaim().unwrap();
    assert!(
        pages.iter().all(|byte| *byte == 1),
        "all of that changed nothing"
    );

    let heap = Heap::new();
    let block = heap.block(page).unwrap();
    let books = block.as_ptr().addr() / page * page;
    for begin in [books, books - page] {
        let letter = Received::new(begin, page);
        assert_eq!(letter.accept().err(), Some(PageError::InUse));
        assert_eq!(letter.visit().err(), Some(PageError::InUse));
    }

    let words = pages.words();
    let foreign = pages.give(talk.other()).unwrap();
    talk.name_pages(words);
    talk.wait_for_nod();
    assert_in_use(words, "given away");
    // The heir has freed them, and they are the pool's first: this program's own value for
    // them is in the way, until it ends.
    let free = available();
    assert_eq!(Pages::alloc(3 * page).err(), Some(PageError::InUse));
    assert_eq!(available(), free, "nothing was kept");
    foreign.let_go();
    let again = alloc();
    assert_eq!(again.words(), words);
    assert!(again.iter().all(|byte| *byte == 0));

    forget(again);
    assert_in_use(words, "forgotten");
    talk.nod();
}

/// Takes pages, and frees them.
pub(crate) fn heir() {
    let talk = Talk::with("in-use");
    let letter = Received::from_words(talk.hear_of_pages()).unwrap();
    let pages = letter.accept().unwrap();
    assert!(pages.iter().all(|byte| *byte == 1));
    drop(pages);
    talk.nod();
    talk.wait_for_nod();
}
