//! usufruct's calls as WebAssembly imports. Who calls is fixed here: the
//! identity comes from the Store that the call came out of.

use std::future::poll_fn;
use std::time::{Duration, Instant};

use usufruct_abi::Number;
use usufruct_core::{
    BURST_BYTES, CopyRequest, Direction, Reply, Window, copy, copy_at_once, copy_by_habit, resume,
    serve,
};
use wasmtime::{Caller, Linker, Result};

use crate::copier;
use crate::program::USUFRUCT;
use crate::state::Guest;

/// Adds every call that this machine serves.
pub(crate) fn add_to_linker(linker: &mut Linker<Guest>) -> Result<()> {
    add_copies(linker)?;
    add_controls(linker)?;
    add_page_calls(linker)?;
    linker.func_wrap_async(
        USUFRUCT,
        Number::WaitMsg.name(),
        |caller, words: (u32, u32)| Box::new(wait_msg(caller, words)),
    )?;
    Ok(())
}

/// The copies, as the rewritten modules import them.
fn add_copies(linker: &mut Linker<Guest>) -> Result<()> {
    linker.func_wrap(USUFRUCT, Number::ReadMem.name(), copy_burst::<Reads>)?;
    linker.func_wrap(USUFRUCT, Number::WriteMem.name(), copy_burst::<Writes>)?;
    Ok(())
}

/// Which way a copy goes, as a type: each way is a fast path of its own, in one piece.
trait Way: 'static {
    const DIRECTION: Direction;
}

enum Reads {}

impl Way for Reads {
    const DIRECTION: Direction = Direction::Read;
}

enum Writes {}

impl Way for Writes {
    const DIRECTION: Direction = Direction::Write;
}

/// One burst of a copy: plain and synchronous, for it is the fast path.
///
/// The size comes with the bytes done so far in its upper half, so that the
/// words go in registers. The fifth would go over the stack, stored as 32 bits
/// and loaded as 64, and that waits for the store to reach the cache.
fn copy_burst<W: Way>(
    mut caller: Caller<'_, Guest>,
    smo: i32,
    offset: i32,
    done_and_size: u64,
    buffer: u32,
) -> i32 {
    Guest::look_at_memory(&mut caller);
    let state = caller.data_mut();
    let request = copy_request(W::DIRECTION, (smo, offset, done_and_size, buffer));
    let (border, thread) = state.border();
    let is_done =
        copier::with_own(|copier| copy_by_habit(&border, copier, thread, &request)) == Some(true);
    if !is_done {
        return copy_for_the_first_time::<W>(state, smo, offset, done_and_size, buffer);
    }
    state
        .counters
        .count_copy(W::DIRECTION, request.size.cast_unsigned());
    0
}

/// Copies that are no habit of this worker's yet. Apart, with a request of their own, so that the
/// fast path keeps its own in registers; so is what follows.
#[inline(never)]
fn copy_for_the_first_time<W: Way>(
    state: &mut Guest,
    smo: i32,
    offset: i32,
    done_and_size: u64,
    buffer: u32,
) -> i32 {
    let words = (smo, offset, done_and_size, buffer);
    let request = copy_request(W::DIRECTION, words);
    let (border, thread) = state.border();
    let is_done = copier::with(border.shared, |copier| {
        copy_at_once(&border, copier, thread, &request)
    });
    if !is_done {
        return copy_the_long_way(state, W::DIRECTION, words);
    }
    state
        .counters
        .count_copy(W::DIRECTION, request.size.cast_unsigned());
    0
}

/// All other copies: large ones, and those that are refused.
#[cold]
#[inline(never)]
fn copy_the_long_way(state: &mut Guest, direction: Direction, words: CopyWords) -> i32 {
    let request = copy_request(direction, words);
    let (border, thread) = state.border();
    let answer = copier::with(border.shared, |copier| {
        copy(&border, copier, thread, &request)
    });
    if answer == 0 {
        let left = request
            .size
            .cast_unsigned()
            .saturating_sub(request.window.done);
        state.counters.count_copy(direction, left.min(BURST_BYTES));
    } else {
        state.counters.count_refused_copy();
    }
    answer
}

/// A burst's words as the import gets them: object, offset, bytes done and size, buffer.
type CopyWords = (i32, i32, u64, u32);

#[inline(always)]
fn copy_request(
    direction: Direction,
    (smo, offset, done_and_size, buffer): CopyWords,
) -> CopyRequest {
    let (done, size) = halves(done_and_size);
    CopyRequest {
        direction,
        smo,
        offset,
        size: size.cast_signed(),
        buffer: u64::from(buffer),
        window: Window {
            done,
            most: BURST_BYTES,
        },
    }
}

/// The upper and the lower half of a word.
#[allow(
    clippy::cast_possible_truncation,
    reason = "the lower half is what is asked for"
)]
#[inline(always)]
const fn halves(word: u64) -> (u32, u32) {
    ((word >> u32::BITS) as u32, word as u32)
}

