//! Carries out commands, one after another, until one ends the program.

use crate::protocol::{
    COMMAND_BYTES, Command, DATA_BYTES, Operation, REPLY_BYTES, REPLY_HEADER_BYTES, Region, Reply,
    Status, u64_at,
};
use usufruct_abi::Number;

/// How a probe reaches the world: its machine's way to the kernel, to the test, and to the
/// probe's own memory.
pub trait Door {
    /// Waits for the next command; returns its length in bytes, or `None` when there will be
    /// no more (then the probe ends with status 0).
    fn next_command(&mut self, into: &mut [u8; COMMAND_BYTES]) -> Option<usize>;

    /// Hands a reply to the test.
    fn reply(&mut self, frame: &[u8]);

    /// Makes a kernel call; `None` if this probe has no way to make that one.
    fn call(&mut self, number: Number, words: [u64; 4]) -> Option<i32>;

    /// Loads a byte of the probe's own memory, as guest code.
    fn load(&mut self, address: u64) -> u8;

    /// Stores a byte of the probe's own memory, as guest code.
    fn store(&mut self, address: u64, byte: u8);

    /// Where the probe's memory is.
    fn region(&self) -> Region;

    /// Computes for a moment, as guest code; `false` when the machine can not interrupt a guest
    /// and so asks it to stop by itself.
    fn compute(&mut self) -> bool;
}

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// Return from the entry with this status.
    Exit(i32),
    /// Execute an instruction that traps.
    Trap,
}

/// How many of a call number's values are counted; every number is below.
const COUNTED: usize = 128;

struct Probe<'a, D> {
    door: &'a mut D,
    calls_made: [u32; COUNTED],
}

/// Does what the commands say until one of them ends the program.
pub fn run(door: &mut impl Door) -> Finish {
    let mut probe = Probe {
        door,
        calls_made: [0; COUNTED],
    };
    let mut frame = [0; COMMAND_BYTES];
    loop {
        let Some(length) = probe.door.next_command(&mut frame) else {
            return Finish::Exit(0);
        };
        let command = frame.get(..length).and_then(Command::decode);
        let mut buffer = [0; DATA_BYTES];
        let reply = match command {
            Some(Command {
                operation: Operation::Exit,
                words: [status, ..],
                ..
            }) => {
                return Finish::Exit(low_word(status));
            }
            Some(Command {
                operation: Operation::Trap,
                ..
            }) => return Finish::Trap,
            Some(command) => probe.carry_out(command, &mut buffer),
            None => None,
        };
        probe.send(reply.unwrap_or(Reply {
            status: Status::NotUnderstood,
            ..Reply::DONE
        }));
    }
}

/// The `int` in a word: its low half.
#[allow(
    clippy::cast_possible_truncation,
    reason = "an int is what the low 32 bits say"
)]
fn low_word(word: u64) -> i32 {
    (word as u32).cast_signed()
}

