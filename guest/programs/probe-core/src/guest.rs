//! The probe as a guest program: commands come in, replies go out, until one ends it.

use crate::interpreter::{Body, Called, Finish, Interpreter, Next};
use crate::protocol::{COMMAND_BYTES, REPLY_BYTES, Region};
use usufruct_abi::Number;

/// How a guest program reaches the world: its machine's way to the kernel, to the test, and to
/// its own memory.
pub trait Door {
    /// Waits for the next command; returns its length in bytes, or `None` when there will be
    /// no more (then the probe ends with status 0).
    fn next_command(&mut self, into: &mut [u8; COMMAND_BYTES]) -> Option<usize>;

    /// Hands a reply to the test.
    fn reply(&mut self, frame: &[u8]);

    /// Makes a kernel call, however long it sleeps; `None` if this probe has no way to make
    /// that one.
    fn call(&mut self, number: Number, words: [u64; 4]) -> Option<i32>;

    /// Loads a byte of the probe's own memory, as guest code.
    fn load(&mut self, address: u64) -> u8;

    /// Stores a byte of the probe's own memory, as guest code.
    fn store(&mut self, address: u64, byte: u8);

    /// Stores 8 bytes to the probe's own memory, aligned or not, as guest code and in one store.
    fn store_word(&mut self, address: u64, word: u64);

    /// Where the probe's memory is.
    fn region(&self) -> Region;

    /// Computes for a moment, as guest code; `false` when the machine can not interrupt a guest
    /// and so asks it to stop by itself.
    fn compute(&mut self) -> bool;
}

struct Inside<'a, D>(&'a mut D);

impl<D: Door> Body for Inside<'_, D> {
    fn call(&mut self, number: Number, words: [u64; 4]) -> Option<Called> {
        self.0.call(number, words).map(Called::Word)
    }

    fn load(&mut self, address: u64, into: &mut [u8]) {
        for (address, byte) in (address..).zip(into) {
            *byte = self.0.load(address);
        }
    }

    fn store(&mut self, address: u64, bytes: &[u8]) {
        for (address, byte) in (address..).zip(bytes) {
            self.0.store(address, *byte);
        }
    }

    fn store_word(&mut self, address: u64, word: u64) {
        self.0.store_word(address, word);
    }

    fn region(&self) -> Region {
        self.0.region()
    }

    fn compute(&mut self) -> bool {
        self.0.compute()
    }
}

/// Does what the commands say until one of them ends the program.
pub fn run(door: &mut impl Door) -> Finish {
    let mut interpreter = Interpreter::default();
    let mut frame = [0; COMMAND_BYTES];
    let mut reply = [0; REPLY_BYTES];
    loop {
        let Some(length) = door.next_command(&mut frame) else {
            return Finish::Exit(0);
        };
        let command = frame.get(..length).unwrap_or_default();
        let mut next = interpreter.begin(&mut Inside(door), command, &mut reply);
        while next == Next::More {
            next = interpreter.go_on(&mut Inside(door), &mut reply);
        }
        match next {
            Next::Finish(finish) => return finish,
            Next::Reply(length) => door.reply(reply.get(..length).unwrap_or_default()),
            // A guest's calls sleep in the kernel, so there is nothing to take up here.
            Next::More | Next::Asleep => {}
        }
    }
}
