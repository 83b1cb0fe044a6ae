//! A drawn call in this world: its words, and its meaning for the model.

use super::step::{Draw, PlaceWish, PortWish, RangeWish, SizeWish, SmoWish, TaskWish, Wish};
use crate::index;
use crate::model::{Call, Model, Place, Smo, WINDOW_BYTES};
use usufruct_abi::{MSG_BYTES, Number, READ_PERM, WRITE_PERM};

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

/// A call ready to be made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ready {
    pub(super) number: Number,
    pub(super) words: [i64; 4],
    pub(super) call: Call,
}

/// The world as a caller sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    pub(super) model: &'a Model,
    /// The caller's id.
    pub(super) caller: i32,
    /// The address of its arena, and of what is no memory any more.
    pub(super) arena: i64,
    pub(super) end: i64,
    /// Where a name has been put.
    pub(super) name_at: i64,
}

/// One of these, if there is one.
pub(super) fn pick<T: Copy>(of: &[T], draw: Draw) -> Option<T> {
    let last = of.len().checked_sub(1)?;
    of.get(usize::from(draw) % (last + 1)).copied()
}

/// A number from 0 to `most`.
pub(super) fn up_to(most: usize, draw: Draw) -> usize {
    usize::from(draw) % (most + 1)
}

fn int(number: usize) -> i32 {
    i32::try_from(number).expect("a number of the small world")
}

