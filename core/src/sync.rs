//! The atomics that the two planes meet on. The one file that knows the model
//! checker: under `cfg(loom)` they are loom's.

#[cfg(not(loom))]
use core::sync::atomic::compiler_fence;
#[cfg(not(loom))]
pub use core::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
#[cfg(loom)]
pub use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

/// Whether the model checker sees the atomics of this build. Its tests say
/// nothing without, and skip themselves.
pub const IS_MODEL_CHECKED: bool = cfg!(loom);

/// Stores a pin so that no later load of this processor passes it, in the view
/// of whoever executes a sequentially consistent fence afterwards. At least a
/// release, so that what the last pin covered is seen by who sees this one.
///
/// One locked instruction on x86-64; the revoker's side is [`fence`].
#[cfg(not(loom))]
#[inline(always)]
pub fn announce(pin: &AtomicU64, value: u64) {
    pin.swap(value, Ordering::SeqCst);
}

/// The same for the model checker, which takes `SeqCst` accesses for `AcqRel`
/// ones and models fences alone.
#[cfg(loom)]
pub fn announce(pin: &AtomicU64, value: u64) {
    pin.store(value, Ordering::Release);
    fence(Ordering::SeqCst);
}

/// Stores a pin, and leaves the fence to whoever revokes: that the compiler moves no later load in
/// front of it is all there is. Free on every processor.
#[cfg(not(loom))]
#[inline(always)]
pub fn announce_lightly(pin: &AtomicU64, value: u64) {
    pin.store(value, Ordering::Release);
    compiler_fence(Ordering::SeqCst);
}

/// The same for the model checker, to which a missing fence is a missing fence.
#[cfg(loom)]
pub fn announce_lightly(pin: &AtomicU64, value: u64) {
    pin.store(value, Ordering::Release);
}
