//! The time: the processors' own counter, whose pace the timer chip of all PCs tells at boot.
//! Where there is no such chip, ticks of the first processor, which are about a millisecond
//! each, and longer when the kernel is kept from taking them.

use crate::processor;
use core::sync::atomic::{AtomicU64, Ordering};
use spin::Once;
use x86_64::instructions::port::Port;

/// The last time that anybody was told; so it never goes back, whichever processor asks.
static NOW_MS: AtomicU64 = AtomicU64::new(0);
/// The counter's pace, if it is known.
static PACE: Once<Option<Pace>> = Once::new();

/// The processors' counter.
#[derive(Clone, Copy, Debug)]
struct Pace {
    /// What it showed at the millisecond 0.
    begin: u64,
    /// What it counts in a millisecond.
    per_ms: u64,
}

/// Finds out how fast the counter is. Once, with interrupts off.
pub(super) fn start() {
    PACE.call_once(Pace::measure);
}

/// The first processor's clock has ticked.
pub(super) fn tick() {
    if PACE.get().is_none_or(Option::is_none) {
        NOW_MS.fetch_add(1, Ordering::Relaxed);
    }
}

/// Milliseconds since the system began.
pub(super) fn now_ms() -> u64 {
    let Some(Some(pace)) = PACE.get() else {
        return NOW_MS.load(Ordering::Relaxed);
    };
    let now = processor::clock().saturating_sub(pace.begin) / pace.per_ms;
    NOW_MS.fetch_max(now, Ordering::Relaxed).max(now)
}

impl Pace {
    /// `None`: there is no chip to go by.
    fn measure() -> Option<Self> {
        /// A host that stops us for longer than the chip takes to go round makes the counter
        /// look fast: the slowest of some looks is right. After one that fails there are no more.
        const ROUNDS: u32 = 3;
        Chip::start();
        let paces = (0..ROUNDS).map_while(|_| Chip::counts_per_ms());
        let per_ms = paces.min()?;
        let begin = processor::clock();
        Some(Self { begin, per_ms })
    }
}

/// The 8254's first counter, which goes down from 65,535 to 0 and round again.
struct Chip;

impl Chip {
    const HERTZ: u64 = 1_193_182;
    const COUNTER: u16 = 0x40;
    const COMMAND: u16 = 0x43;
    /// Counter 0, both bytes, round and round.
    const GO_ROUND: u8 = 0b0011_0100;
    /// Counter 0: keep what you show until it is read.
    const LATCH: u8 = 0;

    fn start() {
        Self::write(Self::COMMAND, Self::GO_ROUND);
        // From 65,536, which is written as 0.
        Self::write(Self::COUNTER, 0);
        Self::write(Self::COUNTER, 0);
    }

    /// What the processors' counter makes of a millisecond of the chip's.
    fn counts_per_ms() -> Option<u64> {
        /// 10 ms.
        const LONG_ENOUGH: u16 = (Chip::HERTZ / 100) as u16;
        const MOST_LOOKS: u32 = 1 << 20;
        /// Some milliseconds. Where there is no chip, its counter still shows the same then.
        const SOME_LOOKS: u32 = 1 << 12;
        let (first, begin) = Self::look_closely();
        let gone = |shown: u16| first.wrapping_sub(shown);
        for looks in 0.. {
            let gone = gone(Self::look().0);
            if gone >= LONG_ENOUGH {
                break;
            }
            if looks == MOST_LOOKS || (looks == SOME_LOOKS && gone == 0) {
                return None;
            }
        }
        let (last, end) = Self::look_closely();
        let chip = u64::from(gone(last)).max(1);
        let pace = end.saturating_sub(begin) * Self::HERTZ / (chip * 1000);
        (pace > 0).then_some(pace)
    }

    /// Of some looks the one that was least disturbed.
    fn look_closely() -> (u16, u64) {
        let looks = [(); 8].map(|()| Self::look());
        let closest = looks
            .into_iter()
            .min_by_key(|(_, (begin, end))| end - begin);
        let (shown, (begin, end)) = closest.unwrap_or_default();
        (shown, begin.midpoint(end))
    }

    /// What the chip shows, and the processors' counter before and after.
    fn look() -> (u16, (u64, u64)) {
        let begin = processor::clock();
        Self::write(Self::COMMAND, Self::LATCH);
        let end = processor::clock();
        let shown = [(); 2].map(|()| {
            // SAFETY: the chip's port, or nothing's; a read of it reaches no memory.
            unsafe { Port::new(Self::COUNTER).read() }
        });
        (u16::from_le_bytes(shown), (begin, end.max(begin)))
    }

    fn write(port: u16, byte: u8) {
        // SAFETY: a port of the chip's, or nothing's; it reaches no memory, and the interrupt
        // that the chip may ask for is masked (`processor::controller`).
        unsafe { Port::new(port).write(byte) }
    }
}
