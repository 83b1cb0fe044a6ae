//! Names of one life of one thing: what guests hold, and what the kernel holds.

use core::fmt;
use core::num::NonZeroU32;

/// Declares an id as guests see it: positive as an `i32`, never 0, without
/// order. Which bits are the slot and which the generation is the business of
/// `slots.rs`.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $short:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $name(NonZeroU32);

        impl $name {
            /// The id that a guest's word may mean; `None` for 0 and negative numbers.
            #[must_use]
            pub const fn from_raw(raw: i32) -> Option<Self> {
                if raw < 0 {
                    return None;
                }
                match NonZeroU32::new(raw.cast_unsigned()) {
                    Some(word) => Some(Self(word)),
                    None => None,
                }
            }

            /// The id as guests see it: a positive number.
            #[must_use]
            pub const fn raw(self) -> i32 {
                self.0.get().cast_signed()
            }

            #[allow(dead_code, reason = "not every kind of id is looked up by its bits")]
            pub(crate) const fn bits(self) -> u32 {
                self.0.get()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($short, "{}"), self.0)
            }
        }
    };
}

id! {
    /// Names one life of one task.
    TaskId, "task"
}
id! {
    /// Names one thread of one task. Tasks and threads share one number space:
    /// a task's first thread has the number of its task.
    ThreadId, "thread"
}
id! {
    /// Names one life of one shared memory object.
    SmoId, "smo"
}

impl From<TaskId> for ThreadId {
    /// The first thread of the task.
    fn from(task: TaskId) -> Self {
        Self(task.0)
    }
}

/// A task as the kernel and its machine know it: a place in their tables, and
/// which of all lives it is. The place is used again, the life never.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TaskKey {
    pub(crate) index: u32,
    pub(crate) life: u64,
}

impl TaskKey {
    /// Its place in a table of [`Limits::tasks`](crate::Limits::tasks) entries.
    #[must_use]
    pub const fn index(self) -> usize {
        self.index as usize
    }

    /// No task's.
    pub(crate) const NOBODY: Self = Self {
        index: crate::table::NONE,
        life: 0,
    };

    /// The life with this number, of all from 1: it never repeats or wraps.
    pub(crate) const fn of_life(index: u32, number: u64, is_attached: bool) -> Self {
        let life = number.wrapping_shl(1) | is_attached as u64;
        Self { index, life }
    }

    /// Which of all lives it is; never 0, never used again.
    #[must_use]
    pub const fn life(self) -> u64 {
        self.life
    }

    /// Whether the task sees the pool. A matter of its birth, so each copy knows
    /// it without looking.
    #[must_use]
    #[inline(always)]
    pub const fn is_attached(self) -> bool {
        self.life & 1 != 0
    }
}
