//! The calls whose results have a size that only the call tells, or that need

//! their work cut in pieces.

use wasmtime::{Caller, Linker, Result};
use wasmtime_wasi::p1::WasiP1Ctx;
use wasmtime_wasi::p1::types::{Errno, Event, Prestat, Subscription};
use wasmtime_wasi::p1::wasi_snapshot_preview1 as wasi;
use wiggle::{GuestMemory, GuestType as _};

use super::MODULE;
use super::call::{Call, Stop, answer};
use crate::state::Guest;

/// Random bytes that are made at a time.
const RANDOM_BYTES: u32 = 64 << 10;

/// What one `fd_readdir` lists at most. A task may not be given less than it
/// asks for: that would mean the end. So one that asks for more is refused.
const LISTING_BYTES: u32 = 1 << 20;

/// What a path, a link or the name of a directory takes at most.
const NAME_BYTES: u32 = 4096;

/// What one `poll_oneoff` waits for at most.
const SUBSCRIPTIONS: u32 = 256;

pub(super) fn add_to_linker(linker: &mut Linker<Guest>) -> Result<()> {
    linker.func_wrap(
        MODULE,
        "args_get",
        |mut caller: Caller<'_, Guest>, pointers, bytes| {
            let ways: Strings = (wasi::args_sizes_get, wasi::args_get);
            answer(strings(&mut caller, (pointers, bytes), ways))
        },
    )?;
    linker.func_wrap(
        MODULE,
        "environ_get",
        |mut caller: Caller<'_, Guest>, pointers, bytes| {
            let ways: Strings = (wasi::environ_sizes_get, wasi::environ_get);
            answer(strings(&mut caller, (pointers, bytes), ways))
        },
    )?;
    linker.func_wrap(
        MODULE,
        "fd_prestat_dir_name",
        |mut caller: Caller<'_, Guest>, fd, path, len| {
            answer(prestat_dir_name(&mut caller, fd, (path, len)))
        },
    )?;
    linker.func_wrap(
        MODULE,
        "proc_exit",
        |mut caller: Caller<'_, Guest>, status: i32| {
            let mut none = GuestMemory::Unshared(&mut []);
            wasi::proc_exit(caller.data_mut().wasi(), &mut none, status)
        },
    )?;
    add_waiting(linker)
}

fn add_waiting(linker: &mut Linker<Guest>) -> Result<()> {
    linker.func_wrap_async(MODULE, "random_get", |caller, (buffer, len): (i32, i32)| {
        Box::new(async move { answer(random_get(caller, (buffer, len)).await) })
    })?;
    linker.func_wrap_async(
        MODULE,
        "fd_readdir",
        |caller, (fd, buffer, len, cookie, used): (i32, i32, i32, i64, i32)| {
            let from = (fd, cookie);
            Box::new(async move { answer(readdir(caller, from, (buffer, len), used).await) })
        },
    )?;
    linker.func_wrap_async(
        MODULE,
        "path_readlink",
        |caller, (fd, path, path_len, buffer, len, used): (i32, i32, i32, i32, i32, i32)| {
            let link = (fd, path, path_len);
            Box::new(async move { answer(readlink(caller, link, (buffer, len), used).await) })
        },
    )?;
    linker.func_wrap_async(
        MODULE,
        "poll_oneoff",
        |caller, (subscriptions, events, count, happened): (i32, i32, i32, i32)| {
            let what = (subscriptions, events, count);
            Box::new(async move { answer(poll_oneoff(caller, what, happened).await) })
        },
    )?;
    Ok(())
}

