//! What a machine supplies, so that the suite can run on it.

use std::time::Duration;
use usufruct_abi as abi;

/// Sizes of the kernel that a script runs on.
///
/// A machine passes them on to its kernel: scripts count on each of them when they
/// fill a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tables {
    /// Tasks that live at once, `host` included.
    pub tasks: u32,
    /// Shared memory objects that live at once; each task is sure of a few.
    pub smos: u32,
    /// Messages that are queued at once; each open port is sure of a few.
    pub messages: u32,
    /// Pages of the pool, if the machine has one.
    pub pages: u32,
}

impl Tables {
    /// Large enough for every script, small enough to be filled by one.
    pub const OF_THE_SUITE: Self = Self {
        tasks: 12,
        smos: 160,
        messages: 320,
        pages: 48,
    };
}

/// A machine's pool, as every task that is attached to it sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// The address of its first page.
    pub start: u32,
    /// The size of a page, in bytes: at least 64.
    pub page_bytes: u32,
}

/// How many pages of the pool a task may own, and how many it is sure of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageQuota {
    /// Pages that it may own at one time.
    pub pages: u32,
    /// Pages that others can not take.
    pub reserve: u32,
}

/// What a machine can do, for the few scripts that need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The width of a word of a kernel call, in bits: 32 or 64.
    pub word_bits: u32,
    /// A task that computes for ever can be ended, and others go on meanwhile.
    pub preemption: bool,
    /// [`Rig::advance`] moves a clock of its own: nothing times out between two commands.
    pub virtual_clock: bool,
}

/// One life of a probe, as its rig numbers them. Never used for two lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Probe(pub u32);

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// The status that it returned; whatever the machine says if it did not return.
    pub status: i32,
    /// `usufruct_abi::ENDED_*`.
    pub reason: i32,
}

/// A machine with probes on it.
///
/// # Contract
///
/// 1. **Probes are guests.** A probe runs the interpreter of `usufruct-probe-core` (or the same
///    program in C) with no more rights than any guest, and reaches the kernel as guests do.
/// 2. **Commands do not wait for each other.** A probe that computes or sleeps in a call keeps
///    neither `post` nor other probes from going on.
/// 3. **One command at a time.** The suite posts to a probe only after it has taken the reply to
///    the command before.
/// 4. **An end is an end.** When [`Rig::ending`] answers, everything that dies with a task is gone
///    and its places in the kernel's tables are free.
///
/// A rig panics, with a sentence, when its machine breaks down: it is part of a test.
pub trait Rig: Sized {
    /// What this machine can do.
    const FACTS: Facts;

    /// Starts a machine, with no task but `host`.
    fn boot(tables: Tables) -> Self;

    /// Where the pool is, and how it is divided; `None` on a machine that has none. Scripts
    /// about pages are left out there, aloud.
    fn pool() -> Option<Pool> {
        None
    }

    /// Starts a probe as a task that may own `smo_quota` objects. It is not attached to the pool.
    ///
    /// # Errors
    ///
    /// The kernel's or the machine's refusal, in words.
    fn start(&mut self, name: &[u8], smo_quota: u32) -> Result<Probe, String>;

    /// Starts a probe as a task that is attached to the pool.
    ///
    /// # Errors
    ///
    /// The kernel's or the machine's refusal, in words.
    fn start_attached(
        &mut self,
        name: &[u8],
        _smo_quota: u32,
        _quota: PageQuota,
    ) -> Result<Probe, String> {
        Err(format!("there is no pool for {}", name.escape_ascii()))
    }

    /// Hands a command to a probe. Nothing happens if the probe has ended.
    fn post(&mut self, probe: Probe, command: &[u8]);

    /// Takes a probe's reply to the last command; `None` when none comes within `patience`
    /// (a machine with a virtual clock: when none can come before something else happens),
    /// and at once when the probe has ended.
    fn take(&mut self, probe: Probe, patience: Duration) -> Option<Vec<u8>>;

    /// Ends a probe's task, whatever it is doing: reason [`abi::ENDED_KILLED`]. Nothing happens
    /// if it has ended.
    fn kill(&mut self, probe: Probe);

    /// Waits for a probe's end; `None` if it has not ended within `patience`.
    fn ending(&mut self, probe: Probe, patience: Duration) -> Option<Ending>;

    /// Lets time pass: moves the virtual clock, or sleeps.
    fn advance(&mut self, milliseconds: u32);
}

impl Ending {
    /// Returned from its entry with this status.
    #[must_use]
    pub const fn exit(status: i32) -> Self {
        Self {
            status,
            reason: abi::ENDED_EXIT,
        }
    }
}
