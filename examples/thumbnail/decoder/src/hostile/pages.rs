//! Pages that are not the decoder's, and more of them than its share.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::vec::Vec;

use usufruct_abi::{MEMC_GIVE, MEMC_NOWRITE, MEMC_OKWRITE, PortfolioError};
use usufruct_guest::{Error, Port, Received, current_task, raw, send};

use super::wild_page::{Spot, allocate, grow_over_the_pool};
use super::witness::{OWN, PAGES_BYTES, Witness};
use super::{Answer, Attempt, Surroundings, all, answer};

/// The decoder's share of the pool in `hostile.toml`, in bytes. A test compares.
pub(super) const QUOTA_BYTES: usize = 128 << 20;
/// The witness's share.
pub(super) const WITNESS_BYTES: usize = 512 << 10;
/// What one attempt has of the witness's page.
pub(super) const PART_BYTES: usize = 256;
const PAGE_BYTES: usize = 4096;
const PAGE: i32 = 4096;
/// `MEMC_GIVE`, `OKWRITE` and `NOWRITE` with this task mean everybody, or the pool.
const ALL: i32 = 0;

pub(super) const ATTEMPTS: &[Attempt] = &[
    Attempt {
        name: "rule-anothers-page",
        tries: "grants, revokes, gives and frees pages of the witness, and free ones",
        make: |_| tried(rule_anothers_page()),
    },
    Attempt {
        name: "have-results-stored-in-anothers-page",
        tries: "has the kernel store bytes of an object, a message and its sender in a page of the witness",
        make: |around| tried(have_results_stored(around)),
    },
    Attempt {
        name: "write-anothers-page-through-an-object",
        tries: "shares a page of the witness with itself, to write it through the object",
        make: |_| tried(write_through_an_object()),
    },
    Attempt {
        name: "have-wasi-store-in-anothers-page",
        tries: "names a page of the witness as the place for results and buffers of WASI calls",
        make: |_| tried(have_streams_store()),
    },
    Attempt {
        name: "have-availmem-store-in-anothers-page",
        tries: "has AvailMem store its answer in a page of the witness",
        make: |_| tried(have_avail_stored()),
    },
    Attempt {
        name: "grow-over-the-pool",
        tries: "grows its heap to where the pool begins, and over it",
        make: |_| {
            if grow_over_the_pool() {
                return Answer::Succeeded("the heap has grown".to_owned());
            }
            Answer::Refused("no memory is to be had there".to_owned())
        },
    },
    Attempt {
        name: "read-freed-pages",
        tries: "looks for secrets in pages that the witness has freed, and takes them",
        make: |_| tried(read_freed_pages()),
    },
    Attempt {
        name: "take-the-whole-pool",
        tries: "takes pages until there are none, so that the witness gets none",
        make: |_| tried(take_the_whole_pool()),
    },
    Attempt {
        name: "drown-the-witness-in-gifts",
        tries: "gives the witness pages that it is not told of, until it can own no more",
        make: |_| tried(drown_in_gifts()),
    },
];

fn tried(result: Result<Answer, Answer>) -> Answer {
    result.unwrap_or_else(|not_tried| not_tried)
}

/// A part of the witness's page, for one attempt: what another has done to the rest must not
/// be taken for its work. Whatever the attempt says, the part must hold what it held.
pub(super) fn target(witness: &Witness, part: usize) -> Result<Spot, Answer> {
    let spot = Spot(witness.show()?).plus(part * PART_BYTES);
    match is_whole(spot) {
        true => Ok(spot),
        false => Err(Answer::NotTried(
            "its part of the page was changed before".to_owned(),
        )),
    }
}

fn is_whole(spot: Spot) -> bool {
    (0..PART_BYTES).all(|offset| spot.plus(offset).load() == OWN)
}

fn unless_changed(spot: Spot, answer: Answer) -> Answer {
    if is_whole(spot) {
        return answer;
    }
    Answer::Succeeded("the witness's page has changed".to_owned())
}

/// A page that nobody owns.
pub(super) fn free_page() -> Result<Spot, Answer> {
    let none = || Answer::NotTried("no page is to be had".to_owned());
    let spot = allocate(PAGE).ok_or_else(none)?;
    // Not the first free one, which others may take soon.
    let far = spot.plus(QUOTA_BYTES);
    spot.control(PAGE, MEMC_GIVE, ALL);
    Ok(far)
}

fn rule_anothers_page() -> Result<Answer, Answer> {
    let witness = Witness::find()?;
    let (target, free) = (target(&witness, 0)?, free_page()?);
    let (this, other) = (current_task().word(), witness.task().word());
    let own = allocate(PAGE).ok_or_else(|| Answer::NotTried("no page to begin at".to_owned()))?;
    let mut names: Vec<&str> = Vec::new();
    // The last begins in the decoder's own page.
    for (place, spot, size) in [
        ("the witness's", target, PAGE),
        ("a free", free, PAGE),
        ("also its own", own, 2 * PAGE),
    ] {
        for (call, command, task) in [
            ("OKWRITE itself", MEMC_OKWRITE, this),
            ("OKWRITE everybody", MEMC_OKWRITE, ALL),
            ("GIVE itself", MEMC_GIVE, this),
            ("GIVE the pool", MEMC_GIVE, ALL),
            ("NOWRITE the witness", MEMC_NOWRITE, other),
            ("NOWRITE everybody", MEMC_NOWRITE, ALL),
        ] {
            match PortfolioError::from_code(spot.control(size, command, task)) {
                None => return Ok(Answer::Succeeded(format!("{call} on {place} page"))),
                Some(error) if names.contains(&error.name()) => {}
                Some(error) => names.push(error.name()),
            }
        }
    }
    own.control(PAGE, MEMC_GIVE, ALL);
    Ok(unless_changed(target, Answer::Refused(names.join(", "))))
}

