//! Each processor's loop over the probes that sit on it: whose turn is it, and what did it
//! trap for. The clock tick ends the turn of a probe that computes.

use crate::context::{Context, Trap};
use crate::line;
use crate::machine::Bare;
use crate::processor::Processor;
use crate::space::Space;
use crate::start::PROCESSORS;
use alloc::boxed::Box;
use alloc::vec;
use usufruct_abi::Number;
use usufruct_core::{
    Copier, Ending, Machine, Quota, Reason, Reply, Thread, Wait, end_task, resume, serve,
};
use usufruct_x86_64_wire::{Kind, PAYLOAD_BYTES, SEATS, TRAP_EXIT, TRAP_NEXT_COMMAND, TRAP_REPLY};

/// A probe and all that its processor knows of it.
#[derive(Debug)]
struct Probe {
    thread: Thread,
    space: Space,
    context: Context,
    state: State,
}

/// What a probe is doing.
#[derive(Debug)]
enum State {
    Ready,
    /// It takes its next command to this buffer.
    WantsCommand {
        buffer: u64,
        room: u64,
    },
    /// It waits for a message, until this tick.
    Waits {
        wait: Wait,
        until: Option<u64>,
    },
}

/// How often a processor looks in vain before it sleeps until the next tick: nothing but a
/// tick wakes it, and the next command often comes sooner.
const IDLE_ROUNDS: u32 = 500;

/// Traps that a probe may make in one turn.
const TURN_TRAPS: u32 = 64;

/// A processor, the probes that sit on it, and what it serves them with.
pub(crate) struct Executor {
    machine: &'static Bare,
    program: &'static [u8],
    processor: Processor,
    copier: Copier,
    probes: Box<[Option<Probe>]>,
    /// Ticks of this processor: about a millisecond each.
    ticks: u64,
    /// A reply on its way from a probe to the test.
    reply: Box<[u8]>,
}

impl Executor {
    /// Every probe runs `program`.
    pub(crate) fn new(
        machine: &'static Bare,
        program: &'static [u8],
        processor: Processor,
        copier: Copier,
    ) -> Self {
        Self {
            machine,
            program,
            processor,
            copier,
            probes: (0..SEATS).map(|_| None).collect(),
            ticks: 0,
            reply: vec![0; PAYLOAD_BYTES].into(),
        }
    }

    /// Gives each probe on this processor its turn, for ever.
    pub(crate) fn serve_for_ever(&mut self) -> ! {
        let mut idle_rounds = 0;
        loop {
            let mut did_something = line::receive(self.machine);
            for seat in (self.processor.number()..SEATS).step_by(PROCESSORS) {
                did_something |= self.turn(seat);
            }
            idle_rounds = if did_something { 0 } else { idle_rounds + 1 };
            if idle_rounds > IDLE_ROUNDS {
                self.processor.halt();
                self.ticks += 1;
            }
        }
    }

    /// One seat's turn; whether there was anything to do.
    fn turn(&mut self, seat: usize) -> bool {
        if self.start_if_told(seat) || self.kill_if_told(seat) {
            return true;
        }
        let Some(mut probe) = self.probes[seat].take() else {
            return false;
        };
        let did_something = self.get_ready(seat, &mut probe);
        for _ in 0..TURN_TRAPS {
            if !matches!(probe.state, State::Ready) {
                break;
            }
            match self.run(seat, &mut probe) {
                Turn::GoesOn => {}
                Turn::IsOver => break,
                Turn::Ended(ending) => {
                    self.end(seat, &probe.thread, ending);
                    return true;
                }
            }
        }
        self.probes[seat] = Some(probe);
        did_something
    }
}

/// How a probe's turn goes on after a trap.
enum Turn {
    GoesOn,
    IsOver,
    Ended(Ending),
}

impl Executor {
    /// Starts a probe, if the test wants one on this empty seat.
    fn start_if_told(&mut self, seat: usize) -> bool {
        let mut orders = self.machine.seats.orders(seat);
        let Some(payload) = orders.of_kind(Kind::Start) else {
            return false;
        };
        let started = match payload.split_first_chunk() {
            _ if self.probes[seat].is_some() => Err("the seat is taken"),
            None => Err("a quota and a name are wanted"),
            Some((quota, name)) => {
                let quota = Quota {
                    smos: u32::from_le_bytes(*quota),
                };
                self.machine
                    .with_kernel(|kernel| kernel.start_task(name, quota))
                    .map_err(|denied| denied.error().name())
            }
        };
        orders.done();
        drop(orders);
        let loaded = started.and_then(|thread| self.load(thread));
        match loaded {
            Ok(probe) => {
                self.machine.seats.seat(seat, Some(probe.thread.id()));
                self.probes[seat] = Some(probe);
                line::send(Kind::Started, seat, &[self.processor.hardware_number()]);
            }
            Err(why) => line::send(Kind::Refused, seat, why.as_bytes()),
        }
        true
    }

    fn load(&self, thread: Thread) -> Result<Probe, &'static str> {
        match self.machine.load_program(thread.key(), self.program) {
            Ok((space, context)) => Ok(Probe {
                thread,
                space,
                context,
                state: State::Ready,
            }),
            Err(bad) => {
                // The reason for its end is the better answer.
                let _ = end_task(self.machine, thread.task(), KILLED);
                Err(bad.in_words())
            }
        }
    }

    fn kill_if_told(&mut self, seat: usize) -> bool {
        let is_told = self.machine.seats.orders(seat).take_kill();
        match self.probes[seat].take_if(|_| is_told) {
            Some(probe) => {
                self.end(seat, &probe.thread, KILLED);
                true
            }
            None => false,
        }
    }

    /// Ends a probe's task, and says so when all of it is gone.
    fn end(&self, seat: usize, thread: &Thread, ending: Ending) {
        self.machine.seats.seat(seat, None);
        // It can not be refused: the task lived, and is not the host.
        let ended = end_task(self.machine, thread.task(), ending);
        assert_eq!(ended, Ok(()), "{thread:?}");
        let [status, reason] = [ending.status, ending.reason.raw()].map(i32::to_le_bytes);
        line::send(Kind::Ended, seat, [status, reason].as_flattened());
    }

    /// Gives the probe what it waits for, if that has come; whether it can run then.
    fn get_ready(&mut self, seat: usize, probe: &mut Probe) -> bool {
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
    fn run(&mut self, seat: usize, probe: &mut Probe) -> Turn {
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
            .and_then(|bytes| self.reply.get_mut(..bytes));
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

/// The test, or a failure to load, ended it.
const KILLED: Ending = Ending {
    status: -1,
    reason: Reason::Killed,
};
