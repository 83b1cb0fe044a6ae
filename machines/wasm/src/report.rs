//! How a task ended, in words.

use std::fmt;

use usufruct_core::{Denied, Ending, ForbiddenStore, Reason};
use wasmtime::{FrameInfo, Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use crate::counters::Usage;
use crate::system::Program;

/// The status of a task that did not end of its own accord.
pub const FAILED_STATUS: i32 = 1;

/// Functions of the guest that a report names at most.
const FRAMES: usize = 16;

/// What `unreachable` means in a function that the loader has added.
const INIT_INTO_POOL: &str = "memory.init can not store into the pool: \
    put the data segment into the heap, and copy it from there";

/// How a task ended, and what it had done.
#[derive(Clone, Debug)]
pub struct Report {
    /// The status and the reason, as those who watch the task are told.
    pub ending: Ending,
    /// What happened, for a person: one line, then the guest's functions,
    /// innermost first. Empty if the task exited.
    pub text: String,
    /// What it had done.
    pub usage: Usage,
}

impl Report {
    /// Whether the task exited, with status 0.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.ending.reason == Reason::Exit && self.ending.status == 0
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ending.reason {
            Reason::Exit => write!(f, "exited with status {}", self.ending.status),
            Reason::Trap => write!(f, "trapped: {}", self.text),
            Reason::Killed => f.write_str("was killed"),
            Reason::ForbiddenStore => write!(f, "stored where it may not: {}", self.text),
            Reason::Forgotten => f.write_str("ended long ago"),
        }
    }
}

/// What the end of the guest's code comes to.
pub(crate) fn ending_of(outcome: wasmtime::Result<i32>, generated_from: u32) -> (Ending, String) {
    let error = match outcome {
        Ok(status) => {
            return (
                Ending {
                    status,
                    reason: Reason::Exit,
                },
                String::new(),
            );
        }
        Err(error) => error,
    };
    if let Some(I32Exit(status)) = error.downcast_ref() {
        return (
            Ending {
                status: *status,
                reason: Reason::Exit,
            },
            String::new(),
        );
    }
    let text = cause(&error, generated_from) + &trace(&error, generated_from);
    (failure(Reason::Trap), text)
}

/// The end by a store to the pool that was stopped.
pub(crate) fn ending_of_store(
    store: &ForbiddenStore,
    error: &wasmtime::Error,
    program: &Program,
) -> (Ending, String) {
    let (reason, help) = match store.denied() {
        Denied::ForbiddenStore(_) => (Reason::ForbiddenStore, ""),
        // The host's fault, not the task's.
        _ => (
            Reason::Trap,
            " (a larger vm.max_map_count would help, or userfaultfd)",
        ),
    };
    let place = place(error, program);
    let trace = trace(error, program.generated_from());
    let text = format!("{place}: {store}{help}{trace}");
    (failure(reason), text)
}

fn failure(reason: Reason) -> Ending {
    Ending {
        status: FAILED_STATUS,
        reason,
    }
}

/// The guest's own functions, innermost first.
fn frames(error: &wasmtime::Error, generated_from: u32) -> impl Iterator<Item = &FrameInfo> {
    let trace = error.downcast_ref::<WasmBacktrace>();
    let frames = trace.map_or(&[][..], WasmBacktrace::frames).iter();
    frames.filter(move |frame| frame.func_index() < generated_from)
}

fn function(frame: &FrameInfo) -> String {
    match frame.func_name() {
        Some(name) => format!("{:#}", rustc_demangle::demangle(name)),
        None => format!("function {}", frame.func_index()),
    }
}

/// A line for each function.
fn trace(error: &wasmtime::Error, generated_from: u32) -> String {
    let frames = frames(error, generated_from).take(FRAMES);
    frames
        .map(|frame| format!("\n  in {}", function(frame)))
        .collect()
}

/// Where it happened: the function, and the offset of the instruction from the beginning
/// of the function's body in the guest's own file.
fn place(error: &wasmtime::Error, program: &Program) -> String {
    let Some(frame) = frames(error, program.generated_from()).next() else {
        return "an unknown function".to_owned();
    };
    let compiled = frame.func_offset();
    let offset = compiled.and_then(|at| program.offsets().original(frame.func_index(), at));
    match offset {
        Some(offset) => format!("{} + {offset:#x}", function(frame)),
        None => function(frame),
    }
}

/// The causes in one line, without wasmtime's own backtrace.
fn cause(error: &wasmtime::Error, generated_from: u32) -> String {
    if is_generated_refusal(error, generated_from) {
        return INIT_INTO_POOL.to_owned();
    }
    let causes = error.chain().map(ToString::to_string);
    let causes: Vec<String> = causes
        .filter(|text| !text.starts_with("error while executing"))
        .collect();
    causes.join(": ")
}

/// Whether a function that the loader has added refused to go on.
fn is_generated_refusal(error: &wasmtime::Error, generated_from: u32) -> bool {
    let innermost = error
        .downcast_ref::<WasmBacktrace>()
        .and_then(|trace| trace.frames().first());
    error.downcast_ref() == Some(&Trap::UnreachableCodeReached)
        && innermost.is_some_and(|frame| frame.func_index() >= generated_from)
}
