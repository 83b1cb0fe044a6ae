//! Names of tasks, and who bears them.

use crate::error::Denied;
use crate::table::{NONE, Table};
use usufruct_abi::MAX_TASK_NAME_BYTES;

/// 1 to 31 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    bytes: [u8; MAX_TASK_NAME_BYTES],
    len: u8,
}

impl Name {
    pub(crate) const EMPTY: Self = Self {
        bytes: [0; MAX_TASK_NAME_BYTES],
        len: 0,
    };

    pub(crate) fn new(text: &[u8]) -> Result<Self, Denied> {
        let mut name = Self::EMPTY;
        let room = name.bytes.get_mut(..text.len()).ok_or(Denied::BadName)?;
        room.copy_from_slice(text);
        name.len = u8::try_from(text.len()).map_err(|_| Denied::BadName)?;
        if text.is_empty() {
            Err(Denied::BadName)
        } else {
            Ok(name)
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or(&[])
    }

    /// FNV-1a. Names come from the host, not from guests, so nobody aims for
    /// collisions.
    fn hash(&self) -> u32 {
        let step = |hash: u32, byte: &u8| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
        self.as_bytes().iter().fold(0x811c_9dc5, step)
    }
}

/// Finds the living task of a name: chains of tasks by hash. The links are
/// in the tasks.
#[derive(Debug)]
pub(crate) struct Names {
    first: Table<u32>,
    mask: u32,
}

/// What a task keeps for [`Names`].
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) name: Name,
    next: u32,
}

impl Named {
    pub(crate) const NOBODY: Self = Self {
        name: Name::EMPTY,
        next: NONE,
    };
}

/// A table whose entries bear names.
pub(crate) trait Bearers {
    fn named(&self, index: u32) -> &Named;
    fn named_mut(&mut self, index: u32) -> &mut Named;
}

impl Names {
    pub(crate) fn new(tasks: u32) -> Self {
        let buckets = tasks.next_power_of_two();
        Self {
            first: Table::new(buckets, |_| NONE),
            mask: buckets.wrapping_sub(1),
        }
    }

    pub(crate) fn find(&self, tasks: &impl Bearers, name: &Name) -> Option<u32> {
        let mut index = *self.first.at(name.hash() & self.mask);
        while index != NONE {
            let bearer = tasks.named(index);
            if bearer.name == *name {
                return Some(index);
            }
            index = bearer.next;
        }
        None
    }

    pub(crate) fn insert(&mut self, tasks: &mut impl Bearers, index: u32, name: Name) {
        let first = self.first.at_mut(name.hash() & self.mask);
        *tasks.named_mut(index) = Named { name, next: *first };
        *first = index;
    }

    pub(crate) fn remove(&mut self, tasks: &mut impl Bearers, index: u32) {
        let after = tasks.named(index).next;
        let bucket = tasks.named(index).name.hash() & self.mask;
        if *self.first.at(bucket) == index {
            *self.first.at_mut(bucket) = after;
            return;
        }
        let mut before = *self.first.at(bucket);
        while before != NONE {
            let bearer = tasks.named_mut(before);
            if bearer.next == index {
                bearer.next = after;
                return;
            }
            before = bearer.next;
        }
    }
}
