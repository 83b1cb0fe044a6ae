//! Reading and writing streams and files: the calls whose buffers the task names
//! in an array.
//!
//! A call moves one piece at most, and tells how much that was: a task that has
//! more calls again. So a slice ends, a kill lands and others have their turn
//! after each piece, and no number of a task's decides what the host allocates.
//!
//! A read into pages of the pool ends when the task loses them (`flight.rs`).

use std::future::Future;

use usufruct_core::Access;
use wasmtime::{Caller, Linker, Result};
use wasmtime_wasi::p1::types::Errno;
use wasmtime_wasi::p1::wasi_snapshot_preview1 as wasi;

use super::MODULE;
use super::call::{Call, Place, Stop, answer};
use crate::flight::Noted;
use crate::state::Guest;

/// Bytes that one call moves at most.
const PIECE_BYTES: u32 = 256 << 10;

pub(super) fn add_to_linker(linker: &mut Linker<Guest>) -> Result<()> {
    linker.func_wrap_async(
        MODULE,
        "fd_read",
        |caller, (fd, array, count, done): (i32, i32, i32, i32)| {
            Box::new(async move { answer(read(caller, (fd, None), (array, count), done).await) })
        },
    )?;
    linker.func_wrap_async(
        MODULE,
        "fd_pread",
        |caller, (fd, array, count, offset, done): (i32, i32, i32, i64, i32)| {
            let from = (fd, Some(offset));
            Box::new(async move { answer(read(caller, from, (array, count), done).await) })
        },
    )?;
    linker.func_wrap_async(
        MODULE,
        "fd_write",
        |caller, (fd, array, count, done): (i32, i32, i32, i32)| {
            Box::new(async move { answer(write(caller, (fd, None), (array, count), done).await) })
        },
    )?;
    linker.func_wrap_async(
        MODULE,
        "fd_pwrite",
        |caller, (fd, array, count, offset, done): (i32, i32, i32, i64, i32)| {
            let to = (fd, Some(offset));
            Box::new(async move { answer(write(caller, to, (array, count), done).await) })
        },
    )?;
    Ok(())
}

/// `fd_read`, or `fd_pread` at an offset.
async fn read(
    mut caller: Caller<'_, Guest>,
    (fd, offset): (i32, Option<i64>),
    array: (i32, i32),
    done: i32,
) -> Result<i32, Stop> {
    let mut call = Call::of(&mut caller);
    let buffers = call.buffers(Access::Store, array, PIECE_BYTES)?;
    let done = call.store(done, 4)?;
    let piece = one_vector(&mut call, &buffers)?;
    let noted = call.note(Access::Store, &buffers);
    if noted.as_ref().is_some_and(|noted| !noted.may_be()) {
        return Err(Errno::Fault.into());
    }
    let Some(offset) = offset else {
        let read = async {
            let (context, mut memory) = call.wasi();
            let errno = wasi::fd_read(context, &mut memory, fd, piece, 1, done).await?;
            land(&mut call, &buffers, (errno, done))
        };
        return unless_aborted(noted, read).await;
    };
    // To its end: given up in between, it would leave a stream behind.
    let (context, mut memory) = call.wasi();
    let errno = wasi::fd_pread(context, &mut memory, fd, piece, 1, offset, done).await?;
    unless_aborted(noted, async { land(&mut call, &buffers, (errno, done)) }).await
}

async fn unless_aborted(
    noted: Option<Noted>,
    read: impl Future<Output = Result<i32, Stop>>,
) -> Result<i32, Stop> {
    match noted {
        None => read.await,
        Some(noted) => {
            let outcome = noted.unless_aborted(read).await;
            outcome.unwrap_or(Err(Errno::Canceled.into()))
        }
    }
}

/// Stores what has been read, and how much it was.
fn land(call: &mut Call<'_>, buffers: &[Place], (errno, done): (i32, i32)) -> Result<i32, Stop> {
    if errno == Errno::Success as i32 {
        let mut left = call.word(done);
        for buffer in buffers {
            let len = left.min(buffer.len);
            call.copy_back(*buffer, len)?;
            left -= len;
        }
    }
    call.end(errno)
}

/// `fd_write`, or `fd_pwrite` at an offset.
async fn write(
    mut caller: Caller<'_, Guest>,
    (fd, offset): (i32, Option<i64>),
    array: (i32, i32),
    done: i32,
) -> Result<i32, Stop> {
    let mut call = Call::of(&mut caller);
    let buffers = call.buffers(Access::Load, array, PIECE_BYTES)?;
    let done = call.store(done, 4)?;
    let piece = one_vector(&mut call, &buffers)?;
    let (context, mut memory) = call.wasi();
    let errno = match offset {
        None => wasi::fd_write(context, &mut memory, fd, piece, 1, done).await?,
        Some(offset) => wasi::fd_pwrite(context, &mut memory, fd, piece, 1, offset, done).await?,
    };
    call.end(errno)
}

/// One iovec in the call's own memory for all buffers, which lie there side by
/// side; then the call begins.
fn one_vector(call: &mut Call<'_>, buffers: &[Place]) -> Result<i32, Stop> {
    let vector = call.own(8)?;
    call.begin()?;
    call.set_word(vector, buffers.first().map_or(0, |first| first.at))?;
    let len = buffers.iter().map(|buffer| buffer.len).sum();
    call.set_word(vector + 4, len)?;
    Ok(vector.cast_signed())
}
