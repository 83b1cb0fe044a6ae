//! Blocks of pages that the host owns.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use usufruct_abi::{MEMC_GIVE, MEMC_NOWRITE, MEMC_OKWRITE, MEMTYPE_FILL};
use usufruct_core::{Denied, PageRequest, Question, Run, Span, TaskId};

use super::frozen::Frozen;
use super::{Host, HostError, range_in};
use crate::bytes::{move_bytes, store_bytes};
use crate::pool::PoolBytes;

/// How often a block is tried to be frozen, should others ask about its pages.
const TRIES: u32 = 10_000;

/// A block of pages of the pool that the host owns: one value for each page, so
/// it is not `Clone`, and whoever grants or takes rights needs it as `&mut`.
/// Dropped, the pages are free; forgotten, they stay the host's. (docs/calls.md,
/// section 3)
///
/// Tasks that may write it do so at any moment, so there is no slice of it before
/// it is frozen: bytes are copied in and out, and numbers are atomic.
pub struct Pages {
    pub(super) host: Host,
    pub(super) run: Run,
    /// Also when a [`Frozen`] was forgotten.
    pub(super) is_frozen: bool,
}

/// Pages that values of the host's stand for: by first page, the end.
#[derive(Debug, Default)]
pub(super) struct InHand(Mutex<BTreeMap<u32, u32>>);

impl InHand {
    /// Locked while pages come or go, so that what is in the hand is the host's.
    fn runs(&self) -> Runs<'_> {
        Runs(self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

struct Runs<'hand>(MutexGuard<'hand, BTreeMap<u32, u32>>);

impl Runs<'_> {
    fn insert(&mut self, run: Run) -> Result<(), HostError> {
        let before = self.0.range(..run.end()).next_back();
        if before.is_some_and(|(_, end)| *end > run.first()) {
            return Err(HostError::AlreadyHeld);
        }
        self.0.insert(run.first(), run.end());
        Ok(())
    }

    fn remove(&mut self, run: Run) {
        self.0.remove(&run.first());
    }
}

impl Pages {
    pub(super) fn allocate(host: Host, len: usize) -> Result<Self, HostError> {
        let size = i32::try_from(len)
            .ok()
            .filter(|size| *size > 0)
            .ok_or(HostError::Length { len })?;
        pool_of(&host)?;
        // With a fill of zeroes no length is stored in the first word.
        let flags = MEMTYPE_FILL;
        let mut runs = host.0.in_hand.runs();
        let address = host.page_call(PageRequest::Allocate { size, flags })?;
        let run = run_of(&host, address.cast_unsigned(), len)?;
        runs.insert(run)?;
        drop(runs);
        Ok(Self::new(host, run))
    }

    pub(super) fn accept(host: Host, address: u32, len: usize) -> Result<Self, HostError> {
        pool_of(&host)?;
        let run = run_of(&host, address, len)?;
        host.0.in_hand.runs().insert(run)?;
        let mut pages = Self::new(host, run);
        match pages.take_delivery() {
            Ok(()) => Ok(pages),
            Err(error) => {
                // They are not all the host's: it gives nothing back.
                pages.host.0.in_hand.runs().remove(run);
                pages.let_go();
                Err(error)
            }
        }
    }

    fn new(host: Host, run: Run) -> Self {
        Self {
            host,
            run,
            is_frozen: false,
        }
    }

    fn take_delivery(&mut self) -> Result<(), HostError> {
        self.control(MEMC_NOWRITE, None)?;
        self.control(MEMC_OKWRITE, Some(self.host.id()))?;
        Ok(())
    }

    /// Forgets the pages without freeing them.
    fn let_go(self) {
        let mut pages = std::mem::ManuallyDrop::new(self);
        // SAFETY: the value is dropped nowhere else, and this field not used again.
        unsafe { std::ptr::drop_in_place(&raw mut pages.host) }
    }

    /// Where every task sees them, in bytes.
    #[must_use]
    pub fn address(&self) -> u32 {
        let address = self.host.shared().plane.pool().address_of(self.run.first());
        // A pool ends at or below 4 GiB.
        u32::try_from(address).unwrap_or(u32::MAX)
    }

    /// How many bytes they have: whole pages, never none.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "it is never empty")]
    pub fn len(&self) -> usize {
        usize::try_from(self.len_bytes()).unwrap_or(usize::MAX)
    }

    fn len_bytes(&self) -> u64 {
        self.host.shared().plane.pool().bytes(self.run.pages())
    }

