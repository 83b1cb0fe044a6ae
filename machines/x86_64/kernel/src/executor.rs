//! Each processor's loop over the probes that sit on it: whose turn is it, and who starts or
//! ends. executor/calls.rs serves their traps. The clock tick ends the turn of a probe that
//! computes.

mod calls;

use crate::context::Context;
use crate::floating::Floating;
use crate::line;
use crate::machine::Bare;
use crate::processor::{self, Processor, controller};
use crate::space::Space;
use crate::task::{self, Loaded};
use crate::words::Words;
use alloc::boxed::Box;
use alloc::vec;
use usufruct_core::{Copier, Ending, Machine, PoolQuota, Quota, Reason, Thread, Wait, end_task};
use usufruct_x86_64_wire::{Allowance, Kind, PAYLOAD_BYTES, SEATS};

/// A probe and all that its processor knows of it.
#[derive(Debug)]
struct Probe {
    thread: Thread,
    space: Space,
    context: Context,
    floating: Floating,
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

/// How a probe's turn goes on after a trap.
enum Turn {
    GoesOn,
    IsOver,
    Ended(Ending),
}

/// Traps that a probe may make in one turn.
const TURN_TRAPS: u32 = 64;

/// A processor, the probes that sit on it, and what it serves them with.
pub(crate) struct Executor {
    machine: &'static Bare,
    program: &'static [u8],
    processor: Processor,
    copier: Copier,
    /// In boxes, for each is taken out for its turn.
    probes: Box<[Option<Box<Probe>>]>,
    /// Ticks of this processor: about a millisecond each.
    ticks: u64,
    /// A payload on its way between a probe and the test.
    scratch: Box<[u8]>,
    /// What is to be said of the probe whose turn has ended it.
    last_words: Words,
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
            scratch: vec![0; PAYLOAD_BYTES].into(),
            last_words: Words::default(),
        }
    }

    /// Gives each probe on this processor its turn, for ever.
    pub(crate) fn serve_for_ever(&mut self) -> ! {
        loop {
            // The first one is whom the line interrupts.
            let mut did_something = self.processor.number() == 0 && line::receive(self.machine);
            for seat in (self.processor.number()..SEATS).step_by(processor::count()) {
                did_something |= self.turn(seat);
            }
            // What comes from now on interrupts the halt, or keeps it from beginning.
            if !did_something {
                self.ticks += u64::from(self.processor.halt());
            }
        }
    }

    /// One seat's turn; whether there was anything to do.
    fn turn(&mut self, seat: usize) -> bool {
        if self.machine.seats.take_notice(seat) {
            // Both, for who has been started may have been given up already.
            let has_started = self.start_if_told(seat);
            if self.kill_if_told(seat) || has_started {
                return true;
            }
        }
        let Some(mut probe) = self.probes[seat].take() else {
            return false;
        };
        let did_something = self.get_ready(seat, &mut probe);
        if !matches!(probe.state, State::Ready) {
            self.probes[seat] = Some(probe);
            return did_something;
        }
        probe.floating.restore();
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
        probe.floating.save();
        self.probes[seat] = Some(probe);
        did_something
    }

    /// Starts a probe, if the test wants one on this empty seat.
    fn start_if_told(&mut self, seat: usize) -> bool {
        let mut orders = self.machine.seats.orders(seat);
        let Some(payload) = orders.of_kind(Kind::Start) else {
            return false;
        };
        let payload_bytes = payload.len();
        self.scratch[..payload_bytes].copy_from_slice(payload);
        orders.done();
        drop(orders);
        let begin = processor::clock();
        let started = match self.scratch[..payload_bytes].split_first_chunk() {
            _ if self.probes[seat].is_some() => Err("the seat is taken"),
            None => Err("an allowance and a name are wanted"),
            Some((allowance, name)) => {
                let quota = quota_of(Allowance::decode(*allowance));
                self.machine
                    .with_kernel(|kernel| kernel.start_task(name, quota))
                    .map_err(|denied| denied.error().name())
            }
        };
        let loaded = started.and_then(|thread| self.load(thread));
        match loaded {
            Ok(probe) => {
                self.machine.seats.seat(seat, Some(probe.thread.id()));
                self.probes[seat] = Some(Box::new(probe));
                let took = processor::clock() - begin;
                let took = took.to_le_bytes();
                line::send(Kind::Started, seat, &[&[controller::own_number()], &took]);
            }
            Err(why) => line::send(Kind::Refused, seat, &[why.as_bytes()]),
        }
        true
    }

    fn load(&self, thread: Thread) -> Result<Probe, &'static str> {
        let loaded = self
            .machine
            .load_program(thread.key(), self.program, task::Allowance::SMALL);
        match loaded {
            Ok(Loaded { space, context, .. }) => Ok(Probe {
                thread,
                space,
                context,
                floating: Floating::default(),
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
    fn end(&mut self, seat: usize, thread: &Thread, ending: Ending) {
        let words = core::mem::take(&mut self.last_words);
        self.machine.seats.seat(seat, None);
        self.processor.leave();
        // It can not be refused: the task lived, and is not the host.
        let ended = end_task(self.machine, thread.task(), ending);
        assert_eq!(ended, Ok(()), "{thread:?}");
        let [status, reason] = [ending.status, ending.reason.raw()].map(i32::to_le_bytes);
        line::send(Kind::Ended, seat, &[&status, &reason, words.bytes()]);
    }
}

fn quota_of(allowance: Allowance) -> Quota {
    Quota {
        smos: allowance.smos,
        pool: allowance
            .pages
            .map(|[pages, reserve]| PoolQuota { pages, reserve }),
    }
}

/// The test, or a failure to load, ended it.
const KILLED: Ending = Ending {
    status: -1,
    reason: Reason::Killed,
};
