//! Rules: ports and the messages in them.

use crate::border::{Change, Delivery, Outcome, Progress, Wait, Work};
use crate::error::Denied;
use crate::id::{TaskKey, ThreadId};
use crate::kernel::{Kernel, Request};
use crate::limits::{PORT_MESSAGES, PORTS, SENDER_MESSAGES, SURE_MESSAGES, SURE_PORTS};
use crate::message::{Charge, Content, Message, Place};
use crate::sink::{Event, Sink};
use crate::span::Span;
use crate::table::NONE;
use crate::thread::Thread;
use usufruct_abi::MSG_BYTES;

/// One port of one task.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Port {
    /// Its queue: a list through the message places, oldest first.
    pub(crate) first: u32,
    pub(crate) last: u32,
    /// The watches that will tell this port: a list through the message places.
    pub(crate) first_watch: u32,
    /// Which opening this is, so that what was under way to an earlier one is known.
    opening: u32,
    pub(crate) queued: u8,
    /// Watches that wait, and their messages that have not been read.
    pub(crate) watches: u8,
    /// Of the places that it is sure of.
    pub(crate) sure_used: u8,
    is_open: bool,
}

impl Port {
    pub(crate) const CLOSED: Self = Self {
        first: NONE,
        last: NONE,
        first_watch: NONE,
        opening: 0,
        queued: 0,
        watches: 0,
        sure_used: 0,
        is_open: false,
    };

    pub(crate) fn is_open(&self) -> bool {
        self.is_open
    }
}

/// The port that a guest's number means: 0 to 31.
pub(crate) fn port_number(raw: i32) -> Result<u8, Denied> {
    match u8::try_from(raw) {
        Ok(port) if usize::from(port) < PORTS => Ok(port),
        Ok(_) | Err(_) => Err(Denied::BadPort(raw)),
    }
}

/// A port in a set of ports.
const fn bit(port: u8) -> u32 {
    1_u32.wrapping_shl(port as u32)
}

impl<S: Sink> Kernel<S> {
    /// `open_port`.
    pub(crate) fn open_port(&mut self, caller: &Thread, raw: i32) -> Result<Progress, Denied> {
        let port = port_number(raw)?;
        if self.open_port_of(caller.key.index, port).is_ok() {
            return Err(Denied::PortOpen(port));
        }
        let is_sure = self.tasks.at(caller.key.index).open_ports < SURE_PORTS;
        if !is_sure {
            if self.messages.shared() < SURE_MESSAGES {
                return Err(Denied::MessageTableFull);
            }
            self.messages.unmet = self.messages.unmet.saturating_add(SURE_MESSAGES);
        }
        let task = self.tasks.at_mut(caller.key.index);
        task.open_ports = task.open_ports.saturating_add(1);
        if let Some(entry) = task.ports.get_mut(usize::from(port)) {
            let opening = entry.opening.wrapping_add(1);
            *entry = Port {
                is_open: true,
                opening,
                ..Port::CLOSED
            };
        }
        self.sink.event(&Event::PortOpened {
            task: caller.task,
            port,
        });
        Ok(Progress::answer(0))
    }

    /// `close_port`: what it held is gone; who waits on it hears of it.
    pub(crate) fn close_port(&mut self, caller: &Thread, raw: i32) -> Result<Progress, Denied> {
        let port = port_number(raw)?;
        self.open_port_of(caller.key.index, port)?;
        self.clear_port(caller.key.index, u32::from(port));
        Ok(self.answer_and_wake(caller.key.index, port, Ok(0)))
    }

    /// Drops all that an open port holds, and closes it: a bounded number of places.
    pub(crate) fn clear_port(&mut self, index: u32, port: u32) {
        let Some(entry) = self.port(index, port).copied() else {
            return;
        };
        let mut place = entry.first;
        while place != NONE {
            let Place { content, next } = *self.messages.places.at(place);
            // One on its way is freed when it has arrived.
            if !matches!(content, Content::Delivering(_)) {
                self.messages.put_back(place);
            }
            place = next;
        }
        self.drop_watches(entry.first_watch);
        let task = self.tasks.at_mut(index);
        let unmet = self
            .messages
            .unmet
            .saturating_add(u32::from(entry.sure_used));
        let promised = if task.open_ports > SURE_PORTS {
            SURE_MESSAGES
        } else {
            0
        };
        self.messages.unmet = unmet.saturating_sub(promised);
        task.open_ports = task.open_ports.saturating_sub(1);
        if let Some(closed) = task.ports.get_mut(port as usize) {
            *closed = Port {
                opening: entry.opening,
                ..Port::CLOSED
            };
        }
        let (task, port) = (task.id, u8::try_from(port).unwrap_or(u8::MAX));
        self.sink.event(&Event::PortClosed { task, port });
    }

