//! Takes the right to write from either end of the ring, in mid-stream, and gives it back.
//!
//! ```text
//!   asked:      Pause ──> end stores no more ──> Paused ──> taken ── ... ──> granted, GoOn
//!   not asked:                                              taken ── ... ──> granted, GoOn
//! ```
//!
//! An end that was not asked may be about to store. Then it is ended at that store, and one
//! that is started in its place goes on from what is stored.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use stream::{COUNT_AT, Order, PORT, Word, record_at, word};
use usufruct::{Host, HostError, Kernel, Message, Port, Reason};

use crate::end::{End, Fault, PATIENCE, State, load};

const TICK: Duration = Duration::from_millis(1);

/// What there is to do.
pub(crate) struct Plan {
    pub(crate) ring_bytes: usize,
    /// Decides what streams, and when who loses its right.
    pub(crate) seed: u64,
    /// How long the stream is, in bytes.
    pub(crate) total: u64,
    /// How long an end goes without its right, on average; it keeps it twice as long. Zero:
    /// nobody loses it.
    pub(crate) every: Duration,
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Rights taken from ends that had been asked to pause.
    pub(crate) after_asking: u32,
    /// Rights taken from ends that knew of nothing.
    pub(crate) without_asking: u32,
    /// Ends that have noticed it, and waited.
    pub(crate) noticed: u32,
    /// Ends that were ended by a store, and started again.
    pub(crate) ended: u32,
    /// How many bytes have arrived, and their sum.
    pub(crate) arrived: (u64, u64),
    pub(crate) took: Duration,
}

pub(crate) struct Supervisor<'kernel> {
    kernel: &'kernel Kernel,
    port: Port,
    plan: Plan,
    ends: [End; 2],
    outcome: Outcome,
    /// How many random numbers were drawn.
    drawn: u64,
    /// The number of the last order.
    order: i32,
}

impl<'kernel> Supervisor<'kernel> {
    /// Makes the ring, and starts both ends.
    pub(crate) fn new(
        kernel: &'kernel Kernel,
        programs: [&Path; 2],
        plan: Plan,
    ) -> Result<Self, Fault> {
        let host = kernel.host();
        let port = host.open_port(PORT)?;
        let of_producer = host.pages(stream::RING_AT + plan.ring_bytes)?;
        let of_consumer = host.pages(1)?;
        let [ring, record] = [&of_producer, &of_consumer]
            .map(|pages| [pages.address().to_string(), pages.len().to_string()]);
        let rest = [plan.seed, plan.total].map(|number| number.to_string());
        let [producer, consumer] = programs.map(|path| load(kernel, path));
        let start = |name, program, pages, own: &[String], other: &[String]| {
            let arguments = [own, other, &rest].concat();
            End::new(kernel, name, program, arguments, pages)
        };
        Ok(Self {
            ends: [
                start("producer", producer?, of_producer, &ring, &record)?,
                start("consumer", consumer?, of_consumer, &record, &ring)?,
            ],
            kernel,
            port,
            plan,
            outcome: Outcome::default(),
            drawn: 0,
            order: 0,
        })
    }

    /// Has all of the stream arrive.
    pub(crate) fn run(mut self) -> Result<Outcome, Fault> {
        let start = Instant::now();
        let mut last = (0, start);
        while !self.ends.iter().all(|end| matches!(end.state, State::Done)) {
            if let Some(message) = self.port.wait_for(TICK)? {
                self.hear(&message)?;
            }
            for number in 0..self.ends.len() {
                self.look_at(number)?;
            }
            let (arrived, _) = self.arrived()?;
            if arrived != last.0 {
                last = (arrived, Instant::now());
            } else if last.1.elapsed() > PATIENCE {
                return Err(Fault::Stuck);
            }
        }
        self.outcome.took = start.elapsed();
        self.outcome.arrived = self.arrived()?;
        Ok(self.outcome)
    }

    /// What the consumer's valid record says: how many bytes, and their sum.
    fn arrived(&self) -> Result<(u64, u64), Fault> {
        let [_, consumer] = &self.ends;
        let load = |at| -> Result<u64, HostError> {
            Ok(consumer.pages.atomic_u64(at)?.load(Ordering::SeqCst))
        };
        loop {
            let count = load(COUNT_AT)?;
            let record = (load(record_at(count))?, load(record_at(count) + 8)?);
            if load(COUNT_AT)? == count {
                return Ok(record);
            }
        }
    }

