//! The door for guests: words in, one word out. Nothing of a guest comes in
//! any other way.

use crate::border::{Change, Delivery, Outcome, Progress, Wait, Work};
use crate::copy::{CopyRequest, Direction, copy, explain, reaches};
use crate::error::{Denied, Unmapped};
use crate::id::{SmoId, TaskId, TaskKey};
use crate::kernel::Request;
use crate::machine::{Access, Machine};
use crate::page::{Aim, OnePage, PageRequest};
use crate::pin::{Copier, Scope};
use crate::sink::{Event, Sink};
use crate::span::Span;
use crate::task::Ending;
use crate::thread::Thread;
use usufruct_abi::{MAX_TASK_NAME_BYTES, MSG_BYTES, Number};

/// What a guest's call comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Reply {
    /// The call's result.
    Word(i32),
    /// The thread waits; when it is woken or the time is up: [`resume`].
    Block(Wait),
}

/// `get_current_task`, for machines that know this call by its number before they look at any
/// other; [`serve`] is for all.
#[inline(always)]
pub fn current_task(thread: &mut Thread) -> i32 {
    thread.succeed();
    thread.task.raw()
}

/// Serves one call of one guest thread. `words` are its arguments; an `int` is
/// the low half of its word.
#[inline(always)]
pub fn serve<M: Machine>(
    machine: &M,
    copier: &mut Copier,
    thread: &mut Thread,
    number: Number,
    words: [u64; 4],
) -> Reply {
    let [first, ..] = words;
    let copies = |direction| CopyRequest::from_words(direction, words);
    let word = match number {
        Number::ReadMem => copy(machine, copier, thread, &copies(Direction::Read)),
        Number::WriteMem => copy(machine, copier, thread, &copies(Direction::Write)),
        Number::MemSize => {
            let size = mem_size(machine, copier, thread, int(first));
            finish(machine, thread, (number, words), size)
        }
        Number::LastError => thread.last_error().code(),
        Number::GetCurrentTask => current_task(thread),
        Number::GetCurrentThread => {
            thread.succeed();
            thread.id.raw()
        }
        Number::GetPageSize if thread.key.is_attached() && int(first) == 0 => {
            machine.plane().pool().page_bytes.cast_signed()
        }
        Number::GetPageSize => 0,
        Number::ControlMem
        | Number::AllocMemBlocks
        | Number::IsMemReadable
        | Number::IsMemWritable
        | Number::IsMemOwned
        | Number::AvailMem
        | Number::ShareMem
        | Number::ClaimMem
        | Number::PassMem
        | Number::WatchTask
        | Number::FindTask
        | Number::OpenPort
        | Number::ClosePort
        | Number::SendMsg
        | Number::GetMsg
        | Number::GetMsgCount
        | Number::WaitMsg => return control(machine, thread, number, words),
    };
    Reply::Word(word)
}

/// Goes on with a thread that waited in a call.
pub fn resume<M: Machine>(machine: &M, thread: &mut Thread, wait: Wait, timed_out: bool) -> Reply {
    let progress = machine.with_kernel(|kernel| kernel.resume(thread, wait, timed_out));
    let timeout = wait.timeout_ms.map_or(u64::MAX, u64::from);
    settle(
        machine,
        thread,
        (Number::WaitMsg, [u64::from(wait.port), timeout, 0, 0]),
        progress,
    )
}

/// Ends a task and clears up after it.
///
/// # Errors
///
/// The id names no living task, or the host.
pub fn end_task<M: Machine>(machine: &M, task: TaskId, ending: Ending) -> Result<(), Denied> {
    let progress = machine.with_kernel(|kernel| kernel.end_task(task, ending));
    drive(machine, progress)
}

/// A store of `task` to `address` in the pool has faulted. `Ok`: its mapping
/// lets it through now, for the task may write there; execute it again. May
/// wait its turn, for as long as one change of the page takes.
///
/// # Errors
///
/// [`Denied::ForbiddenStore`], and [`Denied::NoMapping`] when the machine has no
/// mapping left for what is allowed: either ends the task. Others when the
/// address is no page of the task's.
pub fn touch<M: Machine>(machine: &M, task: TaskKey, address: u64) -> Result<(), Denied> {
    let first = machine.with_kernel(|kernel| kernel.begin_first_store(task, address));
    if let Some(one) = first {
        return change_one(machine, one);
    }
    let progress = machine.with_kernel(|kernel| kernel.touch_by_stages(task, address));
    drive(machine, progress)
}

/// Carries out what nobody waits for a word of.
fn drive<M: Machine>(machine: &M, mut progress: Progress) -> Result<(), Denied> {
    loop {
        match progress {
            Progress::Do(step) => {
                let outcome = carry_out(machine, step.work());
                progress = machine.with_kernel(|kernel| kernel.done(step, outcome));
            }
            Progress::Answer(answer) => return answer.map(|_| ()),
            Progress::Block(_) => return Ok(()),
        }
    }
}

