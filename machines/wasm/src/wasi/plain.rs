//! The calls whose arguments and results have a size of their own.

use wasmtime::{Caller, Linker, Result};
use wasmtime_wasi::p1::types::{Fdstat, Filestat, Prestat};
use wasmtime_wasi::p1::wasi_snapshot_preview1 as wasi;
use wiggle::GuestType as _;

use super::MODULE;
use super::call::{Call, Stop, answer};
use crate::state::Guest;

/// Offers calls: their words, and what their pointers are. `at_once` are plain
/// imports, `waiting` ones may wait on the task's fiber.
macro_rules! offer {
    ($linker:ident, at_once: $($name:ident(
        $($word:ident: $ty:ty),*) [$($pointer:ident: $way:ident($size:expr)),*];)*) => {$(
        $linker.func_wrap(
            MODULE,
            stringify!($name),
            |mut caller: Caller<'_, Guest>, $($word: $ty),*| -> Result<i32> {
                let mut call = Call::of(&mut caller);
                let mut go = || -> Result<i32, Stop> {
                    $(let $pointer = call.$way($pointer, $size)?;)*
                    call.begin()?;
                    let (context, mut memory) = call.wasi();
                    let errno = wasi::$name(context, &mut memory, $($word),*)?;
                    call.end(errno)
                };
                answer(go())
            },
        )?;
    )*};
    ($linker:ident, waiting: $($name:ident(
        $($word:ident: $ty:ty),*) [$($pointer:ident: $way:ident($size:expr)),*];)*) => {$(
        $linker.func_wrap_async(
            MODULE,
            stringify!($name),
            |mut caller: Caller<'_, Guest>, ($($word,)*): ($($ty,)*)| Box::new(async move {
                let mut call = Call::of(&mut caller);
                let go = async {
                    $(let $pointer = call.$way($pointer, $size)?;)*
                    call.begin()?;
                    let (context, mut memory) = call.wasi();
                    let errno = wasi::$name(context, &mut memory, $($word),*).await?;
                    call.end(errno)
                };
                answer(go.await)
            }),
        )?;
    )*};
}

pub(super) fn add_to_linker(linker: &mut Linker<Guest>) -> Result<()> {
    add_sizes_and_clocks(linker)?;
    add_descriptors(linker)?;
    add_attributes(linker)?;
    add_paths(linker)?;
    add_sockets(linker)
}

fn add_sizes_and_clocks(linker: &mut Linker<Guest>) -> Result<()> {
    offer! { linker, at_once:
        args_sizes_get(count: i32, bytes: i32) [count: store(4), bytes: store(4)];
        environ_sizes_get(count: i32, bytes: i32) [count: store(4), bytes: store(4)];
        clock_res_get(id: i32, time: i32) [time: store(8)];
        clock_time_get(id: i32, precision: i64, time: i32) [time: store(8)];
        proc_raise(signal: i32) [];
        sched_yield() [];
    }
    Ok(())
}

fn add_descriptors(linker: &mut Linker<Guest>) -> Result<()> {
    offer! { linker, at_once:
        fd_allocate(fd: i32, offset: i64, len: i64) [];
        fd_fdstat_set_flags(fd: i32, flags: i32) [];
        fd_fdstat_set_rights(fd: i32, base: i64, inheriting: i64) [];
        fd_prestat_get(fd: i32, prestat: i32) [prestat: store(Prestat::guest_size())];
        fd_tell(fd: i32, position: i32) [position: store(8)];
    }
    offer! { linker, waiting:
        fd_advise(fd: i32, offset: i64, len: i64, advice: i32) [];
        fd_close(fd: i32) [];
        fd_datasync(fd: i32) [];
        fd_renumber(fd: i32, to: i32) [];
        fd_seek(fd: i32, offset: i64, whence: i32, position: i32) [position: store(8)];
        fd_sync(fd: i32) [];
    }
    Ok(())
}

fn add_attributes(linker: &mut Linker<Guest>) -> Result<()> {
    offer! { linker, waiting:
        fd_fdstat_get(fd: i32, stat: i32) [stat: store(Fdstat::guest_size())];
        fd_filestat_get(fd: i32, stat: i32) [stat: store(Filestat::guest_size())];
        fd_filestat_set_size(fd: i32, size: i64) [];
        fd_filestat_set_times(fd: i32, accessed: i64, modified: i64, flags: i32) [];
        path_filestat_get(fd: i32, flags: i32, path: i32, len: i32, stat: i32)
            [path: path(len), stat: store(Filestat::guest_size())];
        path_filestat_set_times(
            fd: i32, flags: i32, path: i32, len: i32, accessed: i64, modified: i64, set: i32)
            [path: path(len)];
    }
    Ok(())
}

fn add_paths(linker: &mut Linker<Guest>) -> Result<()> {
    offer! { linker, waiting:
        path_create_directory(fd: i32, path: i32, len: i32) [path: path(len)];
        path_link(fd: i32, flags: i32, path: i32, len: i32, to_fd: i32, to: i32, to_len: i32)
            [path: path(len), to: path(to_len)];
        path_open(
            fd: i32, flags: i32, path: i32, len: i32, how: i32, rights: i64, inheriting: i64,
            mode: i32, opened: i32)
            [path: path(len), opened: store(4)];
        path_remove_directory(fd: i32, path: i32, len: i32) [path: path(len)];
        path_rename(fd: i32, path: i32, len: i32, to_fd: i32, to: i32, to_len: i32)
            [path: path(len), to: path(to_len)];
        path_symlink(path: i32, len: i32, fd: i32, to: i32, to_len: i32)
            [path: path(len), to: path(to_len)];
        path_unlink_file(fd: i32, path: i32, len: i32) [path: path(len)];
    }
    Ok(())
}

/// There are none: the answer is always an error, and no buffer is looked at.
fn add_sockets(linker: &mut Linker<Guest>) -> Result<()> {
    offer! { linker, at_once:
        sock_accept(fd: i32, flags: i32, accepted: i32) [accepted: store(4)];
        sock_recv(fd: i32, buffers: i32, count: i32, flags: i32, done: i32, told: i32)
            [done: store(4), told: store(2)];
        sock_send(fd: i32, buffers: i32, count: i32, flags: i32, done: i32) [done: store(4)];
        sock_shutdown(fd: i32, how: i32) [];
    }
    Ok(())
}