    /// The task may write them, besides all who may. (`ControlMem`, OKWRITE)
    ///
    /// # Errors
    ///
    /// [`HostError::Denied`]: no such task, it is not attached to the pool, or
    /// the machine has no mapping left. Nothing was changed.
    pub fn grant(&mut self, task: TaskId) -> Result<(), HostError> {
        self.thaw()?;
        self.control(MEMC_OKWRITE, Some(task))
    }

    /// Every task may write them that is attached to the pool, later ones too.
    /// (`ControlMem`, OKWRITE 0)
    ///
    /// # Errors
    ///
    /// As [`Self::grant`].
    pub fn grant_to_all(&mut self) -> Result<(), HostError> {
        self.thaw()?;
        self.control(MEMC_OKWRITE, None)
    }

    /// The task may not write them any more: when this returns, no store of it
    /// lands. (`ControlMem`, NOWRITE)
    ///
    /// # Errors
    ///
    /// [`HostError::Denied`]: no such task; then it writes no more either.
    pub fn revoke(&mut self, task: TaskId) -> Result<(), HostError> {
        self.control(MEMC_NOWRITE, Some(task))
    }

    /// The same for everybody but the host. (`ControlMem`, NOWRITE 0)
    ///
    /// # Errors
    ///
    /// [`HostError::Denied`].
    pub fn revoke_all(&mut self) -> Result<(), HostError> {
        self.thaw()?;
        self.take_delivery()
    }

    /// The task owns them from now on, and the host may write them no more.
    /// Others that may, still may: a task that trusts nobody fences first.
    /// (`ControlMem`, GIVE)
    ///
    /// # Errors
    ///
    /// Why it was refused, and the pages, which are still the host's.
    pub fn give(mut self, task: TaskId) -> Result<(), (Self, HostError)> {
        if task == self.host.id() {
            return Ok(());
        }
        let host = self.host.clone();
        let mut runs = host.0.in_hand.runs();
        let given = self
            .thaw()
            .and_then(|()| self.control(MEMC_GIVE, Some(task)));
        if let Err(error) = given {
            return Err((self, error));
        }
        runs.remove(self.run);
        drop(runs);
        // The giver keeps the right to write, and the host has no use for it.
        let relinquished = self.control(MEMC_NOWRITE, Some(self.host.id()));
        debug_assert!(relinquished.is_ok(), "who relinquishes is not refused");
        self.let_go();
        Ok(())
    }