    /// `send_msg`: port number, task, port open, pointer, room.
    pub(crate) fn send(
        &mut self,
        caller: &Thread,
        (to, raw_port): (i32, i32),
        bytes: Option<[u8; MSG_BYTES]>,
    ) -> Result<Progress, Denied> {
        let port = port_number(raw_port)?;
        let receiver = self.live_task(to)?;
        self.open_port_of(receiver.index, port)?;
        let bytes = bytes.ok_or(Denied::CallerMemory)?;
        let sender = caller.task.raw();
        let charge = self.room(receiver.index, port, sender)?;
        let message = Message {
            sender,
            bytes,
            charge,
        };
        let place = self
            .messages
            .take(Content::Queued(message))
            .ok_or(Denied::PortFull(port))?;
        if charge == Charge::Sure {
            self.messages.unmet = self.messages.unmet.saturating_sub(1);
        }
        self.push_back(receiver.index, port, place);
        let to = self.tasks.at(receiver.index).id;
        self.sink.event(&Event::Sent {
            from: caller.task,
            to,
            port,
        });
        Ok(self.answer_and_wake(receiver.index, port, Ok(0)))
    }

    /// What a further message of this sender is charged to: at most one of the
    /// sure places, so that no one sender can use up both, and never more than
    /// half of the port.
    fn room(&self, index: u32, port: u8, sender: i32) -> Result<Charge, Denied> {
        let entry = self.open_port_of(index, port)?;
        let (mut all, mut held, mut holds_sure) = (0_u8, 0_u8, false);
        let mut place = entry.first;
        while place != NONE {
            let queued = self.messages.places.at(place);
            // One on its way to the receiver may come back.
            if let Content::Queued(message) | Content::Delivering(message) = queued.content
                && message.sender == sender
            {
                held = held.saturating_add(1);
                holds_sure |= message.charge == Charge::Sure;
            }
            all = all.saturating_add(1);
            place = queued.next;
        }
        if all >= PORT_MESSAGES || held >= SENDER_MESSAGES {
            return Err(Denied::PortFull(port));
        }
        if !holds_sure && u32::from(entry.sure_used) < SURE_MESSAGES {
            return Ok(Charge::Sure);
        }
        if self.messages.shared() > 0 {
            Ok(Charge::Shared)
        } else {
            Err(Denied::PortFull(port))
        }
    }

    /// `get_msg`: port number, port open, a message there, pointers; then it is
    /// on its way, and keeps its place in the port until it has arrived.
    pub(crate) fn get(
        &mut self,
        caller: &Thread,
        raw: i32,
        (message_at, sender_at): (u64, u64),
    ) -> Result<Progress, Denied> {
        let port = port_number(raw)?;
        let entry = *self.open_port_of(caller.key.index, port)?;
        let (place, message) = self.oldest(&entry).ok_or(Denied::NoMessage(port))?;
        let receiver = caller.key;
        let ends = [
            Span::new(message_at, MSG_BYTES as u64),
            Span::new(sender_at, size_of::<i32>() as u64),
        ];
        let Some(lease) = self.lease(receiver, ends)? else {
            let request = Request::GetMsg {
                port: raw,
                message_at,
                sender_at,
            };
            return Ok(Progress::again(caller, request));
        };
        self.messages.places.at_mut(place).content = Content::Delivering(message);
        if let Some(port) = self.port_mut(receiver.index, port) {
            port.queued = port.queued.saturating_sub(1);
        }
        let delivery = Delivery {
            receiver,
            message_at,
            message: message.bytes,
            sender: Some((sender_at, message.sender)),
        };
        let change = Change::Delivery {
            place,
            receiver,
            port,
            opening: entry.opening,
            lease,
        };
        Ok(Progress::step(Work::Deliver(delivery), change))
    }

    /// The first message that is not on its way already.
    fn oldest(&self, port: &Port) -> Option<(u32, Message)> {
        let mut place = port.first;
        loop {
            let entry = self.messages.places.get(place)?;
            if let Content::Queued(message) = entry.content {
                return Some((place, message));
            }
            place = entry.next;
        }
    }

    /// A message has arrived, or could not be stored and is there again.
    pub(crate) fn delivered(
        &mut self,
        (place, receiver): (u32, TaskKey),
        (port, opening): (u8, u32),
        outcome: Outcome,
    ) -> Progress {
        let Content::Delivering(message) = self.messages.places.at(place).content else {
            return Progress::Answer(Err(Denied::NoMessage(port)));
        };
        // Else the port was cleared, and has let go of it.
        let is_same = self.tasks.at(receiver.index).life == receiver.life
            && self
                .open_port_of(receiver.index, port)
                .is_ok_and(|port| port.opening == opening);
        match outcome {
            Outcome::Done => {
                if is_same {
                    self.unlink_message(receiver.index, port, place);
                    self.uncharge(receiver.index, port, message.charge);
                    let task = self.tasks.at(receiver.index).id;
                    self.sink.event(&Event::Received { task, port });
                }
                self.messages.put_back(place);
                Progress::answer(0)
            }
            Outcome::Failed => {
                let refused = Err(Denied::CallerMemory);
                if !is_same {
                    self.messages.put_back(place);
                    return Progress::Answer(refused);
                }
                self.messages.places.at_mut(place).content = Content::Queued(message);
                if let Some(port) = self.port_mut(receiver.index, port) {
                    port.queued = port.queued.saturating_add(1);
                }
                // A sibling may have begun to wait while it was on its way.
                self.answer_and_wake(receiver.index, port, refused)
            }
        }
    }

