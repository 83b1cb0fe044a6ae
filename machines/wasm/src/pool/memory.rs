//! The pool's bytes: one file in memory, and the kernel's own way to them.

use std::ffi::c_void;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::ptr;

use rustix::fs::{MemfdFlags, SealFlags};
use rustix::io::Errno;
use rustix::mm::{Advice, MapFlags, ProtFlags};
use thiserror::Error;

use super::huge::{self, HugePages};
use crate::bytes::move_bytes;

/// The largest page that programs can be told of by `GetPageSize` and still
/// lie side by side at the pool's start.
const MOST_PAGE_BYTES: u32 = 64 << 10;

/// Why there can be no pool.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PoolError {
    /// A pool of nothing, or one that does not fit between 2 and 4 GiB.
    #[error("a pool of {bytes} bytes can not be; give it 1 byte to {most_bytes} bytes")]
    Size {
        /// What was asked for.
        bytes: u64,
        /// The largest pool.
        most_bytes: u64,
    },
    /// The host's pages are too large.
    #[error("this host's pages have {page_bytes} bytes, and a pool needs pages of 64 KiB or less")]
    PageSize {
        /// What the host says.
        page_bytes: usize,
    },
    /// The operating system refuses a step.
    #[error("the pool can not be made: {step}: {error}")]
    System {
        /// What was tried.
        step: &'static str,
        /// What the operating system says.
        error: Errno,
    },
    /// Userfaultfd write protection was asked for and is not to be had.
    #[error("pages can not be protected by userfaultfd: {error}; choose mprotect")]
    Userfault {
        /// What the operating system says.
        error: Errno,
    },
}

impl PoolError {
    fn at(step: &'static str) -> impl Fn(Errno) -> Self {
        move |error| Self::System { step, error }
    }
}

/// The size of the host's pages, in bytes.
///
/// # Errors
///
/// [`PoolError::PageSize`].
pub(crate) fn host_page_bytes() -> Result<u32, PoolError> {
    let page_bytes = rustix::param::page_size();
    u32::try_from(page_bytes)
        .ok()
        .filter(|bytes| *bytes <= MOST_PAGE_BYTES && bytes.is_power_of_two())
        .ok_or(PoolError::PageSize { page_bytes })
}

/// The pool's bytes. Unmapped when the last view is gone.
#[derive(Debug)]
pub(crate) struct PoolMemory {
    file: OwnedFd,
    /// Readable and writable always: what the kernel stores for a task goes this
    /// way, after core has said that it may.
    alias: *mut u8,
    page_bytes: u32,
    pages: u32,
    huge: HugePages,
}

// SAFETY: a file and an address; whoever follows the address argues for itself.
unsafe impl Send for PoolMemory {}
// SAFETY: as above.
unsafe impl Sync for PoolMemory {}

impl PoolMemory {
    /// A pool of zeroes.
    ///
    /// # Errors
    ///
    /// [`PoolError::System`]; [`PoolError::PageSize`].
    pub(crate) fn new(pages: u32) -> Result<Self, PoolError> {
        let page_bytes = host_page_bytes()?;
        let len_bytes = u64::from(page_bytes) * u64::from(pages);
        let (file, huge) = match huge::file() {
            Some(file) => (file, HugePages::Mounted),
            None => (memfd()?, huge::of_memfds()),
        };
        rustix::fs::ftruncate(&file, len_bytes).map_err(PoolError::at("its size"))?;
        if huge != HugePages::Mounted {
            // Nobody can make it shorter than its mappings: that would be SIGBUS.
            let seals = SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL;
            rustix::fs::fcntl_add_seals(&file, seals).map_err(PoolError::at("its seals"))?;
        }
        let mut memory = Self {
            file,
            alias: ptr::null_mut(),
            page_bytes,
            pages,
            huge,
        };
        memory.alias = memory.map_alias()?;
        Ok(memory)
    }

    fn map_alias(&self) -> Result<*mut u8, PoolError> {
        let access = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new mapping where there was none.
        let alias = unsafe {
            let anywhere = ptr::null_mut();
            rustix::mm::mmap(
                anywhere,
                self.len_bytes(),
                access,
                MapFlags::SHARED,
                &self.file,
                0,
            )
        };
        let alias = alias.map_err(PoolError::at("the kernel's mapping"))?;
        self.advise(alias);
        Ok(alias.cast())
    }

    /// Asks for huge pages where they come for the asking.
    fn advise(&self, mapping: *mut c_void) {
        if self.huge == HugePages::Advised {
            // SAFETY: advice about a mapping of ours; it changes no byte.
            let _ =
                unsafe { rustix::mm::madvise(mapping, self.len_bytes(), Advice::LinuxHugepage) };
        }
    }

