//! Output that leaves the process: tasks hand bytes over, one thread writes them.
//!
//! So a consumer that stops reading stops the tasks that write to it, each at
//! the cost of its fiber, and no worker. Writers take turns, oldest first, piece
//! by piece; a piece stays together, and pieces keep their order.

use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::Notify;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

use super::retry_after;

/// Bytes that wait for the thread, beside those that it is writing, before
/// tasks have to wait.
const ROOM_BYTES: usize = 64 << 10;

/// Where tasks' output goes, in the host: to a stream that may block. Clones are
/// the same sink. Its thread starts with the first byte, and ends when all clones
/// are gone and everything is written.
#[derive(Clone)]
pub struct Sink(Arc<Handle>);

/// Everybody's but the thread's own share of a sink.
struct Handle {
    inside: Arc<Inside>,
    is_terminal: bool,
}

struct Inside {
    state: Mutex<State>,
    /// The stream, until the thread takes it.
    stream: Mutex<Option<Box<dyn Write + Send>>>,
    /// For the thread: there are bytes, or no handles any more.
    is_more: Condvar,
    /// For whoever flushes.
    is_written: Condvar,
    /// Whose turn it is to hand a piece over.
    turn: tokio::sync::Mutex<()>,
    /// For the one whose turn it is.
    is_room: Notify,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    /// Bytes handed over so far, and those of them that are written.
    handed_over: u64,
    written: u64,
    has_thread: bool,
    is_closed: bool,
    /// The stream has failed: nothing goes through it any more.
    failure: Option<Failure>,
}

/// What is left of an [`io::Error`], to be told more than once.
#[derive(Clone, Copy)]
struct Failure(Option<i32>, ErrorKind);

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self(error.raw_os_error(), error.kind())
    }
}

impl From<Failure> for io::Error {
    fn from(Failure(number, kind): Failure) -> Self {
        number.map_or_else(|| kind.into(), Self::from_raw_os_error)
    }
}

impl Sink {
    /// Output to `stream`, which may block.
    #[must_use]
    pub fn new(stream: impl Write + Send + 'static) -> Self {
        Self::of(Box::new(stream), false)
    }

    fn of(stream: Box<dyn Write + Send>, is_terminal: bool) -> Self {
        let inside = Inside {
            state: Mutex::default(),
            stream: Mutex::new(Some(stream)),
            is_more: Condvar::new(),
            is_written: Condvar::new(),
            turn: tokio::sync::Mutex::new(()),
            is_room: Notify::new(),
        };
        Self(Arc::new(Handle {
            inside: Arc::new(inside),
            is_terminal,
        }))
    }

    /// The host's own standard output: what [`Output::Inherit`](super::Output)
    /// goes through, in all systems of this process.
    #[must_use]
    pub fn stdout() -> Self {
        static STDOUT: OnceLock<Sink> = OnceLock::new();
        let stdout = || Self::of(Box::new(io::stdout()), io::stdout().is_terminal());
        STDOUT.get_or_init(stdout).clone()
    }

    /// The host's own standard error. Where that is the same file as standard
    /// output it is the same sink, so that what tasks write stays in order.
    #[must_use]
    pub fn stderr() -> Self {
        static STDERR: OnceLock<Sink> = OnceLock::new();
        let stderr = || {
            if are_outputs_one_file() {
                Self::stdout()
            } else {
                Self::of(Box::new(io::stderr()), io::stderr().is_terminal())
            }
        };
        STDERR.get_or_init(stderr).clone()
    }

    /// Waits until what tasks have handed over by now is written, at most for
    /// `limit`. Blocks the thread.
    ///
    /// # Errors
    ///
    /// Why the stream has failed; [`ErrorKind::TimedOut`] if it still blocks
    /// when the time is up.
    pub fn flush(&self, limit: Option<Duration>) -> io::Result<()> {
        let inside = &self.0.inside;
        let begun = Instant::now();
        let mut state = inside.state();
        let goal = state.handed_over;
        while state.written < goal && state.failure.is_none() {
            let wait = match limit {
                None => Duration::MAX,
                Some(limit) => limit.saturating_sub(begun.elapsed()),
            };
            if wait.is_zero() {
                return Err(ErrorKind::TimedOut.into());
            }
            let woken = inside.is_written.wait_timeout(state, wait);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.failure.map_or(Ok(()), |failure| Err(failure.into()))
    }

    /// Whether the two are clones of each other.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Whether this is the last clone, and everything is written.
    pub(crate) fn is_over(&self) -> bool {
        let state = self.0.inside.state();
        let is_written = state.written == state.handed_over || state.failure.is_some();
        is_written && Arc::strong_count(&self.0) == 1
    }

    /// Waits for one's turn and for room, and hands `bytes` over in one piece.
    async fn hand_over(&self, bytes: &[u8]) -> io::Result<()> {
        let inside = &self.0.inside;
        let _turn = inside.turn.lock().await;
        inside.room().await;
        inside.accept(bytes)
    }
}

impl Inside {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the next piece has room, or the stream has failed.
    async fn room(&self) {
        loop {
            let mut is_room = pin!(self.is_room.notified());
            is_room.as_mut().enable();
            {
                let state = self.state();
                if state.waiting.len() < ROOM_BYTES || state.failure.is_some() {
                    return;
                }
            }
            is_room.await;
        }
    }

