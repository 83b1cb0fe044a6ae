//! What a task has done, in numbers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use usufruct_abi::{Error, MSG_BYTES, Number};
use usufruct_core::{Direction, Thread};

/// Counters of one task. One thread at a time counts; anybody may look. Gifts are
/// counted with the kernel's lock held, by whoever gives.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    read_bytes: AtomicU64,
    written_bytes: AtomicU64,
    message_bytes: AtomicU64,
    given_bytes: AtomicU64,
    received_bytes: AtomicU64,
    shares: AtomicU64,
    refusals: AtomicU64,
    calls: AtomicU64,
    run_ns: AtomicU64,
}

/// What a task has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// Bytes that it read through shared memory objects.
    pub read_bytes: u64,
    /// Bytes that it wrote through shared memory objects.
    pub written_bytes: u64,
    /// Bytes of the messages that it sent and received.
    pub message_bytes: u64,
    /// Bytes of the pages that it gave to other tasks. Nothing of them was copied.
    pub given_bytes: u64,
    /// Bytes of the pages that other tasks gave to it, whether it took delivery or not.
    pub received_bytes: u64,
    /// Objects that it made.
    pub shares: u64,
    /// Calls of it that were refused. An empty port is no refusal.
    pub refusals: u64,
    /// Calls of it, large copies counted burst by burst.
    pub calls: u64,
    /// How long it ran, waiting not included.
    pub run_time: Duration,
}

impl Usage {
    /// Bytes that the kernel copied for it, messages included.
    #[must_use]
    pub fn copied_bytes(&self) -> u64 {
        self.read_bytes + self.written_bytes + self.message_bytes
    }
}

/// Adds without a locked instruction: there is one writer at a time.
#[inline(always)]
fn add(counter: &AtomicU64, amount: u64) {
    let sum = counter.load(Ordering::Relaxed).wrapping_add(amount);
    counter.store(sum, Ordering::Relaxed);
}

impl Counters {
    /// A burst of a copy has moved `len_bytes`.
    #[inline(always)]
    pub(crate) fn count_copy(&self, direction: Direction, len_bytes: u32) {
        add(&self.calls, 1);
        let bytes = match direction {
            Direction::Read => &self.read_bytes,
            Direction::Write => &self.written_bytes,
        };
        add(bytes, u64::from(len_bytes));
    }

    /// A copy was refused.
    pub(crate) fn count_refused_copy(&self) {
        add(&self.calls, 1);
        add(&self.refusals, 1);
    }

    /// It has given pages away.
    pub(crate) fn count_given(&self, bytes: u64) {
        add(&self.given_bytes, bytes);
    }

    /// It has been given pages.
    pub(crate) fn count_received(&self, bytes: u64) {
        add(&self.received_bytes, bytes);
    }

    /// Another call was served, with `answer`.
    pub(crate) fn count_call(&self, number: Number, answer: i32, thread: &Thread) {
        add(&self.calls, 1);
        let is_refused = match number {
            Number::LastError => false,
            Number::ControlMem => answer != 0,
            Number::AllocMemBlocks => answer == 0,
            _ => answer == -1 && thread.last_error() != Error::NoMsg,
        };
        if is_refused {
            add(&self.refusals, 1);
        } else if answer != -1 && number == Number::ShareMem {
            add(&self.shares, 1);
        } else if answer == 0 && matches!(number, Number::SendMsg | Number::GetMsg) {
            add(&self.message_bytes, MSG_BYTES as u64);
        }
    }

    pub(crate) fn count_run_time(&self, time: Duration) {
        add(
            &self.run_ns,
            u64::try_from(time.as_nanos()).unwrap_or(u64::MAX),
        );
    }

    pub(crate) fn usage(&self) -> Usage {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Usage {
            read_bytes: read(&self.read_bytes),
            written_bytes: read(&self.written_bytes),
            message_bytes: read(&self.message_bytes),
            given_bytes: read(&self.given_bytes),
            received_bytes: read(&self.received_bytes),
            shares: read(&self.shares),
            refusals: read(&self.refusals),
            calls: read(&self.calls),
            run_time: Duration::from_nanos(read(&self.run_ns)),
        }
    }
}
