//! What happens when the machine can hold no more rights: where pages are kept by
//! `mprotect`, those of one task may be so scattered and no more.

use usufruct_guest::page::{Frozen, Lent, PageError, Pages, Received, page_bytes};
use usufruct_guest::raw::page::AllocMemBlocks;

use crate::talk::Talk;

/// More than can be written in turns with others that can not.
const PAGES: usize = 12_000;

/// Beside `idle`, which gets rights and does not use them.
pub(crate) fn no_right_is_left() {
    let talk = Talk::with("idle");
    let page = page_bytes().unwrap();
    let size = i32::try_from(page).unwrap();
    let alone: Vec<Pages> = (0..PAGES).map(|_| Pages::alloc(1).unwrap()).collect();
    // A page as a giver's letter names it: owned, and not known to the library.
    let delivery = Received::new(AllocMemBlocks(size, 0).addr(), page);

    // What is this task's own it can always write again: the machine makes room.
    let mut frozen: Vec<Frozen> = Vec::new();
    let mut thawed: Vec<Pages> = Vec::new();
    for (at, pages) in alone.into_iter().map(Pages::freeze).enumerate() {
        if at % 2 == 0 {
            thawed.push(pages.thaw().unwrap());
        } else {
            frozen.push(pages);
        }
    }
    for byte in [1, 2] {
        for pages in &mut thawed {
            pages.fill(byte);
        }
        assert!(
            thawed
                .iter()
                .all(|pages| pages.iter().all(|found| *found == byte))
        );
    }
    assert!(
        frozen
            .iter()
            .all(|pages| pages.iter().all(|byte| *byte == 0))
    );
    let mut delivered = delivery.accept().unwrap();
    delivered.fill(3);

    // What it lets others write is held at once, or refused.
    let mut lent: Vec<Lent> = Vec::new();
    let refused = thawed.into_iter().find_map(|pages| {
        let granted = pages.grant(talk.other());
        granted.map(|pages| lent.push(pages)).err()
    });
    let mut refused = refused.expect("this machine holds any number of rights");
    assert_eq!(refused.error, PageError::NoMemory);
    assert!(lent.len() > 100, "{} pages", lent.len());
    // They are what they were.
    refused.pages.fill(4);
    let mut bytes = [0; 2];
    for pages in &mut lent {
        pages.read_at(0, &mut bytes).unwrap();
        assert_eq!(bytes, [2, 2]);
        pages.write_at(0, &[5]).unwrap();
    }
    talk.nod();
}

pub(crate) fn idle() {
    Talk::with("scattered").wait_for_nod();
}
