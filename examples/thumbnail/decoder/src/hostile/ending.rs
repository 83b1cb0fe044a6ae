//! Attempts that do not end well for the decoder, each in a life of its own.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::vec::Vec;
use core::hint::black_box;

use thumbnail_chain::{Letter, Shape, Size, WORK, tell};
use usufruct_guest::page::Pages;
use usufruct_guest::program::{abort, exit};
use usufruct_guest::{Port, raw};

use super::{Answer, Attempt, NEXT_LIFE, Surroundings, tables, wild};

pub(super) const ATTEMPTS: &[Attempt] = &[
    Attempt {
        name: "trap-in-the-middle-of-a-gift",
        tries: "gives the scaler pages, lies about their size, and traps while it looks",
        make: trap_in_the_middle_of_a_gift,
    },
    Attempt {
        name: "store-outside",
        tries: "stores behind the end of its memory",
        make: |_| {
            wild::Edge::new().store();
            survived()
        },
    },
    Attempt {
        name: "overflow-the-stack",
        tries: "calls itself until the stack is used up",
        make: |_| Answer::Succeeded(format!("{} calls deep", dig(1))),
    },
    Attempt {
        name: "eat-memory",
        tries: "allocates until there is nothing left",
        make: |_| eat_memory(),
    },
    Attempt {
        name: "leave-everything-behind",
        tries: "takes every object, port and message place it can get, and exits with them",
        make: |around| {
            tables::hoard(around);
            exit(NEXT_LIFE)
        },
    },
    Attempt {
        name: "spin",
        tries: "computes for ever",
        make: |_| {
            for round in 0_u64.. {
                black_box(round);
            }
            survived()
        },
    },
    Attempt {
        name: "call-for-ever",
        tries: "keeps the kernel busy with calls for ever",
        make: |around| {
            for round in 0_u64.. {
                black_box(raw::mem_size(around.file.word()));
                black_box(raw::open_port(black_box(round).to_le_bytes()[0].into()));
            }
            survived()
        },
    },
    Attempt {
        name: "sleep-for-ever",
        tries: "waits for a message that never comes",
        make: |_| match Port::open(30).and_then(|port| port.wait()) {
            Ok(message) => Answer::Succeeded(format!("{message:?}")),
            Err(error) => Answer::NotTried(error.name().to_owned()),
        },
    },
];

pub(super) fn survived() -> Answer {
    Answer::Succeeded("the life goes on".to_owned())
}

/// The scaler must neither believe the letter nor stumble over what it has been given.
fn trap_in_the_middle_of_a_gift(around: &Surroundings) -> Answer {
    let shape = Size::new(4096, 4096).and_then(|size| Shape::new(size, 1));
    let (Ok(pages), Some(shape)) = (Pages::alloc(1 << 20), shape) else {
        return Answer::NotTried("nothing to give".to_owned());
    };
    let [address, _] = pages.words();
    // Kept writable: the end of this life must take that along.
    let Ok(_given) = pages.give(around.scaler) else {
        return Answer::NotTried("the scaler can not be given anything".to_owned());
    };
    let letter = Letter::Picture {
        address: address.cast_unsigned(),
        shape,
        title: around.title,
    };
    match tell(around.scaler, WORK, letter) {
        Ok(()) => abort(),
        Err(error) => Answer::NotTried(error.name().to_owned()),
    }
}

/// As deep as it gets, and not by a tail call, which would need no stack.
fn dig(depth: u64) -> u64 {
    if depth == u64::MAX {
        return depth;
    }
    let weight = black_box([depth; 64]);
    let deeper = dig(black_box(depth + 1));
    black_box(weight)[0].min(deeper)
}

/// Until the machine gives no more, and then once more.
fn eat_memory() -> Answer {
    const PIECE: usize = 16 << 20;
    let mut eaten = Vec::new();
    loop {
        let mut piece: Vec<u8> = Vec::new();
        if piece.try_reserve_exact(PIECE).is_err() {
            // An allocation that can not fail politely.
            eaten.push(Vec::with_capacity(PIECE));
            break;
        }
        eaten.push(piece);
    }
    black_box(&eaten);
    survived()
}
