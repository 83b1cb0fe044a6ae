//! Each processor's loop over the threads of a system's tasks.

use super::streams::WRITE_BYTES;
use super::threads::{After, Body, member_of};
use super::{System, clock};
use crate::context::Trap;
use crate::judge::judge;
use crate::machine::Bare;
use crate::processor::Processor;
use crate::processor::controller::SHOOT_DOWN;
use crate::served::Served;
use crate::words::Words;
use alloc::boxed::Box;
use usufruct_abi::{NativeCall, Number};
use usufruct_core::{Copier, Ending, Reply, resume, serve};

/// Traps that a thread may make in one turn.
const TURN_TRAPS: u32 = 64;

/// How a thread's turn goes on after a trap.
pub(super) enum Turn {
    GoesOn,
    IsOver,
    /// It waits in a call.
    Waits,
    /// The thread has ended itself.
    ThreadEnds,
    /// Its task ends.
    TaskEnds(Ending),
}

/// A processor, and what it serves threads with.
pub(crate) struct Worker {
    pub(super) machine: &'static Bare,
    pub(super) system: &'static System,
    pub(super) processor: Processor,
    pub(super) copier: Copier,
    /// Bytes on their way to the host.
    pub(super) bounce: Box<[u8; WRITE_BYTES]>,
    /// What is to be said of the task whose thread's turn has ended it.
    last_words: Words,
    /// The millisecond at which this processor has looked at the clock last.
    looked_at: u64,
}

impl Worker {
    pub(crate) fn new(
        machine: &'static Bare,
        system: &'static System,
        processor: Processor,
        copier: Copier,
    ) -> Self {
        Self {
            machine,
            system,
            processor,
            copier,
            bounce: Box::new([0; WRITE_BYTES]),
            last_words: Words::default(),
            looked_at: 0,
        }
    }

    /// Gives threads their turns, until the system is at its end.
    pub(crate) fn serve_for_ever(&mut self) -> ! {
        loop {
            if self.processor.number() == 0 {
                self.look_at_clock();
            }
            match self.machine.threads.next(self.processor.number()) {
                Some(place) => self.turn(place),
                None => {
                    // Or who ends the last task that was here would wait for ever.
                    self.processor.leave();
                    let is_tick = self.processor.halt();
                    self.note(is_tick);
                }
            }
        }
    }

    /// The clock may have to go by the first processor's ticks.
    fn note(&self, is_tick: bool) {
        if is_tick && self.processor.number() == 0 {
            clock::tick();
        }
    }

    fn look_at_clock(&mut self) {
        let now = clock::now_ms();
        if now == self.looked_at {
            return;
        }
        self.looked_at = now;
        self.machine.threads.expire(now);
        self.system.kill_the_late(self.machine, &mut self.processor);
    }

    fn turn(&mut self, place: usize) {
        let threads = &self.machine.threads;
        let mut held = threads.body(place);
        let body = held.as_mut().expect("a thread that is ready has a body");
        let turn = self.go_on(place, body);
        let after = match &turn {
            Turn::GoesOn | Turn::IsOver => Some(After::Runs),
            Turn::Waits => {
                let until = body.wait.and_then(|(_, until)| until);
                Some(After::Waits(until))
            }
            Turn::ThreadEnds | Turn::TaskEnds(_) => None,
        };
        if let Some(after) = after {
            // First this: it may run elsewhere at once.
            drop(held);
            if threads.put_back(place, after) {
                return;
            }
            held = threads.body(place);
        }
        let thread = held.take().map(|body| body.thread);
        drop(held);
        self.processor.leave();
        let member = member_of(place);
        if matches!(turn, Turn::TaskEnds(_)) {
            // Before the place is free: another thread that exits now is not the last one, and
            // does not end the task as if all were well.
            threads.doom(member);
        }
        let was_last = threads.release(place);
        let Some(thread) = thread else { return };
        let ending = match turn {
            Turn::TaskEnds(ending) => ending,
            Turn::ThreadEnds if was_last => super::EXITED,
            Turn::GoesOn | Turn::IsOver | Turn::Waits | Turn::ThreadEnds => return,
        };
        let words = core::mem::take(&mut self.last_words);
        let ended = (ending, &words, false);
        self.system
            .end(self.machine, (member, thread.task()), ended);
    }

    fn go_on(&mut self, place: usize, body: &mut Body) -> Turn {
        if let Some((wait, _)) = body.wait {
            let is_woken = self.machine.threads.take_wake(place);
            let reply = resume(self.machine, &mut body.thread, wait, !is_woken);
            match reply {
                Reply::Word(word) => body.context.answer(word),
                // The time counts from the first wait.
                Reply::Block(_) => return Turn::Waits,
            }
            body.wait = None;
        }
        body.floating.restore();
        let mut turn = Turn::GoesOn;
        for _ in 0..TURN_TRAPS {
            turn = self.run(place, body);
            if !matches!(turn, Turn::GoesOn) {
                break;
            }
        }
        body.floating.save();
        turn
    }

    /// Runs the thread until it traps, and serves the trap.
    fn run(&mut self, place: usize, body: &mut Body) -> Turn {
        let mut served = Served {
            machine: self.machine,
            copier: &mut self.copier,
            thread: &mut body.thread,
            visitor: self.processor.visitor(),
            space: body.space,
        };
        let trap = body
            .context
            .run(&mut self.processor, body.space, &mut served);
        match trap {
            Trap::Interrupt(vector) => {
                let is_tick = self.processor.end_interrupt();
                self.note(is_tick);
                // Who wanted it out of ring 3 wanted no more.
                if vector == SHOOT_DOWN {
                    Turn::GoesOn
                } else {
                    Turn::IsOver
                }
            }
            Trap::Fault(fault) => match judge(self.machine, &body.thread, &fault) {
                Some((ending, words)) => {
                    self.last_words = words;
                    Turn::TaskEnds(ending)
                }
                None => Turn::GoesOn,
            },
            Trap::Call { number, words } => self.call(place, body, number, words),
        }
    }

    fn call(&mut self, place: usize, body: &mut Body, number: u64, words: [u64; 4]) -> Turn {
        let number = u32::try_from(number).ok();
        if let Some(call) = number.and_then(NativeCall::from_raw) {
            return self.native_call(place, body, call, words);
        }
        let reply = number
            .and_then(Number::from_raw)
            .map_or(Reply::Word(-1), |number| {
                let thread = &mut body.thread;
                serve(self.machine, &mut self.copier, thread, number, words)
            });
        match reply {
            Reply::Word(word) => {
                body.context.answer(word);
                Turn::GoesOn
            }
            Reply::Block(wait) => {
                let until = wait
                    .timeout_ms
                    .map(|milliseconds| clock::now_ms() + u64::from(milliseconds));
                body.wait = Some((wait, until));
                Turn::Waits
            }
        }
    }
}
