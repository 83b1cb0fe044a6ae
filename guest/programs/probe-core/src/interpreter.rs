//! Carries out commands, in steps that can be left and taken up again.
//!
//! A guest program just goes on until a command is done ([`run`](crate::run)); a machine that
//! plays a guest itself does something else in between.

use crate::protocol::{
    Command, DATA_BYTES, Operation, REPLY_BYTES, REPLY_HEADER_BYTES, Region, Reply, Status, u64_at,
};
use usufruct_abi::Number;

/// What a probe can do in its world.
pub trait Body {
    /// Makes a kernel call; `None` if this probe has no way to make that one.
    fn call(&mut self, number: Number, words: [u64; 4]) -> Option<Called>;

    /// Loads bytes of the probe's own memory.
    fn load(&mut self, address: u64, into: &mut [u8]);

    /// Stores bytes to the probe's own memory.
    fn store(&mut self, address: u64, bytes: &[u8]);

    /// Stores 8 bytes, little-endian, in one store.
    fn store_word(&mut self, address: u64, word: u64);

    /// Where the probe's memory is.
    fn region(&self) -> Region;

    /// Computes for a moment; `false` when the probe is asked to stop by itself.
    fn compute(&mut self) -> bool;
}

/// What a kernel call came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Called {
    /// Its result.
    Word(i32),
    /// It sleeps; [`Interpreter::wake`] has its result. Only for [`Operation::Call`].
    Asleep,
}

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// Return from the entry with this status.
    Exit(i32),
    /// Execute an instruction that traps.
    Trap,
}

/// Where a command stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Done: the reply is as many bytes long.
    Reply(usize),
    /// [`Interpreter::go_on`] does some more of it.
    More,
    /// A kernel call sleeps.
    Asleep,
    /// It ends the program.
    Finish(Finish),
}

/// How many of a call number's values are counted; every number is below.
const COUNTED: usize = 128;

/// The part of a command that is still to be done.
#[derive(Clone, Copy, Debug)]
enum Rest {
    Nothing,
    Repeat {
        number: Number,
        words: [u64; 4],
        zeros: u64,
        limit: u64,
    },
    Spin {
        rounds: u64,
        endless: bool,
    },
    KeepStoring {
        start: u64,
        bytes: u64,
        byte: u8,
    },
}

/// A probe between two commands, or in the middle of one.
#[derive(Debug)]
pub struct Interpreter {
    calls_made: [u32; COUNTED],
    rest: Rest,
    data: [u8; DATA_BYTES],
}

impl Default for Interpreter {
    fn default() -> Self {
        Self {
            calls_made: [0; COUNTED],
            rest: Rest::Nothing,
            data: [0; DATA_BYTES],
        }
    }
}

/// What one step of a command came to, the reply's data apart.
enum Step {
    Done {
        reply: Reply<'static>,
        data_bytes: usize,
    },
    More,
    Asleep,
    Finish(Finish),
}

const DONE: Step = said(Reply::DONE);

const fn said(reply: Reply<'static>) -> Step {
    Step::Done {
        reply,
        data_bytes: 0,
    }
}

/// Done, with the first bytes of the data to show.
const fn shown(data_bytes: usize) -> Step {
    Step::Done {
        reply: Reply::DONE,
        data_bytes,
    }
}

impl Interpreter {
    /// Begins with a command.
    pub fn begin(
        &mut self,
        body: &mut impl Body,
        frame: &[u8],
        reply: &mut [u8; REPLY_BYTES],
    ) -> Next {
        self.rest = Rest::Nothing;
        let step = Command::decode(frame).and_then(|command| self.carry_out(body, command));
        self.conclude(step, reply)
    }

