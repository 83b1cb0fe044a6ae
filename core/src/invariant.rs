//! The invariants of the crate's header, as a function. Meant for tests: it
//! walks every table.

use crate::kernel::Kernel;
use crate::limits::{PORTS, SURE_MESSAGES, SURE_PORTS, SURE_SMOS};
use crate::message::{Charge, Content};
use crate::port::Port;
use crate::sink::Sink;
use crate::smo::{Smo, SmoState};
use crate::table::NONE;
use crate::task::{Task, TaskState};

/// What walking the message lists found.
#[derive(Default)]
struct Held {
    places: u32,
    delivering: usize,
    unmet: u32,
}

impl<S: Sink> Kernel<S> {
    /// Whether the tables agree with each other and with what is published
    /// (I1 to I8). Nobody may be in the middle of a copy or a call.
    #[must_use]
    pub fn invariants_hold(&self) -> bool {
        self.owners_hold()
            && self.records_hold()
            && self.lives_hold()
            && self.objects_suffice()
            && self.messages_hold()
            && self.names_hold()
            && self.pages_hold()
    }

    /// I1: the lists of the owners hold exactly the live objects.
    fn owners_hold(&self) -> bool {
        let live = self
            .smos
            .iter()
            .filter(|(_, smo)| smo.state == SmoState::Live)
            .count();
        let mut listed = 0_usize;
        let lists_hold = self.tasks.iter().all(|(index, task)| {
            let (mut slot, mut before, mut count) = (task.first_smo, NONE, 0_u32);
            while let Some(smo) = self.smos.get(slot) {
                let is_ours = smo.grant.is_some_and(|grant| {
                    grant.owner.index == index && grant.owner.life == task.life
                });
                if !is_ours || smo.previous != before || smo.state != SmoState::Live {
                    return false;
                }
                (before, slot, count) = (slot, smo.next, count.saturating_add(1));
            }
            listed = listed.saturating_add(count as usize);
            count == task.smo_count && (task.state != TaskState::Free || count == 0)
        });
        lists_hold && live == listed && u32::try_from(live) == Ok(self.smos_owned)
    }

    /// I2: a record is open exactly when its object is live and unchanging.
    fn records_hold(&self) -> bool {
        self.smos.iter().all(|(slot, smo)| {
            let published = self.plane.published(slot);
            match smo {
                Smo {
                    state: SmoState::Live,
                    changes: 0,
                    grant: Some(grant),
                    ..
                } => {
                    published
                        == Some((
                            grant.id.bits(),
                            grant.owner.life,
                            grant.target.life,
                            grant.span,
                            grant.permissions.bits(),
                        ))
                        && self.smo_slots.find(grant.id.bits()) == Some(slot)
                }
                Smo { .. } => published.is_none(),
            }
        })
    }

    /// I3: the published lives are those of the living.
    fn lives_hold(&self) -> bool {
        self.tasks.iter().all(|(index, task)| {
            let life = self.plane.life_at(index);
            let is_known = self.task_slots.find(task.id.bits()) == Some(task.slot);
            match task.state {
                TaskState::Alive => life == task.life && is_known,
                TaskState::Ending(_) | TaskState::Cleared(_) => life == 0 && is_known,
                TaskState::Free => life == 0,
            }
        })
    }

    /// I4: what every task is sure of is there.
    fn objects_suffice(&self) -> bool {
        let unmet = |task: &Task| SURE_SMOS.saturating_sub(task.smo_count);
        let unmet: u32 = self.tasks.iter().map(|(_, task)| unmet(task)).sum();
        unmet == self.smos_unmet
            && self.limits.smos.saturating_sub(self.smos_owned) >= self.smos_unmet
    }

    /// I5: every place is in one list, and the promises to ports are covered.
    fn messages_hold(&self) -> bool {
        let mut held = Held::default();
        let ports_hold = self
            .tasks
            .iter()
            .all(|(_, task)| self.ports_hold(task, &mut held));
        let count = |wanted: fn(&Content) -> bool| {
            let places = self.messages.places.iter();
            places.filter(|(_, place)| wanted(&place.content)).count()
        };
        let free = count(|content| matches!(content, Content::Free));
        let delivering = count(|content| matches!(content, Content::Delivering(_)));
        // Some are on their way to a port that was closed meanwhile.
        let unlinked = delivering.saturating_sub(held.delivering);
        let all = (held.places as usize)
            .saturating_add(free)
            .saturating_add(unlinked);
        ports_hold
            && free == self.messages.free as usize
            && all == self.limits.messages as usize
            && held.unmet == self.messages.unmet
            && free.saturating_add(delivering) >= held.unmet as usize
    }

    fn ports_hold(&self, task: &Task, held: &mut Held) -> bool {
        let open = task.ports.iter().filter(|port| port.is_open()).count();
        let promised = SURE_MESSAGES.saturating_mul(task.open_ports.max(SURE_PORTS));
        let used: u32 = task
            .ports
            .iter()
            .map(|port| u32::from(port.sure_used))
            .sum();
        held.unmet = held.unmet.saturating_add(promised.saturating_sub(used));
        open == task.open_ports as usize
            && task.ports.len() == PORTS
            && task.ports.iter().all(|port| self.port_holds(port, held))
    }

    fn port_holds(&self, port: &Port, held: &mut Held) -> bool {
        let (mut queued, mut linked, mut sure, mut watches) = (0_u32, 0_u32, 0_u32, 0_u32);
        let (mut place, mut last) = (port.first, NONE);
        while let Some(entry) = self.messages.places.get(place) {
            let message = match entry.content {
                Content::Queued(message) => {
                    queued = queued.saturating_add(1);
                    message
                }
                Content::Delivering(message) => {
                    held.delivering = held.delivering.saturating_add(1);
                    message
                }
                Content::Free | Content::Watching(_) => return false,
            };
            linked = linked.saturating_add(1);
            sure = sure.saturating_add(u32::from(message.charge == Charge::Sure));
            watches = watches.saturating_add(u32::from(message.charge == Charge::Watch));
            (last, place) = (place, entry.next);
        }
        held.places = held.places.saturating_add(linked);
        let mut watch = port.first_watch;
        while let Some(entry) = self.messages.places.get(watch) {
            let Content::Watching(waiting) = entry.content else {
                return false;
            };
            watches = watches.saturating_add(1);
            held.places = held.places.saturating_add(1);
            watch = waiting.of_port;
        }
        // What is on its way to the receiver is still charged to the port.
        queued == u32::from(port.queued)
            && last == port.last
            && sure <= u32::from(port.sure_used)
            && u32::from(port.sure_used) <= SURE_MESSAGES
            && watches <= u32::from(port.watches)
    }

    /// I6: the living are found by their names.
    fn names_hold(&self) -> bool {
        self.tasks.iter().all(|(index, task)| {
            let found = self.names.find(&self.tasks, &task.named.name);
            (task.state == TaskState::Alive) == (found == Some(index))
        })
    }
}
