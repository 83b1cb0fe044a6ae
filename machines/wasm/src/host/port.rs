//! Messages to the host.

use std::pin::pin;
use std::time::{Duration, Instant};

use usufruct_abi::MSG_BYTES;
use usufruct_core::{Denied, Request, TaskId};

use super::border::{WINDOW_START, Window};
use super::{Answer, Host, HostError};
use crate::block::block_on;

/// A message that a task, or the kernel, has sent. (docs/calls.md, section 6)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// Who sent it: the kernel says so. `None`: the kernel itself.
    pub sender: Option<TaskId>,
    /// What it says.
    pub words: [i32; 4],
}

/// A port of the host's. Closed when it is dropped; forgotten, it stays open.
/// (docs/calls.md, section 6)
#[derive(Debug)]
pub struct Port {
    host: Host,
    number: u8,
}

impl Port {
    pub(super) fn open(host: Host, number: u8) -> Result<Self, HostError> {
        let port = i32::from(number);
        host.control(&Request::OpenPort { port })?;
        Ok(Self { host, number })
    }

    /// Its number.
    #[must_use]
    pub fn number(&self) -> u8 {
        self.number
    }

    /// The oldest message, if there is one. (`get_msg`)
    ///
    /// # Errors
    ///
    /// [`HostError::Denied`].
    pub fn try_receive(&self) -> Result<Option<Message>, HostError> {
        let mut bytes = [0; MSG_BYTES + size_of::<i32>()];
        let request = Request::GetMsg {
            port: i32::from(self.number),
            message_at: WINDOW_START,
            sender_at: WINDOW_START + MSG_BYTES as u64,
        };
        match self.host.drive(&request, Window::filling(&mut bytes)) {
            Ok(_) => Ok(Some(message_of(&bytes))),
            Err(Denied::NoMessage(_)) => Ok(None),
            Err(denied) => Err(denied.into()),
        }
    }

    /// Waits for the next message. A future for any executor; dropped at any
    /// time, it has taken none. (`wait_msg`, `get_msg`)
    ///
    /// # Errors
    ///
    /// [`HostError::Denied`].
    pub async fn receive(&self) -> Result<Message, HostError> {
        let bell = &self.host.0.bell;
        loop {
            let mut rung = pin!(bell.notified());
            rung.as_mut().enable();
            if let Some(message) = self.try_receive()? {
                return Ok(message);
            }
            let wait = Request::WaitMsg {
                port: i32::from(self.number),
                timeout_ms: -1,
            };
            if let Answer::Wait = self.host.drive(&wait, Window::NONE)? {
                rung.await;
            }
        }
    }

    /// Waits for the next message, on this thread. Not on a thread that runs
    /// tasks: in an import, it would keep them from running.
    ///
    /// # Errors
    ///
    /// [`HostError::Denied`].
    pub fn wait(&self) -> Result<Message, HostError> {
        match block_on(self.receive(), None) {
            Some(received) => received,
            // Without a deadline it goes on until there is one.
            None => Err(Denied::NoMessage(self.number).into()),
        }
    }

    /// The same for so long at most: `None` if none has come.
    ///
    /// # Errors
    ///
    /// [`HostError::Denied`].
    pub fn wait_for(&self, time: Duration) -> Result<Option<Message>, HostError> {
        // A time that no clock reaches is none.
        let deadline = Instant::now().checked_add(time);
        block_on(self.receive(), deadline).transpose()
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        let port = i32::from(self.number);
        // It is open: nobody else closes the host's ports.
        let _ = self.host.control(&Request::ClosePort { port });
    }
}

pub(super) fn bytes_of(words: [i32; 4]) -> [u8; MSG_BYTES] {
    let mut bytes = [0; MSG_BYTES];
    for (bytes, word) in bytes.chunks_exact_mut(size_of::<i32>()).zip(words) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    bytes
}

fn message_of(bytes: &[u8]) -> Message {
    let mut words = bytes.chunks_exact(size_of::<i32>()).map(|bytes| {
        let mut word = [0; size_of::<i32>()];
        word.copy_from_slice(bytes);
        i32::from_le_bytes(word)
    });
    let mut next = || words.next().unwrap_or(0);
    let words = [next(), next(), next(), next()];
    Message {
        words,
        sender: TaskId::from_raw(next()),
    }
}