fn have_results_stored(around: &Surroundings) -> Result<Answer, Answer> {
    const PORT: u8 = 11;
    let witness = Witness::find()?;
    let target = target(&witness, 1)?;
    let untold = |error: Error| Answer::NotTried(format!("its own port: {error}"));
    let port = Port::open(PORT).map_err(untold)?;
    send(current_task(), PORT, [1, 2, 3, 4]).map_err(untold)?;
    let calls = [
        (
            "read an object there",
            target.read_object(around.file.word()),
        ),
        ("a message there", target.get_message(PORT.into())),
        ("a sender there", target.get_sender(PORT.into())),
    ];
    let calls = calls.map(|(call, word)| (call.to_owned(), answer(word)));
    let refused = match all(calls) {
        Answer::Refused(how) => format!("{how}, and the message is still there"),
        success => return Ok(success),
    };
    Ok(match port.receive() {
        Ok(Some(message)) if message.words == [1, 2, 3, 4] => {
            unless_changed(target, Answer::Refused(refused))
        }
        lost => Answer::Succeeded(format!("the message is lost: {lost:?}")),
    })
}

fn write_through_an_object() -> Result<Answer, Answer> {
    let witness = Witness::find()?;
    let target = target(&witness, 2)?;
    let shared = answer(target.share_to_write(current_task().word()));
    let not_shared = |error: Error| Answer::NotTried(format!("sharing a page: {error}"));
    let id = shared.map_err(not_shared)?;
    let object = usufruct_guest::SmoId::from_word(id).map(Received::new);
    let written = object.map_or(Err(Error::InvalidId), |object| object.write_at(0, &[0; 64]));
    raw::claim_mem(id);
    let answer = super::one(written, |()| "64 bytes written".to_owned());
    Ok(unless_changed(target, answer))
}

fn have_streams_store() -> Result<Answer, Answer> {
    const EFAULT: i32 = 21;
    let witness = Witness::find()?;
    let target = target(&witness, 3)?;
    let taken = target
        .streams()
        .into_iter()
        .find(|(_, errno)| *errno != EFAULT);
    let answer = match taken {
        Some((call, errno)) => Answer::Succeeded(format!("{call} answers {errno}")),
        None => Answer::Refused("EFAULT".to_owned()),
    };
    Ok(unless_changed(target, answer))
}

/// It answers nothing: what counts is that the page stays as it is.
fn have_avail_stored() -> Result<Answer, Answer> {
    let witness = Witness::find()?;
    let target = target(&witness, 4)?;
    target.avail();
    let nothing = Answer::Refused("nothing is stored".to_owned());
    Ok(unless_changed(target, nothing))
}

fn read_freed_pages() -> Result<Answer, Answer> {
    let witness = Witness::find()?;
    let freed = Spot(witness.leak()?);
    let secret = || (4..PAGES_BYTES).map(|offset| freed.plus(offset).load());
    if let Some(byte) = secret().find(|byte| *byte != 0) {
        return Ok(Answer::Succeeded(format!("finds {byte:#x} in freed pages")));
    }
    let mut taken = Vec::new();
    // All free pages up to those, in order.
    while !taken.contains(&freed) && taken.len() < 64 {
        let page =
            allocate(PAGE).ok_or_else(|| Answer::NotTried("no page is to be had".to_owned()))?;
        taken.push(page);
    }
    let found = secret().take(PAGE_BYTES - 4).find(|byte| *byte != 0);
    for page in &taken {
        page.control(PAGE, MEMC_GIVE, ALL);
    }
    Ok(match found {
        Some(byte) => Answer::Succeeded(format!("finds {byte:#x} in a page it was given")),
        None => Answer::Refused("all are zeros".to_owned()),
    })
}

fn take_the_whole_pool() -> Result<Answer, Answer> {
    let witness = Witness::find()?;
    let mut taken = Vec::new();
    let mut bytes = 0_usize;
    for piece in [16 << 20, 1 << 20, PAGE] {
        while bytes <= QUOTA_BYTES
            && let Some(spot) = allocate(piece)
        {
            taken.push((spot, piece));
            bytes += usize::try_from(piece).unwrap_or(0);
        }
    }
    let can_allocate = witness.can_allocate(64 << 10);
    for (spot, piece) in taken {
        spot.control(piece, MEMC_GIVE, ALL);
    }
    Ok(match can_allocate? {
        true if bytes <= QUOTA_BYTES => Answer::Refused(format!("NULL after {bytes} bytes")),
        true => Answer::Succeeded(format!("{bytes} bytes")),
        false => Answer::Succeeded("the witness gets no pages any more".to_owned()),
    })
}

fn drown_in_gifts() -> Result<Answer, Answer> {
    let witness = Witness::find()?;
    let most = WITNESS_BYTES / PAGE_BYTES;
    let mut given = 0;
    let refusal = loop {
        let page = allocate(PAGE).ok_or_else(|| Answer::NotTried("nothing to give".to_owned()))?;
        let answer = page.control(PAGE, MEMC_GIVE, witness.task().word());
        if answer != 0 || given > most {
            page.control(PAGE, MEMC_GIVE, ALL);
            break PortfolioError::from_code(answer);
        }
        page.control(PAGE, MEMC_NOWRITE, current_task().word());
        given += 1;
    };
    if !witness.can_allocate(64 << 10)? {
        return Ok(Answer::Succeeded(
            "the witness gets no pages any more".to_owned(),
        ));
    }
    Ok(match refusal {
        Some(error) => Answer::Refused(format!("{} after {given} gifts", error.name())),
        None => Answer::Succeeded(format!("{given} gifts and no end")),
    })
}
