//! A real system: tasks of a system file, with their memory, threads, streams and lives.
//!
//! ```text
//!   archive.rs    what the host has packed ─► the plan (the crate that the command line has too)
//!   member.rs     a task of the plan         threads.rs   whose turn it is
//!   worker.rs     each processor's loop ─► calls.rs   the machine's own calls
//!   streams.rs    files and standard streams ─► flight.rs   what revokes reads; output.rs  out
//!   mod.rs        lives: their making, their ends, the last of all
//! ```

mod archive;
mod calls;
mod clock;
mod flight;
mod member;
mod output;
mod streams;
mod threads;
mod worker;

pub(crate) use flight::Flights;
pub(crate) use threads::Threads;
pub(crate) use worker::Worker;

use crate::floating::Floating;
use crate::machine::Bare;
use crate::memory::{FRAME_BYTES, Regions};
use crate::processor::{self, Processor, Verdict};
use crate::space::{Rights, Space, pool_of};
use crate::task::{Allowance, BadProgram, Loaded, PRIVATE_END, STRINGS_AT, STRINGS_END};
use crate::words::Words;
use alloc::boxed::Box;
use alloc::format;
use archive::Archive;
use core::ops::Range;
use core::sync::atomic::{AtomicUsize, Ordering};
use member::{Heap, Member};
use threads::Body;
use usufruct_core::{Ending, Limits, Machine, PoolQuota, Quota, Reason, TaskId, Thread, end_task};
use usufruct_system_file::{Facts, Failed, Fault, LIFE_VARIABLE, NextLife, Plan, Sizes, parse};

/// The stack that a task begins on, in bytes. Below it is nothing.
const STACK_BYTES: u64 = 1 << 20;
/// The least memory that a task may be given: a stack and a page.
const LEAST_MEMORY_BYTES: u64 = STACK_BYTES + FRAME_BYTES;

/// What the tables of the kernel and of the machine come to at most, in bytes: for a page of
/// the pool, for a task, for an object or a message.
const PAGE_TABLE_BYTES: u64 = 256;
const TASK_TABLE_BYTES: u64 = 16 << 10;
const ENTRY_BYTES: u64 = 256;

/// The last thread has ended itself.
const EXITED: Ending = Ending {
    status: 0,
    reason: Reason::Exit,
};
/// The system file's time limit, or a failure to make it.
const KILLED: Ending = Ending {
    status: -1,
    reason: Reason::Killed,
};

/// The tasks of a system file.
#[derive(Debug)]
pub(crate) struct System {
    members: Box<[Member]>,
    archive: Archive,
    /// Tasks whose last life has not ended.
    left: AtomicUsize,
}

/// Says why nothing is started, and ends the machine.
pub(crate) fn refuse(fault: &Fault) -> ! {
    output::say(fault);
    processor::power_off(Verdict::Refused)
}

/// Reads the archive: the plan and the files, and how large the kernel's tables are to be.
pub(crate) fn read(module: &'static [u8], memory: &Regions) -> Result<(System, Limits), Fault> {
    let (archive, file) = Archive::open(module)?;
    let facts = Facts {
        memory_bytes: LEAST_MEMORY_BYTES..=PRIVATE_END,
        // The host that has packed them has looked.
        is_folder: |_: &str| true,
    };
    let plan = parse((&file.path, file.text), &file.arguments, &facts)?;
    let limits = limits_of(&plan)?;
    // The tables are taken first, and must leave room for the pool.
    let mut left = memory.clone();
    tables_of(&limits, &mut left)?;
    if left.take(limits.pool.bytes(limits.pool.pages)).is_none() {
        let cause = "the pool is more than the machine's memory has in one piece";
        let help = "make the pool smaller, or the machine larger";
        return Err(Fault::new(&plan.limits.place, cause, help));
    }
    let paths: Box<[alloc::string::String]> = plan.paths().into_iter().map(Into::into).collect();
    let paths: Box<[&str]> = paths.iter().map(|path| path.as_str()).collect();
    let members: Box<[Member]> = plan
        .tasks
        .into_iter()
        .map(|task| Member::new(task, &paths))
        .collect();
    let system = System {
        left: AtomicUsize::new(members.len()),
        members,
        archive,
    };
    Ok((system, limits))
}

/// Memory for the kernel's tables, as much as they can come to: for each page of the pool, for
/// each task and for each object and message.
pub(crate) fn tables_of(limits: &Limits, memory: &mut Regions) -> Result<Range<u64>, Fault> {
    let Limits {
        tasks,
        smos,
        messages,
        pool,
        ..
    } = *limits;
    let bytes = u64::from(pool.pages) * PAGE_TABLE_BYTES
        + u64::from(tasks) * TASK_TABLE_BYTES
        + (u64::from(smos) + u64::from(messages)) * ENTRY_BYTES;
    let bytes = bytes.next_multiple_of(FRAME_BYTES);
    let begin = memory.take(bytes).ok_or_else(|| {
        let help = "make the machine larger, or the tables and the pool smaller";
        Fault::new("the kernel's tables", "there is not memory for them", help)
    })?;
    Ok(begin..begin + bytes)
}

