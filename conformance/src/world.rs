//! A machine in the hands of a script: tasks as values, calls as methods, and a
//! ledger of every call that the script had its probes make.

use crate::rig::{Ending, Facts, PageQuota, Probe, Rig, Tables};
use std::time::Duration;
use usufruct_abi::{Error, MSG_BYTES, Number};
use usufruct_probe_core::{COMMAND_BYTES, Command, Operation, Region, Reply, Status};

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

    /// Starts a task.
    pub fn start(&mut self, name: &str) -> Task {
        self.start_with_quota(name, SMO_QUOTA)
    }

    /// Starts a task that may own so many objects.
    pub fn start_with_quota(&mut self, name: &str, smo_quota: u32) -> Task {
        let started = self.try_start(name, smo_quota);
        started.unwrap_or_else(|refusal| panic!("task {name:?} did not start: {refusal}"))
    }

    /// Starts a task, if the machine will.
    ///
    /// # Errors
    ///
    /// Its refusal, in words.
    pub fn try_start(&mut self, name: &str, smo_quota: u32) -> Result<Task, String> {
        let probe = self.rig.start(name.as_bytes(), smo_quota)?;
        Ok(self.welcome(probe))
    }

    /// Starts a task that is attached to the pool, if the machine will.
    ///
    /// # Errors
    ///
    /// Its refusal, in words.
    pub fn try_start_attached(
        &mut self,
        name: &str,
        smo_quota: u32,
        quota: PageQuota,
    ) -> Result<Task, String> {
        let probe = self.rig.start_attached(name.as_bytes(), smo_quota, quota)?;
        Ok(self.welcome(probe))
    }

    /// Asks a new task where its memory is, and who it is.
    fn welcome(&mut self, probe: Probe) -> Task {
        let task = Task(self.lives.len());
        let region = Region {
            arena: 0,
            arena_bytes: 0,
            end: 0,
        };
        self.lives.push(Life {
            probe,
            region,
            id: 0,
            over: false,
            last_error: None,
            calls_scripted: [0; CALL_NUMBERS],
        });
        let said = self.command(task, Operation::Arena, [0; 4], &[]);
        self.lives[task.0].region =
            Region::decode(&said.data).expect("the probe states its memory");
        self.lives[task.0].id = self
            .call(task, Number::GetCurrentTask, [0; 4])
            .expect("a task knows its id");
        task
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

    // Commands.

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

    // Calls.

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

    /// Whether the machine can end a task that computes for ever; says so if not.
    pub fn needs_preemption(&self) -> bool {
        if !R::FACTS.preemption {
            eprintln!("SKIPPED: this machine does not interrupt guests");
        }
        R::FACTS.preemption
    }

    // Ends.

    /// The task begins to return from its entry.
    pub fn begin_exit(&mut self, task: Task, status: i32) {
        let words = [i64::from(status).cast_unsigned(), 0, 0, 0];
        self.post(
            task,
            Command {
                operation: Operation::Exit,
                number: 0,
                words,
                data: &[],
            },
        );
        self.lives[task.0].over = true;
    }

    /// The task begins to execute an instruction that traps.
    pub fn begin_trap(&mut self, task: Task) {
        self.post(
            task,
            Command {
                operation: Operation::Trap,
                number: 0,
                words: [0; 4],
                data: &[],
            },
        );
        self.lives[task.0].over = true;
    }

    /// The task is about to end by what it was told to do.
    pub fn give_up(&mut self, task: Task) {
        self.lives[task.0].over = true;
    }

    /// The host begins to kill the task.
    pub fn begin_kill(&mut self, task: Task) {
        self.rig.kill(self.lives[task.0].probe);
        self.lives[task.0].over = true;
    }

    /// The task returns from its entry; waits until it is gone.
    pub fn exit(&mut self, task: Task, status: i32) -> Ending {
        self.begin_exit(task, status);
        self.ending(task)
    }

    /// The task executes an instruction that traps; waits until it is gone.
    pub fn trap(&mut self, task: Task) -> Ending {
        self.begin_trap(task);
        self.ending(task)
    }

    /// Kills the task; waits until it is gone.
    pub fn kill(&mut self, task: Task) -> Ending {
        self.begin_kill(task);
        self.ending(task)
    }

    /// Waits until the task is gone.
    pub fn ending(&mut self, task: Task) -> Ending {
        let life = &mut self.lives[task.0];
        life.over = true;
        let ending = self.rig.ending(life.probe, PATIENCE);
        ending.unwrap_or_else(|| panic!("{task:?} has not ended within {PATIENCE:?}"))
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
