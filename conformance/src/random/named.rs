//! Whom and what a drawn call names: tasks, objects, ports and names.

use super::resolve::{View, pick};
use super::step::{Draw, PortWish, SmoWish, TaskWish};
use crate::model::Smo;

/// The names that tasks of the random test bear, of all lengths from the shortest to the longest.
pub(super) const NAMES: [&str; 8] = [
    "a",
    "b",
    "ab",
    "aba",
    "a longer name",
    "a longer namf",
    LONG_NAME,
    "thirty bytes are one byte less",
];
const LONG_NAME: &str = "thirty-one bytes are the utmost";
/// Ports that the random test uses.
const FEW_PORTS: u16 = 8;

impl View<'_> {
    /// A task, as wished.
    pub(super) fn task(&self, wish: &TaskWish) -> i32 {
        let living = || {
            let tasks = self.model.tasks.iter().filter(|(_, task)| !task.is_ending);
            tasks.map(|(id, _)| *id).collect::<Vec<_>>()
        };
        match *wish {
            TaskWish::Living(draw) if draw % 32 == 0 => self.model.host,
            TaskWish::Living(draw) => pick(&living(), draw / 32).unwrap_or(0),
            TaskWish::Dead(draw) => {
                let dead: Vec<i32> = self.model.dead.iter().map(|(id, _)| *id).collect();
                let ending = self.model.tasks.iter().filter(|(_, task)| task.is_ending);
                let ending: Vec<i32> = ending.map(|(id, _)| *id).collect();
                pick(&ending, draw)
                    .or_else(|| pick(&dead, draw))
                    .unwrap_or(0)
            }
            TaskWish::Number(number) => number,
        }
    }

    /// A living task with an open port, if there is one.
    pub(super) fn listener(&self, draw: Draw) -> i32 {
        let tasks = self.model.tasks.iter();
        let listening = tasks.filter(|(_, task)| !task.is_ending && !task.ports.is_empty());
        let listening: Vec<i32> = listening.map(|(id, _)| *id).collect();
        pick(&listening, draw).unwrap_or_else(|| self.task(&TaskWish::Living(draw)))
    }

    pub(super) fn smo(&self, wish: &SmoWish, fits: impl Fn(&Smo) -> bool) -> i32 {
        let living = |fits: &dyn Fn(&Smo) -> bool| {
            let smos = self.model.smos.iter().filter(|(_, smo)| fits(smo));
            smos.map(|(id, _)| *id).collect::<Vec<_>>()
        };
        match *wish {
            SmoWish::Fitting(draw) => pick(&living(&fits), draw)
                .or_else(|| pick(&living(&|_| true), draw))
                .unwrap_or(1),
            SmoWish::Living(draw) => pick(&living(&|_| true), draw).unwrap_or(1),
            SmoWish::Gone(draw) => {
                let mut gone: Vec<i32> = self.model.smo_ids.iter().copied().collect();
                gone.retain(|id| !self.model.smos.contains_key(id));
                // In the order of a hash set, a failing sequence could not be played again.
                gone.sort_unstable();
                pick(&gone, draw).unwrap_or(1)
            }
            SmoWish::Number(number) => number,
        }
    }

    pub(super) fn own_port(&self, wish: &PortWish, fits: impl Fn(usize) -> bool) -> i32 {
        self.port(wish, self.caller, fits)
    }

    /// A port of a task that is open and holds a fitting number of messages.
    pub(super) fn port(&self, wish: &PortWish, task: i32, fits: impl Fn(usize) -> bool) -> i32 {
        match *wish {
            PortWish::Fitting(draw) => {
                let ports = self
                    .model
                    .tasks
                    .get(&task)
                    .map(|task| &task.ports)
                    .into_iter()
                    .flatten();
                let fitting: Vec<u8> = ports
                    .filter(|(_, port)| fits(port.queue.len()))
                    .map(|(number, _)| *number)
                    .collect();
                pick(&fitting, draw).map_or(i32::from(draw % FEW_PORTS), i32::from)
            }
            PortWish::Few(draw) => i32::from(draw % FEW_PORTS),
            PortWish::Number(number) => number,
        }
    }

    pub(super) fn closed_port(&self, wish: &PortWish) -> i32 {
        match *wish {
            PortWish::Fitting(draw) => {
                let open = &self.model.tasks[&self.caller].ports;
                let closed: Vec<i32> = (0..32_u8)
                    .filter(|port| !open.contains_key(port))
                    .map(i32::from)
                    .collect();
                // The first ones mostly: a task with few ports is found more easily.
                pick(&closed, draw % FEW_PORTS).unwrap_or(0)
            }
            PortWish::Few(draw) => i32::from(draw % FEW_PORTS),
            PortWish::Number(number) => number,
        }
    }
}

/// The index of a name; one beyond the names is nobody's.
pub(super) fn name_of(draw: Draw) -> u8 {
    u8::try_from(usize::from(draw) % (NAMES.len() + 1)).expect("a few names")
}