fn limits_of(plan: &Plan) -> Result<Limits, Fault> {
    let least = Sizes {
        tasks: 16,
        smos: 256,
        messages: 256,
    };
    let Sizes {
        tasks,
        smos,
        messages,
    } = plan.sizes(least);
    let pool_bytes = plan.limits.pool_bytes.unwrap_or(0);
    let pages = pool_bytes.div_ceil(FRAME_BYTES);
    let pages = u32::try_from(pages).ok().filter(|pages| *pages <= 1 << 19);
    let pages = pages.ok_or_else(|| {
        let help = "write a pool of 2 GiB at most";
        Fault::new(&plan.limits.place, "the pool is too large", help)
    })?;
    Ok(Limits {
        tasks,
        smos,
        messages,
        processors: processor::count() as u32,
        pool: pool_of(pages),
    })
}

impl System {
    /// How many tasks there are.
    pub(crate) fn tasks(&self) -> usize {
        self.members.len()
    }

    /// Makes all tasks, and then lets them run.
    pub(crate) fn begin(&self, machine: &Bare) -> Result<(), Fault> {
        clock::start();
        for (number, member) in self.members.iter().enumerate() {
            self.make(machine, number).map_err(|cause| {
                let thing = format!("{}, program {}", member.plan.place, member.plan.file);
                let help =
                    "see `memory` and `[limits]` in the system file, and the size of the machine";
                Fault::new(thing, cause, help)
            })?;
        }
        (0..self.members.len()).for_each(|number| self.let_run(machine, number));
        Ok(())
    }

    fn let_run(&self, machine: &Bare, number: usize) {
        let member = &self.members[number];
        let limit = member.plan.time_limit;
        let limit_ms = limit.map(|limit| u64::try_from(limit.as_millis()).unwrap_or(u64::MAX));
        let deadline = limit_ms.map(|limit| clock::now_ms().saturating_add(limit));
        // One lock over both: who kills it for its time ends a life that has begun.
        let mut state = member.state();
        state.deadline = deadline;
        machine.threads.begin(number);
    }

    /// Makes the task of this number, in the life that its state says.
    fn make(&self, machine: &Bare, number: usize) -> Result<(), &'static str> {
        let member = &self.members[number];
        let program = self.archive.find(member.program, "");
        let program = program.ok_or("the program is not in the archive")?;
        let quota = quota_of(machine, member);
        let name = member.plan.name.as_bytes();
        let thread = machine
            .with_kernel(|kernel| kernel.start_task(name, quota))
            .map_err(|denied| denied.error().name())?;
        let made = self.load(machine, (number, program), &thread);
        match made {
            Ok((body, heap)) => {
                let mut state = member.state();
                state.task = Some(thread.task());
                state.heap = heap;
                drop(state);
                machine.threads.add_first(number, Body { thread, ..body });
                Ok(())
            }
            Err(bad) => {
                // The reason for its end is the better answer.
                let _ = end_task(machine, thread.task(), KILLED);
                Err(bad.in_words())
            }
        }
    }

    fn load(
        &self,
        machine: &Bare,
        (number, program): (usize, &[u8]),
        thread: &Thread,
    ) -> Result<(Body, Heap), BadProgram> {
        let member = &self.members[number];
        let allowance = Allowance {
            stack_bytes: STACK_BYTES,
            pages: member.pages(),
        };
        let Loaded {
            space,
            context,
            end,
            pages,
        } = machine.load_program(thread.key(), program, allowance)?;
        let (arguments, environment) = member.strings(machine, space)?;
        let strings = (arguments + environment).div_ceil(FRAME_BYTES);
        let pages_left = (member.pages() - pages).checked_sub(strings);
        let heap = Heap {
            end,
            mapped_end: end,
            growing: None,
            pages_left: pages_left.ok_or(BadProgram::TooLarge)?,
        };
        let body = Body {
            thread: thread.sibling(),
            space,
            context: context.with_words([STRINGS_AT, arguments, environment]),
            floating: Floating::default(),
            wait: None,
        };
        Ok((body, heap))
    }

    /// Kills the tasks that have run longer than they may.
    fn kill_the_late(&self, machine: &Bare, processor: &mut Processor) {
        for (number, member) in self.members.iter().enumerate() {
            let state = member.state();
            let is_late = state.deadline.is_some_and(|late| late <= clock::now_ms());
            let task = state.task.filter(|_| is_late);
            drop(state);
            if let Some(task) = task {
                processor.leave();
                self.end(machine, (number, task), (KILLED, &Words::default(), true));
            }
        }
    }

    /// Ends a life, unless somebody else does; and begins the next, or sees to it that this
    /// was the last. The processor that executes this has left the task's memory.
    fn end(
        &self,
        machine: &Bare,
        (number, task): (usize, TaskId),
        (ending, words, is_late): (Ending, &Words, bool),
    ) {
        let member = &self.members[number];
        let mut state = member.state();
        if state.task != Some(task) {
            return;
        }
        state.task = None;
        state.deadline = None;
        let life = state.life;
        drop(state);
        machine.threads.doom(number);
        // It can not be refused: the task lived, and nobody else ends it.
        let ended = end_task(machine, task, ending);
        assert_eq!(ended, Ok(()), "task {number} of the system file");
        member.streams.lock().end();

        let has_succeeded = ending.reason == Reason::Exit && ending.status == 0;
        let text = Words::of(format_args!("{words}"));
        let text = str::from_utf8(text.bytes()).unwrap_or_default();
        let end = member.end(ending, text, is_late);
        let name = member.plan.name.as_str();
        let mut state = member.state();
        state.has_succeeded = has_succeeded;
        state.end = Words::of(format_args!("{end}"));
        let again = !has_succeeded && life < member.plan.restarts;
        state.life = life.saturating_add(u32::from(again));
        drop(state);
        if again {
            output::say(NextLife { name, life, end });
            match self.make(machine, number) {
                Ok(()) => return self.let_run(machine, number),
                Err(cause) => {
                    let why = format_args!("{end}, and can not be started again: {cause}");
                    member.state().end = Words::of(why);
                }
            }
        } else if ending.reason != Reason::Exit {
            output::say(format_args!("task `{name}` {end}"));
        }
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.finish()
        }
    }

    /// Says what became of all tasks, and ends the machine.
    fn finish(&self) -> ! {
        let ends = self.members.iter().map(|member| {
            let state = member.state();
            let end = Words::of(format_args!("{}", state.end));
            (state.has_succeeded, member.plan.name.as_str(), end)
        });
        let failed = ends.filter(|(has_succeeded, ..)| !has_succeeded);
        let failed = failed.map(|(_, name, end)| (name, end));
        if failed.clone().next().is_none() {
            processor::power_off(Verdict::Succeeded)
        }
        output::say(Failed(failed));
        processor::power_off(Verdict::Failed)
    }
}

