//! Ports, messages and watches.

use super::{Expected, Model, Place, SURE_MESSAGES, SURE_PORTS};
use crate::index;
use std::collections::{BTreeMap, VecDeque};
use usufruct_abi::{ENDED_FORGOTTEN, Error, MSG_BYTES};

/// Messages that a port queues at most.
const PORT_MESSAGES: usize = 64;
/// Messages of one sender that a port queues at most.
const SENDER_MESSAGES: usize = 32;
/// Watches of a port at most, their unread messages included.
const PORT_WATCHES: usize = 64;
/// So many ends are remembered for certain.
const REMEMBERED_ENDS: usize = 16;

/// Task, port and message of a send.
type Send = (i32, i32, Place);

/// What holds a message's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charge {
    /// What the port is sure of.
    Sure,
    /// What nobody was promised.
    Shared,
    /// The watch that it comes from.
    Watch,
}

/// A message in a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queued {
    /// Who sent it; 0 for the kernel.
    pub sender: i32,
    /// Its bytes.
    pub bytes: [u8; MSG_BYTES],
    /// Its bytes if the kernel has forgotten how a task ended.
    pub or_else: Option<[u8; MSG_BYTES]>,
    /// What holds its place.
    pub charge: Charge,
}

/// A message that a task is receiving.
#[derive(Clone, Debug)]
pub struct InFlight {
    /// The receiver, its port, and where it wants it.
    pub receiver: i32,
    port: u8,
    at: Place,
    sender_at: Place,
    message: Queued,
}

impl InFlight {
    /// Where the receiver wants the message.
    #[must_use]
    pub fn place(&self) -> Place {
        self.at
    }
}

/// An open port.
#[derive(Clone, Debug, Default)]
pub struct Port {
    /// Its messages, oldest first.
    pub queue: VecDeque<Queued>,
    /// The tasks whose end it is to hear of, in order.
    pub watched: Vec<i32>,
}

/// The port that a number means.
fn port_number(raw: i32) -> Result<u8, Error> {
    u8::try_from(raw)
        .ok()
        .filter(|port| *port < 32)
        .ok_or(Error::InvalidPort)
}

/// Words as the bytes of a message.
fn bytes_of(words: [i32; 4]) -> [u8; MSG_BYTES] {
    let mut bytes = [0; MSG_BYTES];
    for (place, word) in bytes.chunks_exact_mut(4).zip(words) {
        place.copy_from_slice(&word.to_le_bytes());
    }
    bytes
}

impl Model {
    /// Port number, port open.
    pub(super) fn open_port(&self, task: i32, port: i32) -> Result<&Port, Error> {
        let port = port_number(port)?;
        let task = self.tasks.get(&task).ok_or(Error::PortDisabled)?;
        task.ports.get(&port).ok_or(Error::PortDisabled)
    }

    /// Messages of this port that somebody has taken and not yet got.
    fn flying(&self, task: i32, port: u8) -> impl Iterator<Item = &Queued> {
        let of_port = move |flight: &&InFlight| flight.receiver == task && flight.port == port;
        self.in_flight
            .iter()
            .filter(of_port)
            .map(|flight| &flight.message)
    }

    fn sure_used(&self, task: i32, port: u8, ports: &BTreeMap<u8, Port>) -> usize {
        let messages = ports[&port].queue.iter().chain(self.flying(task, port));
        messages
            .filter(|message| message.charge == Charge::Sure)
            .count()
    }

    /// Message places that nobody was promised.
    fn unpromised_places(&self, counts_ending: bool) -> usize {
        let mut used = self.in_flight.len();
        let mut unmet = self.table_of_tasks() * SURE_PORTS * SURE_MESSAGES;
        for (id, task) in &self.tasks {
            if task.is_ending && !counts_ending {
                // What is on its way to it keeps its place all the same.
                continue;
            }
            unmet += task.ports.len().saturating_sub(SURE_PORTS) * SURE_MESSAGES;
            for (number, port) in &task.ports {
                used += port.queue.len() + port.watched.len();
                unmet -= self.sure_used(*id, *number, &task.ports);
            }
        }
        index(self.tables.messages)
            .saturating_sub(used)
            .saturating_sub(unmet)
    }

