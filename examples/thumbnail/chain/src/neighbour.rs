//! Finding each other, and hearing from each other.

use alloc::format;
use core::time::Duration;

use usufruct_guest::program::sleep;
use usufruct_guest::{Ended, Error, Port, TaskId, find_task, send, watch_task};

use crate::{Fault, Letter, Stop};

/// The names that the system file gives to the tasks.
pub const READER: &str = "reader";
/// See [`READER`].
pub const DECODER: &str = "decoder";
/// See [`READER`].
pub const SCALER: &str = "scaler";
/// See [`READER`].
pub const ENCODER: &str = "encoder";

/// The port where orders arrive.
pub const WORK: u8 = 0;
/// The port where answers to one's own orders arrive.
pub const ANSWER: u8 = 1;

/// How long a program tries to reach a neighbour that has not opened its port yet.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(1);

/// Something that arrived on a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// A task wrote.
    Letter(TaskId, Letter),
    /// A task that this one watches has ended.
    Ended(Ended),
}

/// Opens a port.
///
/// # Errors
///
/// A fault if the kernel does not let it.
pub fn open(number: u8) -> Result<Port, Stop> {
    Port::open(number).map_err(|error| Fault::refused(&format!("port {number}"), error).into())
}

/// Finds a neighbour and asks to hear of its end on `port`.
///
/// All tasks are there before the first one runs: one that is not has ended.
///
/// # Errors
///
/// [`Stop::Quietly`] if it has ended.
pub fn find(name: &str, port: &Port) -> Result<TaskId, Stop> {
    let task = find_task(name).map_err(|_| Stop::Quietly)?;
    watch_task(task, port).map_err(|error| Fault::refused("watching a neighbour", error))?;
    Ok(task)
}

/// Sends a letter, and tries again for a while if the other has not opened its port
/// yet or has it full.
///
/// # Errors
///
/// What the kernel answered last; [`Error::InvalidTsk`] means that the other is gone.
pub fn tell(task: TaskId, port: u8, letter: Letter) -> Result<(), Error> {
    let mut waited = Duration::ZERO;
    loop {
        match send(task, port, letter.words()) {
            Err(Error::PortDisabled | Error::PortFull) if waited < PATIENCE => {
                sleep(PAUSE);
                waited += PAUSE;
            }
            answer => return answer,
        }
    }
}

/// Waits for the next thing on a port that makes sense. What does not is dropped:
/// anybody may write anything to an open port.
///
/// # Errors
///
/// A fault if the kernel does not let it.
pub fn next(port: &Port) -> Result<News, Stop> {
    loop {
        let message = port
            .wait()
            .map_err(|error| Fault::refused("waiting for news", error))?;
        if let Some(ended) = Ended::from_message(&message) {
            return Ok(News::Ended(ended));
        }
        let letter = Letter::from_words(message.words);
        if let (Some(sender), Some(letter)) = (message.sender, letter) {
            return Ok(News::Letter(sender, letter));
        }
    }
}

/// Waits until `task` has used what was lent to it.
///
/// # Errors
///
/// [`Stop::Quietly`] if it has ended, and a fault in `refusal`'s words if it could not
/// use it.
pub fn answered(answers: &Port, task: TaskId, refusal: impl FnOnce() -> Fault) -> Result<(), Stop> {
    loop {
        match next(answers)? {
            News::Letter(sender, Letter::Done) if sender == task => return Ok(()),
            News::Letter(sender, Letter::Refused) if sender == task => {
                return Err(refusal().into());
            }
            News::Ended(ended) if ended.task == task => return Err(Stop::Quietly),
            News::Letter(..) | News::Ended(_) => {}
        }
    }
}
