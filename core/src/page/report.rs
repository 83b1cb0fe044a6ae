//! The sentence about a store that has ended its task, the same on all machines.

use core::fmt;

use crate::error::Denied;
use crate::id::{TaskId, ThreadId};
use crate::kernel::Kernel;
use crate::name::Name;
use crate::sink::Sink;

/// Writers that a report names at most.
const NAMED: usize = 8;

/// A task as a report names it: `decoder` (514), or by its number if it is gone.
#[derive(Clone, Copy, Debug)]
struct Who {
    id: TaskId,
    name: Option<Name>,
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(name) = &self.name else {
            return write!(f, "{}", self.id.raw());
        };
        f.write_str("`")?;
        for chunk in name.as_bytes().utf8_chunks() {
            f.write_str(chunk.valid())?;
            if !chunk.invalid().is_empty() {
                f.write_str("\u{fffd}")?;
            }
        }
        write!(f, "` ({})", self.id.raw())
    }
}

/// A store that was not let through, and how things stood at that moment. As
/// text: who stored where, whose page it is, who may write it, and what would
/// have allowed it. The instruction is the machine's to name.
#[derive(Clone, Copy, Debug)]
pub struct ForbiddenStore {
    task: Who,
    thread: ThreadId,
    address: u64,
    /// `None`: it is no page.
    page: Option<u32>,
    owner: Option<Who>,
    writers: [Option<Who>; NAMED],
    has_more_writers: bool,
    is_for_everybody: bool,
    denied: Denied,
}

impl<S: Sink> Kernel<S> {
    /// How things stand at a store of a thread to `address` that
    /// [`touch`](crate::touch) has denied for this reason.
    #[must_use]
    pub fn forbidden_store(
        &self,
        (task, thread): (TaskId, ThreadId),
        address: u64,
        denied: Denied,
    ) -> ForbiddenStore {
        let page = self.limits.pool.page_at(address);
        let who = |id| Who {
            id,
            name: self.name_of(id),
        };
        let mut all = page.into_iter().flat_map(|page| self.page_writers(page));
        let writers = core::array::from_fn(|_| all.next().map(who));
        ForbiddenStore {
            task: who(task),
            thread,
            address,
            page,
            owner: page.and_then(|page| self.page_owner(page)).map(who),
            writers,
            has_more_writers: all.next().is_some(),
            is_for_everybody: page.is_some_and(|page| self.plane.pages.is_for_everybody(page)),
            denied,
        }
    }

    fn name_of(&self, task: TaskId) -> Option<Name> {
        let key = self.live_task(task.raw()).ok()?;
        Some(self.tasks.at(key.index).named.name)
    }
}

impl ForbiddenStore {
    /// Why it was not let through.
    #[must_use]
    pub fn denied(&self) -> Denied {
        self.denied
    }

    fn write_writers(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_for_everybody {
            return f.write_str(" and everybody may write but those refused by name");
        }
        let mut named = self.writers.iter().flatten();
        let Some(first) = named.next() else {
            return f.write_str(" and nobody may write");
        };
        let plural = if self.writers.iter().flatten().count() > 1 {
            "s"
        } else {
            ""
        };
        write!(f, " and task{plural} {first}")?;
        named.try_for_each(|writer| write!(f, ", {writer}"))?;
        if self.has_more_writers {
            f.write_str(" and others")?;
        }
        f.write_str(" may write")
    }

    /// What would have allowed it.
    fn write_remedy(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.owner {
            _ if self.denied == Denied::NoMapping => {
                f.write_str("it may, but the machine has no mapping left for it")
            }
            None => f.write_str("the page is free: AllocMemBlocks would have given it to the task"),
            Some(owner) if owner.id == self.task.id => f.write_str(
                "the task owns it: its own ControlMem(MEMC_OKWRITE) would have allowed it",
            ),
            Some(owner) => write!(
                f,
                "a ControlMem(MEMC_OKWRITE) of task {owner} for task {} would have allowed it",
                self.task
            ),
        }
    }
}

impl fmt::Display for ForbiddenStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (task, thread) = (self.task, self.thread.raw());
        write!(
            f,
            "task {task}, thread {thread}, stored to {:#x}",
            self.address
        )?;
        match self.page {
            Some(page) => write!(f, " in page {page}, which")?,
            None => f.write_str(", which")?,
        }
        match self.owner {
            Some(owner) => write!(f, " task {owner} owns")?,
            None => f.write_str(" nobody owns")?,
        }
        self.write_writers(f)?;
        f.write_str("; ")?;
        self.write_remedy(f)
    }
}