    pub(super) fn may_open(
        &self,
        caller: i32,
        port: i32,
        counts_ending: bool,
    ) -> Result<(), Error> {
        let number = port_number(port)?;
        let ports = &self.tasks[&caller].ports;
        if ports.contains_key(&number) {
            return Err(Error::PortDisabled);
        }
        if ports.len() >= SURE_PORTS && self.unpromised_places(counts_ending) < SURE_MESSAGES {
            return Err(Error::NoMem);
        }
        Ok(())
    }

    pub(super) fn open(&mut self, caller: i32, port: i32) {
        let number = port_number(port).expect("a port that was opened");
        self.task(caller).ports.insert(number, Port::default());
    }

    pub(super) fn close(&mut self, caller: i32, port: i32) {
        let number = port_number(port).expect("a port that was closed");
        self.task(caller).ports.remove(&number);
    }

    /// Port number, task, port open, pointer, room: the bytes, and what they are charged to.
    pub(super) fn may_send(
        &self,
        caller: i32,
        send: Send,
        counts_ending: bool,
    ) -> Result<Queued, Error> {
        let (to, port, at) = send;
        let number = port_number(port)?;
        self.require_alive(to)?;
        let queue = &self.open_port(to, port)?.queue;
        let span = self.span(caller, at, MSG_BYTES).ok_or(Error::InvalidPtr)?;
        // One on its way to the receiver may come back.
        let held = || queue.iter().chain(self.flying(to, number));
        let mine = || held().filter(|message| message.sender == caller);
        if held().count() >= PORT_MESSAGES || mine().count() >= SENDER_MESSAGES {
            return Err(Error::PortFull);
        }
        let has_sure = mine().any(|message| message.charge == Charge::Sure);
        let sure_used = self.sure_used(to, number, &self.tasks[&to].ports);
        let charge = if !has_sure && sure_used < SURE_MESSAGES {
            Charge::Sure
        } else if self.unpromised_places(counts_ending) > 0 {
            Charge::Shared
        } else {
            return Err(Error::PortFull);
        };
        let bytes = self.bytes(caller, &span);
        let bytes = bytes.try_into().expect("as long as a message");
        Ok(Queued {
            sender: caller,
            bytes,
            or_else: None,
            charge,
        })
    }

    pub(super) fn send(&mut self, caller: i32, send: Send) {
        // Granted when places of ended tasks counted, or when they did not.
        let message = self
            .may_send(caller, send, true)
            .or_else(|_| self.may_send(caller, send, false));
        let port = port_number(send.1).expect("a port that was sent to");
        self.port(send.0, port)
            .queue
            .push_back(message.expect("a message that was sent"));
    }

    /// Port number, port open, message there, pointer.
    pub(super) fn may_get(&self, caller: i32, port: i32, to: (Place, Place)) -> Result<(), Error> {
        if self.open_port(caller, port)?.queue.is_empty() {
            return Err(Error::NoMsg);
        }
        let message = self.room(caller, to.0, MSG_BYTES);
        message
            .and(self.room(caller, to.1, 4))
            .map(|_| ())
            .ok_or(Error::InvalidPtr)
    }

    /// A receiver takes the first message; it is on its way now.
    pub fn take_off(&mut self, receiver: i32, port: i32, (at, sender_at): (Place, Place)) {
        let port = port_number(port).expect("a port that is open");
        let message = self
            .port(receiver, port)
            .queue
            .pop_front()
            .expect("a message that is there");
        self.in_flight.push(InFlight {
            receiver,
            port,
            at,
            sender_at,
            message,
        });
    }