impl<D: Door> Probe<'_, D> {
    /// `None` if the command makes no sense to this probe.
    fn carry_out<'b>(
        &mut self,
        command: Command<'_>,
        buffer: &'b mut [u8; DATA_BYTES],
    ) -> Option<Reply<'b>> {
        let [first, second, third, _] = command.words;
        match command.operation {
            Operation::Call => self.call(command.number, command.words),
            Operation::Repeat => {
                self.repeat(command.number, command.words, u64_at(command.data, 0)?)
            }
            Operation::Load => {
                let bytes = buffer.get_mut(..usize::try_from(second).ok()?)?;
                self.load(first, bytes);
                Some(Reply {
                    data: bytes,
                    ..Reply::DONE
                })
            }
            Operation::Store => {
                for (address, byte) in (first..).zip(command.data) {
                    self.door.store(address, *byte);
                }
                Some(Reply::DONE)
            }
            Operation::Fill => {
                let byte = u8::try_from(third).ok()?;
                (first..first.checked_add(second)?)
                    .for_each(|address| self.door.store(address, byte));
                Some(Reply::DONE)
            }
            Operation::Copy => self.copy(first, second, third),
            Operation::Checksum => self.checksum(first, second),
            Operation::Spin => {
                self.spin(first);
                Some(Reply::DONE)
            }
            Operation::Arena => {
                let region = self.door.region().encode();
                let data = buffer.first_chunk_mut::<{ Region::BYTES }>()?;
                *data = region;
                Some(Reply {
                    data,
                    ..Reply::DONE
                })
            }
            Operation::Count => {
                let count = *self.calls_made.get(usize::try_from(command.number).ok()?)?;
                Some(Reply {
                    value: u64::from(count),
                    ..Reply::DONE
                })
            }
            Operation::Exit | Operation::Trap => None,
        }
    }

    fn call(&mut self, number: u32, words: [u64; 4]) -> Option<Reply<'static>> {
        let result = self.make(Number::from_raw(number)?, words)?;
        let last_error = self.make(Number::LastError, [0; 4])?;
        Some(Reply {
            result,
            last_error,
            ..Reply::DONE
        })
    }

    fn repeat(&mut self, number: u32, words: [u64; 4], limit: u64) -> Option<Reply<'static>> {
        let number = Number::from_raw(number)?;
        let mut zeros = 0;
        let result = loop {
            let result = self.make(number, words)?;
            if result != 0 {
                break result;
            }
            zeros += 1;
            if zeros == limit {
                break 0;
            }
        };
        let last_error = self.make(Number::LastError, [0; 4])?;
        Some(Reply {
            result,
            last_error,
            value: zeros,
            ..Reply::DONE
        })
    }

    /// The one place where the probe enters the kernel, so that none goes uncounted.
    fn make(&mut self, number: Number, words: [u64; 4]) -> Option<i32> {
        if let Some(count) = self.calls_made.get_mut(number as usize) {
            *count = count.wrapping_add(1);
        }
        self.door.call(number, words)
    }

    fn load(&mut self, from: u64, into: &mut [u8]) {
        for (address, byte) in (from..).zip(into) {
            *byte = self.door.load(address);
        }
    }

    fn checksum(&mut self, from: u64, bytes: u64) -> Option<Reply<'static>> {
        let addresses = from..from.checked_add(bytes)?;
        let value = addresses.fold(FNV_OFFSET_BASIS, |hash, address| {
            (hash ^ u64::from(self.door.load(address))).wrapping_mul(FNV_PRIME)
        });
        Some(Reply {
            value,
            ..Reply::DONE
        })
    }

    /// For ever if `rounds` is 0.
    fn spin(&mut self, rounds: u64) {
        let mut done = 0;
        while self.door.compute() && (rounds == 0 || done < rounds) {
            done += 1;
        }
    }

    fn copy(&mut self, to: u64, from: u64, bytes: u64) -> Option<Reply<'static>> {
        to.checked_add(bytes)?;
        from.checked_add(bytes)?;
        let mut one = |offset| {
            let byte = self.door.load(from + offset);
            self.door.store(to + offset, byte);
        };
        // Away from the overlap, so that no byte is overwritten before it is read.
        if to <= from {
            (0..bytes).for_each(&mut one);
        } else {
            (0..bytes).rev().for_each(&mut one);
        }
        Some(Reply::DONE)
    }

    fn send(&mut self, reply: Reply<'_>) {
        let mut frame = [0; REPLY_BYTES];
        let length = REPLY_HEADER_BYTES + reply.data.len();
        if let Some((header, data)) = frame.split_at_mut_checked(REPLY_HEADER_BYTES) {
            header.copy_from_slice(&reply.header());
            if let Some(data) = data.get_mut(..reply.data.len()) {
                data.copy_from_slice(reply.data);
            }
        }
        self.door.reply(frame.get(..length).unwrap_or_default());
    }
}

/// Parameters of the 64-bit FNV-1a hash (Fowler, Noll, Vo).
const FNV_OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;
