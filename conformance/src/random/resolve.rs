//! A drawn call in this world: its words, and its meaning for the model.

use super::named::{NAMES, name_of};
use super::step::{Draw, PlaceWish, PortWish, RangeWish, SizeWish, SmoWish, TaskWish, Wish};
use crate::index;
use crate::model::{Call, Model, WINDOW_BYTES};
use usufruct_abi::{MSG_BYTES, Number, READ_PERM, WRITE_PERM};

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

/// A number of the small world.
pub(super) fn int(number: usize) -> i32 {
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
