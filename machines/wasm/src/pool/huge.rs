//! Whether the pool can have huge pages, and how.
//!
//! A file in memory has them where `shmem_enabled` says so. Mostly it says no;
//! then a file system of our own, mounted nowhere, has them all the same, if
//! this process may make one.

use std::ffi::{c_char, c_int, c_long, c_uint};
use std::fmt;
use std::fs;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr;

use rustix::fs::{Mode, OFlags};

const SHMEM_ENABLED: &str = "/sys/kernel/mm/transparent_hugepage/shmem_enabled";

/// Where the pool's huge pages come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HugePages {
    /// There are none.
    None,
    /// The kernel gives them to all files in memory.
    Everywhere,
    /// The kernel gives them to those who ask, and the pool has asked.
    Advised,
    /// From a file system of the pool's own.
    Mounted,
}

impl HugePages {
    /// Whether large runs of the pool may be mapped by huge pages.
    #[must_use]
    pub fn are_there(self) -> bool {
        self != Self::None
    }
}

impl fmt::Display for HugePages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Everywhere => "from the kernel, for all files in memory",
            Self::Advised => "from the kernel, on request",
            Self::Mounted => "from a file system of the pool's own",
        })
    }
}

/// What the kernel gives to files in memory.
pub(super) fn of_memfds() -> HugePages {
    // The word in brackets is in force.
    let setting = fs::read_to_string(SHMEM_ENABLED).unwrap_or_default();
    let in_force = setting
        .split_once('[')
        .and_then(|(_, rest)| rest.split_once(']'))
        .map_or("", |(word, _)| word);
    match in_force {
        "always" | "within_size" | "force" => HugePages::Everywhere,
        "advise" => HugePages::Advised,
        _ => HugePages::None,
    }
}

/// An unnamed file that has huge pages, if they do not come otherwise and may be had.
pub(super) fn file() -> Option<OwnedFd> {
    if of_memfds() != HugePages::None {
        return None;
    }
    let mount = mount()?;
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    // The file keeps its file system; the mount itself is not needed any more.
    rustix::fs::openat(&mount, c".", flags, Mode::RUSR | Mode::WUSR).ok()
}

/// A file system in memory with huge pages, mounted nowhere. It goes with its last file.
fn mount() -> Option<OwnedFd> {
    // From linux/mount.h.
    const CLOEXEC: c_uint = 1;
    const SET_STRING: c_uint = 1;
    const CREATE: c_uint = 6;
    let null = ptr::null::<c_char>();
    // SAFETY: a name that ends with a zero, and a number.
    let context = unsafe { libc::syscall(libc::SYS_fsopen, c"tmpfs".as_ptr(), CLOEXEC) };
    let context = owned(context)?;
    let fd = context.as_raw_fd();
    let (key, value) = (c"huge".as_ptr(), c"always".as_ptr());
    // SAFETY: an open descriptor, and two texts that end with a zero.
    let is_set = unsafe { libc::syscall(libc::SYS_fsconfig, fd, SET_STRING, key, value, 0) };
    // SAFETY: an open descriptor; this command wants no texts.
    let is_made = unsafe { libc::syscall(libc::SYS_fsconfig, fd, CREATE, null, null, 0) };
    if is_set != 0 || is_made != 0 {
        return None;
    }
    // SAFETY: an open descriptor and numbers.
    owned(unsafe { libc::syscall(libc::SYS_fsmount, fd, CLOEXEC, 0) })
}

/// The descriptor that a system call has made, if it has.
fn owned(answer: c_long) -> Option<OwnedFd> {
    let fd: c_int = answer.try_into().ok()?;
    // SAFETY: it is new, so nobody else has it.
    (fd >= 0).then(|| unsafe { OwnedFd::from_raw_fd(fd) })
}