    /// `get_msg_count`.
    pub(crate) fn message_count(&self, caller: &Thread, raw: i32) -> Result<Progress, Denied> {
        let port = port_number(raw)?;
        let queued = self.open_port_of(caller.key.index, port)?.queued;
        Ok(Progress::answer(i32::from(queued)))
    }

    /// `wait_msg`; also what a thread does when it has been woken, or its time is up.
    pub(crate) fn wait(
        &mut self,
        caller: &Thread,
        (raw, timeout_ms): (i32, Option<u32>),
        is_over: bool,
    ) -> Result<Progress, Denied> {
        let port = port_number(raw)?;
        if self.open_port_of(caller.key.index, port)?.queued > 0 {
            return Ok(Progress::answer(0));
        }
        if is_over || timeout_ms == Some(0) {
            return Err(Denied::NoMessage(port));
        }
        // Whoever wakes takes it back, nobody else: a sibling may wait here too, and a wake
        // too many only has a thread look again.
        self.tasks.at_mut(caller.key.index).waiting_on |= bit(port);
        Ok(Progress::Block(Wait { port, timeout_ms }))
    }

    /// The entry of a port, open or not.
    pub(crate) fn port(&self, index: u32, port: u32) -> Option<&Port> {
        self.tasks.at(index).ports.get(port as usize)
    }

    pub(crate) fn port_mut(&mut self, index: u32, port: u8) -> Option<&mut Port> {
        self.tasks.at_mut(index).ports.get_mut(usize::from(port))
    }

    pub(crate) fn open_port_of(&self, index: u32, port: u8) -> Result<&Port, Denied> {
        self.port(index, u32::from(port))
            .filter(|entry| entry.is_open)
            .ok_or(Denied::PortClosed(port))
    }

    /// This answer, after waking the thread that waits on this port.
    fn answer_and_wake(&mut self, index: u32, port: u8, answer: Result<i32, Denied>) -> Progress {
        match self.take_waiter(index, port) {
            Some(thread) => Progress::step(Work::Wake(thread), Change::Answer(answer)),
            None => Progress::Answer(answer),
        }
    }

    /// The thread that waits on this port and must be woken, once.
    pub(crate) fn take_waiter(&mut self, index: u32, port: u8) -> Option<ThreadId> {
        let task = self.tasks.at_mut(index);
        if task.waiting_on & bit(port) == 0 {
            return None;
        }
        task.waiting_on &= !bit(port);
        Some(task.id.into())
    }

    pub(crate) fn push_back(&mut self, index: u32, port: u8, place: u32) {
        let charge = self.charge_of(place);
        self.messages.places.at_mut(place).next = NONE;
        let Some(entry) = self.port_mut(index, port) else {
            return;
        };
        entry.queued = entry.queued.saturating_add(1);
        if charge == Some(Charge::Sure) {
            entry.sure_used = entry.sure_used.saturating_add(1);
        }
        let last = core::mem::replace(&mut entry.last, place);
        if last == NONE {
            entry.first = place;
        } else {
            self.messages.places.at_mut(last).next = place;
        }
    }

    /// Takes a message out of the queue, wherever it stands.
    fn unlink_message(&mut self, index: u32, port: u8, place: u32) {
        let next = self.messages.places.at(place).next;
        let Some(entry) = self.port_mut(index, port) else {
            return;
        };
        let (mut before, first) = (NONE, entry.first);
        if first == place {
            entry.first = next;
        } else {
            before = first;
            while before != NONE && self.messages.places.at(before).next != place {
                before = self.messages.places.at(before).next;
            }
            if before != NONE {
                self.messages.places.at_mut(before).next = next;
            }
        }
        if let Some(entry) = self.port_mut(index, port)
            && entry.last == place
        {
            entry.last = before;
        }
    }

    fn uncharge(&mut self, index: u32, port: u8, charge: Charge) {
        let Some(entry) = self.port_mut(index, port) else {
            return;
        };
        match charge {
            Charge::Sure => {
                entry.sure_used = entry.sure_used.saturating_sub(1);
                self.messages.unmet = self.messages.unmet.saturating_add(1);
            }
            Charge::Watch => entry.watches = entry.watches.saturating_sub(1),
            Charge::Shared => {}
        }
    }

    fn charge_of(&self, place: u32) -> Option<Charge> {
        match self.messages.places.at(place).content {
            Content::Queued(message) => Some(message.charge),
            Content::Free | Content::Delivering(_) | Content::Watching(_) => None,
        }
    }
}