impl Member {
    /// Puts the task's arguments and its environment where it finds them: the bytes of each.
    fn strings(&self, machine: &Bare, space: Space) -> Result<(u64, u64), BadProgram> {
        let life = Words::of(format_args!("{}", self.state().life));
        let plan = &self.plan;
        let names = core::iter::once(&plan.name).chain(&plan.args);
        let arguments = names.map(|text| [text.as_bytes(), b"", b""]);
        let variables = plan
            .env
            .iter()
            .map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        let number = core::iter::once((LIFE_VARIABLE.as_bytes(), life.bytes()));
        let variables = variables.chain(number);
        let environment = variables.map(|(name, value)| [name, b"=", value]);
        let bytes_of = |texts: &mut dyn Iterator<Item = [&[u8]; 3]>| -> u64 {
            texts.map(|text| text.concat_len() + 1).sum()
        };
        let sizes = (
            bytes_of(&mut arguments.clone()),
            bytes_of(&mut environment.clone()),
        );
        let end = STRINGS_AT.saturating_add(sizes.0).saturating_add(sizes.1);
        if end > STRINGS_END {
            return Err(BadProgram::TooLarge);
        }
        let place = STRINGS_AT..end.next_multiple_of(FRAME_BYTES);
        let pages = (place.end - place.start) / FRAME_BYTES;
        if machine.grow(space, place, Rights::Read) < pages {
            return Err(BadProgram::NoMemory);
        }
        let mut at = STRINGS_AT;
        for text in arguments.chain(environment) {
            for part in text {
                let is_there = Bare::fill_own(space, at, part);
                assert!(is_there, "the pages have just been given");
                at += part.len() as u64;
            }
            // The NUL is there: the pages are zeros.
            at += 1;
        }
        Ok(sizes)
    }
}

/// What a task may have of the kernel's tables, and of the pool: attached if there is one,
/// unless the system file says no.
fn quota_of(machine: &Bare, member: &Member) -> Quota {
    let plan = &member.plan;
    let pages = |bytes: u64| u32::try_from(bytes.div_ceil(FRAME_BYTES)).unwrap_or(u32::MAX);
    let has_pool = machine.plane().pool().pages > 0;
    let is_attached = has_pool && plan.pool.unwrap_or(true);
    Quota {
        smos: plan.smos.unwrap_or(Quota::default().smos),
        pool: is_attached.then(|| PoolQuota {
            pages: plan.pool_quota_bytes.map_or(u32::MAX, pages),
            reserve: pages(plan.pool_reserve_bytes),
        }),
    }
}

/// The length of a text in parts.
trait ConcatLength {
    fn concat_len(&self) -> u64;
}

impl ConcatLength for [&[u8]; 3] {
    fn concat_len(&self) -> u64 {
        self.iter().map(|part| part.len() as u64).sum()
    }
}
