//! How pins and revokers are ordered on this machine: with a fence on both sides, or with a
//! light pin and `membarrier` where the operating system has it. Chosen when a system starts,
//! for both sides at once.

use std::num::NonZeroU32;
use std::time::Duration;

use usufruct_core::sync::{self, AtomicU64};

use crate::membarrier;

/// What a fence on every processor takes, in fences: an interrupt there and back, in a virtual
/// machine some tens of microseconds, for some nanoseconds.
pub(crate) const STREAK: NonZeroU32 = NonZeroU32::new(4096).unwrap();

/// Looks at a pin that spin before the rest sleep: some tens of microseconds,
/// more than a chunk takes that is being copied on a processor now.
const SPINS: u32 = 2000;

/// How long each of the rest sleeps. The pin's thread has lost its processor,
/// perhaps to this one, and gets it back so. `yield_now` would give it away for
/// good: under Linux it comes back after milliseconds where others compute.
const NAP: Duration = Duration::from_micros(50);

/// How pins and revokers are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// As below where the operating system has `membarrier`; else fenced.
    Biased,
    /// Every pin with a fence of its own.
    Fenced,
    /// Broken, to see what happens: light pins, and nobody makes up for their fences.
    Unfenced,
    /// Broken, to see what happens: no pins, so that no revoker waits for any copy.
    None,
}

/// The fences of a system.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fences {
    order: Order,
    streak: Option<NonZeroU32>,
}

impl Fences {
    /// The order asked for, or the best one here; and after how many copies through one object
    /// pins are light, if they are.
    pub(crate) fn new(order: Order, streak: NonZeroU32) -> Self {
        let is_light = match order {
            Order::Biased => membarrier::register(),
            Order::Unfenced => true,
            Order::Fenced | Order::None => false,
        };
        Self {
            order,
            streak: is_light.then_some(streak),
        }
    }

    /// Whether revokers wait for copies.
    pub(crate) fn announces(&self) -> bool {
        self.order != Order::None
    }
}

impl usufruct_core::Fences for Fences {
    const BIASES: bool = true;

    #[inline(always)]
    fn streak(&self) -> Option<NonZeroU32> {
        self.streak
    }

    #[inline(always)]
    fn announce(&self, pin: &AtomicU64, value: u64) {
        if self.announces() {
            sync::announce(pin, value);
        }
    }

    fn fence_everywhere(&self) {
        if self.order == Order::Biased {
            membarrier::fence_everywhere();
        }
    }

    fn pause(&self, looks: u32) {
        if looks < SPINS {
            std::hint::spin_loop()
        } else {
            std::thread::sleep(NAP)
        }
    }
}
