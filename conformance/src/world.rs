//! A machine in the hands of a script: tasks as values, calls as methods, and a
//! ledger of every call that the script had its probes make.
//!
//! ```text
//!   world.rs        the tasks there are; commands and replies
//!   world/life.rs   tasks start and end
//!   world/call.rs   calls and answers
//! ```

mod call;
mod life;

use crate::rig::{Facts, Probe, Rig, Tables};
use std::time::Duration;
use usufruct_abi::{Error, MSG_BYTES};
use usufruct_probe_core::{COMMAND_BYTES, Command, Operation, Region, Reply, Status};

pub use call::answer;

/// How long a machine may take for anything that it must do. Generous: a loaded computer is
/// not a broken kernel.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// How long a script watches that nothing comes. Short, for it is spent whenever all is well.
pub const NOTHING_COMES: Duration = Duration::from_millis(20);
/// Objects that a task of a script may own, unless the script says otherwise.
pub const SMO_QUOTA: u32 = 1024;
/// Where [`World::send`] and [`World::get`] put a message, as an offset into the arena; scripts
/// use the arena below.
pub const MESSAGE_AT: u64 = 0xf_f000;
/// Where the sender of a message goes.
pub const SENDER_AT: u64 = MESSAGE_AT + MSG_BYTES as u64;
/// Where [`World::find`] puts a name.
pub(crate) const NAME_AT: u64 = MESSAGE_AT + 64;

/// What a call said: its result, or the error that `last_error` gave for its -1.
pub type Answer = Result<i32, Error>;

/// One life of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Task(usize);

/// A message that was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// The sender that the kernel names.
    pub sender: i32,
    /// Its words.
    pub words: [i32; 4],
}

#[derive(Debug)]
struct Life {
    probe: Probe,
    region: Region,
    id: i32,
    over: bool,
    /// What `last_error` said last, if it has been asked.
    last_error: Option<i32>,
    calls_scripted: [u64; CALL_NUMBERS],
}

/// Every call number is below.
const CALL_NUMBERS: usize = 128;

/// A machine, and the tasks that a script has started on it.
#[derive(Debug)]
pub struct World<R> {
    /// The machine. Scripts use it for what no guest can do.
    pub rig: R,
    tables: Tables,
    lives: Vec<Life>,
}

/// What a probe said, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The call's result.
    pub result: i32,
    /// What `last_error` said after it.
    pub last_error: i32,
    /// A sum or a count.
    pub value: u64,
    /// The bytes asked for.
    pub data: Vec<u8>,
}

impl<R: Rig> World<R> {
    /// A fresh machine without tasks.
    #[must_use]
    pub fn new(tables: Tables) -> Self {
        Self::on(R::boot(tables), tables)
    }

    /// On a machine that has been started with these sizes.
    pub fn on(rig: R, tables: Tables) -> Self {
        Self {
            rig,
            tables,
            lives: Vec::new(),
        }
    }

    /// Sizes of the kernel.
    #[must_use]
    pub fn tables(&self) -> Tables {
        self.tables
    }

    /// What the machine can do.
    #[must_use]
    pub fn facts(&self) -> Facts {
        R::FACTS
    }

    /// The task's id.
    #[must_use]
    pub fn id(&self, task: Task) -> i32 {
        self.lives[task.0].id
    }

    /// Where the task's memory is.
    #[must_use]
    pub fn region(&self, task: Task) -> Region {
        self.lives[task.0].region
    }

    /// The address of a byte of the task's arena.
    #[must_use]
    pub fn at(&self, task: Task, offset: u64) -> i64 {
        i64::try_from(self.region(task).arena + offset).expect("addresses are below 2^63")
    }

    /// The life, as its rig numbers it.
    #[must_use]
    pub fn probe(&self, task: Task) -> Probe {
        self.lives[task.0].probe
    }

    /// Whether this life is over.
    #[must_use]
    pub fn is_over(&self, task: Task) -> bool {
        self.lives[task.0].over
    }

    /// Has the task do something, and waits for its reply.
    pub fn command(
        &mut self,
        task: Task,
        operation: Operation,
        words: [u64; 4],
        data: &[u8],
    ) -> Said {
        self.post(
            task,
            Command {
                operation,
                number: 0,
                words,
                data,
            },
        );
        self.reply(task)
    }

    /// Hands the task a command and does not wait.
    pub fn post(&mut self, task: Task, command: Command<'_>) {
        let life = &mut self.lives[task.0];
        assert!(
            !life.over,
            "{task:?} is over and can not be told {command:?}"
        );
        let mut frame = [0; COMMAND_BYTES];
        let length = command
            .encode(&mut frame)
            .expect("scripts send short commands");
        self.rig.post(life.probe, &frame[..length]);
    }

    /// Waits for the task's reply.
    pub fn reply(&mut self, task: Task) -> Said {
        if let Some(said) = self.reply_within(task, PATIENCE) {
            return said;
        }
        match self.rig.ending(self.probe(task), Duration::ZERO) {
            Some(ending) => panic!("{task:?} has ended instead of a reply: {ending:?}"),
            None => panic!("{task:?} said nothing within {PATIENCE:?}"),
        }
    }

    /// The task's reply, if it comes in time.
    pub fn reply_within(&mut self, task: Task, patience: Duration) -> Option<Said> {
        let frame = self.rig.take(self.lives[task.0].probe, patience)?;
        let reply = Reply::decode(&frame).expect("probes reply in frames");
        assert_eq!(
            reply.status,
            Status::Done,
            "{task:?} did not understand its command"
        );
        Some(Said {
            result: reply.result,
            last_error: reply.last_error,
            value: reply.value,
            data: reply.data.to_vec(),
        })
    }
}
