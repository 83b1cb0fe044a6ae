//! What a program without an operating system has in WASI's place: how it ends, grows, reads
//! and writes, and starts threads. Calls of the bare machine alone; WebAssembly has no imports
//! of these names.
//!
//! A call is `syscall` with its number in rax and its words in rdi, rsi, rdx and r10. All
//! registers but rax, rcx and r11 are kept. Unlike the calls of [`Number`](crate::Number),
//! whose answer is an `int` in eax, these answer a `long` in rax, negative if they fail: a
//! [`StreamError`]. None of them touches `last_error`.
//!
//! Where a program begins:
//!
//! | register | has |
//! |---|---|
//! | rip | the entry of its ELF file |
//! | rsp | a multiple of 16: an entry that is a function in C must be called from there |
//! | rdi | where its strings begin, in memory of its own that it may read only |
//! | rsi | bytes of the arguments: each ends in NUL; the first is the task's name |
//! | rdx | bytes of the environment, right behind them: `NAME=value`, each ends in NUL |
//!
//! and where a thread that it starts does: rip and rsp as `spawn_thread` was told (rsp rounded
//! down to a multiple of 16), rdi the argument. All other registers are 0.

use crate::error::errors;
use crate::number::calls;

calls! {
    /// A call that the bare machine serves itself.
    NativeCall:
    /// `void exit(int status)`: ends the task, with all its threads. Does not return.
    Exit = 96, "exit", 1;
    /// `long grow_memory(long bytes)`: adds at least so many bytes of zeros, in whole pages,
    /// behind the heap, and answers where they begin: a multiple of the page size below
    /// 2 GiB. 0 bytes: only says where the heap ends. It never shrinks.
    GrowMemory = 97, "grow_memory", 1;
    /// `long open_stream(const char *path, int length, int flags)`: a file by the path that the
    /// system file gives it (no NUL is looked for). [`STREAM_READ`] opens what is there;
    /// [`STREAM_WRITE`] begins an empty file, in a writable folder. The stream's number, 3 or
    /// more.
    OpenStream = 98, "open_stream", 3;
    /// `long close_stream(int stream)`
    CloseStream = 99, "close_stream", 1;
    /// `long read_stream(int stream, void *buffer, long size)`: how many bytes were read; 0 at
    /// the end.
    ReadStream = 100, "read_stream", 3;
    /// `long write_stream(int stream, const void *buffer, long size)`: how many bytes were
    /// written, at least one if there are any.
    WriteStream = 101, "write_stream", 3;
    /// `long time_ms(void)`: milliseconds since the machine began; never goes back.
    TimeMs = 102, "time_ms", 0;
    /// `long yield_turn(void)`: lets others run. 0.
    YieldTurn = 103, "yield_turn", 0;
    /// `long spawn_thread(void (*entry)(void *), void *stack_end, void *argument)`: a thread
    /// of the same task, on a stack that the task has. Its number among the task's, 1 or more.
    /// The entry must not return: [`Self::ExitThread`].
    SpawnThread = 104, "spawn_thread", 3;
    /// `void exit_thread(void)`: ends the calling thread; with the last one the task exits
    /// with status 0.
    ExitThread = 105, "exit_thread", 0;
    /// `long grow_stack(long bytes)`: as `grow_memory`, at most 1 MiB, and between the heap as it
    /// was and what is added lies a page that nobody has and that later growth leaves out: who
    /// runs out of a stack there faults, and stores to nothing else, if each page of a frame is
    /// touched in turn. Rust does so; C compilers do with `-fstack-clash-protection`.
    GrowStack = 106, "grow_stack", 1;
}

/// `open_stream`: to read what is there.
pub const STREAM_READ: i32 = 1;
/// `open_stream`: to write a new file.
pub const STREAM_WRITE: i32 = 2;

errors! {
    /// What the calls of [`NativeCall`] answer instead of success: the negated numbers of WASI
    /// preview 1, whose place they take.
    StreamError:
    /// The stream is not open for this: to read only, to write only.
    BadStream = -8, "EBADF";
    /// The read was aborted: the task has lost a page that it read into, or the right to write
    /// it. No byte has gone from the stream.
    Canceled = -11, "ECANCELED";
    /// A buffer or a path is not memory that the task may use so; pages of the pool it must own.
    Fault = -21, "EFAULT";
    /// A flag, a size or a path that makes no sense.
    Invalid = -28, "EINVAL";
    /// The task has as many streams open as it can.
    TooManyStreams = -33, "EMFILE";
    /// No file has this path.
    NoEntry = -44, "ENOENT";
    /// The task's memory, or the machine's, is used up; or its places for threads are.
    NoMemory = -48, "ENOMEM";
    /// The folder is not writable for the task.
    NotCapable = -76, "ENOTCAPABLE";
}
