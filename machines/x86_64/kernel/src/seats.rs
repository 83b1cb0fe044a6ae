//! Where probes sit, and what may be said to them from any processor: the test's orders,
//! and that they may go on.

use crate::processor::{self, Verdict};
use alloc::boxed::Box;
use alloc::vec;
use core::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use spin::{Mutex, MutexGuard};
use usufruct_core::ThreadId;
use usufruct_x86_64_wire::{Header, Kind, PAYLOAD_BYTES, SEATS};

/// What other processors may say to a seat's own.
#[derive(Debug)]
struct Mailbox {
    orders: Mutex<Orders>,
    /// There is one to start somebody or to end who sits there, perhaps.
    is_noticed: AtomicBool,
    /// The thread that sits there, as guests see it; 0: none.
    thread: AtomicI32,
    /// It may go on, or its next wait ends at once.
    is_woken: AtomicBool,
}

/// What the test asks of a seat.
#[derive(Debug)]
pub(crate) struct Orders {
    /// Start or Command, and how many bytes of the payload are its own.
    next: Option<(Kind, usize)>,
    payload: Box<[u8]>,
    kill: bool,
}

impl Orders {
    /// The payload of the order, if it is one of this kind. It stays until taken.
    pub(crate) fn of_kind(&self, wanted: Kind) -> Option<&[u8]> {
        let (kind, length) = self.next?;
        (kind == wanted).then(|| &self.payload[..length])
    }

    /// The order has been carried out, or makes no sense now.
    pub(crate) fn done(&mut self) {
        self.next = None;
    }

    /// Whether the probe is to be ended; asked once.
    pub(crate) fn take_kill(&mut self) -> bool {
        core::mem::take(&mut self.kill)
    }
}

/// All seats, as any processor may use them.
#[derive(Debug)]
pub(crate) struct Seats(Box<[Mailbox]>);

impl Default for Seats {
    fn default() -> Self {
        let mailbox = || Mailbox {
            orders: Mutex::new(Orders {
                next: None,
                payload: vec![0; PAYLOAD_BYTES].into(),
                kill: false,
            }),
            is_noticed: AtomicBool::new(false),
            thread: AtomicI32::new(0),
            is_woken: AtomicBool::new(false),
        };
        Self((0..SEATS).map(|_| mailbox()).collect())
    }
}

impl Seats {
    /// Takes an order from the test. One that nobody waits for replaces the one before.
    pub(crate) fn deliver(&self, header: Header, payload: &[u8]) {
        let mailbox = &self.0[usize::from(header.seat)];
        let mut orders = mailbox.orders.lock();
        match header.kind {
            Kind::PowerOff => processor::power_off(Verdict::Asked),
            Kind::Kill => orders.kill = true,
            kind => {
                // An order to kill was for the probe before.
                orders.kill &= kind != Kind::Start;
                orders.next = Some((kind, payload.len()));
                orders.payload[..payload.len()].copy_from_slice(payload);
            }
        }
        drop(orders);
        mailbox.is_noticed.store(true, Ordering::Release);
        processor::ring(usize::from(header.seat) % processor::count());
    }

    /// Whether orders have come since this was asked last.
    pub(crate) fn take_notice(&self, seat: usize) -> bool {
        let notice = &self.0[seat].is_noticed;
        notice.load(Ordering::Relaxed) && notice.swap(false, Ordering::Acquire)
    }

    /// What the test asks of this seat.
    pub(crate) fn orders(&self, seat: usize) -> MutexGuard<'_, Orders> {
        self.0[seat].orders.lock()
    }

    /// From now on this thread sits there, and has not been woken; or nobody.
    pub(crate) fn seat(&self, seat: usize, thread: Option<ThreadId>) {
        self.0[seat].is_woken.store(false, Ordering::Relaxed);
        self.0[seat]
            .thread
            .store(thread.map_or(0, ThreadId::raw), Ordering::Release);
    }

    /// Whether who sits there may go on; asked once.
    pub(crate) fn take_wake(&self, seat: usize) -> bool {
        self.0[seat].is_woken.swap(false, Ordering::Acquire)
    }

    /// Lets the thread go on, wherever it sits.
    pub(crate) fn wake(&self, thread: ThreadId) {
        let sits_here = |mailbox: &&Mailbox| mailbox.thread.load(Ordering::Acquire) == thread.raw();
        if let Some(seat) = self.0.iter().position(|mailbox| sits_here(&mailbox)) {
            self.0[seat].is_woken.store(true, Ordering::Release);
            processor::ring(seat % processor::count());
        }
    }
}
