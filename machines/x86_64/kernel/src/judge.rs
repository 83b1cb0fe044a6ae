//! Faults of tasks: which of them are no fault, and what is said of the others.

use crate::context::Fault;
use crate::line;
use crate::machine::Bare;
use crate::words::Words;
use usufruct_core::{Denied, Ending, Machine, Reason, Thread, touch};

/// A task has done what its page tables, or the processor, do not let it: how it ends, and
/// what is to be said. `None`: it may do it now, and goes on.
#[inline(always)]
pub(crate) fn judge(machine: &Bare, thread: &Thread, fault: &Fault) -> Option<(Ending, Words)> {
    let in_pool = fault.stopped_store().filter(|address| {
        let pool = machine.plane().pool();
        thread.key().is_attached() && pool.page_at(*address).is_some()
    });
    let Some(address) = in_pool else {
        return Some(failed(thread, fault));
    };
    let denied = touch(machine, thread.key(), address).err()?;
    Some(forbidden(machine, thread, fault, (address, denied)))
}

#[cold]
fn failed(thread: &Thread, fault: &Fault) -> (Ending, Words) {
    let words = words_about(thread.task().raw(), fault);
    ended(Reason::Trap, words)
}

#[cold]
fn forbidden(
    machine: &Bare,
    thread: &Thread,
    fault: &Fault,
    (address, denied): (u64, Denied),
) -> (Ending, Words) {
    let report = machine.with_kernel(|kernel| {
        kernel.forbidden_store((thread.task(), thread.id()), address, denied)
    });
    let reason = match denied {
        Denied::ForbiddenStore(_) => Reason::ForbiddenStore,
        _ => Reason::Trap,
    };
    let words = Words::of(format_args!("instruction {:#x}: {report}", fault.rip));
    ended(reason, words)
}

fn ended(reason: Reason, words: Words) -> (Ending, Words) {
    line::log(format_args!("{words}\n"));
    (Ending { status: -1, reason }, words)
}

/// What a fault is that has nothing to do with pages.
fn words_about(task: i32, fault: &Fault) -> Words {
    let Fault {
        vector,
        error,
        rip,
        address,
    } = fault;
    match address {
        Some(address) => Words::of(format_args!(
            "instruction {rip:#x}: task {task}, thread {task}, can not reach {address:#x} (page fault, error {error:#x})"
        )),
        None => Words::of(format_args!(
            "instruction {rip:#x}: task {task}, thread {task}, exception {vector}, error {error:#x}"
        )),
    }
}
