//! Gifts that nobody told of, and pages that a value parts with.

use usufruct_guest::page::{PageError, Pages, Received, available, discard_unclaimed, page_bytes};

use crate::talk::Talk;

const UNTOLD_PAGES: usize = 5;
const TOLD_PAGES: usize = 3;

/// Gives pages, and tells of some of them.
pub(crate) fn drowner() {
    let talk = Talk::with("drowned");
    talk.wait_for_nod();
    let page = page_bytes().unwrap();
    for _ in 0..2 {
        let untold = Pages::alloc(UNTOLD_PAGES * page).unwrap();
        untold.give(talk.other()).unwrap().let_go();
    }
    let mut told = Pages::alloc(TOLD_PAGES * page).unwrap();
    told.fill(0x20);
    let words = told.words();
    told.give(talk.other()).unwrap().let_go();
    talk.name_pages(words);
}

/// Keeps what it took and what it was told of, and sends the rest back to the pool.
pub(crate) fn drowned() {
    let page = page_bytes().unwrap();
    let before = available();
    let mut own = Pages::alloc(2 * page).unwrap();
    own.fill(0x10);
    assert_eq!(discard_unclaimed(), 0, "what it took itself");
    let talk = Talk::with("drowner");
    talk.nod();
    let told = Received::from_words(talk.hear_of_pages()).unwrap();
    let told = told.accept().unwrap();
    assert_eq!(discard_unclaimed(), 2 * UNTOLD_PAGES * page);
    assert_eq!(discard_unclaimed(), 0);
    assert!(own.iter().all(|byte| *byte == 0x10));
    assert!(told.iter().all(|byte| *byte == 0x20));
    drop((own, told));
    assert_eq!(available(), before);
}

/// The first pages stay as they are, the others are free.
pub(crate) fn truncated() {
    let page = page_bytes().unwrap();
    let before = available();
    let mut pages = Pages::alloc(5 * page).unwrap();
    pages.fill(7);
    for bytes in [0, 5 * page + 1, usize::MAX] {
        assert_eq!(pages.truncate(bytes), Err(PageError::BadSize), "{bytes}");
    }
    for (bytes, left) in [(5 * page, 5), (4 * page + 1, 5), (2 * page + 1, 3), (1, 1)] {
        pages.truncate(bytes).unwrap();
        assert_eq!(pages.len(), left * page, "{bytes}");
        assert!(pages.iter().all(|byte| *byte == 7));
        let taken = before.SysFree - available().SysFree;
        assert_eq!(usize::try_from(taken).unwrap(), left * page, "{bytes}");
    }
    // What it has parted with can have another value.
    let others = Pages::alloc(4 * page).unwrap();
    assert!(others.iter().all(|byte| *byte == 0));
    drop((pages, others));
    assert_eq!(available(), before);
}
