//! Rules: hearing of a task's end. A watch holds a message place from the
//! moment it is set, so that its message is never lost to a full queue.

use crate::border::{Change, Progress, Work};
use crate::error::Denied;
use crate::id::{TaskId, ThreadId};
use crate::kernel::Kernel;
use crate::limits::PORT_WATCHES;
use crate::message::{Charge, Content, Message, Watch};
use crate::port::port_number;
use crate::sink::{Event, Sink};
use crate::table::NONE;
use crate::task::{Ending, TaskState};
use crate::thread::Thread;
use usufruct_abi::MSG_BYTES;

/// A task, as those see it who want to hear of its end.
enum Life {
    /// Its end is to come, or under way: the books at this place.
    GoesOn(u32),
    IsOver(Ending),
}

impl<S: Sink> Kernel<S> {
    /// `watch_task`: port number, port open, task, room.
    pub(crate) fn watch(
        &mut self,
        caller: &Thread,
        raw_task: i32,
        raw_port: i32,
    ) -> Result<Progress, Denied> {
        let port = port_number(raw_port)?;
        let by = caller.key.index;
        let watches = self.open_port_of(by, port)?.watches;
        let id = TaskId::from_raw(raw_task).ok_or(Denied::NoSuchTask(raw_task))?;
        let life = self.life_of(id).ok_or(Denied::NoSuchTask(raw_task))?;
        if watches >= PORT_WATCHES {
            return Err(Denied::PortFull(port));
        }
        if self.messages.shared() == 0 {
            return Err(Denied::MessageTableFull);
        }
        let place = self
            .messages
            .take(Content::Free)
            .ok_or(Denied::MessageTableFull)?;
        if let Some(entry) = self.port_mut(by, port) {
            entry.watches = entry.watches.saturating_add(1);
        }
        self.sink.event(&Event::Watching {
            by: caller.task,
            of: id,
            port,
        });
        let ending = match life {
            Life::GoesOn(of) => {
                self.link_watch(place, of, by, port);
                return Ok(Progress::answer(0));
            }
            Life::IsOver(ending) => ending,
        };
        let wake = self.tell(place, (by, port), id, ending);
        Ok(match wake {
            Some(thread) => Progress::step(Work::Wake(thread), Change::Answer(Ok(0))),
            None => Progress::answer(0),
        })
    }

    /// What there is to hear of a task; `None` if its id was never given out.
    fn life_of(&self, id: TaskId) -> Option<Life> {
        if let Ok(of) = self.known_task(id.raw()) {
            return Some(match self.tasks.at(of.index).state {
                TaskState::Cleared(ending) => Life::IsOver(ending),
                TaskState::Free | TaskState::Alive | TaskState::Ending(_) => Life::GoesOn(of.index),
            });
        }
        let (slot, is_last) = self.task_slots.find_ended(id.bits())?;
        Some(Life::IsOver(if is_last {
            self.task_ids.at(slot).ending
        } else {
            Ending::FORGOTTEN
        }))
    }

    /// Turns the first watch of an ending task into its message.
    pub(crate) fn fire(&mut self, place: u32, id: TaskId, ending: Ending) -> Option<ThreadId> {
        let Watch { by, port, .. } = *self.messages.watch_mut(place)?;
        self.unlink_from_task(place);
        self.unlink_from_port(place, by, port);
        self.tell(place, (by, port), id, ending)
    }

    /// Drops the watches of a port that closes: a list through `of_port`.
    pub(crate) fn drop_watches(&mut self, first: u32) {
        let mut place = first;
        while let Some(&mut Watch { of_port, .. }) = self.messages.watch_mut(place) {
            self.unlink_from_task(place);
            self.messages.put_back(place);
            place = of_port;
        }
    }

    fn tell(
        &mut self,
        place: u32,
        (by, port): (u32, u8),
        id: TaskId,
        ending: Ending,
    ) -> Option<ThreadId> {
        let bytes = message(id, ending);
        let message = Message {
            sender: 0,
            bytes,
            charge: Charge::Watch,
        };
        self.messages.places.at_mut(place).content = Content::Queued(message);
        self.push_back(by, port, place);
        self.take_waiter(by, port)
    }

    fn link_watch(&mut self, place: u32, of: u32, by: u32, port: u8) {
        let first = core::mem::replace(&mut self.tasks.at_mut(of).first_watch, place);
        if let Some(neighbour) = self.messages.watch_mut(first) {
            neighbour.previous = place;
        }
        let of_port = match self.port_mut(by, port) {
            Some(entry) => core::mem::replace(&mut entry.first_watch, place),
            None => NONE,
        };
        let entry = self.messages.places.at_mut(place);
        entry.content = Content::Watching(Watch {
            of,
            by,
            port,
            previous: NONE,
            of_port,
        });
        entry.next = first;
    }

    fn unlink_from_task(&mut self, place: u32) {
        let next = self.messages.places.at(place).next;
        let Some(&mut Watch { of, previous, .. }) = self.messages.watch_mut(place) else {
            return;
        };
        if let Some(neighbour) = self.messages.watch_mut(next) {
            neighbour.previous = previous;
        }
        if previous == NONE {
            self.tasks.at_mut(of).first_watch = next;
        } else {
            self.messages.places.at_mut(previous).next = next;
        }
    }

    /// Takes a watch out of its port's list, which is short.
    fn unlink_from_port(&mut self, place: u32, by: u32, port: u8) {
        let Some(&mut Watch { of_port: after, .. }) = self.messages.watch_mut(place) else {
            return;
        };
        let Some(entry) = self.port_mut(by, port) else {
            return;
        };
        if entry.first_watch == place {
            entry.first_watch = after;
            return;
        }
        let mut before = entry.first_watch;
        while let Some(watch) = self.messages.watch_mut(before) {
            if watch.of_port == place {
                watch.of_port = after;
                return;
            }
            before = watch.of_port;
        }
    }
}

/// The words (task id, exit status, reason, 0), little-endian.
fn message(id: TaskId, ending: Ending) -> [u8; MSG_BYTES] {
    let mut bytes = [0; MSG_BYTES];
    let words = [id.raw(), ending.status, ending.reason.raw(), 0];
    for (room, word) in bytes.chunks_exact_mut(4).zip(words) {
        room.copy_from_slice(&word.to_le_bytes());
    }
    bytes
}
