//! Other tasks' objects, and its own when they are gone.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;

use usufruct_guest::{Error, Received, Shared, SmoId, TaskId, current_task, raw};

use super::{Answer, Attempt, Surroundings, all, answer, one, wild};

/// In this order: what would ruin the file for the others comes last.
pub(super) const ATTEMPTS: &[Attempt] = &[
    Attempt {
        name: "read-anothers-object",
        tries: "reads the title, which the reader lends to the scaler",
        make: |around| {
            let mut bytes = [0; 4];
            let read = Received::new(around.title).read_at(0, &mut bytes);
            one(read, |()| {
                format!("it begins with {:?}", String::from_utf8_lossy(&bytes))
            })
        },
    },
    Attempt {
        name: "guess-ids",
        tries: "asks for the size of every number near its own object's, and of many others",
        make: guess_ids,
    },
    Attempt {
        name: "ids-that-are-none",
        tries: "reads objects 0, -1 and the smallest number",
        make: |_| {
            all([0, -1, i32::MIN].map(|id| {
                (
                    format!("read object {id}"),
                    answer(wild::read_range(id, 0, 1)),
                )
            }))
        },
    },
    Attempt {
        name: "read-past-the-end",
        tries: "reads the reader's memory behind the file",
        make: |around| {
            let Ok(size) = answer(raw::mem_size(around.file.word())) else {
                return Answer::NotTried("the file is gone".to_owned());
            };
            ranges(around.file, &[(size, 1), (size - 1, 2), (size, 64)])
        },
    },
    Attempt {
        name: "negative-offset",
        tries: "reads the reader's memory before the file",
        make: |around| ranges(around.file, &[(-1, 1), (-64, 64), (i32::MIN, 1), (0, -1)]),
    },
    Attempt {
        name: "wrapping-range",
        tries: "reads with offsets and sizes whose sum wraps around to the inside",
        make: |around| {
            let ranges_that_wrap = [
                (i32::MAX, i32::MAX),
                (-32, 64),
                (64, -32),
                (i32::MIN, i32::MIN),
            ];
            ranges(around.file, &ranges_that_wrap)
        },
    },
    Attempt {
        name: "write-through-a-read-object",
        tries: "overwrites the file, which is lent to be read",
        make: |around| {
            let file = Received::new(around.file);
            // The bytes that are there anyway, so that success would not ruin the picture.
            let mut begin = [0; 4];
            let written = file
                .read_at(0, &mut begin)
                .and_then(|()| file.write_at(0, &begin));
            one(written, |()| "four bytes of the reader's memory".to_owned())
        },
    },
    Attempt {
        name: "pass-anothers-object",
        tries: "passes the scaler's title to itself",
        make: |around| {
            let passed = Received::new(around.title).pass_to(current_task());
            one(passed, |()| "the title is the decoder's".to_owned())
        },
    },
    Attempt {
        name: "stale-id",
        tries: "reads by the id of a claimed object whose place serves another one again",
        make: |_| stale_id(),
    },
    Attempt {
        name: "read-after-claim",
        tries: "reads an object of its own that it has claimed",
        make: |_| gone(current_task(), |id| raw::claim_mem(id.word())),
    },
    Attempt {
        name: "read-after-passing",
        tries: "reads an object that it has passed on to the scaler",
        make: |around| {
            let scaler = around.scaler.word();
            gone(current_task(), |id| raw::pass_mem(id.word(), scaler))
        },
    },
    Attempt {
        name: "claim-anothers-object",
        tries: "claims the file, which is the reader's",
        make: |around| {
            let claimed = answer(raw::claim_mem(around.file.word()));
            one(claimed, |_| "the reader has lost its object".to_owned())
        },
    },
];

fn ranges(smo: SmoId, ranges: &[(i32, i32)]) -> Answer {
    all(ranges.iter().map(|&(offset, size)| {
        let call = format!("{size} bytes at offset {offset}");
        (call, answer(wild::read_range(smo.word(), offset, size)))
    }))
}

/// The neighbours of a number that is good, all small numbers, and some thousand spread
/// over the rest.
fn guess_ids(around: &Surroundings) -> Answer {
    let own = around.file.word();
    let near = (-64..=64).map(|distance| own.wrapping_add(distance));
    let small = 1..=4096;
    // Knuth's multiplicative sequence: every run of it is spread evenly.
    let spread = (1..=16_384_u32).map(|n| (n.wrapping_mul(0x9E37_79B9) >> 1).cast_signed());
    let guesses = near.chain(small).chain(spread).filter(|&id| id != own);
    all(guesses.map(|id| (format!("object {id} is there"), answer(raw::mem_size(id)))))
}

/// Claims an object, and makes and claims others until one has its place in the
/// kernel's table: then the old id must not name the new object.
fn stale_id() -> Answer {
    const MOST: u32 = 20_000;
    let this = current_task();
    let bytes = [7_u8; 64];
    let first = Shared::readable(this, &bytes).and_then(|first| {
        let id = first.id();
        first.claim().map(|()| id)
    });
    let stale = match first {
        Ok(id) => Received::new(id),
        Err(error) => return Answer::NotTried(format!("its own object: {error}")),
    };
    let mut told = Error::Ok;
    for round in 0..MOST {
        let _newer = match Shared::readable(this, &bytes) {
            Ok(newer) => newer,
            Err(error) => return Answer::NotTried(format!("its own object: {error}")),
        };
        match stale.read_at(0, &mut [0; 64]) {
            Ok(()) => {
                return Answer::Succeeded(format!("another object, made {round} objects later"));
            }
            Err(error) => told = error,
        }
    }
    Answer::Refused(told.name().to_owned())
}

/// Lends bytes to itself, gives the object away by `lose`, and reads it.
fn gone(this: TaskId, lose: impl FnOnce(SmoId) -> i32) -> Answer {
    let bytes = [7_u8; 64];
    let shared = match Shared::readable(this, &bytes) {
        Ok(shared) => shared,
        Err(error) => return Answer::NotTried(format!("its own object: {error}")),
    };
    let received = Received::new(shared.id());
    if let Err(error) = received.read_at(0, &mut [0; 64]) {
        return Answer::NotTried(format!("reading it before: {error}"));
    }
    if let Err(error) = answer(lose(shared.id())) {
        return Answer::NotTried(format!("giving it away: {error}"));
    }
    let read = received.read_at(0, &mut [0; 64]);
    one(read, |()| "64 bytes through it".to_owned())
}
