//! The message places: one table for all ports, and what it has promised.

use crate::limits::{Limits, SURE_TASK_MESSAGES};
use crate::table::{NONE, Table};
use usufruct_abi::MSG_BYTES;

/// What a queued message was charged to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Charge {
    /// One of the places that its port is sure of.
    Sure,
    /// A place that no port was promised.
    Shared,
    /// The same, held since the watch was set.
    Watch,
}

/// A message in a queue, or on its way out of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Message {
    pub(crate) sender: i32,
    pub(crate) bytes: [u8; MSG_BYTES],
    pub(crate) charge: Charge,
}

/// Somebody wants to hear of a task's end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watch {
    /// The task whose end it is about.
    pub(crate) of: u32,
    /// The task that wants to hear, and on which port.
    pub(crate) by: u32,
    pub(crate) port: u8,
    /// Neighbours among the watches of the same task.
    pub(crate) previous: u32,
    /// The next watch of the same port.
    pub(crate) of_port: u32,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Content {
    Free,
    Queued(Message),
    Delivering(Message),
    Watching(Watch),
}

/// One place, and the next one in whatever list it stands in: the free ones, a
/// port's queue, or the watches of a task.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) content: Content,
    pub(crate) next: u32,
}

/// The table. Invariant (I5): `free >= unmet`, but for deliveries whose port was
/// closed meanwhile.
#[derive(Debug)]
pub(crate) struct Messages {
    pub(crate) places: Table<Place>,
    first_free: u32,
    pub(crate) free: u32,
    /// Places that ports are sure of and do not use now.
    pub(crate) unmet: u32,
}

impl Messages {
    pub(crate) fn new(limits: Limits) -> Self {
        let last = limits.messages.saturating_sub(1);
        Self {
            places: Table::new(limits.messages, |number| Place {
                content: Content::Free,
                next: if number < last {
                    number.saturating_add(1)
                } else {
                    NONE
                },
            }),
            first_free: 0,
            free: limits.messages,
            unmet: limits.tasks.saturating_mul(SURE_TASK_MESSAGES),
        }
    }

    /// Places that nobody was promised.
    pub(crate) fn shared(&self) -> u32 {
        self.free.saturating_sub(self.unmet)
    }

    /// Takes a free place. Its link is the caller's to set.
    pub(crate) fn take(&mut self, content: Content) -> Option<u32> {
        let number = self.first_free;
        let place = self.places.get(number)?;
        self.first_free = place.next;
        *self.places.at_mut(number) = Place {
            content,
            next: NONE,
        };
        self.free = self.free.saturating_sub(1);
        Some(number)
    }

    /// Frees a place that stands in no list any more.
    pub(crate) fn put_back(&mut self, number: u32) {
        *self.places.at_mut(number) = Place {
            content: Content::Free,
            next: self.first_free,
        };
        self.first_free = number;
        self.free = self.free.saturating_add(1);
    }

    /// The watch in this place, if it is one.
    pub(crate) fn watch_mut(&mut self, number: u32) -> Option<&mut Watch> {
        if number == NONE {
            return None;
        }
        match &mut self.places.at_mut(number).content {
            Content::Watching(watch) => Some(watch),
            Content::Free | Content::Queued(_) | Content::Delivering(_) => None,
        }
    }
}
