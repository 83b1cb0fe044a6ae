//! What probes trap for, and what they get.

use super::{Executor, Probe, State, Turn};
use crate::context::Trap;
use crate::line;
use usufruct_abi::Number;
use usufruct_core::{Ending, Machine, Reason, Reply, resume, serve};
use usufruct_x86_64_wire::{Kind, TRAP_EXIT, TRAP_NEXT_COMMAND, TRAP_REPLY};

impl Executor {
    /// Gives the probe what it waits for, if that has come; whether it can run then.
    pub(super) fn get_ready(&mut self, seat: usize, probe: &mut Probe) -> bool {
        match probe.state {
            State::Ready => {}
            State::WantsCommand { buffer, room } => {
                let mut orders = self.machine.seats.orders(seat);
                let Some(command) = orders.of_kind(Kind::Command) else {
                    return false;
                };
                let length = i32::try_from(command.len()).unwrap_or(-1);
                let fits = command.len() as u64 <= room;
                let key = probe.thread.key();
                let is_stored = fits && self.machine.store(key, buffer, command).is_ok();
                probe.context.answer(if is_stored { length } else { -1 });
                probe.state = State::Ready;
                orders.done();
            }
            State::Waits { wait, until } => {
                let is_woken = self.machine.seats.take_wake(seat);
                let is_late = until.is_some_and(|tick| tick <= self.ticks);
                if !is_woken && !is_late {
                    return false;
                }
                let reply = resume(self.machine, &mut probe.thread, wait, !is_woken);
                self.take_answer(probe, reply);
            }
        }
        true
    }

    fn take_answer(&self, probe: &mut Probe, reply: Reply) {
        match reply {
            Reply::Word(word) => {
                probe.context.answer(word);
                probe.state = State::Ready;
            }
            Reply::Block(wait) => {
                let until = wait
                    .timeout_ms
                    .map(|milliseconds| self.ticks + u64::from(milliseconds));
                probe.state = State::Waits { wait, until };
            }
        }
    }

    /// Runs the probe until it traps, and serves the trap.
    pub(super) fn run(&mut self, seat: usize, probe: &mut Probe) -> Turn {
        match probe.context.run(&mut self.processor, probe.space) {
            Trap::Tick => {
                self.processor.tick_seen();
                self.ticks += 1;
                Turn::IsOver
            }
            Trap::Fault(fault) => {
                line::log(format_args!("{:?}: {fault:x?}\n", probe.thread.task()));
                Turn::Ended(Ending {
                    status: -1,
                    reason: Reason::Trap,
                })
            }
            Trap::Call { number, words } => self.serve(seat, probe, number, words),
        }
    }

    fn serve(&mut self, seat: usize, probe: &mut Probe, number: u64, words: [u64; 4]) -> Turn {
        let [first, second, ..] = words;
        match number {
            TRAP_EXIT => {
                let status = (first as u32).cast_signed();
                return Turn::Ended(Ending {
                    status,
                    reason: Reason::Exit,
                });
            }
            TRAP_NEXT_COMMAND => {
                probe.state = State::WantsCommand {
                    buffer: first,
                    room: second,
                };
            }
            TRAP_REPLY => {
                let answer = self.pass_on(seat, probe, first, second);
                probe.context.answer(answer);
            }
            number => {
                let number = u32::try_from(number).ok().and_then(Number::from_raw);
                let reply = number.map_or(Reply::Word(-1), |number| {
                    serve(
                        self.machine,
                        &mut self.copier,
                        &mut probe.thread,
                        number,
                        words,
                    )
                });
                self.take_answer(probe, reply);
            }
        }
        Turn::GoesOn
    }

    /// Sends a probe's reply to the test.
    fn pass_on(&mut self, seat: usize, probe: &Probe, from: u64, bytes: u64) -> i32 {
        let reply = usize::try_from(bytes)
            .ok()
            .and_then(|bytes| self.scratch.get_mut(..bytes));
        let Some(reply) = reply else {
            return -1;
        };
        if self.machine.load(probe.thread.key(), from, reply).is_err() {
            return -1;
        }
        line::send(Kind::Reply, seat, reply);
        0
    }
}
