//! What the arguments of calls may say, and how large things are.

/// `share_mem`: the target may read. (Sartoris)
pub const READ_PERM: i32 = 2;
/// `share_mem`: the target may write. It does not imply [`READ_PERM`]. (Sartoris)
pub const WRITE_PERM: i32 = 4;

/// Ports of one task: 0 to 31. (Sartoris)
pub const MAX_TASK_OPEN_PORTS: i32 = 32;
/// The size of a message, in bytes. (Sartoris)
pub const MSG_BYTES: usize = 16;
/// The longest name of a task, in bytes.
pub const MAX_TASK_NAME_BYTES: usize = 31;
/// `wait_msg`: no timeout.
pub const WAIT_FOREVER: i32 = -1;

/// `watch_task`, reason: the task returned from its entry, or asked to exit.
pub const ENDED_EXIT: i32 = 0;
/// `watch_task`, reason: an instruction of the task trapped.
pub const ENDED_TRAP: i32 = 1;
/// `watch_task`, reason: somebody with the right to do so ended it.
pub const ENDED_KILLED: i32 = 2;
/// `watch_task`, reason: it stored to a page without permission.
pub const ENDED_FORBIDDEN_STORE: i32 = 3;
/// `watch_task`, reason: it ended so long ago that the kernel has forgotten how.
pub const ENDED_FORGOTTEN: i32 = 4;

/// `ControlMem`: a task may not write any more; 0: nobody may. (Portfolio, `mem.h`)
pub const MEMC_NOWRITE: i32 = 1;
/// `ControlMem`: a task may write; 0: every task may. (Portfolio, `mem.h`)
pub const MEMC_OKWRITE: i32 = 2;
/// `ControlMem`: a task becomes the owner; 0: the system does. (Portfolio, `mem.h`)
pub const MEMC_GIVE: i32 = 3;

/// `AllocMemBlocks`: fill the block with the byte in the low 8 bits of the flags.
pub const MEMTYPE_FILL: u32 = 0x100;