    fn hear(&mut self, message: &Message) -> Result<(), Fault> {
        let sent_it = |end: &End| Some(end.task.id()) == message.sender;
        let Some(number) = self.ends.iter().position(sent_it) else {
            return Ok(());
        };
        match (Word::from_words(message.words), &self.ends[number].state) {
            (Some(Word::Ready), State::Starting) => self.let_on(number),
            (Some(Word::Paused(order)), State::Asked) if order == self.order => {
                self.outcome.after_asking += 1;
                self.take(number)
            }
            (Some(Word::Refused), _) => {
                self.outcome.noticed += 1;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Does what is due, and starts it again if it was ended by a store.
    fn look_at(&mut self, number: usize) -> Result<(), Fault> {
        let end = &mut self.ends[number];
        let is_done = matches!(end.state, State::Done);
        if let Some(report) = end.task.report().filter(|_| !is_done) {
            match (report.ending.reason, report.ending.status) {
                (Reason::Exit, 0) => end.state = State::Done,
                (Reason::ForbiddenStore, _) => {
                    self.outcome.ended += 1;
                    end.start(self.kernel)?;
                }
                _ => return Err(end.fault(&report.to_string())),
            }
            return Ok(());
        }
        match end.state {
            State::Running { until } if until <= Instant::now() => {
                if self.draw().is_multiple_of(2) {
                    self.ask(number);
                    Ok(())
                } else {
                    self.outcome.without_asking += 1;
                    self.take(number)
                }
            }
            State::Taken { until, sum } if until <= Instant::now() => {
                if end.sum()? != sum {
                    return Err(Fault::Moved(end.name));
                }
                self.let_on(number)
            }
            _ => Ok(()),
        }
    }

    fn ask(&mut self, number: usize) {
        // One at a time: the number of the last order is that of the only pause.
        if self
            .ends
            .iter()
            .any(|end| matches!(end.state, State::Asked))
        {
            return;
        }
        self.order = self.order.wrapping_add(1);
        let order = Order::Pause(self.order);
        let end = &mut self.ends[number];
        if self
            .kernel
            .host()
            .send(end.task.id(), PORT, order.words())
            .is_ok()
        {
            end.state = State::Asked;
        }
    }

    /// Takes the right to write. When this returns nothing of the end's is stored any more.
    fn take(&mut self, number: usize) -> Result<(), Fault> {
        let wait = self.draw_time(self.plan.every);
        let end = &mut self.ends[number];
        match end.pages.revoke(end.task.id()) {
            Err(error) if end.task.report().is_none() => return Err(error.into()),
            // Who has ended has no rights.
            _ => {}
        }
        let until = Instant::now() + wait;
        let sum = end.sum()?;
        end.state = State::Taken { until, sum };
        Ok(())
    }

    /// Grants it, and says so.
    fn let_on(&mut self, number: usize) -> Result<(), Fault> {
        let keep = self.draw_time(2 * self.plan.every);
        let forever = self.plan.every.is_zero();
        let order = Order::GoOn(self.order);
        let host: &Host = self.kernel.host();
        let end = &mut self.ends[number];
        let until = Instant::now() + if forever { PATIENCE * 1000 } else { keep };
        match end.pages.grant(end.task.id()) {
            Err(error) if end.task.report().is_none() => return Err(error.into()),
            _ => {}
        }
        // Whoever has ended meanwhile is seen by `look_at`.
        let _ = host.send(end.task.id(), PORT, order.words());
        end.state = State::Running { until };
        Ok(())
    }

    /// Evenly from nothing to twice `mean`.
    fn draw_time(&mut self, mean: Duration) -> Duration {
        let most = u64::try_from(2 * mean.as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(self.draw() % most.max(1))
    }

    fn draw(&mut self) -> u64 {
        self.drawn += 1;
        // Another stream of numbers than the one that goes through the ring.
        word(!self.plan.seed, self.drawn) >> 1
    }
}