/// `ControlMem` for machines that look at what is made most before they look at anything else:
/// the answer, if it lets one other task write one page, or no longer, and nothing about the
/// page is unusual. If not, nothing has been done: [`serve`] is for all.
#[inline(always)]
#[must_use]
pub fn control_at_once<M: Machine>(
    machine: &M,
    thread: &mut Thread,
    words: [u64; 4],
) -> Option<i32> {
    let [start, size, command, task] = words;
    let one = machine.with_kernel(|kernel| {
        kernel.begin_one(thread, (start, int(size)), int(command), int(task))
    })?;
    Some(match change_one(machine, one) {
        Ok(()) => 0,
        Err(denied) => finish(machine, thread, (Number::ControlMem, words), Err(denied)),
    })
}

/// Carries out a change of one page, to its end.
#[inline(always)]
fn change_one<M: Machine>(machine: &M, mut one: OnePage) -> Result<(), Denied> {
    let (task, run, writable) = one.mapping();
    if machine.protect(task, run, writable).is_err() && writable {
        one = machine.with_kernel(|kernel| kernel.retract_one(one));
    }
    if one.needs_barrier() {
        machine.plane().drain(Scope::Pages, machine.fences());
    }
    machine.with_kernel(|kernel| kernel.end_one(&one));
    if one.aim == Aim::Retreat {
        return Err(Denied::NoMapping);
    }
    Ok(())
}

/// A call of the control plane, its step carried out until it answers. Apart, so
/// that the calls that are none need no room for it.
#[inline(never)]
fn control<M: Machine>(machine: &M, thread: &mut Thread, number: Number, words: [u64; 4]) -> Reply {
    let Some(request) = Request::decode(machine, thread, number, words) else {
        // `serve` sends the calls of the control plane here, and no others.
        return Reply::Word(-1);
    };
    let progress = machine.with_kernel(|kernel| kernel.begin(thread, &request));
    settle(machine, thread, (number, words), progress)
}

/// Carries out what a call still needs, and turns its answer into the guest's word.
pub fn settle<M: Machine>(
    machine: &M,
    thread: &mut Thread,
    call: (Number, [u64; 4]),
    mut progress: Progress,
) -> Reply {
    loop {
        match progress {
            Progress::Do(step) => {
                let outcome = carry_out(machine, step.work());
                progress = if let Change::Answer(answer) = step.change {
                    // Nothing is left to be done under the lock.
                    Progress::Answer(answer)
                } else {
                    machine.with_kernel(|kernel| kernel.done(step, outcome))
                };
            }
            Progress::Answer(answer) => return Reply::Word(finish(machine, thread, call, answer)),
            Progress::Block(wait) => return Reply::Block(wait),
        }
    }
}

/// Has the machine carry out one step at once. A machine that can not act at
/// once does so itself, and then says [`Kernel::done`](crate::Kernel::done).
pub fn carry_out<M: Machine>(machine: &M, work: &Work) -> Outcome {
    match work {
        Work::Drain(scope) => machine.plane().drain(*scope, machine.fences()),
        Work::Deliver(delivery) => return deliver(machine, delivery),
        Work::Wake(thread) => machine.wake(*thread),
        Work::Reap(task) => machine.reap(*task),
        Work::Yield => machine.yield_now(),
        Work::Protect {
            task,
            run,
            writable,
        } => {
            if machine.protect(*task, *run, *writable).is_err() {
                return Outcome::Failed;
            }
        }
        Work::Fill { run, byte } => machine.fill(*run, *byte),
        Work::Label(run) => machine.label(*run),
        Work::CancelReads { task, run } => machine.cancel_reads(*task, *run),
    }
    Outcome::Done
}

/// Stores a message and its sender, or neither. Pages of the pool have been
/// looked at and stand still: a lease.
fn deliver<M: Machine>(machine: &M, delivery: &Delivery) -> Outcome {
    let Delivery {
        receiver,
        message_at,
        message,
        sender,
    } = delivery;
    let takes = |at: u64, len: usize| {
        let span = Span::new(at, len as u64);
        span.is_some_and(|span| reaches(machine, *receiver, span, Access::Store))
    };
    let stores = |at: u64, bytes: &[u8]| machine.store(*receiver, at, bytes).is_ok();
    let sender = sender.map(|(at, sender)| (at, sender.to_le_bytes()));
    let stored = takes(*message_at, message.len())
        && sender.is_none_or(|(at, bytes)| takes(at, bytes.len()))
        && stores(*message_at, message)
        && sender.is_none_or(|(at, bytes)| stores(at, &bytes));
    if stored {
        Outcome::Done
    } else {
        Outcome::Failed
    }
}

/// The one place where an answer becomes a guest's words: the result, and the
/// thread's last error.
pub(crate) fn finish<M: Machine>(
    machine: &M,
    thread: &mut Thread,
    call: (Number, [u64; 4]),
    answer: Result<i32, Denied>,
) -> i32 {
    match answer {
        Ok(word) => {
            if !is_page_call(call.0) {
                thread.succeed();
            }
            word
        }
        Err(denied) => {
            let (number, words) = call;
            machine.sink().event(&Event::Refused {
                thread: thread.id,
                number,
                words,
                denied,
            });
            if number == Number::ControlMem {
                return denied.portfolio_error().code();
            }
            if is_page_call(number) {
                // NULL, or "no".
                return 0;
            }
            thread.fail(denied.error());
            -1
        }
    }
}

