//! What other processors have looked up in page tables, and how it is made to be forgotten.
//!
//! A right that is taken must be gone on every processor before the call that takes it
//! answers. The bit in the page table is not enough: a processor keeps what it has looked
//! up. But only ring 3 uses it, for the kernel dereferences no user address. So:
//!
//! ```text
//!   who takes                              who may run the task
//!   1 clear the bit                        1 visit becomes odd (a full fence)
//!   2 say is_stale  (a full fence)         2 if is_stale: forget what was looked up
//!   3 look at visit; if it is odd,         3 ring 3, until a trap
//!     interrupt, and wait until it moves   4 visit becomes even
//! ```
//!
//! Of the two, either sees the other: who takes sees an odd visit and waits for its end, or
//! the visitor sees `is_stale` and looks the bit up anew. **A processor in the kernel is
//! never waited for**, whatever it spins on, and one in ring 3 takes the interrupt at once.
//! So two processors that take from each other can not wait for each other. A call that waits
//! for nothing itself, a copy of one chunk above all, is part of the visit (`served.rs`): it
//! has interrupts off, but comes to an end by itself, and the interrupt after it.

use super::MOST;
use super::controller::{self, RING, SHOOT_DOWN};
use crate::memory::kernel_root_at;
use crate::space::{self, Space};
use core::hint;
use core::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering, fence};

/// What others may know of a processor.
#[derive(Debug)]
#[repr(align(64))]
struct Presence {
    /// The root that it translates by, or is about to; 0 before it is up.
    root: AtomicU64,
    /// What it has loaded last: until it has loaded `root`, it looks up what lies here.
    loaded: AtomicU64,
    /// Counts its ways into ring 3 and out again: odd while it is there.
    visit: AtomicU64,
    /// What it has looked up by `root` may not be so any more.
    is_stale: AtomicBool,
    hardware: AtomicU8,
}

static PRESENCES: [Presence; MOST] = [const {
    Presence {
        root: AtomicU64::new(0),
        loaded: AtomicU64::new(0),
        visit: AtomicU64::new(0),
        is_stale: AtomicBool::new(false),
        hardware: AtomicU8::new(0),
    }
}; MOST];

/// How many of them are anybody's. Who comes is counted before it has a root but the kernel's.
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// A processor's own hand on its presence; it stays on that processor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Visitor {
    presence: &'static Presence,
}

impl Visitor {
    /// For the processor that executes this, with these numbers.
    pub(super) fn new(number: usize, hardware: u8) -> Self {
        let presence = &PRESENCES[number];
        presence.hardware.store(hardware, Ordering::Relaxed);
        COUNT.fetch_max(number + 1, Ordering::SeqCst);
        let visitor = Self { presence };
        visitor.translate_by(kernel_root_at());
        visitor
    }

    /// From here on this processor has no task's memory.
    pub(super) fn leave(&self) {
        self.translate_by(kernel_root_at());
    }

    /// Said before ring 3: from here to [`Self::is_back`] it may use what it looks up.
    #[inline(always)]
    pub(crate) fn goes(&self, space: Space) {
        self.translate_by(space.root());
        let presence = self.presence;
        let visit = presence.visit.load(Ordering::Relaxed);
        presence.visit.store(visit + 1, Ordering::SeqCst);
        if presence.is_stale.load(Ordering::SeqCst) {
            // First this, or it could take back what somebody says meanwhile.
            presence.is_stale.swap(false, Ordering::SeqCst);
            space::load_root(space.root());
        }
    }

    /// The trap that ended the visit has come: what ring 3 stored is there for all to see,
    /// for a processor makes its stores seen in order.
    #[inline(always)]
    pub(crate) fn is_back(&self) {
        let visit = self.presence.visit.load(Ordering::Relaxed);
        self.presence.visit.store(visit + 1, Ordering::Release);
    }

    fn translate_by(&self, root: u64) {
        if self.presence.root.load(Ordering::Relaxed) == root {
            return;
        }
        // Said first: whoever does not see it has changed the tables before they are loaded.
        self.presence.root.store(root, Ordering::SeqCst);
        space::load_root(root);
        // Said last: whoever frees what was there before does it when it is not used any more.
        self.presence.loaded.store(root, Ordering::Release);
    }
}

/// No processor uses what it has looked up in the space with this root before now, when this
/// returns. The bits have been changed, with sequentially consistent order.
pub(crate) fn shoot_down(root: u64) {
    fence(Ordering::SeqCst);
    for presence in PRESENCES.iter().take(COUNT.load(Ordering::SeqCst)) {
        if presence.root.load(Ordering::SeqCst) != root {
            // It loads the root anew before it uses it, and that forgets everything.
            continue;
        }
        presence.is_stale.store(true, Ordering::SeqCst);
        let visit = presence.visit.load(Ordering::SeqCst);
        if visit.is_multiple_of(2) {
            continue;
        }
        controller::interrupt(presence.hardware.load(Ordering::Relaxed), SHOOT_DOWN);
        while presence.visit.load(Ordering::Acquire) == visit {
            hint::spin_loop();
        }
    }
}

/// Ends the halt of a processor, or its task's turn: there is something to look at.
pub(crate) fn ring(number: usize) {
    let hardware = PRESENCES[number].hardware.load(Ordering::Relaxed);
    if hardware != controller::own_number() {
        controller::interrupt(hardware, RING);
    }
}

/// Whether a processor translates by the root, or is about to, or has not come off it yet.
pub(crate) fn is_loaded(root: u64) -> bool {
    PRESENCES.iter().any(|presence| {
        presence.root.load(Ordering::SeqCst) == root
            || presence.loaded.load(Ordering::Acquire) == root
    })
}
