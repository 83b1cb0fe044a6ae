//! The stacks that tasks run on, kept for the next ones: to map one, guard it and
//! unmap it again takes longer than most of the rest of a short task's life.

use std::io;
use std::ops::Range;
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect, munmap};
use rustix::param::page_size;
use wasmtime::{Error, StackCreator, StackMemory};

/// Stacks that are kept at most. A task may have used all of its own, two
/// mebibytes, and what it used stays in memory with the stack.
const MOST_SPARE: usize = 16;

/// Makes stacks for one engine, and has them back.
#[derive(Debug, Default)]
pub(crate) struct Stacks(Arc<Spare>);

/// Stacks that nothing runs on.
#[derive(Debug, Default)]
struct Spare(Mutex<Vec<Mapping>>);

impl Spare {
    fn mappings(&self) -> MutexGuard<'_, Vec<Mapping>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A guard page, and above it a stack. It goes when this is dropped.
#[derive(Debug)]
struct Mapping {
    start: *mut u8,
    len_bytes: usize,
}

// SAFETY: an address and a number; whoever follows the address argues for itself.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    fn new(stack_bytes: usize) -> io::Result<Self> {
        let stack_bytes = stack_bytes.max(1).next_multiple_of(page_size());
        let len_bytes = stack_bytes + page_size();
        // SAFETY: a new mapping, where the operating system likes.
        let start = unsafe {
            mmap_anonymous(
                ptr::null_mut(),
                len_bytes,
                ProtFlags::empty(),
                MapFlags::PRIVATE,
            )
        }?;
        let mapping = Self {
            start: start.cast(),
            len_bytes,
        };
        let stack = mapping.start.wrapping_add(page_size()).cast();
        // SAFETY: all of the mapping but its first page, and nobody uses it yet.
        unsafe {
            mprotect(
                stack,
                stack_bytes,
                MprotectFlags::READ | MprotectFlags::WRITE,
            )
        }?;
        Ok(mapping)
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: this mapping and no more; nothing runs on it, for whoever does
        // has it in a `Stack`. That it may fail costs its addresses.
        let _ = unsafe { munmap(self.start.cast(), self.len_bytes) };
    }
}

// SAFETY: each stack is a mapping of its own that nothing else uses until it is
// dropped: it is taken out of the spare ones. Below it is a page that faults.
unsafe impl StackCreator for Stacks {
    fn new_stack(&self, size: usize, zeroed: bool) -> Result<Box<dyn StackMemory>, Error> {
        // A used one has been written to. No guest sees what is on a stack.
        let spare = if zeroed {
            None
        } else {
            self.0.mappings().pop()
        };
        let mapping = match spare {
            // One engine's are all of one size.
            Some(mapping) if mapping.len_bytes >= size + page_size() => mapping,
            _ => Mapping::new(size)?,
        };
        Ok(Box::new(Stack {
            mapping: Some(mapping),
            spare: self.0.clone(),
        }))
    }
}

/// A stack that something may run on.
struct Stack {
    /// Taken when this is dropped.
    mapping: Option<Mapping>,
    spare: Arc<Spare>,
}

impl Stack {
    /// The guard page's first byte, the stack's, and the one behind the stack.
    fn bounds(&self) -> [*mut u8; 3] {
        let mapping = self.mapping.as_ref().expect("it is taken by `drop` alone");
        let guard_bytes = page_size();
        [0, guard_bytes, mapping.len_bytes].map(|offset| mapping.start.wrapping_add(offset))
    }
}

// SAFETY:
// 1. The bounds are multiples of a page, for the mapping's start and length are.
// 2. The page below the stack is mapped and can be neither read nor written.
// 3. Nothing else uses the stack while this lives: see `StackCreator` above.
unsafe impl StackMemory for Stack {
    fn top(&self) -> *mut u8 {
        let [_, _, top] = self.bounds();
        top
    }

    fn range(&self) -> Range<usize> {
        let [_, bottom, top] = self.bounds();
        bottom.addr()..top.addr()
    }

    fn guard_range(&self) -> Range<*mut u8> {
        let [guard, bottom, _] = self.bounds();
        guard..bottom
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        let Some(mapping) = self.mapping.take() else {
            return;
        };
        let mut spare = self.spare.mappings();
        if spare.len() < MOST_SPARE {
            spare.push(mapping);
        } else {
            drop(spare);
            drop(mapping);
        }
    }
}

#[cfg(test)]
mod tests {
    use wasmtime::{StackCreator, StackMemory};

    use super::{MOST_SPARE, Stacks};

    const BYTES: usize = 256 << 10;

    fn stack(stacks: &Stacks) -> Box<dyn StackMemory> {
        stacks.new_stack(BYTES, false).unwrap()
    }

    #[test]
    fn a_stack_is_nobody_elses_until_it_is_dropped_and_the_next_ones_then() {
        let stacks = Stacks::default();
        let (first, second) = (stack(&stacks), stack(&stacks));
        assert_eq!(first.range().len(), BYTES);
        assert!(
            first.range().end <= second.range().start || second.range().end <= first.range().start
        );
        assert_eq!(first.guard_range().end.addr(), first.range().start);
        let place = first.range();
        drop(first);
        assert_eq!(stack(&stacks).range(), place);
    }

    #[test]
    fn what_must_be_zero_is_new() {
        let stacks = Stacks::default();
        drop(stack(&stacks));
        let zeroed = stacks.new_stack(BYTES, true).unwrap();
        assert_eq!(stacks.0.mappings().len(), 1);
        drop(zeroed);
    }

    #[test]
    fn no_more_are_kept_than_some() {
        let stacks = Stacks::default();
        let many: Vec<_> = (0..2 * MOST_SPARE).map(|_| stack(&stacks)).collect();
        drop(many);
        assert_eq!(stacks.0.mappings().len(), MOST_SPARE);
    }
}
