//! Address space of the host's own, for what tasks and the host both get at. It is
//! nobody's Rust object: who follows an address of it argues for itself.

use std::ffi::c_void;
use std::io;
use std::ops::Range;
use std::os::fd::AsFd;
use std::ptr;

use rustix::io::Errno;
use rustix::mm::{Advice, MapFlags, MprotectFlags, ProtFlags};

/// A mapping, until it is dropped.
#[derive(Debug)]
pub(crate) struct Mapping {
    start: *mut u8,
    len_bytes: usize,
}

// SAFETY: an address and a number; whoever follows the address argues for itself.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Address space in which nothing may be touched yet. It costs no memory.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub(crate) fn reserved(len_bytes: usize) -> io::Result<Self> {
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
        let anywhere = ptr::null_mut();
        // SAFETY: a new mapping where there was none.
        let start =
            unsafe { rustix::mm::mmap_anonymous(anywhere, len_bytes, ProtFlags::empty(), flags) }?;
        Ok(Self {
            start: start.cast(),
            len_bytes,
        })
    }

    /// All of a file, readable and writable, and shared with its other mappings.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub(crate) fn of_file(file: impl AsFd, len_bytes: usize) -> Result<Self, Errno> {
        let access = ProtFlags::READ | ProtFlags::WRITE;
        let anywhere = ptr::null_mut();
        // SAFETY: a new mapping where there was none.
        let start =
            unsafe { rustix::mm::mmap(anywhere, len_bytes, access, MapFlags::SHARED, file, 0) }?;
        Ok(Self {
            start: start.cast(),
            len_bytes,
        })
    }

    pub(crate) fn start(&self) -> *mut u8 {
        self.start
    }

    /// In bytes.
    pub(crate) fn len(&self) -> usize {
        self.len_bytes
    }

    /// Lets bytes be loaded and stored: zeroes, if they never were. In whole pages.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub(crate) fn open(&self, bytes: &Range<usize>) -> io::Result<()> {
        let access = MprotectFlags::READ | MprotectFlags::WRITE;
        // SAFETY: of our own mapping; it takes nothing away from anybody.
        unsafe { rustix::mm::mprotect(self.at(bytes), bytes.len(), access) }?;
        Ok(())
    }

    /// Lets bytes be touched no more, as if they never had been opened; they stay what they
    /// are. In whole pages, which nobody has a use for.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub(crate) fn close(&self, bytes: &Range<usize>) -> io::Result<()> {
        // SAFETY: of our own mapping; for who asks see above.
        unsafe { rustix::mm::mprotect(self.at(bytes), bytes.len(), MprotectFlags::empty()) }?;
        Ok(())
    }

    /// Makes bytes of a reserved mapping zeroes again, and gives their memory back. In
    /// whole pages, of which nobody has a reference any more.
    ///
    /// # Errors
    ///
    /// What the operating system says; then they are what they were.
    pub(crate) fn zero(&self, bytes: &Range<usize>) -> io::Result<()> {
        // SAFETY: of our own mapping, which stays mapped; for who asks see above.
        unsafe { rustix::mm::madvise(self.at(bytes), bytes.len(), Advice::LinuxDontNeed) }?;
        Ok(())
    }

    fn at(&self, bytes: &Range<usize>) -> *mut c_void {
        debug_assert!(bytes.start <= bytes.end && bytes.end <= self.len_bytes);
        self.start.wrapping_add(bytes.start).cast()
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: our own mapping; whoever holds an address of it holds this.
        let _ = unsafe { rustix::mm::munmap(self.start.cast(), self.len_bytes) };
    }
}

/// The size of the operating system's pages, in bytes.
pub(crate) fn page_bytes() -> usize {
    rustix::param::page_size()
}