fn add_controls(linker: &mut Linker<Guest>) -> Result<()> {
    use Number::{
        ClaimMem, ClosePort, FindTask, GetCurrentTask, GetCurrentThread, GetMsg, GetMsgCount,
        LastError, MemSize, OpenPort, PassMem, SendMsg, ShareMem, WatchTask,
    };
    for number in [LastError, GetCurrentTask, GetCurrentThread] {
        linker.func_wrap(USUFRUCT, number.name(), move |caller: Caller<'_, Guest>| {
            control(caller, number, [0; 4])
        })?;
    }
    for number in [ClaimMem, MemSize, OpenPort, ClosePort, GetMsgCount] {
        linker.func_wrap(
            USUFRUCT,
            number.name(),
            move |caller: Caller<'_, Guest>, a: u32| control(caller, number, [a, 0, 0, 0]),
        )?;
    }
    for number in [PassMem, WatchTask, FindTask] {
        linker.func_wrap(
            USUFRUCT,
            number.name(),
            move |caller: Caller<'_, Guest>, a: u32, b: u32| control(caller, number, [a, b, 0, 0]),
        )?;
    }
    for number in [SendMsg, GetMsg] {
        let call = move |caller: Caller<'_, Guest>, a: u32, b: u32, c: u32| {
            control(caller, number, [a, b, c, 0])
        };
        linker.func_wrap(USUFRUCT, number.name(), call)?;
    }
    linker.func_wrap(
        USUFRUCT,
        ShareMem.name(),
        |caller: Caller<'_, Guest>, a: u32, b: u32, c: u32, d: u32| {
            control(caller, ShareMem, [a, b, c, d])
        },
    )?;
    Ok(())
}

fn add_page_calls(linker: &mut Linker<Guest>) -> Result<()> {
    use Number::{
        AllocMemBlocks, AvailMem, ControlMem, GetPageSize, IsMemOwned, IsMemReadable, IsMemWritable,
    };
    linker.func_wrap(
        USUFRUCT,
        ControlMem.name(),
        |caller: Caller<'_, Guest>, a: u32, b: u32, c: u32, d: u32| {
            control(caller, ControlMem, [a, b, c, d])
        },
    )?;
    for number in [AllocMemBlocks, IsMemReadable, IsMemWritable, IsMemOwned] {
        linker.func_wrap(
            USUFRUCT,
            number.name(),
            move |caller: Caller<'_, Guest>, a: u32, b: u32| control(caller, number, [a, b, 0, 0]),
        )?;
    }
    linker.func_wrap(
        USUFRUCT,
        GetPageSize.name(),
        |caller: Caller<'_, Guest>, a: u32| control(caller, GetPageSize, [a, 0, 0, 0]),
    )?;
    linker.func_wrap(
        USUFRUCT,
        AvailMem.name(),
        |caller: Caller<'_, Guest>, a: u32, b: u32| {
            control(caller, AvailMem, [a, b, 0, 0]);
        },
    )?;
    Ok(())
}

/// A call that never waits.
fn control(mut caller: Caller<'_, Guest>, number: Number, words: [u32; 4]) -> i32 {
    match begin(&mut caller, number, words) {
        Reply::Word(word) => word,
        // Core blocks in `wait_msg` only.
        Reply::Block(_) => -1,
    }
}

fn begin(caller: &mut Caller<'_, Guest>, number: Number, words: [u32; 4]) -> Reply {
    Guest::look_at_memory(caller);
    let state = caller.data_mut();
    let (border, thread) = state.border();
    let reply = copier::with(border.shared, |copier| {
        serve(&border, copier, thread, number, words.map(u64::from))
    });
    count(state, number, reply)
}

fn count(state: &Guest, number: Number, reply: Reply) -> Reply {
    if let Reply::Word(word) = reply {
        state.counters.count_call(number, word, &state.thread);
    }
    reply
}

/// The one call that waits: it costs the task's fiber, and no thread.
async fn wait_msg(mut caller: Caller<'_, Guest>, (port, timeout_ms): (u32, u32)) -> i32 {
    let mut reply = begin(&mut caller, Number::WaitMsg, [port, timeout_ms, 0, 0]);
    let mut deadline = None;
    loop {
        let wait = match reply {
            Reply::Word(word) => return word,
            Reply::Block(wait) => wait,
        };
        let state = caller.data();
        let bell = &state.bell;
        let rung = poll_fn(|context| bell.poll_rung(context));
        let is_late = match wait.timeout_ms {
            None => {
                rung.await;
                false
            }
            Some(ms) => {
                let ms = Duration::from_millis(u64::from(ms));
                let deadline = *deadline.get_or_insert_with(|| Instant::now() + ms);
                state.shared.clock.within(deadline, rung).await.is_none()
            }
        };
        let state = caller.data_mut();
        let (border, thread) = state.border();
        let resumed = resume(&border, thread, wait, is_late);
        reply = count(state, Number::WaitMsg, resumed);
    }
}