    /// Takes a piece for the thread to write.
    fn accept(self: &Arc<Self>, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        if let Some(failure) = state.failure {
            return Err(failure.into());
        }
        if !state.has_thread {
            let inside = self.clone();
            thread::Builder::new()
                .name("usufruct-output".to_owned())
                .spawn(move || inside.write_out())?;
            state.has_thread = true;
        }
        state.waiting.extend_from_slice(bytes);
        state.handed_over += bytes.len() as u64;
        self.is_more.notify_one();
        Ok(())
    }

    /// The thread's life.
    fn write_out(&self) {
        let stream = self.stream.lock();
        let Some(mut stream) = stream.unwrap_or_else(PoisonError::into_inner).take() else {
            return;
        };
        let mut piece = Vec::new();
        while self.take(&mut piece) {
            let outcome = write_all(&mut *stream, &piece);
            let mut state = self.state();
            state.written += piece.len() as u64;
            if let Err(error) = outcome {
                state.failure = Some(error.into());
            }
            let has_failed = state.failure.is_some();
            drop(state);
            self.is_written.notify_all();
            if has_failed {
                self.is_room.notify_waiters();
                return;
            }
            piece.clear();
        }
    }

    /// Waits for bytes, and takes all of them; false: there will be none.
    fn take(&self, piece: &mut Vec<u8>) -> bool {
        let mut state = self.state();
        while state.waiting.is_empty() {
            if state.is_closed {
                return false;
            }
            let woken = self.is_more.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
        }
        std::mem::swap(&mut state.waiting, piece);
        drop(state);
        self.is_room.notify_waiters();
        true
    }
}

/// Writes all of it, whether the host's stream blocks or not.
fn write_all(stream: &mut dyn Write, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match stream.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(error) => retry_after(error)?,
        }
    }
    loop {
        match stream.flush() {
            Ok(()) => return Ok(()),
            Err(error) => retry_after(error)?,
        }
    }
}

#[cfg(unix)]
fn are_outputs_one_file() -> bool {
    use std::os::fd::{AsFd as _, BorrowedFd};
    use std::os::unix::fs::MetadataExt as _;
    let file = |stream: BorrowedFd<'_>| {
        let metadata = std::fs::File::from(stream.try_clone_to_owned()?).metadata()?;
        io::Result::Ok((metadata.dev(), metadata.ino()))
    };
    match (file(io::stdout().as_fd()), file(io::stderr().as_fd())) {
        (Ok(stdout), Ok(stderr)) => stdout == stderr,
        _ => false,
    }
}

#[cfg(not(unix))]
fn are_outputs_one_file() -> bool {
    false
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.inside.state().is_closed = true;
        self.inside.is_more.notify_one();
    }
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.inside.state();
        write!(
            f,
            "Sink({} bytes, {} written)",
            state.handed_over, state.written
        )
    }
}

impl IsTerminal for Sink {
    fn is_terminal(&self) -> bool {
        self.0.is_terminal
    }
}

impl StdoutStream for Sink {
    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        unreachable!("preview 3 asks for it, and is not offered")
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[async_trait]
impl Pollable for Sink {
    async fn ready(&mut self) {
        let inside = &self.0.inside;
        let _turn = inside.turn.lock().await;
        inside.room().await;
    }
}

/// Preview 1 writes by `blocking_write_and_flush` alone. Handed over is written,
/// as far as a task can tell: what fails afterwards is told at its next write.
#[async_trait]
impl OutputStream for Sink {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.0.inside.accept(&bytes).map_err(failed)
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.check_write().map(drop)
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        let state = self.0.inside.state();
        match state.failure {
            Some(failure) => Err(failed(failure.into())),
            None => Ok(ROOM_BYTES.saturating_sub(state.waiting.len())),
        }
    }

    async fn blocking_write_and_flush(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.hand_over(&bytes).await.map_err(failed)
    }
}

/// With the operating system's own error, so that the task gets its number.
fn failed(error: io::Error) -> StreamError {
    StreamError::LastOperationFailed(error.into())
}