/// One of wasmtime-wasi's calls with two words.
type TwoWords = fn(&mut WasiP1Ctx, &mut GuestMemory<'_>, i32, i32) -> Result<i32>;
/// The calls that tell how much there is, and give it.
type Strings = (TwoWords, TwoWords);

/// `args_get` and `environ_get`: the strings, and an array of where they are.
fn strings(
    caller: &mut Caller<'_, Guest>,
    (pointers, bytes): (i32, i32),
    (sizes_get, get): Strings,
) -> Result<i32, Stop> {
    let (count, size) = {
        let mut call = Call::of(caller);
        let (count, size) = (call.own(4)?.cast_signed(), call.own(4)?.cast_signed());
        call.begin()?;
        let (context, mut memory) = call.wasi();
        sizes_get(context, &mut memory, count, size)?;
        (call.word(count), call.word(size))
    };
    let mut call = Call::of(caller);
    let array = call.store(pointers, count.checked_mul(4).ok_or(Errno::Overflow)?)?;
    let strings = call.store(bytes, size)?;
    call.begin()?;
    let (context, mut memory) = call.wasi();
    let errno = get(context, &mut memory, array, strings)?;
    // The array names places in the call's own memory; the task has its own.
    for pointer in (0..count).map(|index| array.cast_unsigned() + index * 4) {
        let offset = call
            .word(pointer.cast_signed())
            .wrapping_sub(strings.cast_unsigned());
        call.set_word(pointer, bytes.cast_unsigned().wrapping_add(offset))?;
    }
    call.end(errno)
}

fn prestat_dir_name(
    caller: &mut Caller<'_, Guest>,
    fd: i32,
    (path, len): (i32, i32),
) -> Result<i32, Stop> {
    let mut call = Call::of(caller);
    let name = call.room(path, len, NAME_BYTES)?;
    let prestat = call.own(Prestat::guest_size())?.cast_signed();
    call.begin()?;
    let (context, mut memory) = call.wasi();
    let at = name.at.cast_signed();
    let most = name.len.cast_signed();
    let errno = wasi::fd_prestat_dir_name(context, &mut memory, fd, at, most)?;
    if errno == Errno::Success as i32 {
        wasi::fd_prestat_get(context, &mut memory, fd, prestat)?;
        let len = call.word(prestat + 4);
        call.copy_back(name, len)?;
    }
    Ok(errno)
}

async fn random_get(mut caller: Caller<'_, Guest>, (buffer, len): (i32, i32)) -> Result<i32, Stop> {
    Call::of(&mut caller).room(buffer, len, 0)?;
    let mut done = 0;
    loop {
        let piece = (len.cast_unsigned() - done).min(RANDOM_BYTES);
        let mut call = Call::of(&mut caller);
        let at = call.store(buffer.wrapping_add_unsigned(done), piece)?;
        call.begin()?;
        let (context, mut memory) = call.wasi();
        let errno = wasi::random_get(context, &mut memory, at, piece.cast_signed())?;
        let errno = call.end(errno)?;
        done += piece;
        if done == len.cast_unsigned() || errno != Errno::Success as i32 {
            return Ok(errno);
        }
        tokio::task::yield_now().await;
    }
}

async fn readdir(
    mut caller: Caller<'_, Guest>,
    (fd, cookie): (i32, i64),
    (buffer, len): (i32, i32),
    used: i32,
) -> Result<i32, Stop> {
    let mut call = Call::of(&mut caller);
    let listing = call.room(buffer, len, LISTING_BYTES)?;
    let used = call.store(used, 4)?;
    if len.cast_unsigned() > LISTING_BYTES {
        return Err(Errno::Nomem.into());
    }
    call.begin()?;
    let (context, mut memory) = call.wasi();
    let at = listing.at.cast_signed();
    let errno = wasi::fd_readdir(context, &mut memory, fd, at, len, cookie, used).await?;
    if errno == Errno::Success as i32 {
        let len = call.word(used);
        call.copy_back(listing, len)?;
    }
    call.end(errno)
}

async fn readlink(
    mut caller: Caller<'_, Guest>,
    (fd, path, path_len): (i32, i32, i32),
    (buffer, len): (i32, i32),
    used: i32,
) -> Result<i32, Stop> {
    let mut call = Call::of(&mut caller);
    let path = call.path(path, path_len)?;
    let target = call.room(buffer, len, NAME_BYTES)?;
    let used = call.store(used, 4)?;
    call.begin()?;
    let (context, mut memory) = call.wasi();
    let (at, most) = (target.at.cast_signed(), target.len.cast_signed());
    let errno =
        wasi::path_readlink(context, &mut memory, fd, path, path_len, at, most, used).await?;
    if errno == Errno::Success as i32 {
        let len = call.word(used);
        call.copy_back(target, len)?;
    }
    call.end(errno)
}

async fn poll_oneoff(
    mut caller: Caller<'_, Guest>,
    (subscriptions, events, count): (i32, i32, i32),
    happened: i32,
) -> Result<i32, Stop> {
    if count.cast_unsigned() > SUBSCRIPTIONS {
        return Err(Errno::Inval.into());
    }
    let mut call = Call::of(&mut caller);
    let subscriptions = call.load(
        subscriptions,
        count.cast_unsigned() * Subscription::guest_size(),
    )?;
    let room = count.cast_unsigned() * Event::guest_size();
    let events = call.room(events, room.cast_signed(), room)?;
    let happened = call.store(happened, 4)?;
    call.begin()?;
    let (context, mut memory) = call.wasi();
    let at = events.at.cast_signed();
    let errno = wasi::poll_oneoff(context, &mut memory, subscriptions, at, count, happened).await?;
    if errno == Errno::Success as i32 {
        let len = call.word(happened).saturating_mul(Event::guest_size());
        call.copy_back(events, len)?;
    }
    call.end(errno)
}
