//! Lives of tasks: how a script starts and ends them.

use super::{CALL_NUMBERS, Life, PATIENCE, SMO_QUOTA, Task, World};
use crate::rig::{Ending, PageQuota, Probe, Rig};
use usufruct_abi::Number;
use usufruct_probe_core::{Command, Operation, Region};

impl<R: Rig> World<R> {
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

    /// Whether the machine can end a task that computes for ever; says so if not.
    pub fn needs_preemption(&self) -> bool {
        if !R::FACTS.preemption {
            eprintln!("SKIPPED: this machine does not interrupt guests");
        }
        R::FACTS.preemption
    }

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
}
