//! Calls that a script has its probes make, and the ledger of them.

use super::{Answer, Task, World};
use crate::rig::Rig;
use usufruct_abi::{Error, Number};
use usufruct_probe_core::{Command, Operation};

impl<R: Rig> World<R> {
    /// Has the task make a kernel call; says what it got.
    ///
    /// # Panics
    ///
    /// If result and `last_error` contradict each other.
    pub fn call(&mut self, task: Task, number: Number, words: [i64; 4]) -> Answer {
        self.post_call(task, number, words);
        self.answer(task, number)
    }

    /// Has the task make a kernel call that leaves `last_error` as it is; its bare result.
    ///
    /// # Panics
    ///
    /// If it changed `last_error`.
    pub fn word(&mut self, task: Task, number: Number, words: [i64; 4]) -> i32 {
        self.post_call(task, number, words);
        let said = self.reply(task);
        let before = self.lives[task.0].last_error.replace(said.last_error);
        let is_same = before.is_none_or(|before| before == said.last_error);
        assert!(is_same, "{} changed last_error", number.name());
        said.result
    }

    /// Has the task begin a kernel call, without waiting for its answer.
    pub fn post_call(&mut self, task: Task, number: Number, words: [i64; 4]) {
        self.record(task, number, 1);
        self.record(task, Number::LastError, 1);
        let words = words.map(i64::cast_unsigned);
        self.post(
            task,
            Command {
                operation: Operation::Call,
                number: number as u32,
                words,
                data: &[],
            },
        );
    }

    /// The answer to a call that was posted.
    pub fn answer(&mut self, task: Task, number: Number) -> Answer {
        let said = self.reply(task);
        self.lives[task.0].last_error = Some(said.last_error);
        answer(number, said.result, said.last_error)
    }

    /// Has the task begin to repeat a call until it does not answer 0, at most `limit` times
    /// (0: for ever).
    pub fn post_repeat(&mut self, task: Task, number: Number, words: [i64; 4], limit: u64) {
        let command = Command {
            operation: Operation::Repeat,
            number: number as u32,
            words: words.map(i64::cast_unsigned),
            data: &limit.to_le_bytes(),
        };
        self.post(task, command);
    }

    /// How a repetition ended: how many calls answered 0, and what the last one said.
    pub fn repeated(&mut self, task: Task, number: Number) -> (u64, Answer) {
        let said = self.reply(task);
        let failed = u64::from(said.result != 0);
        self.record(task, number, said.value + failed);
        self.record(task, Number::LastError, 1);
        self.lives[task.0].last_error = Some(said.last_error);
        (said.value, answer(number, said.result, said.last_error))
    }

    fn record(&mut self, task: Task, number: Number, times: u64) {
        self.lives[task.0].calls_scripted[number as usize] += times;
    }

    /// Has the task compute for ever.
    pub fn post_spin(&mut self, task: Task) {
        let command = Command {
            operation: Operation::Spin,
            number: 0,
            words: [0; 4],
            data: &[],
        };
        self.post(task, command);
    }

    /// Has the task store a byte all over a range, for ever.
    pub fn post_keep_storing(&mut self, task: Task, (address, bytes): (i64, i32), byte: u8) {
        let (address, bytes) = (address.cast_unsigned(), u64::from(bytes.unsigned_abs()));
        let command = Command {
            operation: Operation::KeepStoring,
            number: 0,
            words: [address, bytes, byte.into(), 0],
            data: &[],
        };
        self.post(task, command);
    }

    /// Compares the calls that the living probes have counted with those that the script
    /// asked for.
    ///
    /// # Panics
    ///
    /// If a probe made a call more or less.
    pub fn compare_ledgers(&mut self) {
        for index in 0..self.lives.len() {
            if self.lives[index].over {
                continue;
            }
            for number in Number::ALL {
                let operation = Operation::Count;
                let command = Command {
                    operation,
                    number: *number as u32,
                    words: [0; 4],
                    data: &[],
                };
                self.post(Task(index), command);
                let counted = self.reply(Task(index)).value;
                let scripted = self.lives[index].calls_scripted[*number as usize];
                assert_eq!(counted, scripted, "{} by task {index}", number.name());
            }
        }
    }
}

/// Result and error as one.
///
/// # Panics
///
/// If they contradict each other: -1 with no error, success with one, an unknown error.
pub fn answer(number: Number, result: i32, last_error: i32) -> Answer {
    let error = Error::from_code(last_error);
    let error = error.unwrap_or_else(|| panic!("{}: last_error is {last_error}", number.name()));
    match (result, error) {
        (-1, Error::Ok) => panic!("{}: -1, and last_error says SERR_OK", number.name()),
        (-1, error) => Err(error),
        (result, Error::Ok) => Ok(result),
        (result, error) => panic!("{}: {result}, and last_error says {error}", number.name()),
    }
}