    /// Goes on with a command after [`Next::More`].
    pub fn go_on(&mut self, body: &mut impl Body, reply: &mut [u8; REPLY_BYTES]) -> Next {
        let step = match self.rest {
            Rest::Nothing => Some(DONE),
            Rest::Repeat {
                number,
                words,
                zeros,
                limit,
            } => self.repeat(body, (number, words), (zeros, limit)),
            Rest::Spin { rounds, endless } => Some(self.spin(body, rounds, endless)),
            Rest::KeepStoring { start, bytes, byte } => self
                .fill(body, (start, bytes), byte)
                .map(|_| if body.compute() { Step::More } else { DONE }),
        };
        self.conclude(step, reply)
    }

    /// Goes on with the call that slept, now that it has a result.
    pub fn wake(
        &mut self,
        body: &mut impl Body,
        result: i32,
        reply: &mut [u8; REPLY_BYTES],
    ) -> Next {
        let step = self.answer(body, result, 0);
        self.conclude(step, reply)
    }

    fn conclude(&mut self, step: Option<Step>, into: &mut [u8; REPLY_BYTES]) -> Next {
        let refusal = said(Reply {
            status: Status::NotUnderstood,
            ..Reply::DONE
        });
        match step.unwrap_or(refusal) {
            Step::More => Next::More,
            Step::Asleep => Next::Asleep,
            Step::Finish(finish) => Next::Finish(finish),
            Step::Done { reply, data_bytes } => {
                self.rest = Rest::Nothing;
                let (header, data) = into.split_at_mut(REPLY_HEADER_BYTES);
                header.copy_from_slice(&reply.header());
                data[..data_bytes].copy_from_slice(&self.data[..data_bytes]);
                Next::Reply(REPLY_HEADER_BYTES + data_bytes)
            }
        }
    }

    /// `None` if the command makes no sense to this probe.
    fn carry_out(&mut self, body: &mut impl Body, command: Command<'_>) -> Option<Step> {
        let [first, second, third, _] = command.words;
        match command.operation {
            Operation::Call => {
                let number = Number::from_raw(command.number)?;
                match self.make(body, number, command.words)? {
                    Called::Word(result) => self.answer(body, result, 0),
                    Called::Asleep => Some(Step::Asleep),
                }
            }
            Operation::Repeat => {
                let (number, limit) = (Number::from_raw(command.number)?, u64_at(command.data, 0)?);
                self.keep_doing(Rest::Repeat {
                    number,
                    words: command.words,
                    zeros: 0,
                    limit,
                })
            }
            Operation::Load => {
                let bytes = self.data.get_mut(..usize::try_from(second).ok()?)?;
                body.load(first, bytes);
                Some(shown(bytes.len()))
            }
            Operation::Store => {
                body.store(first, command.data);
                Some(DONE)
            }
            Operation::StoreWord => {
                body.store_word(first, second);
                Some(DONE)
            }
            Operation::KeepStoring => self.keep_doing(Rest::KeepStoring {
                start: first,
                bytes: second,
                byte: u8::try_from(third).ok()?,
            }),
            Operation::Fill => self.fill(body, (first, second), u8::try_from(third).ok()?),
            Operation::Copy => self.copy(body, (first, second), third),
            Operation::Checksum => self.checksum(body, (first, second)),
            Operation::Spin => self.keep_doing(Rest::Spin {
                rounds: first,
                endless: first == 0,
            }),
            Operation::Exit => Some(Step::Finish(Finish::Exit(low_word(first)))),
            Operation::Trap => Some(Step::Finish(Finish::Trap)),
            Operation::Arena => {
                let region = body.region().encode();
                *self.data.first_chunk_mut()? = region;
                Some(shown(region.len()))
            }
            Operation::Count => {
                let value = u64::from(*self.calls_made.get(usize::try_from(command.number).ok()?)?);
                Some(said(Reply {
                    value,
                    ..Reply::DONE
                }))
            }
        }
    }

    /// Begins what takes more than one step.
    fn keep_doing(&mut self, rest: Rest) -> Option<Step> {
        self.rest = rest;
        Some(Step::More)
    }

    /// The one place where the probe enters the kernel, so that none goes uncounted.
    fn make(&mut self, body: &mut impl Body, number: Number, words: [u64; 4]) -> Option<Called> {
        if let Some(count) = self.calls_made.get_mut(number as usize) {
            *count = count.wrapping_add(1);
        }
        body.call(number, words)
    }

