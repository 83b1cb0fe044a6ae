//! How a system and its tasks are set up.

use std::fmt;
use std::io;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use thiserror::Error;
use usufruct_core::{BadLimits, Denied, Event, Limits, Quota};
use wasmtime::Linker;

use crate::fences::{Order, STREAK};
use crate::layout::HEAP_LIMIT_BYTES;
use crate::machine::Listener;
use crate::pool::{PoolError, Protection};
use crate::state::Guest;
use crate::streams::Streams;

/// How a [`System`](crate::System) is made.
#[derive(Clone)]
pub struct Config {
    /// Threads that run tasks. By default one for each processor.
    pub workers: u32,
    /// How large the kernel's tables are; its processors are the workers.
    pub limits: Limits,
    /// How long a task runs before it is the next one's turn: about a millisecond.
    pub slice: Duration,
    /// The size of the page pool, in bytes, rounded up to pages: at most 2 GiB.
    /// 0, the default: there is none. (`limits.pool` follows from this.)
    pub pool_bytes: u64,
    /// How the pool's pages are kept from being stored to.
    pub protection: Protection,
    pub(crate) listener: Option<Arc<Listener>>,
    /// Where compiled modules are kept, so that the next system need not compile
    /// them again: an absolute path; `None`, the default: nowhere. What lies
    /// there is run as it is, so only who may run code in this process may
    /// write there.
    pub cache: Option<PathBuf>,
    pub(crate) imports: Option<Arc<AddImports>>,
    pub(crate) order: Order,
    pub(crate) streak: NonZeroU32,
    pub(crate) protects: bool,
}

/// Adds an embedder's own imports.
type AddImports = dyn Fn(&mut Linker<Guest>) -> wasmtime::Result<()> + Send + Sync;

impl Default for Config {
    fn default() -> Self {
        let workers =
            available_parallelism().map_or(1, |count| u32::try_from(count.get()).unwrap_or(1));
        Self {
            workers,
            limits: Limits::default(),
            slice: Duration::from_millis(1),
            pool_bytes: 0,
            protection: Protection::Auto,
            listener: None,
            cache: None,
            imports: None,
            order: Order::Biased,
            streak: STREAK,
            protects: true,
        }
    }
}

impl Config {
    /// Has every transition and refusal of the kernel told to `listener`, on
    /// whatever thread it happens, mostly with the kernel's lock held: it must
    /// be quick, and must not use the system.
    #[must_use]
    pub fn with_trace(mut self, listener: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        self.listener = Some(Arc::new(listener));
        self
    }

    /// Offers every task more than usufruct's calls and WASI: what `add` defines.
    /// The functions get at their caller by [`Guest`]; they must not block, and must
    /// not look at its memory as a slice: other tasks' copies store there meanwhile.
    /// [`Imports`](crate::Imports) lets them copy instead, and is what hosts want.
    #[must_use]
    pub fn with_imports(
        mut self,
        add: impl Fn(&mut Linker<Guest>) -> wasmtime::Result<()> + Send + Sync + 'static,
    ) -> Self {
        self.imports = Some(Arc::new(add));
        self
    }

    /// Takes the wait out of every revocation, to see bytes arrive late: for
    /// the hammer test alone. Memories are never given back then.
    #[doc(hidden)]
    #[must_use]
    pub fn without_barrier(mut self) -> Self {
        self.order = Order::None;
        self
    }

    /// Has copies announce their pins without a fence though nobody makes up for it, to
    /// see bytes arrive late: for the hammer test alone.
    #[doc(hidden)]
    #[must_use]
    pub fn without_fences(mut self) -> Self {
        self.order = Order::Unfenced;
        self
    }

    /// Has copies do without a fence of their own after so few through one object, at
    /// least one.
    #[doc(hidden)]
    #[must_use]
    pub fn with_streak(mut self, copies: u32) -> Self {
        self.streak = NonZeroU32::new(copies).unwrap_or(NonZeroU32::MIN);
        self
    }

