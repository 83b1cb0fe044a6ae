//! Letters that lie about pages.

use usufruct_guest::page::{PageError, Pages, Received, available, page_bytes};

use crate::talk::Talk;

/// Words that name no delivery, and why each is refused when it is accepted.
pub(crate) fn made_up() {
    #[repr(C, align(65536))]
    struct Private([u8; 65536]);
    static PRIVATE: Private = Private([0x11; 65536]);
    let private = u32::try_from(PRIVATE.0.as_ptr().addr())
        .unwrap()
        .cast_signed();
    let page = i32::try_from(page_bytes().unwrap()).unwrap();
    let pool = i32::MIN;
    let pool_bytes = available().SysFree.cast_signed();
    let own = Pages::alloc(1).unwrap();
    let before = available();

    for (words, error) in [
        ([0, page], PageError::NotOwned),
        ([private, page], PageError::NotOwned),
        ([private, 65536], PageError::NotOwned),
        // Not owned by anybody, and behind the pool.
        ([pool + page, page], PageError::NotOwned),
        ([pool + page, pool_bytes], PageError::NotOwned),
        ([pool + pool_bytes, page], PageError::NotOwned),
        ([pool - page, page], PageError::NotOwned),
        ([pool + page, 0x7fff_0000], PageError::NotOwned),
        // Not whole pages.
        ([pool + page + 1, page], PageError::NotOwned),
        ([pool + page / 2, 1], PageError::NotOwned),
        ([-1, 1], PageError::NotOwned),
        // Up to the end of all addresses, and over it.
        ([-page, page], PageError::BadSize),
        ([-page, 2 * page], PageError::BadSize),
        ([pool + page, 0x7fff_0000 - page + 1], PageError::NotOwned),
        ([0x7fff_0000, 0x7fff_0000], PageError::InUse),
        // No sizes.
        ([pool + page, 0], PageError::BadSize),
        ([pool + page, -1], PageError::BadSize),
        ([pool + page, i32::MIN], PageError::BadSize),
        ([pool + page, i32::MAX], PageError::BadSize),
        ([private, 0x7fff_0001], PageError::BadSize),
        (own.words(), PageError::InUse),
    ] {
        let accepted = Received::from_words(words).and_then(Received::accept);
        assert_eq!(accepted.err(), Some(error), "{words:x?}");
        let to_read = Received::from_words(words).and_then(Received::accept_to_read);
        assert_eq!(to_read.err(), Some(error), "{words:x?}");
        let visited = Received::from_words(words).and_then(Received::visit);
        match error {
            // Whoever reads free pages finds nothing there.
            PageError::NotOwned if words == [pool + page, page] => assert!(visited.is_ok()),
            PageError::NotOwned => {
                let error = visited.expect_err("these are no pages of others");
                assert!(
                    matches!(error, PageError::NotForeign | PageError::NotOwned),
                    "{words:x?}"
                );
            }
            error => assert_eq!(visited.err(), Some(error), "{words:x?}"),
        }
    }
    assert!(PRIVATE.0.iter().all(|byte| *byte == 0x11));
    assert!(own.iter().all(|byte| *byte == 0));
    assert_eq!(available(), before);
}

/// Words for what the other one is to do next.
const REFUSE_AS_NOT_OWNED: i32 = 1;
const ACCEPT: i32 = 2;
const REFUSE_AS_IN_USE: i32 = 3;
const END: i32 = 4;

/// Announces gifts that are none, or not as large as it says.
pub(crate) fn liar() {
    let talk = Talk::with("wary");
    let page = page_bytes().unwrap();
    let [first, second, third] = [(); 3].map(|()| Pages::alloc(page).unwrap());
    let [address, size] = first.words();
    let say = |size, what| {
        talk.say([address, size, what, 0]);
        talk.wait_for_nod();
    };
    say(size, REFUSE_AS_NOT_OWNED);
    // Given are the first and the third, and announced is everything.
    let first = first.give(talk.other()).unwrap();
    let third = third.give(talk.other()).unwrap();
    say(3 * size, REFUSE_AS_NOT_OWNED);
    let mut second = second;
    second.fill(2);
    let second = second.give(talk.other()).unwrap();
    say(3 * size, ACCEPT);
    say(3 * size, REFUSE_AS_IN_USE);
    say(size, REFUSE_AS_IN_USE);
    // All of them can not be written any more, and were not written by others.
    let mut byte = [0];
    second.read_at(0, &mut byte).unwrap();
    assert_eq!(byte, [0x77], "its new owner may");
    for mut given in [first, second, third] {
        assert_eq!(given.write_at(0, &[1]), Err(PageError::NotWritable));
    }
    say(size, END);
}

/// Believes nothing.
pub(crate) fn wary() {
    let talk = Talk::with("liar");
    let mut accepted: Option<Pages> = None;
    loop {
        let message = talk.hear();
        assert_eq!(message.sender, Some(talk.other()));
        let [address, size, what, _] = message.words;
        let letter = Received::from_words([address, size]).unwrap();
        match what {
            REFUSE_AS_NOT_OWNED => {
                assert_eq!(letter.accept().err(), Some(PageError::NotOwned));
            }
            REFUSE_AS_IN_USE => assert_eq!(letter.accept().err(), Some(PageError::InUse)),
            ACCEPT => {
                let mut pages = letter.accept().unwrap();
                let page = page_bytes().unwrap();
                assert!(pages[page..2 * page].iter().all(|byte| *byte == 2));
                pages.fill(0x77);
                accepted = Some(pages);
            }
            _ => break,
        }
        talk.nod();
    }
    let pages = accepted.unwrap();
    assert!(pages.iter().all(|byte| *byte == 0x77));
    talk.nod();
}
