//! The witness: an honest task with pages of its own, which does what it is asked.

use alloc::borrow::ToOwned;
use alloc::format;
use core::time::Duration;

use usufruct_guest::{Port, TaskId, find_task, send};

use super::Answer;

const WORK: u8 = 0;
const TOLD: u8 = 12;
const SHOW: i32 = 1;
const TAKE: i32 = 2;
const LEAK: i32 = 3;
const ALLOCATE: i32 = 4;

/// What its own pages are full of.
pub(super) const OWN: u8 = 0x5e;
/// What its own pages, and those that it leaks, are together.
pub(super) const PAGES_BYTES: usize = 2 * 4096;
const PATIENCE: Duration = Duration::from_secs(2);

/// This program's way to ask it.
#[derive(Debug)]
pub(super) struct Witness {
    task: TaskId,
    told: Port,
}

impl Witness {
    /// # Errors
    ///
    /// An attempt that needs it can not be tried.
    pub(super) fn find() -> Result<Self, Answer> {
        let task = find_task("witness").map_err(not_tried("the witness is not there"))?;
        let told = Port::open(TOLD).map_err(not_tried("no port for its answers"))?;
        Ok(Self { task, told })
    }

    pub(super) fn task(&self) -> TaskId {
        self.task
    }

    /// The address of its own pages.
    pub(super) fn show(&self) -> Result<usize, Answer> {
        self.must([SHOW, 0, 0, 0]).map(address)
    }

    /// Has it take delivery; the first byte that it found.
    pub(super) fn take(&self, [at, size]: [i32; 2]) -> Result<i32, Answer> {
        self.must([TAKE, at, size, 0])
    }

    /// Has it write a secret into pages and free them: their address.
    pub(super) fn leak(&self) -> Result<usize, Answer> {
        self.must([LEAK, 0, 0, 0]).map(address)
    }

    /// Whether it can get so many bytes of pages.
    pub(super) fn can_allocate(&self, bytes: i32) -> Result<bool, Answer> {
        self.ask([ALLOCATE, bytes, 0, 0])
            .map(|[done, ..]| done == 1)
    }

    fn must(&self, words: [i32; 4]) -> Result<i32, Answer> {
        match self.ask(words)? {
            [1, first, ..] => Ok(first),
            _ => Err(Answer::NotTried(
                "the witness could not do its part".to_owned(),
            )),
        }
    }

    fn ask(&self, words: [i32; 4]) -> Result<[i32; 4], Answer> {
        send(self.task, WORK, words).map_err(not_tried("the witness does not listen"))?;
        let message = self
            .told
            .wait_for(PATIENCE)
            .map_err(not_tried("no port for its answers"))?;
        let message = message.filter(|message| message.sender == Some(self.task));
        let silent = || Answer::NotTried("the witness does not answer".to_owned());
        message.map(|message| message.words).ok_or_else(silent)
    }
}

fn address(word: i32) -> usize {
    usize::try_from(word.cast_unsigned()).unwrap_or(0)
}

fn not_tried(what: &str) -> impl Fn(usufruct_guest::Error) -> Answer {
    move |error| Answer::NotTried(format!("{what}: {error}"))
}
