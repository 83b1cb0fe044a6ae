//! What happens when the machine can hold no more rights: where pages are kept by
//! `mprotect`, those of one task may be so scattered and no more.

use usufruct_guest::page::{Frozen, PageError, Pages, Received, available, page_bytes};
use usufruct_guest::raw::page::AllocMemBlocks;

/// More than can be written in turns with others that can not.
const PAGES: usize = 12_000;

pub(crate) fn no_right_is_left() {
    let page = page_bytes().unwrap();
    let size = i32::try_from(page).unwrap();
    let alone: Vec<Pages> = (0..PAGES).map(|_| Pages::alloc(1).unwrap()).collect();
    // A page as a giver's letter names it: owned, and not known to the library.
    let delivery = Received::new(AllocMemBlocks(size, 0).addr(), page);
    let middle = Pages::alloc(1).unwrap();
    let mut last = Pages::alloc(1).unwrap();

    let frozen = alone.into_iter().map(Pages::freeze);
    let mut places: Vec<Option<Frozen>> = frozen.map(Some).collect();
    let mut thawed = Vec::new();
    let mut turn = (0..PAGES).step_by(2);
    let mut thaw_until_refused = || {
        for at in turn.by_ref() {
            match places[at].take().unwrap().thaw() {
                Ok(pages) => thawed.push(pages),
                Err(refused) => {
                    assert_eq!(refused.error, PageError::NoMemory);
                    // They are what they were, and can go back.
                    assert!(refused.pages.iter().all(|byte| *byte == 0));
                    places[at] = Some(refused.pages);
                    return thawed.len();
                }
            }
        }
        panic!("this machine holds any number of rights");
    };
    let first = thaw_until_refused();
    assert!(first > 100, "{first} pages");
    // Three writable pages in a row become three that are protected: the two outer ones
    // come back when they are stored to. That leaves room for one more elsewhere, and then
    // none for the delivery.
    let middle = middle.freeze();
    assert!(thaw_until_refused() > first);

    let before = available().SysFree;
    assert_eq!(delivery.accept().err(), Some(PageError::NoMemory));
    assert_eq!(
        available().SysFree,
        before + 4096,
        "it went back to the pool"
    );
    assert_eq!(delivery.accept_to_read().err(), Some(PageError::NotOwned));
    last.fill(3);
    drop(middle);
    for pages in &mut thawed {
        pages[0] = 1;
    }
}
