//! The machine as a call of the host sees it: its buffers are its memory, and
//! what a call reads or fills for it lies in a window behind all addresses.

use usufruct_core::{
    Access, CopyFault, Kernel, Machine, NoMapping, Plane, Run, Span, TaskKey, ThreadId, Transfer,
    Unmapped,
};

use crate::bytes::{move_bytes, store_bytes};
use crate::fences::Fences;
use crate::machine::{Border, Shared, Trace};
use crate::space::Memory;

/// Where a call's window lies in the host's address space: behind the pool.
pub(super) const WINDOW_START: u64 = 1 << 32;

/// Bytes of the host's own that one call may load or store, and no other.
#[derive(Clone, Copy)]
pub(super) struct Window(Memory);

impl Window {
    /// For calls that name no memory.
    pub(super) const NONE: Self = Self(Memory::NONE);

    /// Bytes that the call may load and store. They are borrowed for as long as
    /// the call lasts: see [`HostBorder::new`].
    pub(super) fn filling(bytes: &mut [u8]) -> Self {
        Self(Memory {
            base: bytes.as_mut_ptr(),
            len_bytes: bytes.len() as u64,
        })
    }

    /// Bytes that the call only loads.
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self(Memory {
            base: bytes.as_ptr().cast_mut(),
            len_bytes: bytes.len() as u64,
        })
    }

    fn at(self, span: Span) -> Option<*mut u8> {
        let start = span.start().checked_sub(WINDOW_START)?;
        self.0.at(Span::new(start, span.len())?)
    }
}

/// The machine as one call of the host sees it.
pub(super) struct HostBorder<'call> {
    border: Border<'call>,
    host: TaskKey,
    window: Window,
}

impl<'call> HostBorder<'call> {
    /// # Safety
    ///
    /// 1. The bytes of `window` stay borrowed until the border is dropped: for
    ///    good if the call stores there, else at least as shared.
    /// 2. No call that stores to the window (`read_mem`, `get_msg`) is made with
    ///    a window of shared bytes.
    pub(super) unsafe fn new(shared: &'call Shared, host: TaskKey, window: Window) -> Self {
        let border = Border {
            shared,
            caller: None,
            restores: false,
        };
        Self {
            border,
            host,
            window,
        }
    }

    fn in_window(&self, task: TaskKey, span: Span) -> Option<*mut u8> {
        self.window.at(span).filter(|_| task == self.host)
    }

    /// Both ends of an approved chunk: the owner's, which never is the window, and
    /// the caller's, which always is.
    fn ends(&self, approved: &Transfer<'_>) -> Result<(*mut u8, *mut u8), CopyFault> {
        let len = u64::from(approved.len_bytes());
        let owners = Span::new(approved.owner_start(), len).ok_or(CopyFault::Owner)?;
        let callers = Span::new(approved.caller_start(), len).ok_or(CopyFault::Caller)?;
        let caller = self
            .in_window(approved.caller(), callers)
            .ok_or(CopyFault::Caller)?;
        let owner = self
            .border
            .memory(approved.owner())
            .at(owners)
            .or_else(|| self.border.in_pool(approved.owner(), owners))
            .ok_or(CopyFault::Owner)?;
        Ok((owner, caller))
    }
}

impl Machine for HostBorder<'_> {
    type Sink = Trace;
    type Fences = Fences;

    fn with_kernel<R>(&self, rule: impl FnOnce(&mut Kernel<Trace>) -> R) -> R {
        self.border.with_kernel(rule)
    }

    fn plane(&self) -> &Plane {
        self.border.plane()
    }

    fn fences(&self) -> &Fences {
        self.border.fences()
    }

    fn sink(&self) -> &Trace {
        self.border.sink()
    }

    fn reaches(&self, task: TaskKey, span: Span, access: Access) -> bool {
        self.in_window(task, span).is_some() || self.border.reaches(task, span, access)
    }

    fn copy_from_task(&self, approved: &Transfer<'_>) -> Result<(), CopyFault> {
        let (owner, caller) = self.ends(approved)?;
        // SAFETY:
        // 1. The owner's range stays mapped as long as `approved` lives: see
        //    `Border::copy_from_task`; the host's own memory lives as `shared`.
        //    The window is a live slice: condition 1 of `new`.
        // 2. To the window nobody else has a reference: condition 2 of `new`.
        unsafe { move_bytes(caller, owner, approved.len_bytes() as usize) }
        Ok(())
    }

    fn copy_to_task(&self, approved: &Transfer<'_>) -> Result<(), CopyFault> {
        let (owner, caller) = self.ends(approved)?;
        let len = approved.len_bytes() as usize;
        // SAFETY: the window is a live slice of at least that length, which nobody
        // writes meanwhile: condition 1 of `new`.
        let bytes = unsafe { std::slice::from_raw_parts(caller, len) };
        // SAFETY: the owner's range stays mapped as long as `approved` lives, as
        // above; Rust has no reference to it but to frozen pages, and there core
        // lets nobody store.
        unsafe { store_bytes(owner, bytes) }
        Ok(())
    }

    /// Nothing that the host asks for is loaded from an address.
    fn load(&self, _: TaskKey, _: u64, _: &mut [u8]) -> Result<(), Unmapped> {
        Err(Unmapped)
    }

    fn store(&self, caller: TaskKey, to: u64, bytes: &[u8]) -> Result<(), Unmapped> {
        let span = Span::new(to, bytes.len() as u64).ok_or(Unmapped)?;
        let to = self.in_window(caller, span).ok_or(Unmapped)?;
        // SAFETY: the window is a live slice, and ours alone: conditions 1 and 2 of `new`.
        unsafe { store_bytes(to, bytes) }
        Ok(())
    }

    fn wake(&self, thread: ThreadId) {
        self.border.wake(thread);
    }

    fn reap(&self, task: TaskKey) {
        self.border.reap(task);
    }

    fn yield_now(&self) {
        std::thread::yield_now();
    }

    fn protect(&self, task: TaskKey, run: Run, writable: bool) -> Result<(), NoMapping> {
        self.border.protect(task, run, writable)
    }

    fn fill(&self, run: Run, byte: u8) {
        self.border.fill(run, byte);
    }

    fn label(&self, run: Run) {
        self.border.label(run);
    }

    fn cancel_reads(&self, task: TaskKey, run: Run) {
        self.border.cancel_reads(task, run);
    }
}