    /// The message on its way to this receiver arrives, or goes back to the head of the queue.
    /// `seen` is what the receiver finds where it wanted the message.
    pub fn land(
        &mut self,
        receiver: i32,
        is_refused: bool,
        seen: impl FnOnce() -> Vec<u8>,
    ) -> super::Answer {
        let flight = self
            .in_flight
            .iter()
            .position(|flight| flight.receiver == receiver);
        let flight = self.in_flight.remove(flight.expect("a message on its way"));
        let InFlight {
            port,
            at,
            sender_at,
            mut message,
            ..
        } = flight;
        let room = |place, size| self.room(receiver, place, size).filter(|_| !is_refused);
        let (Some(to), Some(sender_to)) = (room(at, MSG_BYTES), room(sender_at, 4)) else {
            if self.is_alive(receiver) {
                self.port(receiver, port).queue.push_front(message);
            }
            return Err(Error::InvalidPtr);
        };
        if !self.is_alive(receiver) {
            return Ok(0);
        }
        if let Some(forgotten) = message
            .or_else
            .filter(|_| message.bytes[..12] != seen()[..12])
        {
            message.bytes = forgotten;
        }
        self.store(receiver, &to, &message.bytes);
        self.store(receiver, &sender_to, &message.sender.to_le_bytes());
        Ok(0)
    }

    pub(super) fn expect_wait(&self, caller: i32, port: i32, timeout_ms: i32) -> Expected {
        match self.open_port(caller, port) {
            Err(error) => Expected::Is(Err(error)),
            Ok(port) if !port.queue.is_empty() => Expected::Is(Ok(0)),
            Ok(_) if timeout_ms == 0 => Expected::Is(Err(Error::NoMsg)),
            Ok(_) => Expected::Sleeps(u32::try_from(timeout_ms).ok()),
        }
    }

    /// Whether a message is there for a task that waits on this port.
    #[must_use]
    pub fn has_message(&self, task: i32, port: i32) -> bool {
        self.open_port(task, port)
            .is_ok_and(|port| !port.queue.is_empty())
    }

    /// Port number, port open, task, room.
    pub(super) fn may_watch(
        &self,
        caller: i32,
        task: i32,
        port: i32,
        counts_ending: bool,
    ) -> Result<(), Error> {
        let entry = self.open_port(caller, port)?;
        let number = port_number(port)?;
        let was = self.dead.iter().any(|(dead, _)| *dead == task);
        if !self.is_alive(task) && !was && !self.tasks.contains_key(&task) {
            return Err(Error::InvalidTsk);
        }
        let messages = entry.queue.iter().chain(self.flying(caller, number));
        let told = messages
            .filter(|message| message.charge == Charge::Watch)
            .count();
        if told + entry.watched.len() >= PORT_WATCHES {
            return Err(Error::PortFull);
        }
        if self.unpromised_places(counts_ending) == 0 {
            return Err(Error::NoMem);
        }
        Ok(())
    }

    pub(super) fn watch(&mut self, caller: i32, task: i32, port: i32) {
        let number = port_number(port).expect("a port that watches");
        let ends_ago = self.dead.iter().rev().position(|(dead, _)| *dead == task);
        match ends_ago {
            Some(ends_ago) => {
                let (_, words) = self.dead[self.dead.len() - 1 - ends_ago];
                let mut message = news(words);
                let forgotten = bytes_of([task, 0, ENDED_FORGOTTEN, 0]);
                message.or_else = (ends_ago >= REMEMBERED_ENDS).then_some(forgotten);
                self.port(caller, number).queue.push_back(message);
            }
            None => self.port(caller, number).watched.push(task),
        }
    }

    /// Everybody who watches a task hears of its end.
    pub(super) fn tell(&mut self, task: i32, words: [i32; 4]) {
        for port in self
            .tasks
            .values_mut()
            .flat_map(|task| task.ports.values_mut())
        {
            let watches = port
                .watched
                .iter()
                .filter(|watched| **watched == task)
                .count();
            port.watched.retain(|watched| *watched != task);
            port.queue.extend(std::iter::repeat_n(news(words), watches));
        }
    }

    pub(super) fn task(&mut self, id: i32) -> &mut super::Task {
        self.tasks.get_mut(&id).expect("a task")
    }

    fn port(&mut self, task: i32, port: u8) -> &mut Port {
        self.task(task).ports.get_mut(&port).expect("an open port")
    }
}

fn news(words: [i32; 4]) -> Queued {
    Queued {
        sender: 0,
        bytes: bytes_of(words),
        or_else: None,
        charge: Charge::Watch,
    }
}
