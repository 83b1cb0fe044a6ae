//! Who is there, and who has ended.

use core::fmt;
use core::num::NonZeroU32;
use core::time::Duration;

use usufruct_abi as abi;
use usufruct_abi::Error;

use crate::refusal::{answer, done, word};
use crate::{Message, Port, raw};

/// Names one life of one task. A task that is started again has a new one.
///
/// Ids have no order, and owning one gives no right.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TaskId(NonZeroU32);

impl TaskId {
    /// The id that a word of a message names. `None`: 0 and negative numbers are
    /// never ids.
    #[must_use]
    pub fn from_word(word: i32) -> Option<Self> {
        u32::try_from(word).ok().and_then(NonZeroU32::new).map(Self)
    }

    /// The id as a word of a message.
    #[must_use]
    pub fn word(self) -> i32 {
        self.0.get().cast_signed()
    }
}

impl fmt::Debug for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task{}", self.0)
    }
}

/// The calling task.
#[must_use]
pub fn current_task() -> TaskId {
    TaskId::from_word(raw::get_current_task()).expect("the kernel gives each task a positive id")
}

/// The calling thread. Wherever a task is expected, it means its task.
#[must_use]
pub fn current_thread() -> TaskId {
    TaskId::from_word(raw::get_current_thread()).expect("the kernel gives each thread one too")
}

/// The live task of that name.
///
/// # Errors
///
/// [`Error::InvalidTsk`]: no live task has it, or no task can (names have 1 to 31
/// bytes).
pub fn find_task(name: &str) -> Result<TaskId, Error> {
    let len = word(name.len()).map_err(|_| Error::InvalidTsk)?;
    // SAFETY: `name` is a live string of that many bytes.
    let id = answer(unsafe { raw::find_task(name.as_ptr(), len) })?;
    TaskId::from_word(id).ok_or(Error::InvalidTsk)
}

/// Waits until a task of that name is there, looking again after each pause.
///
/// A task that is started again after its end is gone for a moment. The kernel has
/// no clock for guests, so the caller brings `sleep`; with the standard library it
/// is `std::thread::sleep`.
///
/// # Errors
///
/// [`Error::InvalidTsk`]: none was there after `patience`, counted in pauses.
///
/// ```no_run
/// # extern crate std;
/// use std::time::Duration;
/// use usufruct_guest::wait_for_task;
///
/// let decoder = wait_for_task("decoder", Duration::from_secs(1), std::thread::sleep);
/// ```
pub fn wait_for_task(
    name: &str,
    patience: Duration,
    sleep: impl FnMut(Duration),
) -> Result<TaskId, Error> {
    look_again(patience, sleep, || find_task(name))
}

/// Calls `look` until it answers anything but [`Error::InvalidTsk`], or `patience`
/// is used up.
fn look_again<T>(
    patience: Duration,
    mut sleep: impl FnMut(Duration),
    mut look: impl FnMut() -> Result<T, Error>,
) -> Result<T, Error> {
    let mut left = patience;
    let mut pause = Duration::from_micros(250);
    loop {
        match look() {
            Err(Error::InvalidTsk) if !left.is_zero() => {
                let now = pause.min(left);
                sleep(now);
                left = left.saturating_sub(now);
                pause = (pause * 2).min(Duration::from_millis(16));
            }
            found => return found,
        }
    }
}

/// Asks for one message on `port` when `task` has ended; at once if it has already.
/// [`Ended::from_message`] reads it. It is never lost to a full queue.
///
/// # Errors
///
/// [`Error::InvalidTsk`]: this id was never given to a task. [`Error::NoMem`]: the
/// kernel has no message place left to keep for it.
pub fn watch_task(task: TaskId, port: &Port) -> Result<(), Error> {
    done(raw::watch_task(task.word(), port.number()))
}

/// What the kernel tells those who watch a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Who has ended.
    pub task: TaskId,
    /// Its exit status; 0 if it did not choose one.
    pub status: i32,
    /// How it came to its end.
    pub reason: Reason,
}

impl Ended {
    /// Reads the kernel's message. `None`: it comes from a task, who may write what
    /// it likes, or says something else.
    #[must_use]
    pub fn from_message(message: &Message) -> Option<Self> {
        let [task, status, reason, 0] = message.words else {
            return None;
        };
        if message.sender.is_some() {
            return None;
        }
        Some(Self {
            task: TaskId::from_word(task)?,
            status,
            reason: Reason::from_word(reason)?,
        })
    }
}

/// How a task came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It returned from its entry, or asked to exit.
    Exit,
    /// One of its instructions trapped.
    Trap,
    /// Somebody with the right to do so ended it.
    Killed,
    /// It stored to a page without permission.
    ForbiddenStore,
    /// It ended so long ago that the kernel has forgotten how.
    Forgotten,
}

impl Reason {
    fn from_word(word: i32) -> Option<Self> {
        match word {
            abi::ENDED_EXIT => Some(Self::Exit),
            abi::ENDED_TRAP => Some(Self::Trap),
            abi::ENDED_KILLED => Some(Self::Killed),
            abi::ENDED_FORBIDDEN_STORE => Some(Self::ForbiddenStore),
            abi::ENDED_FORGOTTEN => Some(Self::Forgotten),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_name_nobody_are_no_ids() {
        assert_eq!(TaskId::from_word(0), None);
        assert_eq!(TaskId::from_word(-1), None);
        assert_eq!(TaskId::from_word(i32::MIN), None);
        assert_eq!(TaskId::from_word(7).map(TaskId::word), Some(7));
    }

    #[test]
    fn an_end_is_believed_from_the_kernel_only() {
        let words = [7, 3, abi::ENDED_EXIT, 0];
        let told = |sender, words| Ended::from_message(&Message { sender, words });
        let ended = told(None, words).unwrap();
        assert_eq!(ended.task.word(), 7);
        assert_eq!((ended.status, ended.reason), (3, Reason::Exit));

        assert_eq!(
            told(TaskId::from_word(7), words),
            None,
            "a task can not say it"
        );
        assert_eq!(told(None, [7, 3, 99, 0]), None, "no such reason");
        assert_eq!(told(None, [0, 3, abi::ENDED_EXIT, 0]), None, "nobody");
    }

    #[test]
    fn waiting_for_a_task_ends_when_patience_does() {
        let mut slept = Duration::ZERO;
        let patience = Duration::from_millis(100);
        let found: Result<(), _> =
            look_again(patience, |pause| slept += pause, || Err(Error::InvalidTsk));
        assert_eq!(found, Err(Error::InvalidTsk));
        assert_eq!(slept, patience);
    }

    #[test]
    fn waiting_for_a_task_stops_at_the_first_answer() {
        let mut answers = [Err(Error::InvalidTsk), Ok(1), Ok(2)].into_iter();
        let mut looks = 0;
        let found = look_again(Duration::MAX, |_| looks += 1, || answers.next().unwrap());
        assert_eq!((found, looks), (Ok(1), 1));
    }
}