    /// Has every copy fenced, as where the operating system has no `membarrier`.
    #[doc(hidden)]
    #[must_use]
    pub fn with_fenced_copies(mut self) -> Self {
        self.order = Order::Fenced;
        self
    }

    /// Has no page protected again that could be stored to, to see stores land
    /// late: for the hammer test alone.
    #[doc(hidden)]
    #[must_use]
    pub fn without_protection(mut self) -> Self {
        self.protects = false;
        self
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("workers", &self.workers)
            .field("limits", &self.limits)
            .field("slice", &self.slice)
            .field("pool_bytes", &self.pool_bytes)
            .field("protection", &self.protection)
            .finish_non_exhaustive()
    }
}

/// Who a new task is, and what it gets.
#[derive(Clone, Debug)]
pub struct Spec {
    /// Its name: 1 to 31 bytes, unique among the living.
    pub name: String,
    /// Where its heap ends, in bytes; the module's own maximum and the end of
    /// all heaps count besides.
    pub memory_bytes: u64,
    /// How much of the kernel's tables it may use, and of the pool if it is attached.
    pub quota: Quota,
    /// Whether it sees the pool. `None`: if `quota` says something about the
    /// pool, or its module imports a call on pages and there is a pool.
    pub attached: Option<bool>,
    /// Arguments, environment, directories, standard streams.
    pub streams: Streams,
}

impl Spec {
    /// A task that gets nothing but memory.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            memory_bytes: HEAP_LIMIT_BYTES,
            quota: Quota::default(),
            attached: None,
            streams: Streams::default(),
        }
    }
}

/// Why a system can not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// No workers.
    #[error("`workers` must be 1 or more")]
    Workers,
    /// The kernel refuses its limits.
    #[error(transparent)]
    Limits(#[from] BadLimits),
    /// The engine does not do what this machine takes for granted.
    #[error(
        "this build of wasmtime can not be trusted with tasks: {0}; use the version that Cargo.lock names"
    )]
    SelfTest(String),
    /// There can be no such pool here.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// The engine or the operating system does not do what the pool takes for granted.
    #[error(
        "the pool can not be trusted to keep tasks apart: {0}; choose the other protection, or run without a pool"
    )]
    PoolTest(String),
    /// The host's own address space can not be reserved.
    #[error(
        "the host gets no address space for its buffers: {0}; allow the process more (ulimit -v)"
    )]
    Arena(io::Error),
    /// There can be no such folder for compiled modules.
    #[error("compiled modules can not be kept in '{}': {error:#}; name an absolute path that may be written to", folder.display())]
    Cache {
        /// The folder.
        folder: PathBuf,
        /// What is wrong with it.
        error: wasmtime::Error,
    },
    /// The engine can not be made on this machine.
    #[error("wasmtime does not start: {0:#}")]
    Engine(wasmtime::Error),
    /// The operating system gives no threads.
    #[error("the worker threads do not start: {0}")]
    Threads(io::Error),
}

/// Why a task can not be made. Nothing is left of it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MakeError {
    /// The kernel refuses it.
    #[error("task '{name}': {denied}")]
    Denied {
        /// The task's name.
        name: String,
        /// Why.
        denied: Denied,
    },
    /// Its module starts with more memory than it may have.
    #[error(
        "task '{name}': its module starts with {minimum_bytes} bytes of memory, and its limit is {limit_bytes}; raise the limit"
    )]
    Memory {
        /// The task's name.
        name: String,
        /// What the module asks for.
        minimum_bytes: u64,
        /// What the task may have.
        limit_bytes: u64,
    },
    /// It is to see the pool, and there is none.
    #[error("task '{name}' is to be attached to a pool, and this system has none; give it one")]
    NoPool {
        /// The task's name.
        name: String,
    },
    /// A directory can not be opened.
    #[error("task '{name}': directory '{}' can not be opened: {error}", path.display())]
    Directory {
        /// The task's name.
        name: String,
        /// The directory.
        path: PathBuf,
        /// What the operating system says.
        error: io::Error,
    },
}
