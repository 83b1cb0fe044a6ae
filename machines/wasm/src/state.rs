//! What a task's Store keeps: who the task is, its memory, its limits, its
//! input and output.

use std::fmt;
use std::sync::Arc;

use usufruct_core::{TaskId, Thread};
use wasmtime::{Caller, Memory as WasmMemory, ResourceLimiter};
use wasmtime_wasi::WasiCtxBuilder;
use wasmtime_wasi::p1::WasiP1Ctx;

use crate::counters::Counters;
use crate::forbidden::Noted;
use crate::layout::HEAP_LIMIT_BYTES;
use crate::machine::{Border, Shared};
use crate::space::Memory;
use crate::wake::Bell;

/// Entries that a task's tables may have, each: few enough that copying or
/// growing one, which nothing cuts short, takes some milliseconds at most.
const TABLE_LIMIT: usize = 1 << 17;

/// The data of a task's Store: for an embedder's own imports
/// ([`Config::with_imports`](crate::Config::with_imports)), who is calling.
pub struct Guest {
    pub(crate) shared: Arc<Shared>,
    pub(crate) thread: Thread,
    pub(crate) counters: Arc<Counters>,
    pub(crate) bell: Arc<Bell>,
    /// `None`: the program has no use for it, so far.
    wasi: Option<WasiP1Ctx>,
    pub(crate) limits: Limits,
    /// The module's memory, once there is an instance.
    pub(crate) exported: Option<WasmMemory>,
    /// Where that memory is, as of the last look.
    pub(crate) memory: Memory,
    /// The store to the pool that has ended the task.
    pub(crate) forbidden: Noted,
}

impl Guest {
    pub(crate) fn new(
        shared: Arc<Shared>,
        thread: Thread,
        bell: Arc<Bell>,
        wasi: Option<WasiP1Ctx>,
        memory_bytes: u64,
    ) -> Self {
        Self {
            bell,
            shared,
            thread,
            counters: Arc::new(Counters::default()),
            wasi,
            limits: Limits::new(memory_bytes),
            exported: None,
            memory: Memory::NONE,
            forbidden: Noted::default(),
        }
    }

    /// The task that calls.
    #[must_use]
    pub fn task(&self) -> TaskId {
        self.thread.task()
    }

    /// What WASI keeps for the task.
    pub(crate) fn wasi(&mut self) -> &mut WasiP1Ctx {
        self.wasi
            .get_or_insert_with(|| WasiCtxBuilder::new().build_p1())
    }

    /// The task's memory as of now, published for the others. Cheap unless the
    /// guest has grown it since the last call.
    #[inline(always)]
    pub(crate) fn look_at_memory(caller: &mut Caller<'_, Self>) {
        if caller.data().limits.may_have_grown {
            Self::look_again(caller);
        }
    }

    #[cold]
    fn look_again(caller: &mut Caller<'_, Self>) {
        let Some(exported) = caller.data().exported else {
            return;
        };
        let memory = Memory::of(&exported, &*caller);
        let state = caller.data_mut();
        state.memory = memory;
        state.limits.may_have_grown = false;
        state.shared.spaces.grow(state.thread.key(), memory);
    }

    /// The machine as a call of this task sees it, and the caller's identity.
    #[inline(always)]
    pub(crate) fn border(&mut self) -> (Border<'_>, &mut Thread) {
        let border = Border {
            shared: &self.shared,
            caller: Some((self.thread.key(), &self.memory)),
            restores: false,
        };
        (border, &mut self.thread)
    }
}

impl fmt::Debug for Guest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Guest({:?})", self.task())
    }
}

/// How far a task may grow.
#[derive(Debug)]
pub(crate) struct Limits {
    /// Where its heap ends, in bytes.
    pub(crate) memory_bytes: u64,
    /// The guest has asked for memory since the last look.
    pub(crate) may_have_grown: bool,
}

impl Limits {
    pub(crate) fn new(memory_bytes: u64) -> Self {
        Self {
            memory_bytes: memory_bytes.min(HEAP_LIMIT_BYTES),
            may_have_grown: false,
        }
    }
}

impl ResourceLimiter for Limits {
    fn memory_growing(
        &mut self,
        _: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        self.may_have_grown = true;
        Ok(desired as u64 <= self.memory_bytes)
    }

    fn table_growing(
        &mut self,
        _: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE_LIMIT)
    }
}
