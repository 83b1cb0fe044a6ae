//! One place for a memory.

use std::io;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::used::{Scanner, Used};
use crate::layout::{GUARD_BYTES, HEAP_LIMIT_BYTES, RESERVATION_BYTES};
use crate::mapping::Mapping;

#[allow(clippy::cast_possible_truncation, reason = "it is less than 5 GiB")]
const PLACE_BYTES: usize = (RESERVATION_BYTES + GUARD_BYTES) as usize;

#[allow(clippy::cast_possible_truncation, reason = "it is less than 2 GiB")]
const MOST_OPEN_BYTES: usize = HEAP_LIMIT_BYTES as usize;

/// Addresses for one memory. All that a guest can name lies in it, and of that the
/// first bytes, as many as its memory has, can be loaded from and stored to.
#[derive(Debug)]
pub(crate) struct Place {
    mapping: Mapping,
    open_bytes: AtomicUsize,
    /// The operating system has refused something, and how far it came is not known.
    is_unsure: AtomicBool,
}

impl Place {
    /// A new place, nothing of it open.
    ///
    /// # Errors
    ///
    /// The operating system has no addresses left, or no mapping.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            mapping: Mapping::reserved(PLACE_BYTES)?,
            open_bytes: AtomicUsize::new(0),
            is_unsure: AtomicBool::new(false),
        })
    }

    /// The host's address of the task's address 0.
    pub(super) fn start(&self) -> *mut u8 {
        self.mapping.start()
    }

    pub(super) fn open_bytes(&self) -> usize {
        self.open_bytes.load(Ordering::Relaxed)
    }

    /// Has the first `bytes` open, and no more. By whoever has the place, and where
    /// that makes it smaller, before there is a memory in it.
    ///
    /// # Errors
    ///
    /// The heap would reach the pool; the operating system refuses.
    pub(super) fn open(&self, bytes: usize) -> io::Result<()> {
        if bytes > MOST_OPEN_BYTES {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        let open_bytes = self.open_bytes();
        if bytes == open_bytes {
            return Ok(());
        }
        let changed = if bytes > open_bytes {
            self.mapping.open(&(open_bytes..bytes))
        } else {
            self.mapping.close(&(bytes..open_bytes))
        };
        if changed.is_err() {
            self.doubt();
        } else {
            self.open_bytes.store(bytes, Ordering::Relaxed);
        }
        changed
    }

    /// Something about it is not known: it is never another task's.
    pub(super) fn doubt(&self) {
        self.is_unsure.store(true, Ordering::Relaxed);
    }

    /// Makes every byte zero that a task can have stored. What few pages it has
    /// stored to stay in memory for the next one; more of them go.
    ///
    /// # Errors
    ///
    /// That can not be had. The place must not be used again.
    pub(super) fn wipe(&self, scanner: Option<&Scanner>) -> io::Result<()> {
        if self.is_unsure.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::Other.into());
        }
        let open_bytes = self.open_bytes();
        let mut used = Used::default();
        let wiped_bytes = match scanner {
            Some(scanner) => scanner.look(self.start(), open_bytes, &mut used)?,
            None => 0,
        };
        for run in used.runs() {
            // SAFETY:
            // 1. The run lies in the open part of this place.
            // 2. Nobody else uses it: `wipe` is for places that no memory is in.
            unsafe { ptr::write_bytes(self.start().wrapping_add(run.start), 0, run.len()) }
        }
        if wiped_bytes < open_bytes {
            self.mapping.zero(&(wiped_bytes..open_bytes))?;
        }
        Ok(())
    }
}
