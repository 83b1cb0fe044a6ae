//! What probes trap for, and what they get.

use super::{Executor, Probe, State, Turn};
use crate::context::{Fault, Trap};
use crate::judge::judge;
use crate::line;
use crate::processor::controller::SHOOT_DOWN;
use crate::served::Served;
use usufruct_abi::Number;
use usufruct_core::{Access, Ending, Machine, Reason, Reply, Span, resume, serve};
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
                // Not into the pool: the core, which knows who may store there, is not asked.
                let is_own = Span::new(buffer, command.len() as u64)
                    .is_some_and(|span| self.machine.reaches(key, span, Access::Store));
                let is_stored = fits && is_own && self.machine.store(key, buffer, command).is_ok();
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
        let mut served = Served {
            machine: self.machine,
            copier: &mut self.copier,
            thread: &mut probe.thread,
            visitor: self.processor.visitor(),
            space: probe.space,
        };
        let trap = probe
            .context
            .run(&mut self.processor, probe.space, &mut served);
        match trap {
            Trap::Interrupt(vector) => {
                self.ticks += u64::from(self.processor.end_interrupt());
                // Who wanted it out of ring 3 wanted no more.
                if vector == SHOOT_DOWN {
                    Turn::GoesOn
                } else {
                    Turn::IsOver
                }
            }
            Trap::Fault(fault) => self.judge(probe, &fault),
            Trap::Call { number, words } => self.serve(seat, probe, number, words),
        }
    }

    fn judge(&mut self, probe: &Probe, fault: &Fault) -> Turn {
        let Some((ending, words)) = judge(self.machine, &probe.thread, fault) else {
            return Turn::GoesOn;
        };
        self.last_words = words;
        Turn::Ended(ending)
    }

    fn serve(&mut self, seat: usize, probe: &mut Probe, number: u64, words: [u64; 4]) -> Turn {
        let [first, second, ..] = words;
        match number {
            TRAP_EXIT => {
                let status = (first as u32).cast_signed();
                let reason = Reason::Exit;
                return Turn::Ended(Ending { status, reason });
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
        let key = probe.thread.key();
        // Nor from the pool, for which the machine takes the core's word.
        let is_own = Span::new(from, bytes)
            .is_some_and(|span| self.machine.reaches(key, span, Access::Load));
        if !is_own || self.machine.load(key, from, reply).is_err() {
            return -1;
        }
        line::post(seat, reply);
        0
    }
}
