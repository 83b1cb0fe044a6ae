//! Which pages of a memory have been stored to: the operating system knows.

use std::ffi::c_void;
use std::io;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::ptr;

use rustix::fs::{Mode, OFlags, open};
use rustix::ioctl::{Ioctl, IoctlOutput, Opcode, ioctl};

use super::mapping::Place;
use crate::layout::WASM_PAGE_BYTES;

/// Runs of pages that are looked at, at most.
const MOST_RUNS: usize = 32;

/// Pages that have been stored to: as many as are worth being kept in memory.
#[derive(Debug, Default)]
pub(super) struct Used {
    found: [Found; MOST_RUNS],
    count: usize,
    /// The address that the runs are counted from.
    base: usize,
}

/// What the operating system says of a run of pages: `struct page_region`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
struct Found {
    start: u64,
    end: u64,
    categories: u64,
}

impl Used {
    /// The runs, in bytes from where the look began.
    pub(super) fn runs(&self) -> impl Iterator<Item = Range<usize>> {
        let offset = |address: u64| usize::try_from(address).map_or(0, |at| at - self.base);
        let found = self.found.iter().take(self.count);
        found.map(move |run| offset(run.start)..offset(run.end))
    }
}

// From linux/fs.h; the same numbers on all processors that wasmtime has.
const PAGEMAP_SCAN: Opcode = 0xC060_6610;
const IS_PRESENT: u64 = 1 << 3;
const IS_SWAPPED: u64 = 1 << 4;
const IS_ZERO_PAGE: u64 = 1 << 5;

/// Pages that are wiped and kept. It takes longer to be given new ones, until
/// there are many.
const MOST_PAGES: u64 = 64;

/// `struct pm_scan_arg`.
#[repr(C)]
struct Scan {
    size: u64,
    flags: u64,
    start: u64,
    end: u64,
    walk_end: u64,
    found: u64,
    found_len: u64,
    max_pages: u64,
    category_inverted: u64,
    category_mask: u64,
    category_anyof_mask: u64,
    return_mask: u64,
}

/// This process's pages, as the operating system keeps them.
#[derive(Debug)]
pub(super) struct Scanner(OwnedFd);

impl Scanner {
    /// `None` where the operating system does not say (before Linux 6.7, or
    /// without `/proc`), or not truly.
    pub(super) fn new() -> Option<Self> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let scanner = Self(open("/proc/self/pagemap", flags, Mode::empty()).ok()?);
        scanner.is_true().then_some(scanner)
    }

    /// Whether it sees a store.
    fn is_true(&self) -> bool {
        let len_bytes = usize::try_from(WASM_PAGE_BYTES).unwrap_or(0);
        let Ok(place) = Place::new() else {
            return false;
        };
        let at = len_bytes / 2;
        let mut used = Used::default();
        if place.open(len_bytes).is_err() {
            return false;
        }
        let before = self.look(place.start(), len_bytes, &mut used);
        let is_empty = used.runs().next().is_none();
        // SAFETY: a byte of what has just been opened, and nobody else's.
        unsafe { ptr::write_volatile(place.start().wrapping_add(at), 1) };
        let after = self.look(place.start(), len_bytes, &mut used);
        let is_seen = used.runs().any(|run| run.contains(&at));
        let looked = [before, after].map(|walked| walked.is_ok_and(|end| end == len_bytes));
        looked == [true; 2] && is_empty && is_seen
    }

    /// Looks which pages have been stored to, from an address on; how far it
    /// came, in bytes: to the end, or as far as there was room for what it found.
    ///
    /// # Errors
    ///
    /// The operating system does not say.
    pub(super) fn look(
        &self,
        start: *mut u8,
        len_bytes: usize,
        used: &mut Used,
    ) -> io::Result<usize> {
        used.base = start.addr();
        used.count = 0;
        if len_bytes == 0 {
            return Ok(0);
        }
        let mut scan = Scan {
            size: size_of::<Scan>() as u64,
            flags: 0,
            start: start.addr() as u64,
            end: (start.addr() + len_bytes) as u64,
            walk_end: 0,
            found: used.found.as_mut_ptr().expose_provenance() as u64,
            found_len: MOST_RUNS as u64,
            max_pages: MOST_PAGES,
            // There, or swapped out; but not the page of zeros that all share.
            category_inverted: IS_ZERO_PAGE,
            category_mask: IS_ZERO_PAGE,
            category_anyof_mask: IS_PRESENT | IS_SWAPPED,
            return_mask: IS_PRESENT,
        };
        // SAFETY: a question about this process's pages. The answer has room:
        // `found` has as many entries as are said.
        used.count = unsafe { ioctl(&self.0, Ask(&mut scan)) }?.min(MOST_RUNS);
        let walked = scan.walk_end.saturating_sub(scan.start);
        Ok(usize::try_from(walked).map_or(0, |walked| walked.min(len_bytes)))
    }
}

struct Ask<'scan>(&'scan mut Scan);

// SAFETY: the argument is the structure that this call takes, and lives as long;
// the answer is how many runs were found.
unsafe impl Ioctl for Ask<'_> {
    type Output = usize;

    const IS_MUTATING: bool = true;

    fn opcode(&self) -> Opcode {
        PAGEMAP_SCAN
    }

    fn as_ptr(&mut self) -> *mut c_void {
        ptr::from_mut(self.0).cast()
    }

    unsafe fn output_from_ptr(found: IoctlOutput, _: *mut c_void) -> rustix::io::Result<usize> {
        Ok(usize::try_from(found).unwrap_or(0))
    }
}

// Where a run is not told from another the numbers above would be wrong.
const _: () = assert!(size_of::<Scan>() == 96 && size_of::<Found>() == 24);