    /// Adds what `last_error` says right after a call.
    fn answer(&mut self, body: &mut impl Body, result: i32, value: u64) -> Option<Step> {
        match self.make(body, Number::LastError, [0; 4])? {
            Called::Word(last_error) => Some(said(Reply {
                result,
                last_error,
                value,
                ..Reply::DONE
            })),
            Called::Asleep => None,
        }
    }

    /// One call more.
    fn repeat(
        &mut self,
        body: &mut impl Body,
        call: (Number, [u64; 4]),
        (zeros, limit): (u64, u64),
    ) -> Option<Step> {
        let (number, words) = call;
        match self.make(body, number, words)? {
            Called::Word(0) if zeros + 1 != limit => {
                self.rest = Rest::Repeat {
                    number,
                    words,
                    zeros: zeros + 1,
                    limit,
                };
                Some(Step::More)
            }
            Called::Word(0) => self.answer(body, 0, zeros + 1),
            Called::Word(result) => self.answer(body, result, zeros),
            Called::Asleep => None,
        }
    }

    /// One round more.
    fn spin(&mut self, body: &mut impl Body, rounds: u64, endless: bool) -> Step {
        if !body.compute() || !endless && rounds <= 1 {
            return DONE;
        }
        self.rest = Rest::Spin {
            rounds: rounds.wrapping_sub(1),
            endless,
        };
        Step::More
    }

    fn fill(&mut self, body: &mut impl Body, (start, bytes): (u64, u64), byte: u8) -> Option<Step> {
        self.data.fill(byte);
        pieces(start, bytes)?
            .for_each(|(address, length)| body.store(address, &self.data[..length]));
        Some(DONE)
    }

    fn checksum(&mut self, body: &mut impl Body, (start, bytes): (u64, u64)) -> Option<Step> {
        let mut value = FNV_OFFSET_BASIS;
        for (address, length) in pieces(start, bytes)? {
            let piece = &mut self.data[..length];
            body.load(address, piece);
            for byte in piece {
                value = (value ^ u64::from(*byte)).wrapping_mul(FNV_PRIME);
            }
        }
        Some(said(Reply {
            value,
            ..Reply::DONE
        }))
    }

    /// Piece by piece, away from the overlap, so that no byte is overwritten before it is read.
    fn copy(&mut self, body: &mut impl Body, (to, from): (u64, u64), bytes: u64) -> Option<Step> {
        let mut one = |(target, length): (u64, usize)| {
            let piece = &mut self.data[..length];
            body.load(from + (target - to), piece);
            body.store(target, piece);
        };
        from.checked_add(bytes)?;
        let pieces = pieces(to, bytes)?;
        if to <= from {
            pieces.for_each(&mut one)
        } else {
            pieces.rev().for_each(&mut one)
        }
        Some(DONE)
    }
}

/// A range in pieces of at most [`DATA_BYTES`]: where each begins, and its length. `None` if the
/// range wraps.
fn pieces(start: u64, bytes: u64) -> Option<impl DoubleEndedIterator<Item = (u64, usize)>> {
    const PIECE_BYTES: u64 = DATA_BYTES as u64;
    start.checked_add(bytes)?;
    let piece = move |index| {
        let offset = index * PIECE_BYTES;
        let length = usize::try_from(PIECE_BYTES.min(bytes - offset)).unwrap_or(DATA_BYTES);
        (start + offset, length)
    };
    Some((0..bytes.div_ceil(PIECE_BYTES)).map(piece))
}

/// The `int` in a word: its low half.
#[allow(
    clippy::cast_possible_truncation,
    reason = "an int is what the low 32 bits say"
)]
fn low_word(word: u64) -> i32 {
    (word as u32).cast_signed()
}

/// Parameters of the 64-bit FNV-1a hash (Fowler, Noll, Vo).
const FNV_OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;
