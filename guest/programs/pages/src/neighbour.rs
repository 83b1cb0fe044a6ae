//! Two tasks that hand pages to each other. `guest/c/tests/neighbour.c` plays the same parts
//! in C, and either end may be either.

use usufruct_guest::page::{PageError, Pages, Received, page_bytes};
use usufruct_guest::{Ended, Reason, watch_task};

use crate::talk::Talk;

/// How often pages go to and fro.
const ROUNDS: u8 = 100;
const PAGES: usize = 5;

/// Shows its pages to a visitor, and lets it write into them for a while.
pub(crate) fn landlord() {
    let talk = Talk::with("visitor");
    let mut pages = Pages::alloc(1).unwrap();
    pages[0] = 1;
    talk.name_pages(pages.words());
    talk.wait_for_nod();
    assert_eq!(pages[1], 0);
    let mut lent = pages.grant(talk.other()).unwrap();
    talk.nod();
    talk.wait_for_nod();
    let mut bytes = [0; 2];
    lent.read_at(0, &mut bytes).unwrap();
    assert_eq!(bytes, [1, 2]);
    assert_eq!(lent.load_u64(8), Ok(u64::MAX - 1));
    lent.store_u64(16, 7).unwrap();
    lent.revoke(talk.other()).unwrap();
    talk.nod();
    talk.wait_for_nod();
    let pages = lent.reclaim().unwrap();
    assert_eq!(pages[..3], [1, 2, 0]);
}

pub(crate) fn visitor() {
    let talk = Talk::with("landlord");
    let words = talk.hear_of_pages();
    let letter = Received::from_words(words).unwrap();
    assert_eq!(letter.accept().err(), Some(PageError::NotOwned));
    let own = Pages::alloc(1).unwrap();
    let mut pages = letter.visit().unwrap();
    assert_eq!(letter.visit().err(), Some(PageError::InUse));
    let mut bytes = [0; 2];
    pages.read_at(0, &mut bytes).unwrap();
    assert_eq!(bytes, [1, 0]);
    assert_eq!(pages.write_at(1, &[2]), Err(PageError::NotWritable));
    assert_eq!(
        pages.read_at(pages.len() - 1, &mut bytes),
        Err(PageError::BadSize)
    );
    talk.nod();
    talk.wait_for_nod();
    pages.write_at(1, &[2]).unwrap();
    pages.store_u64(8, u64::MAX - 1).unwrap();
    assert_eq!(pages.load_u64(0), Ok(0x201));
    assert_eq!(pages.load_u64(4), Err(PageError::Misaligned));
    assert_eq!(pages.store_u64(12, 0), Err(PageError::Misaligned));
    assert_eq!(pages.load_u64(pages.len()), Err(PageError::BadSize));
    assert_eq!(pages.write_at(usize::MAX, &[2]), Err(PageError::BadSize));
    talk.nod();
    talk.wait_for_nod();
    assert_eq!(pages.write_at(2, &[3]), Err(PageError::NotWritable));
    assert_eq!(pages.store_u64(16, 8), Err(PageError::NotWritable));
    assert_eq!(pages.load_u64(16), Ok(7));
    drop(pages);
    // A visit to pages of one's own is none.
    let words = own.words();
    let kept = own.give(usufruct_guest::current_task()).unwrap();
    drop(kept);
    let letter = Received::from_words(words).unwrap();
    assert_eq!(letter.visit().err(), Some(PageError::NotForeign));
    drop(letter.accept().unwrap());
    talk.nod();
}

/// Gives pages and goes on storing: before they are accepted that lands, and afterwards it
/// ends the task.
pub(crate) fn giver() {
    let talk = Talk::with("receiver");
    let page = page_bytes().unwrap();
    let mut pages = Pages::alloc(PAGES * page).unwrap();
    pages.fill(0x10);
    let at = pages.as_mut_ptr();
    let mut given = pages.give(talk.other()).unwrap();
    given.write_at(0, &[0x10]).unwrap();
    talk.name_pages(given.words());
    talk.wait_for_nod();
    assert_eq!(given.write_at(0, &[0x66]), Err(PageError::NotWritable));
    // SAFETY: none. This is what a hostile giver does, and its end.
    unsafe { at.write_volatile(0x66) };
    panic!("a store to pages that were accepted has landed");
}

pub(crate) fn receiver() {
    let talk = Talk::with("giver");
    watch_task(talk.other(), talk.port()).unwrap();
    let letter = Received::from_words(talk.hear_of_pages()).unwrap();
    let mut pages = letter.accept().unwrap();
    assert_eq!(pages.len(), PAGES * page_bytes().unwrap());
    talk.nod();
    let ended = Ended::from_message(&talk.hear()).expect("the giver ends next");
    assert_eq!(ended.task, talk.other());
    assert_eq!(ended.reason, Reason::ForbiddenStore);
    assert!(pages.iter().all(|byte| *byte == 0x10));
    pages.fill(0x20);
    assert!(pages.iter().all(|byte| *byte == 0x20));
}

/// Gives pages, takes them back when the other one has added 1 to each byte, and so on.
pub(crate) fn left() {
    let talk = Talk::with("right");
    let mut pages = Pages::alloc(PAGES * page_bytes().unwrap()).unwrap();
    for round in 0..ROUNDS {
        pages.fill(2 * round);
        let words = pages.words();
        pages.give(talk.other()).unwrap().let_go();
        talk.name_pages(words);
        assert_eq!(talk.hear_of_pages(), words);
        pages = Received::from_words(words).unwrap().accept().unwrap();
        assert!(pages.iter().all(|byte| *byte == 2 * round + 1));
    }
}

pub(crate) fn right() {
    let talk = Talk::with("left");
    for round in 0..ROUNDS {
        let words = talk.hear_of_pages();
        let mut pages = Received::from_words(words).unwrap().accept().unwrap();
        assert!(pages.iter().all(|byte| *byte == 2 * round));
        pages.iter_mut().for_each(|byte| *byte += 1);
        pages.give(talk.other()).unwrap().let_go();
        talk.name_pages(words);
    }
}