    /// Takes every right to write, the host's too, waits until no store is under
    /// way, and gives the bytes as a slice. While that lives nobody can make them
    /// writable: core refuses it. Dropped, the host may write them again.
    /// (docs/calls.md, section 4: taking delivery)
    ///
    /// # Errors
    ///
    /// [`HostError::Denied`], [`HostError::Unprotected`].
    pub fn freeze(&mut self) -> Result<Frozen<'_>, HostError> {
        let shared = self.host.shared();
        if !shared.protects || !shared.fences.announces() {
            return Err(HostError::Unprotected);
        }
        self.control(MEMC_NOWRITE, None)?;
        // Others may ask about a page at this moment, which keeps it for an instant.
        for attempt in 1.. {
            let frozen = {
                let mut kernel = self.host.shared().kernel();
                let host = kernel.host();
                kernel.freeze(&host, self.run)
            };
            match frozen {
                Ok(()) => break,
                Err(Denied::PageWritable(_)) if attempt < TRIES => thread::yield_now(),
                Err(denied) => return Err(denied.into()),
            }
        }
        self.is_frozen = true;
        Ok(Frozen::new(self))
    }

    /// Ends what a [`Frozen`] that was forgotten has left.
    pub(super) fn thaw(&mut self) -> Result<(), HostError> {
        if self.is_frozen {
            let mut kernel = self.host.shared().kernel();
            let host = kernel.host();
            kernel.thaw(&host, self.run)?;
            drop(kernel);
            self.is_frozen = false;
            self.control(MEMC_OKWRITE, Some(self.host.id()))?;
        }
        Ok(())
    }

    /// Copies bytes out, from `offset` on, in bytes. Each is an old or a new one,
    /// where a task is just storing.
    ///
    /// # Errors
    ///
    /// [`HostError::OutOfRange`].
    pub fn read_into(&self, offset: usize, into: &mut [u8]) -> Result<(), HostError> {
        let from = self.at(offset, into.len())?;
        // SAFETY:
        // 1. `at` has looked: the source lies in the pool, which stays mapped as long
        //    as the system's parts. The destination is a live slice, ours alone.
        // 2. Of the pool there are no Rust references but atomic ones and those to
        //    frozen pages, and none is written through.
        unsafe { move_bytes(into.as_mut_ptr(), from, into.len()) }
        Ok(())
    }

    /// Copies bytes in, at `offset`, in bytes.
    ///
    /// # Errors
    ///
    /// [`HostError::OutOfRange`]; [`HostError::Denied`] if the host may not
    /// write them, because a [`Frozen`] was forgotten.
    pub fn write_from(&self, offset: usize, bytes: &[u8]) -> Result<(), HostError> {
        let to = self.at(offset, bytes.len())?;
        self.check_writable()?;
        // SAFETY: as in `read_into`, the other way round; nothing of it is frozen,
        // for the host may write it, and who changes that needs the value as `&mut`.
        unsafe { store_bytes(to, bytes) }
        Ok(())
    }

    /// The number of four bytes at `offset`, in bytes; little end first on the processors
    /// that this runs on. Tasks see it with their own atomic instructions.
    ///
    /// # Errors
    ///
    /// As [`Self::write_from`]; [`HostError::Alignment`].
    pub fn atomic_u32(&self, offset: usize) -> Result<&AtomicU32, HostError> {
        let at = self.atomic_at(offset, size_of::<AtomicU32>())?;
        // SAFETY: it is aligned, lies in the pool, which stays mapped as long as
        // `self`, and is not frozen while `self` is borrowed. Tasks store to it by
        // machine instructions, each byte whole.
        Ok(unsafe { AtomicU32::from_ptr(at.cast()) })
    }

    /// The same with eight bytes.
    ///
    /// # Errors
    ///
    /// As [`Self::atomic_u32`].
    pub fn atomic_u64(&self, offset: usize) -> Result<&AtomicU64, HostError> {
        let at = self.atomic_at(offset, size_of::<AtomicU64>())?;
        // SAFETY: as in `atomic_u32`.
        Ok(unsafe { AtomicU64::from_ptr(at.cast()) })
    }

    fn atomic_at(&self, offset: usize, size: usize) -> Result<*mut u8, HostError> {
        let at = self.at(offset, size)?;
        if !offset.is_multiple_of(size) {
            return Err(HostError::Alignment {
                offset,
                alignment: size,
            });
        }
        self.check_writable()?;
        Ok(at)
    }

    /// Whether the host may write them, as core sees it.
    fn check_writable(&self) -> Result<(), HostError> {
        let may_write = self.host.page_call(PageRequest::Ask {
            question: Question::Writable,
            start: u64::from(self.address()),
            size: self.size(),
            is_private: false,
        })?;
        if may_write == 1 {
            Ok(())
        } else {
            Err(Denied::PageFrozen(self.run.first()).into())
        }
    }

    /// The kernel's own address of these bytes.
    pub(super) fn at(&self, offset: usize, len: usize) -> Result<*mut u8, HostError> {
        let offset = range_in(self.len(), offset, len)? as u64;
        let pool = self.host.shared().plane.pool();
        let start = pool.bytes(self.run.first()) + offset;
        pool_of(&self.host)?
            .at(start, len as u64)
            .ok_or(HostError::NoPool)
    }

    /// As a call names it: every page that it touches is meant, so what does not
    /// fit an `int` may be missing at the end.
    fn size(&self) -> i32 {
        i32::try_from(self.len_bytes()).unwrap_or(i32::MAX)
    }

    pub(super) fn control(&self, command: i32, task: Option<TaskId>) -> Result<(), HostError> {
        self.host.page_call(PageRequest::Control {
            start: u64::from(self.address()),
            size: self.size(),
            command,
            task: task.map_or(0, TaskId::raw),
        })?;
        Ok(())
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        let host = self.host.clone();
        let mut runs = host.0.in_hand.runs();
        let freed = self.thaw().and_then(|()| self.control(MEMC_GIVE, None));
        // What could not be freed stays the host's, and out of reach.
        if freed.is_ok() {
            runs.remove(self.run);
        }
    }
}

impl fmt::Debug for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pages({} bytes at {:#x})", self.len(), self.address())
    }
}

/// The pages that a range touches.
fn run_of(host: &Host, address: u32, len: usize) -> Result<Run, HostError> {
    let span = Span::new(u64::from(address), len as u64);
    let run = span.and_then(|span| host.shared().plane.pool().run_of(span));
    Ok(run.ok_or(Denied::OutOfPool)?)
}

fn pool_of(host: &Host) -> Result<&PoolBytes, HostError> {
    let pool = host.shared().pool.as_ref().ok_or(HostError::NoPool)?;
    Ok(pool.bytes())
}
