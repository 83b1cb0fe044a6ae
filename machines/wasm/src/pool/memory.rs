//! The pool's bytes: one file in memory, and the kernel's own way to them.

use std::ffi::c_void;
use std::os::fd::OwnedFd;

use rustix::fs::{MemfdFlags, SealFlags};
use rustix::io::Errno;
use rustix::mm::{Advice, MapFlags, ProtFlags};
use thiserror::Error;

use super::bytes::PoolBytes;
use super::huge::{self, HugePages};
use crate::mapping::Mapping;

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
    bytes: PoolBytes,
    huge: HugePages,
}

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
        let len = usize::try_from(len_bytes).map_err(|_| PoolError::at("its size")(Errno::FBIG))?;
        let alias = Mapping::of_file(&file, len).map_err(PoolError::at("the kernel's mapping"))?;
        let memory = Self {
            file,
            bytes: PoolBytes::new(alias, page_bytes, pages),
            huge,
        };
        memory.advise(memory.bytes.mapping().start().cast());
        Ok(memory)
    }

    /// Asks for huge pages where they come for the asking.
    fn advise(&self, mapping: *mut c_void) {
        if self.huge == HugePages::Advised {
            // SAFETY: advice about a mapping of ours; it changes no byte.
            let _ = unsafe {
                rustix::mm::madvise(mapping, self.bytes.len_bytes(), Advice::LinuxHugepage)
            };
        }
    }

    pub(super) fn bytes(&self) -> &PoolBytes {
        &self.bytes
    }

    pub(crate) fn huge(&self) -> HugePages {
        self.huge
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
                self.bytes.len_bytes(),
                ProtFlags::READ,
                flags,
                &self.file,
                0,
            )
        }?;
        self.advise(mapping);
        Ok(())
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
