//! Messages of four words, first in, first out.

use core::time::Duration;

use usufruct_abi::{Error, WAIT_FOREVER};

use crate::refusal::{answer, done};
use crate::{TaskId, raw};

/// One message, as it was taken from a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// Who sent it; the kernel says so, and nobody can forge it. `None`: the
    /// kernel itself (see [`crate::Ended`]).
    pub sender: Option<TaskId>,
    /// What the sender wrote. An id in it confers nothing by itself.
    pub words: [i32; 4],
}

/// A port of this task, open for as long as the value lives.
///
/// Dropping it closes the port, and the messages that wait there are lost.
#[derive(Debug, PartialEq, Eq)]
pub struct Port {
    number: i32,
}

impl Port {
    /// Opens a port. Ports are closed when a task begins.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidPort`]: ports are 0 to 31. [`Error::PortDisabled`]: it is open
    /// already. [`Error::NoMem`]: the kernel has no message places left for it.
    pub fn open(number: u8) -> Result<Self, Error> {
        let number = i32::from(number);
        done(raw::open_port(number))?;
        Ok(Self { number })
    }

    /// Takes the oldest message, if one is there.
    ///
    /// # Errors
    ///
    /// [`Error::PortDisabled`] if something closed the port under this value.
    pub fn receive(&self) -> Result<Option<Message>, Error> {
        let mut words = [0; 4];
        let mut sender = 0;
        // SAFETY: both are live variables of 16 and 4 bytes.
        let taken = done(unsafe { raw::get_msg(self.number, words.as_mut_ptr(), &raw mut sender) });
        match taken {
            Ok(()) => Ok(Some(Message {
                sender: TaskId::from_word(sender),
                words,
            })),
            Err(Error::NoMsg) => Ok(None),
            Err(refusal) => Err(refusal),
        }
    }

    /// Sleeps until a message is there, and takes it.
    ///
    /// # Errors
    ///
    /// [`Error::PortDisabled`] if something closed the port under this value.
    pub fn wait(&self) -> Result<Message, Error> {
        loop {
            done(raw::wait_msg(self.number, WAIT_FOREVER))?;
            // Another thread of this task may have been quicker.
            if let Some(message) = self.receive()? {
                return Ok(message);
            }
        }
    }

    /// The same, but answers `None` when nothing came within `timeout` (rounded up
    /// to milliseconds; of more than 24 days, the first 24).
    ///
    /// # Errors
    ///
    /// [`Error::PortDisabled`] if something closed the port under this value.
    pub fn wait_for(&self, timeout: Duration) -> Result<Option<Message>, Error> {
        match done(raw::wait_msg(self.number, timeout_ms(timeout))) {
            Ok(()) => self.receive(),
            Err(Error::NoMsg) => Ok(None),
            Err(refusal) => Err(refusal),
        }
    }

    /// How many messages wait here.
    ///
    /// # Errors
    ///
    /// [`Error::PortDisabled`] if something closed the port under this value.
    pub fn queued(&self) -> Result<usize, Error> {
        let count = answer(raw::get_msg_count(self.number))?;
        Ok(usize::try_from(count).unwrap_or(0))
    }

    pub(crate) fn number(&self) -> i32 {
        self.number
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        // It fails only if the port is closed already, which is what is wanted.
        let _ = raw::close_port(self.number);
    }
}

/// Sends four words to a port of a task. Never blocks.
///
/// # Errors
///
/// [`Error::InvalidPort`]: ports are 0 to 31. [`Error::InvalidTsk`]: no such live
/// task. [`Error::PortDisabled`]: it has not opened that port. [`Error::PortFull`]:
/// the port takes no more from this sender until some are read.
pub fn send(task: TaskId, port: u8, words: [i32; 4]) -> Result<(), Error> {
    // SAFETY: `words` is a live array of 16 bytes.
    done(unsafe { raw::send_msg(task.word(), i32::from(port), words.as_ptr()) })
}

fn timeout_ms(timeout: Duration) -> i32 {
    let whole = timeout.as_nanos().div_ceil(1_000_000);
    i32::try_from(whole).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_never_turns_into_forever_or_a_poll() {
        assert_eq!(timeout_ms(Duration::ZERO), 0);
        assert_eq!(timeout_ms(Duration::from_nanos(1)), 1);
        assert_eq!(timeout_ms(Duration::from_millis(7)), 7);
        assert_eq!(timeout_ms(Duration::MAX), i32::MAX);
    }
}