    pub(crate) fn page_bytes(&self) -> u32 {
        self.page_bytes
    }

    pub(crate) fn pages(&self) -> u32 {
        self.pages
    }

    pub(crate) fn huge(&self) -> HugePages {
        self.huge
    }

    pub(crate) fn len_bytes(&self) -> usize {
        self.page_bytes as usize * self.pages as usize
    }

    /// Maps the whole pool at `start`, readable, in place of what is there.
    ///
    /// # Safety
    ///
    /// From `start` on the pool's length is reserved address space of the
    /// caller's: nobody else relies on what is mapped there.
    pub(super) unsafe fn map_readable_at(&self, start: *mut u8) -> Result<(), Errno> {
        let flags = MapFlags::SHARED | MapFlags::FIXED;
        // SAFETY: the caller's word.
        let mapping = unsafe {
            rustix::mm::mmap(
                start.cast(),
                self.len_bytes(),
                ProtFlags::READ,
                flags,
                &self.file,
                0,
            )
        }?;
        self.advise(mapping);
        Ok(())
    }

    /// The kernel's address of a range of bytes, given by its offset in the
    /// pool. `None` unless all of it lies in the pool.
    #[inline(always)]
    pub(crate) fn at(&self, offset: u64, len_bytes: u64) -> Option<*mut u8> {
        let end = offset.checked_add(len_bytes)?;
        if end > self.len_bytes() as u64 {
            return None;
        }
        let offset = usize::try_from(offset).ok()?;
        Some(self.alias.wrapping_add(offset))
    }

    /// Fills pages with a byte. By storing, also zeroes: punching a hole would
    /// take the write protection of the views away with the pages.
    pub(crate) fn fill(&self, pages: Range<u32>, byte: u8) {
        let bytes = vec![byte; self.page_bytes as usize];
        for page in pages {
            self.store(self.bytes_of(&(page..page + 1)).0, &bytes);
        }
    }

    /// Stores the pages' length in bytes, as an int32, in their first four bytes.
    pub(crate) fn label(&self, pages: Range<u32>) {
        let (offset, len_bytes) = self.bytes_of(&pages);
        // What does not fit an i32 can not be asked for by one.
        let label = i32::try_from(len_bytes).unwrap_or(i32::MAX).to_le_bytes();
        self.store(offset, &label);
    }

    /// Stores bytes at an offset in the pool, if they fit there.
    fn store(&self, offset: u64, bytes: &[u8]) {
        if let Some(to) = self.at(offset, bytes.len() as u64) {
            // SAFETY:
            // 1. `at` has found the range in the alias, which stays mapped for
            //    reading and writing as long as `self`; `bytes` is a live slice.
            // 2. Nobody makes Rust references to the pool's bytes.
            unsafe { move_bytes(to, bytes.as_ptr(), bytes.len()) }
        }
    }

    /// The four bytes at an offset; 0 outside the pool.
    pub(crate) fn word(&self, offset: usize) -> u32 {
        let mut bytes = [0; 4];
        if let Some(from) = self.at(offset as u64, bytes.len() as u64) {
            // SAFETY: as in `store`, the other way round.
            unsafe { move_bytes(bytes.as_mut_ptr(), from, bytes.len()) }
        }
        u32::from_le_bytes(bytes)
    }

    /// Offset and length in bytes.
    fn bytes_of(&self, pages: &Range<u32>) -> (u64, u64) {
        let page_bytes = u64::from(self.page_bytes);
        let count = pages.end.saturating_sub(pages.start);
        (
            u64::from(pages.start) * page_bytes,
            u64::from(count) * page_bytes,
        )
    }
}

impl Drop for PoolMemory {
    fn drop(&mut self) {
        if !self.alias.is_null() {
            // SAFETY: our own mapping, of that length; the views have mappings of
            // their own, and whoever holds an address of the alias holds `self`.
            let _ = unsafe { rustix::mm::munmap(self.alias.cast(), self.len_bytes()) };
        }
    }
}

fn memfd() -> Result<OwnedFd, PoolError> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING | MemfdFlags::NOEXEC_SEAL;
    let file = rustix::fs::memfd_create(c"usufruct-pool", flags).or_else(|error| match error {
        // Kernels before 6.3 know no NOEXEC_SEAL.
        Errno::INVAL => rustix::fs::memfd_create(c"usufruct-pool", flags - MemfdFlags::NOEXEC_SEAL),
        _ => Err(error),
    });
    file.map_err(PoolError::at("a file in memory"))
}
