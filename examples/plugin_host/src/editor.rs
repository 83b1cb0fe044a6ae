//! A document, and one edit of it by a plug-in that nobody trusts.
//!
//! The plug-in reads the whole text through one object, and writes the selection
//! through another one that is exactly as large. What it writes is a copy, so an
//! edit stands only when the plug-in has ended well and both are taken back.

use std::ops::Range;
use std::str::FromStr;
use std::thread;
use std::time::{Duration, Instant};

use thiserror::Error;
use usufruct::{Capture, Error, HostError, Kernel, Output, Permissions, Report, StartError, Task};

/// How long an edit may take.
const LIMIT: Duration = Duration::from_secs(2);

/// How much memory a plug-in may have, in bytes.
const MEMORY_BYTES: u64 = 16 << 20;

/// How much of what it says is heard, in bytes.
const SAID_BYTES: usize = 4096;

/// The port on which a plug-in waits for the order: the two objects' ids, where the
/// selection begins in the text, and how long it is.
const ORDER_PORT: u8 = 0;

/// What a plug-in may change, in bytes.
#[derive(Clone, Debug)]
pub(crate) struct Selection(Range<usize>);

impl FromStr for Selection {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (start, end) = text.split_once("..").ok_or("write START..END")?;
        let number = |digits: &str| digits.parse().map_err(|_| "START and END are numbers");
        Ok(Self(number(start)?..number(end)?))
    }
}

/// Why there is nothing to edit.
#[derive(Debug, Error)]
pub(crate) enum NoEditor {
    #[error("{0:?} is no part of a text of {1} bytes; select 1 byte or more of it")]
    Selection(Range<usize>, usize),
    #[error(transparent)]
    Start(#[from] StartError),
}

/// What a plug-in has done wrong.
#[derive(Debug, Error)]
pub(crate) enum Misbehaviour {
    #[error("{0}")]
    Refused(#[from] Error),
    #[error("it {0}")]
    Ended(Report),
    #[error("it was not done after {} s, and was killed", LIMIT.as_secs())]
    Late,
}

impl From<HostError> for Misbehaviour {
    fn from(error: HostError) -> Self {
        Self::Refused(error.into())
    }
}

/// What came of one edit.
pub(crate) struct Edit {
    /// What the plug-in wrote to standard error.
    pub(crate) said: Vec<u8>,
    pub(crate) outcome: Result<(), Misbehaviour>,
}

/// A text with a selection.
pub(crate) struct Editor {
    kernel: Kernel,
    text: Vec<u8>,
    selection: Range<usize>,
}

impl Editor {
    pub(crate) fn new(text: Vec<u8>, Selection(selection): &Selection) -> Result<Self, NoEditor> {
        let is_part = !selection.is_empty() && selection.end <= text.len();
        if !is_part || i32::try_from(text.len()).is_err() {
            return Err(NoEditor::Selection(selection.clone(), text.len()));
        }
        Ok(Self {
            kernel: Kernel::new()?,
            text,
            selection: selection.clone(),
        })
    }

    pub(crate) fn text(&self) -> &[u8] {
        &self.text
    }

    /// Has a plug-in change the selection. The text is as it was when it misbehaves.
    pub(crate) fn edit(&mut self, name: &str, module: &[u8], argument: Option<&str>) -> Edit {
        let said = Capture::new(SAID_BYTES);
        let outcome = self
            .start(name, module, argument, &said)
            .and_then(|task| {
                let outcome = self.lend(&task);
                task.kill();
                outcome
            })
            .map(|edited| self.text[self.selection.clone()].copy_from_slice(&edited));
        Edit {
            said: said.contents(),
            outcome,
        }
    }

    fn start(
        &self,
        name: &str,
        module: &[u8],
        argument: Option<&str>,
        said: &Capture,
    ) -> Result<Task, Misbehaviour> {
        let program = self.kernel.load(module).map_err(Error::from)?;
        let task = self
            .kernel
            .task(name, &program)
            .memory_bytes(MEMORY_BYTES)
            .argument(name)
            .stderr(Output::Capture(said.clone()));
        let task = match argument {
            Some(argument) => task.argument(argument),
            None => task,
        };
        Ok(task.spawn().map_err(Error::from)?)
    }

    /// Lends the text and the selection; what the selection is afterwards.
    fn lend(&self, task: &Task) -> Result<Vec<u8>, Misbehaviour> {
        let deadline = Instant::now() + LIMIT;
        let host = self.kernel.host();
        let text = host.buffer_of(&self.text)?;
        let edited = host.buffer_of(&self.text[self.selection.clone()])?;
        let text = text.share_all(task.id(), Permissions::READ)?;
        let selection = edited.share_all(task.id(), Permissions::WRITE)?;
        let word = |size: usize| i32::try_from(size).unwrap_or(i32::MAX);
        let order = [
            text.id().raw(),
            selection.id().raw(),
            word(self.selection.start),
            word(self.selection.len()),
        ];
        // Until it has opened its port.
        while host.send(task.id(), ORDER_PORT, order).is_err()
            && task.report().is_none()
            && Instant::now() < deadline
        {
            thread::sleep(Duration::from_millis(1));
        }
        let report = task
            .join_for(deadline.saturating_duration_since(Instant::now()))
            .ok_or(Misbehaviour::Late)?;
        // From here on no byte moves, whatever it has left behind.
        drop((text, selection));
        if report.is_success() {
            Ok(edited.to_vec())
        } else {
            Err(Misbehaviour::Ended(report))
        }
    }
}