/// Whether this is a call of the second document, which leaves `last_error` alone.
fn is_page_call(number: Number) -> bool {
    matches!(
        number,
        Number::ControlMem
            | Number::AllocMemBlocks
            | Number::GetPageSize
            | Number::IsMemReadable
            | Number::IsMemWritable
            | Number::IsMemOwned
            | Number::AvailMem
    )
}

/// `mem_size`: the length of an object, for its target only.
#[inline(never)]
fn mem_size<M: Machine>(
    machine: &M,
    copier: &mut Copier,
    thread: &Thread,
    raw: i32,
) -> Result<i32, Denied> {
    let id = SmoId::from_raw(raw).ok_or(Denied::NotAnId(raw))?;
    loop {
        match copier.pin_object(machine.fences(), thread.key, raw) {
            Ok(pinned) => return Ok(pinned.len.cast_signed()),
            Err(refused) => {
                explain(machine, thread, id, refused)?;
                machine.yield_now();
            }
        }
    }
}

impl Request {
    /// Gives the words of a control call their meaning, and reads what they
    /// point at. `None` for the calls of the other plane.
    pub fn decode<M: Machine>(
        machine: &M,
        thread: &Thread,
        number: Number,
        words: [u64; 4],
    ) -> Option<Self> {
        let [first, second, third, fourth] = words;
        Some(match number {
            Number::ShareMem => Self::ShareMem {
                target: int(first),
                span: span_of(second, int(third))
                    .filter(|span| reaches(machine, thread.key, *span, Access::Load)),
                size: int(third),
                permissions: int(fourth),
            },
            Number::ClaimMem => Self::ClaimMem { smo: int(first) },
            Number::PassMem => Self::PassMem {
                smo: int(first),
                target: int(second),
            },
            Number::WatchTask => Self::WatchTask {
                task: int(first),
                port: int(second),
            },
            Number::FindTask => Self::FindTask {
                len: int(second),
                name: load_name(machine, thread, first, int(second)).ok(),
            },
            Number::OpenPort => Self::OpenPort { port: int(first) },
            Number::ClosePort => Self::ClosePort { port: int(first) },
            Number::SendMsg => {
                let mut message = [0; MSG_BYTES];
                let loaded = load(machine, thread, third, &mut message);
                Self::SendMsg {
                    task: int(first),
                    port: int(second),
                    message: loaded.ok().map(|()| message),
                }
            }
            Number::GetMsg => Self::GetMsg {
                port: int(first),
                message_at: second,
                sender_at: third,
            },
            Number::GetMsgCount => Self::GetMsgCount { port: int(first) },
            Number::WaitMsg => Self::WaitMsg {
                port: int(first),
                timeout_ms: int(second),
            },
            Number::ReadMem
            | Number::WriteMem
            | Number::MemSize
            | Number::LastError
            | Number::GetCurrentTask
            | Number::GetCurrentThread
            | Number::ControlMem
            | Number::AllocMemBlocks
            | Number::GetPageSize
            | Number::IsMemReadable
            | Number::IsMemWritable
            | Number::IsMemOwned
            | Number::AvailMem => {
                return PageRequest::decode(machine, thread, number, words).map(Self::Page);
            }
        })
    }
}

/// A range as a guest gives it; `None` if its size is negative or it wraps.
pub(crate) fn span_of(start: u64, size: i32) -> Option<Span> {
    Span::new(start, u64::try_from(size).ok()?)
}

/// Reads an argument, of the caller's own memory or of the pool.
fn load<M: Machine>(
    machine: &M,
    thread: &Thread,
    from: u64,
    into: &mut [u8],
) -> Result<(), Unmapped> {
    let span = Span::new(from, into.len() as u64).ok_or(Unmapped)?;
    let pool = machine.plane().pool();
    if pool.touches(span) && !reaches(machine, thread.key, span, Access::Load) {
        return Err(Unmapped);
    }
    machine.load(thread.key, from, into)
}

fn load_name<M: Machine>(
    machine: &M,
    thread: &Thread,
    from: u64,
    len: i32,
) -> Result<[u8; MAX_TASK_NAME_BYTES], Unmapped> {
    let mut name = [0; MAX_TASK_NAME_BYTES];
    let len = usize::try_from(len).map_err(|_| Unmapped)?;
    let bytes = name.get_mut(..len).ok_or(Unmapped)?;
    load(machine, thread, from, bytes)?;
    Ok(name)
}

/// The `int` in a word: its low half.
#[allow(
    clippy::cast_possible_truncation,
    reason = "the low half is what is meant"
)]
pub(crate) const fn int(word: u64) -> i32 {
    (word as u32).cast_signed()
}
