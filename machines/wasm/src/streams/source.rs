//! Input from outside the process: one thread reads, when a task asks for it.
//!
//! Tasks that share a source take turns, oldest first, and each byte goes to one
//! of them. A task that is killed while it waits takes nothing along.

use std::fmt;
use std::io::{self, Read};
use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;

use bytes::Bytes;
use tokio::sync::Notify;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdinStream};
use wasmtime_wasi::p2::{InputStream, Pollable, StreamError, StreamResult};

use super::retry_after;

/// Bytes that the thread reads at once.
const PIECE_BYTES: usize = 64 << 10;

/// Where tasks' input comes from, in the host: a stream that may block. Clones
/// are the same source. Nothing is read before a task asks for it.
#[derive(Clone)]
pub struct Source(Arc<Handle>);

/// Everybody's but the thread's own share of a source.
struct Handle {
    inside: Arc<Inside>,
    is_terminal: bool,
}

struct Inside {
    state: Mutex<State>,
    /// The stream, until the thread takes it.
    stream: Mutex<Option<Box<dyn Read + Send>>>,
    /// For the thread: somebody asks, or there are no handles any more.
    is_asked: Condvar,
    /// Whose turn it is to take bytes.
    turn: tokio::sync::Mutex<()>,
    /// There is an answer.
    is_read: Notify,
}

#[derive(Default)]
struct State {
    read: Bytes,
    is_asked: bool,
    has_thread: bool,
    is_closed: bool,
    end: Option<End>,
}

/// Why nothing more comes.
enum End {
    Reached,
    /// To be told once.
    Failed(io::Error),
}

impl Source {
    /// Input from `stream`, which may block.
    #[must_use]
    pub fn new(stream: impl Read + Send + 'static) -> Self {
        Self::of(Box::new(stream), false)
    }

    fn of(stream: Box<dyn Read + Send>, is_terminal: bool) -> Self {
        let inside = Inside {
            state: Mutex::default(),
            stream: Mutex::new(Some(stream)),
            is_asked: Condvar::new(),
            turn: tokio::sync::Mutex::new(()),
            is_read: Notify::new(),
        };
        Self(Arc::new(Handle {
            inside: Arc::new(inside),
            is_terminal,
        }))
    }

    /// The host's own standard input: what [`Input::Inherit`](super::Input) reads,
    /// in all systems of this process.
    #[must_use]
    pub fn stdin() -> Self {
        static STDIN: OnceLock<Source> = OnceLock::new();
        let stdin = || Self::of(Box::new(io::stdin()), io::stdin().is_terminal());
        STDIN.get_or_init(stdin).clone()
    }
}

impl Inside {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Up to `size` of the bytes that are there, or how it ended. `None`: nothing
    /// is there yet, and the thread has been asked.
    fn take(self: &Arc<Self>, size: usize) -> Option<StreamResult<Bytes>> {
        let mut state = self.state();
        if !state.read.is_empty() {
            let size = size.min(state.read.len());
            return Some(Ok(state.read.split_to(size)));
        }
        if let Some(end) = &mut state.end {
            return Some(Err(match std::mem::replace(end, End::Reached) {
                End::Reached => StreamError::Closed,
                End::Failed(error) => StreamError::LastOperationFailed(error.into()),
            }));
        }
        self.ask(&mut state)
            .err()
            .map(|error| Err(StreamError::LastOperationFailed(error.into())))
    }

    fn ask(self: &Arc<Self>, state: &mut State) -> io::Result<()> {
        if !state.has_thread {
            let inside = self.clone();
            thread::Builder::new()
                .name("usufruct-input".to_owned())
                .spawn(move || inside.read_in())?;
            state.has_thread = true;
        }
        state.is_asked = true;
        self.is_asked.notify_one();
        Ok(())
    }

    /// What `look` answers as soon as it does, asked again after each read.
    async fn when<R>(&self, mut look: impl FnMut() -> Option<R>) -> R {
        loop {
            let mut is_read = pin!(self.is_read.notified());
            is_read.as_mut().enable();
            if let Some(answer) = look() {
                return answer;
            }
            is_read.await;
        }
    }

    /// The thread's life.
    fn read_in(&self) {
        let stream = self.stream.lock();
        let Some(mut stream) = stream.unwrap_or_else(PoisonError::into_inner).take() else {
            return;
        };
        let mut piece = vec![0; PIECE_BYTES];
        while self.wait_until_asked() {
            let outcome = read(&mut *stream, &mut piece);
            let mut state = self.state();
            state.is_asked = false;
            match outcome {
                Ok(0) => state.end = Some(End::Reached),
                Ok(size) => {
                    state.read = Bytes::copy_from_slice(piece.get(..size).unwrap_or_default());
                }
                Err(error) => state.end = Some(End::Failed(error)),
            }
            let is_over = state.end.is_some();
            drop(state);
            self.is_read.notify_waiters();
            if is_over {
                return;
            }
        }
    }

    /// False: nobody will ask any more.
    fn wait_until_asked(&self) -> bool {
        let mut state = self.state();
        while !state.is_asked {
            if state.is_closed {
                return false;
            }
            let woken = self.is_asked.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
        }
        true
    }
}

/// Reads something, or the end, whether the host's stream blocks or not.
fn read(stream: &mut dyn Read, piece: &mut [u8]) -> io::Result<usize> {
    loop {
        match stream.read(piece) {
            Ok(size) => return Ok(size),
            Err(error) => retry_after(error)?,
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.inside.state().is_closed = true;
        self.inside.is_asked.notify_one();
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.inside.state();
        write!(f, "Source({} bytes read and not taken)", state.read.len())
    }
}

impl IsTerminal for Source {
    fn is_terminal(&self) -> bool {
        self.0.is_terminal
    }
}

impl StdinStream for Source {
    fn async_stream(&self) -> Box<dyn tokio::io::AsyncRead + Send + Sync> {
        unreachable!("preview 3 asks for it, and is not offered")
    }

    fn p2_stream(&self) -> Box<dyn InputStream> {
        Box::new(self.clone())
    }
}

#[async_trait]
impl Pollable for Source {
    async fn ready(&mut self) {
        let inside = &self.0.inside;
        let is_there = || {
            let mut state = inside.state();
            let is_there = !state.read.is_empty() || state.end.is_some();
            // What keeps the thread from starting, a read will be told.
            (is_there || inside.ask(&mut state).is_err()).then_some(())
        };
        inside.when(is_there).await;
    }
}

#[async_trait]
impl InputStream for Source {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        self.0.inside.take(size).unwrap_or(Ok(Bytes::new()))
    }

    async fn blocking_read(&mut self, size: usize) -> StreamResult<Bytes> {
        let inside = &self.0.inside;
        let _turn = inside.turn.lock().await;
        inside.when(|| inside.take(size)).await
    }
}
