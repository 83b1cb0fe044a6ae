//! Protection by userfaultfd: the mapping may be stored to, and each page has a
//! bit that keeps stores away. A forbidden store is SIGBUS.
//!
//! A view is readable only until its task may store to a page for the first
//! time: so tasks that only read cost nothing.

use std::ops::Range;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::io::Errno;
use rustix::ioctl::{Opcode, Updater, ioctl};
use rustix::mm::{MprotectFlags, UserfaultfdFlags};
use usufruct_core::NoMapping;

use super::{change, protect_all};
use crate::pool::fault;
use crate::pool::window::Window;

// From linux/userfaultfd.h; the same numbers on all processors that wasmtime has.
const API: Opcode = 0xC018_AA3F;
const REGISTER: Opcode = 0xC020_AA00;
const WRITE_PROTECT: Opcode = 0xC018_AA06;

const API_VERSION: u64 = 0xAA;
/// Write protection; SIGBUS instead of messages; of files in memory; of pages
/// that are not there yet.
const FEATURES: u64 = 1 | 1 << 7 | 1 << 12 | 1 << 13;
const REGISTER_MODE_WRITE_PROTECT: u64 = 1 << 1;
const MODE_PROTECTED: u64 = 1;
const MODE_OPEN: u64 = 0;

#[repr(C)]
struct Api {
    version: u64,
    features: u64,
    ioctls: u64,
}

#[repr(C)]
struct Register {
    start: u64,
    len: u64,
    mode: u64,
    ioctls: u64,
}

#[repr(C)]
struct WriteProtect {
    start: u64,
    len: u64,
    mode: u64,
}

/// The kernel's object that keeps the bits. When it is closed they go, so every
/// view holds it.
#[derive(Debug)]
pub(in crate::pool) struct Userfault(OwnedFd);

impl Userfault {
    /// Has stores to protected pages raise SIGBUS, and SIGBUS understood.
    ///
    /// # Errors
    ///
    /// The kernel does not have it, or does not let this process.
    pub(super) fn open() -> Result<Self, Errno> {
        let flags = UserfaultfdFlags::CLOEXEC
            | UserfaultfdFlags::NONBLOCK
            | UserfaultfdFlags::from_bits_retain(1); // UFFD_USER_MODE_ONLY: needs no privilege
        // SAFETY: nothing but the views of pools is ever registered with it.
        let userfault = unsafe { rustix::mm::userfaultfd(flags) }?;
        let mut api = Api {
            version: API_VERSION,
            features: FEATURES,
            ioctls: 0,
        };
        // SAFETY: the argument that this call takes.
        let ask = unsafe { Updater::<API, Api>::new(&mut api) };
        // SAFETY: a question, with its own argument.
        unsafe { ioctl(&userfault, ask) }?;
        fault::route_bus_errors()?;
        Ok(Self(userfault))
    }

    fn register(&self, window: &Window) -> Result<(), Errno> {
        let (start, len_bytes) = window.span(&window.all());
        let mut register = Register {
            start: start.addr() as u64,
            len: len_bytes as u64,
            mode: REGISTER_MODE_WRITE_PROTECT,
            ioctls: 0,
        };
        // SAFETY: the argument that this call takes.
        let ask = unsafe { Updater::<REGISTER, Register>::new(&mut register) };
        // SAFETY: the range is a view, which only guests store to.
        unsafe { ioctl(&self.0, ask) }
    }

    fn set(&self, window: &Window, pages: &Range<u32>, mode: u64) -> Result<(), Errno> {
        let (start, len_bytes) = window.span(pages);
        if len_bytes == 0 {
            return Ok(());
        }
        let mut protect = WriteProtect {
            start: start.addr() as u64,
            len: len_bytes as u64,
            mode,
        };
        // SAFETY: the argument that this call takes.
        let ask = unsafe { Updater::<WRITE_PROTECT, WriteProtect>::new(&mut protect) };
        // SAFETY: the range lies in a view, and core has decided.
        unsafe { ioctl(&self.0, ask) }
    }
}

#[derive(Debug)]
pub(in crate::pool) struct Shield {
    userfault: Arc<Userfault>,
    /// The mapping may be stored to, and the bits decide.
    is_armed: bool,
}

impl Shield {
    pub(super) fn new(userfault: Arc<Userfault>) -> Self {
        Self {
            userfault,
            is_armed: false,
        }
    }

    fn arm(&mut self, window: &Window) -> Result<(), NoMapping> {
        if self.is_armed {
            return Ok(());
        }
        let userfault = &self.userfault;
        userfault.register(window).map_err(|_| NoMapping)?;
        // All bits stand before any store can get as far as to ask for them.
        userfault
            .set(window, &window.all(), MODE_PROTECTED)
            .map_err(|_| NoMapping)?;
        let access = MprotectFlags::READ | MprotectFlags::WRITE;
        if change(window, &window.all(), access).is_err() {
            protect_all(window);
            return Err(NoMapping);
        }
        self.is_armed = true;
        Ok(())
    }

    pub(super) fn allow(&mut self, window: &Window, pages: &Range<u32>) -> Result<(), NoMapping> {
        self.arm(window)?;
        if self.userfault.set(window, pages, MODE_OPEN).is_err() {
            // How far it came is not known.
            self.forbid(window, pages);
            return Err(NoMapping);
        }
        Ok(())
    }

    pub(super) fn forbid(&mut self, window: &Window, pages: &Range<u32>) {
        if !self.is_armed {
            return;
        }
        if self.userfault.set(window, pages, MODE_PROTECTED).is_err() {
            protect_all(window);
            self.is_armed = false;
        }
    }
}
