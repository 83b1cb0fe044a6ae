//! Stores to pages that the decoder may not write: each ends a life.

use alloc::borrow::ToOwned;

use usufruct_abi::{MEMC_GIVE, MEMC_NOWRITE};
use usufruct_guest::{current_task, println};

use super::pages::{PART_BYTES, free_page, target};
use super::wild_page::{Spot, allocate};
use super::witness::{PAGES_BYTES, Witness};
use super::{Answer, Attempt};

const PAGE: i32 = 4096;
/// What a gift is full of, and what its giver makes of it while it still may.
const GIVEN: u8 = 0x40;
const CHANGED: u8 = 0x41;

pub(super) const ATTEMPTS: &[Attempt] = &[
    Attempt {
        name: "store-to-what-it-gave",
        tries: "gives the witness pages, and stores to them when it has taken delivery",
        make: |_| tried(store_to_what_it_gave()),
    },
    Attempt {
        name: "go-on-writing-a-gift",
        tries: "gives the witness pages without letting go, and stores before and after it fences them",
        make: |_| tried(go_on_writing_a_gift()),
    },
    Attempt {
        name: "store-to-anothers-page",
        tries: "stores to a page of the witness",
        make: |_| tried(anothers_page(5).map(|spot| spot.store(0))),
    },
    Attempt {
        name: "store-to-a-free-page",
        tries: "stores to a page that nobody owns",
        make: |_| tried(free_page().map(|spot| spot.store(0))),
    },
    Attempt {
        name: "store-over-the-edge",
        tries: "stores over the edge between a page of its own and one of the witness",
        make: |_| tried(store_over_the_edge()),
    },
    Attempt {
        name: "copy-into-anothers-page",
        tries: "has memory.copy store to a page of the witness",
        make: |_| tried(anothers_page(6).map(|spot| spot.copy_here(&[0; PART_BYTES]))),
    },
    Attempt {
        name: "fill-anothers-page",
        tries: "has memory.fill store to a page of the witness",
        make: |_| tried(anothers_page(7).map(|spot| spot.fill(PART_BYTES))),
    },
];

/// Who comes back from a store was not stopped.
fn tried(result: Result<(), Answer>) -> Answer {
    result.err().unwrap_or_else(super::ending::survived)
}

fn anothers_page(part: usize) -> Result<Spot, Answer> {
    target(&Witness::find()?, part)
}

/// Two new pages.
fn gift() -> Result<Spot, Answer> {
    let gift = allocate(2 * PAGE).ok_or_else(|| Answer::NotTried("nothing to give".to_owned()))?;
    gift.fill(PAGES_BYTES);
    gift.store(GIVEN);
    Ok(gift)
}

fn give(witness: &Witness, gift: Spot, size: i32) -> Result<(), Answer> {
    match gift.control(size, MEMC_GIVE, witness.task().word()) {
        0 => Ok(()),
        _ => Err(Answer::NotTried(
            "the witness can not be given pages".to_owned(),
        )),
    }
}

/// Has the witness take delivery; it must find `first` there.
fn deliver(witness: &Witness, gift: Spot, size: i32, first: u8) -> Result<(), Answer> {
    let address = u32::try_from(gift.0).unwrap_or(0).cast_signed();
    if witness.take([address, size])? == i32::from(first) {
        return Ok(());
    }
    Err(Answer::NotTried(
        "the witness found other bytes than were given".to_owned(),
    ))
}

fn store_to_what_it_gave() -> Result<(), Answer> {
    let (witness, gift) = (Witness::find()?, gift()?);
    give(&witness, gift, 2 * PAGE)?;
    gift.control(2 * PAGE, MEMC_NOWRITE, current_task().word());
    deliver(&witness, gift, 2 * PAGE, GIVEN)?;
    gift.store(CHANGED);
    Ok(())
}

/// The first store is harmless: the witness has not looked yet, and sees it.
fn go_on_writing_a_gift() -> Result<(), Answer> {
    let (witness, gift) = (Witness::find()?, gift()?);
    give(&witness, gift, 2 * PAGE)?;
    gift.store(CHANGED);
    deliver(&witness, gift, 2 * PAGE, CHANGED)?;
    println!("decoder: a store before the fence landed, and was seen");
    gift.store(GIVEN);
    Ok(())
}

/// The witness is given the second page only.
fn store_over_the_edge() -> Result<(), Answer> {
    let (witness, own) = (Witness::find()?, gift()?);
    let edge = own.plus(PAGES_BYTES / 2);
    edge.store(GIVEN);
    give(&witness, edge, PAGE)?;
    deliver(&witness, edge, PAGE, GIVEN)?;
    own.plus(PAGES_BYTES / 2 - 4).store_eight();
    Ok(())
}
