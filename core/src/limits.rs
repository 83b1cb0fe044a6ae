//! Every capacity. The kernel's tables are sized by them once, when it is made.

use crate::error::BadLimits;
use crate::page::Pool;

/// Objects that every task is sure of, whatever the others do. (Contract, section 2)
pub const SURE_SMOS: u32 = 8;
/// Ports that every task is sure to be able to open.
pub const SURE_PORTS: u32 = 4;
/// Messages that every open port is sure to hold. (Contract, section 6)
pub const SURE_MESSAGES: u32 = 2;
/// Messages that a port queues at most. (Contract, section 6)
pub const PORT_MESSAGES: u8 = 64;
/// Messages of one sender that a port holds at most: half. (Contract, section 6)
pub const SENDER_MESSAGES: u8 = PORT_MESSAGES / 2;
/// Ends that one port may watch for, those already told and not yet read included.
pub const PORT_WATCHES: u8 = 64;
/// Ports of a task.
pub const PORTS: usize = 32;
/// How many entries an ending clears in one step, before it lets other calls in.
pub const ENDING_BATCH: u32 = 32;

/// The places that a task's sure ports need.
pub(crate) const SURE_TASK_MESSAGES: u32 = SURE_PORTS * SURE_MESSAGES;

/// How large a kernel's tables are. They never grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Tasks at one time, the host included: 1 to 65,536.
    pub tasks: u32,
    /// Shared memory objects at one time: at least 8 for each task, at most 1,048,576.
    pub smos: u32,
    /// Messages and watches at one time: at least 8 for each task, at most 1,048,576.
    pub messages: u32,
    /// Processors (worker threads) that copy at the same time: 1 to 1,024.
    pub processors: u32,
    /// The pages that tasks may own.
    pub pool: Pool,
}

impl Default for Limits {
    /// Enough for a few hundred tasks, in about a mebibyte.
    fn default() -> Self {
        Self {
            tasks: 256,
            smos: 4096,
            messages: 4096,
            processors: 2,
            pool: Pool::NONE,
        }
    }
}

impl Limits {
    /// Whether a kernel of this size can keep its promises.
    pub(crate) fn check(self) -> Result<(), BadLimits> {
        let between = |value: u32, least: u32, most: u32| (least..=most).contains(&value);
        if !between(self.tasks, 1, 1 << 16) {
            return Err(BadLimits::Tasks);
        }
        if !between(self.smos, self.tasks.saturating_mul(SURE_SMOS), 1 << 20) {
            return Err(BadLimits::Smos);
        }
        let sure = self.tasks.saturating_mul(SURE_TASK_MESSAGES);
        if !between(self.messages, sure, 1 << 20) {
            return Err(BadLimits::Messages);
        }
        if !between(self.processors, 1, 1 << 10) {
            return Err(BadLimits::Processors);
        }
        self.pool.check()
    }
}

/// How much of the tables one task may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Shared memory objects that it may own at one time.
    pub smos: u32,
    /// What it may have of the pool; `None`: it is not attached.
    pub pool: Option<PoolQuota>,
}

impl Default for Quota {
    fn default() -> Self {
        Self {
            smos: 1024,
            pool: None,
        }
    }
}

/// How much of the pool a task may own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolQuota {
    /// Pages that it may own at one time.
    pub pages: u32,
    /// Pages that it is sure of, whatever the others do.
    pub reserve: u32,
}

impl Default for PoolQuota {
    /// As much as there is, and nothing promised.
    fn default() -> Self {
        Self {
            pages: u32::MAX,
            reserve: 0,
        }
    }
}