impl View<'_> {
    pub(super) fn ready(&self, wish: &Wish) -> Ready {
        match wish {
            Wish::Share {
                target,
                at,
                size,
                perms,
            } => self.share(target, *at, size, *perms),
            Wish::Copy {
                is_write,
                smo,
                range,
                at,
            } => self.copy(*is_write, smo, range, *at),
            Wish::Claim { smo } => {
                let smo = self.smo(smo, |smo| smo.owner == self.caller);
                ready(Number::ClaimMem, [smo, 0], Call::Claim { smo })
            }
            Wish::Pass { smo, target } => self.pass(smo, target),
            Wish::Size { smo } => {
                let smo = self.smo(smo, |smo| smo.target == Some(self.caller));
                ready(Number::MemSize, [smo, 0], Call::Size { smo })
            }
            Wish::LastError => ready(Number::LastError, [0; 2], Call::LastError),
            Wish::CurrentTask => ready(Number::GetCurrentTask, [0; 2], Call::CurrentTask),
            Wish::Find {
                name,
                length,
                is_memory,
            } => self.find(*name, *length, *is_memory),
            Wish::Watch { task, port } => {
                let (task, port) = (self.task(task), self.own_port(port, |_| true));
                ready(Number::WatchTask, [task, port], Call::Watch { task, port })
            }
            Wish::Open { port } => of_port(Number::OpenPort, self.closed_port(port), |port| {
                Call::Open { port }
            }),
            Wish::Close { port } => {
                of_port(Number::ClosePort, self.own_port(port, |_| true), |port| {
                    Call::Close { port }
                })
            }
            Wish::Count { port } => {
                of_port(Number::GetMsgCount, self.own_port(port, |_| true), |port| {
                    Call::Count { port }
                })
            }
            Wish::Page(wish) => self.page(wish),
            Wish::Wait { port, timeout_ms } => self.wait(port, *timeout_ms),
            Wish::Send { task, port, at } => self.send(task, port, *at),
            Wish::Get {
                port,
                at,
                sender_at,
            } => self.get(port, *at, *sender_at),
        }
    }

    fn pass(&self, smo: &SmoWish, target: &TaskWish) -> Ready {
        let smo = self.smo(smo, |smo| smo.target == Some(self.caller));
        let target = self.task(target);
        ready(Number::PassMem, [smo, target], Call::Pass { smo, target })
    }

    fn wait(&self, port: &PortWish, timeout_ms: i32) -> Ready {
        let port = self.own_port(port, |_| true);
        let call = Call::Wait { port, timeout_ms };
        ready(Number::WaitMsg, [port, timeout_ms], call)
    }

    fn share(&self, target: &TaskWish, at: PlaceWish, size: &SizeWish, perms: Draw) -> Ready {
        let target = self.task(target);
        let size = match size {
            SizeWish::Fitting(draw) => int(1 + up_to(WINDOW_BYTES - 1, *draw)),
            SizeWish::Number(size) => *size,
        };
        let (at, address) = self.place(at, usize::try_from(size).unwrap_or(0));
        let perms = match perms % 24 {
            0..7 => READ_PERM,
            7..14 => WRITE_PERM,
            14..23 => READ_PERM | WRITE_PERM,
            _ => [0, 1, 3, 5, 7, 8, -1, -2, 0x102][usize::from(perms / 24) % 9],
        };
        let words = [target.into(), address, size.into(), perms.into()];
        Ready {
            number: Number::ShareMem,
            words,
            call: Call::Share {
                target,
                at,
                size,
                perms,
            },
        }
    }

    fn copy(&self, is_write: bool, smo: &SmoWish, range: &RangeWish, at: PlaceWish) -> Ready {
        let (number, right) = if is_write {
            (Number::WriteMem, WRITE_PERM)
        } else {
            (Number::ReadMem, READ_PERM)
        };
        let smo = self.smo(smo, |smo| {
            smo.target == Some(self.caller) && smo.perms & right != 0
        });
        if !self.is_settled(smo) {
            return ready(Number::MemSize, [smo, 0], Call::Size { smo });
        }
        let bytes = self
            .model
            .smos
            .get(&smo)
            .map_or(16, |smo| smo.stretch.range.len());
        let (offset, size) = match *range {
            RangeWish::Inside(offset, size) => {
                let offset = up_to(bytes, offset);
                (int(offset), int(up_to(bytes - offset, size)))
            }
            RangeWish::Outside(draw) => {
                let bytes = int(bytes);
                [
                    (0, bytes + 1),
                    (bytes, 1),
                    (bytes + 1, 0),
                    (bytes - 1, 2),
                    (1, bytes),
                ][usize::from(draw) % 5]
            }
            RangeWish::Numbers(offset, size) => (offset, size),
        };
        let (at, address) = self.place(at, usize::try_from(size).unwrap_or(0));
        let words = [smo.into(), offset.into(), size.into(), address];
        Ready {
            number,
            words,
            call: Call::Copy {
                is_write,
                smo,
                offset,
                size,
                at,
            },
        }
    }

    /// Whether all is certain about the memory of an object.
    fn is_settled(&self, smo: i32) -> bool {
        let pool = &self.model.pool;
        self.model.smos.get(&smo).is_none_or(|smo| {
            !smo.stretch.in_pool || self.model.is_settled(pool.pages_of(&smo.stretch.range))
        })
    }

    fn find(&self, name: Draw, length: Option<i32>, is_memory: bool) -> Ready {
        let name = name_of(name);
        let own = NAMES.get(usize::from(name)).map_or(3, |name| name.len());
        let length = length.unwrap_or(int(own));
        let address = if is_memory { self.name_at } else { self.end };
        let known = usize::try_from(length) == Ok(own) && usize::from(name) < NAMES.len();
        let call = Call::Find {
            name: known.then_some(name),
            length,
            is_memory,
        };
        let words = [address, length.into(), 0, 0];
        Ready {
            number: Number::FindTask,
            words,
            call,
        }
    }

    fn send(&self, task: &TaskWish, port: &PortWish, at: PlaceWish) -> Ready {
        let task = match (task, port) {
            (TaskWish::Living(draw), PortWish::Fitting(_)) => self.listener(*draw),
            _ => self.task(task),
        };
        let port = self.port(port, task, |_| true);
        let (at, address) = self.place(at, MSG_BYTES);
        let words = [task.into(), port.into(), address, 0];
        Ready {
            number: Number::SendMsg,
            words,
            call: Call::Send { task, port, at },
        }
    }

    fn get(&self, port: &PortWish, at: PlaceWish, sender_at: PlaceWish) -> Ready {
        let port = self.own_port(port, |messages| messages > 0);
        let ((at, address), (sender_at, sender_address)) =
            (self.place(at, MSG_BYTES), self.place(sender_at, 4));
        let words = [port.into(), address, sender_address, 0];
        Ready {
            number: Number::GetMsg,
            words,
            call: Call::Get {
                port,
                at,
                sender_at,
            },
        }
    }

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
    fn listener(&self, draw: Draw) -> i32 {
        let tasks = self.model.tasks.iter();
        let listening = tasks.filter(|(_, task)| !task.is_ending && !task.ports.is_empty());
        let listening: Vec<i32> = listening.map(|(id, _)| *id).collect();
        pick(&listening, draw).unwrap_or_else(|| self.task(&TaskWish::Living(draw)))
    }

    fn smo(&self, wish: &SmoWish, fits: impl Fn(&Smo) -> bool) -> i32 {
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

    fn own_port(&self, wish: &PortWish, fits: impl Fn(usize) -> bool) -> i32 {
        self.port(wish, self.caller, fits)
    }

    /// A port of a task that is open and holds a fitting number of messages.
    fn port(&self, wish: &PortWish, task: i32, fits: impl Fn(usize) -> bool) -> i32 {
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

    fn closed_port(&self, wish: &PortWish) -> i32 {
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

    /// A place for so many bytes, and its address.
    pub(super) fn place(&self, wish: PlaceWish, bytes: usize) -> (Place, i64) {
        match wish {
            PlaceWish::Writable(draw) | PlaceWish::Pool(draw) | PlaceWish::PoolEdge(draw)
                if self.model.pool.pages.is_empty() =>
            {
                self.place(PlaceWish::Inside(draw), bytes)
            }
            PlaceWish::Writable(draw) => match pick(&self.writable(bytes), draw / 64) {
                Some((start, room)) => self.place_in_pool(start + up_to(room, draw)),
                None => self.place(PlaceWish::Inside(draw), bytes),
            },
            PlaceWish::Pool(draw) => {
                let most = self.model.pool.bytes.len().saturating_sub(bytes.max(1));
                let offset = up_to(most, draw);
                let pages = self
                    .model
                    .pool
                    .pages_of(&(offset..offset + bytes.min(most)));
                if self.model.is_settled(pages) {
                    self.place_in_pool(offset)
                } else {
                    self.place(PlaceWish::Inside(draw), bytes)
                }
            }
            PlaceWish::PoolEdge(draw) => {
                let pool = self.model.pool.bytes.len();
                let (start, end) = (self.pool_address(0), self.pool_address(pool));
                let some = i64::try_from(bytes.clamp(1, pool)).expect("a small pool");
                let ways = [end, end - some + 1, start - 1, end + 4095];
                let address = ways[usize::from(draw) % ways.len()];
                (Place::Outside, address)
            }
            PlaceWish::Inside(draw) => {
                let offset = up_to(WINDOW_BYTES.saturating_sub(bytes), draw);
                (Place::Window(offset), self.arena + i64::from(int(offset)))
            }
            PlaceWish::Outside(draw) => {
                let some = i64::try_from(bytes.clamp(1, WINDOW_BYTES)).expect("a window is small");
                let ways = [
                    self.end,
                    self.end - some + 1,
                    self.end - 1,
                    self.end + 4095,
                    -1,
                    -some,
                    1 - some,
                    -2,
                ];
                let address = ways[usize::from(draw) % ways.len()];
                // With a single byte, some of these would be memory.
                let is_memory = address >= 0 && address < self.end && bytes < 2 || address == 0;
                (Place::Outside, if is_memory { self.end } else { address })
            }
        }
    }
}

impl View<'_> {
    /// The address of a byte of the pool.
    pub(super) fn pool_address(&self, offset: usize) -> i64 {
        i64::from(self.model.pool.start) + i64::from(int(offset))
    }

    fn place_in_pool(&self, offset: usize) -> (Place, i64) {
        (Place::Pool(offset), self.pool_address(offset))
    }

    /// Where the caller may store so many bytes: the first offset, and how many more are as good.
    fn writable(&self, bytes: usize) -> Vec<(usize, usize)> {
        let pool = &self.model.pool;
        let may_write = |page: &usize| {
            self.model.may_write(self.caller, *page) && self.model.is_settled(*page..page + 1)
        };
        let mut runs = Vec::new();
        for first in (0..pool.pages.len()).filter(may_write) {
            let pages = (first..pool.pages.len()).take_while(may_write).count();
            let start = first * pool.page_bytes;
            if let Some(room) = (pages * pool.page_bytes).checked_sub(bytes.max(1)) {
                runs.push((start, room));
            }
        }
        runs
    }
}

/// The index of a name; one beyond the names is nobody's.
pub(super) fn name_of(draw: Draw) -> u8 {
    u8::try_from(usize::from(draw) % (NAMES.len() + 1)).expect("a few names")
}

fn ready(number: Number, words: [i32; 2], call: Call) -> Ready {
    let [first, second] = words.map(i64::from);
    Ready {
        number,
        words: [first, second, 0, 0],
        call,
    }
}

/// A call that takes a port alone.
fn of_port(number: Number, port: i32, call: fn(i32) -> Call) -> Ready {
    ready(number, [port, 0], call(port))
}

/// The index of a draw among so many.
pub(super) fn among(count: usize, draw: Draw) -> usize {
    index(draw) % count
}
