//! The time: ticks of the first processor, which are about a millisecond each. A host that
//! does not give the machine its time makes them longer.

use core::sync::atomic::{AtomicU64, Ordering};

static NOW_MS: AtomicU64 = AtomicU64::new(0);

/// The first processor's clock has ticked.
pub(super) fn tick() {
    NOW_MS.fetch_add(1, Ordering::Relaxed);
}

/// Milliseconds since the machine began.
pub(super) fn now_ms() -> u64 {
    NOW_MS.load(Ordering::Relaxed)
}
