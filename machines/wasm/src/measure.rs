//! What measurements compare with: a plain `memcpy` between the memories of two
//! tasks, by the host. No part of the machine's interface.

use std::ffi::c_void;
use std::hint::black_box;
use std::time::{Duration, Instant};

use usufruct_core::Span;

use crate::task::Task;

unsafe extern "C" {
    fn memcpy(destination: *mut c_void, source: *const c_void, len: usize) -> *mut c_void;
}

/// How long `times` copies of `len` bytes take, from address `start` of one
/// task to the same address of another. `None` if it is not memory of both, or
/// if they are one task.
#[doc(hidden)]
#[must_use]
pub fn memcpy_between(
    from: &Task,
    to: &Task,
    (start, len): (u64, usize),
    times: u32,
) -> Option<Duration> {
    if from.id() == to.id() {
        return None;
    }
    let span = Span::new(start, len as u64)?;
    from.life.while_alive(|source| {
        to.life.while_alive(|destination| {
            let (source, destination) = (source.at(span)?, destination.at(span)?);
            let begun = Instant::now();
            for _ in 0..times {
                let (source, destination) = (black_box(source), black_box(destination));
                // SAFETY:
                // 1. Both ranges lie in memories that stay mapped: neither task
                //    can end before `while_alive` returns.
                // 2. They are two tasks' memories, so they do not overlap. No
                //    Rust reference to them exists, and the compiler does not
                //    look into the call.
                unsafe { memcpy(destination.cast(), source.cast(), len) };
            }
            Some(begun.elapsed())
        })?
    })?
}
