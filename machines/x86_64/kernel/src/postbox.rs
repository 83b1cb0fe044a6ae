//! The postbox: memory of the machine that the test on the host reads and writes too.

use crate::space::move_bytes;
use crate::start::DIRECT_MAP;
use core::cell::UnsafeCell;
use usufruct_x86_64_wire::{PAYLOAD_BYTES, POSTBOX_BYTES};

#[repr(C, align(4096))]
struct Postbox(UnsafeCell<[u8; POSTBOX_BYTES]>);

// SAFETY: no reference to the bytes is ever made; they are only moved, by `move_bytes`.
unsafe impl Sync for Postbox {}

static POSTBOX: Postbox = Postbox(UnsafeCell::new([0; POSTBOX_BYTES]));

/// Its physical address.
pub(crate) fn address() -> u64 {
    POSTBOX.0.get() as u64 - DIRECT_MAP
}

/// Takes what the host has put at this place.
pub(crate) fn take(place: usize, into: &mut [u8]) {
    // SAFETY: the place has `PAYLOAD_BYTES` bytes, in memory of the kernel's that stays; the
    // host may store meanwhile, but by the protocol waits, and any bytes are good.
    unsafe { move_bytes(at(place, into.len()), into.as_mut_ptr(), into.len(), false) };
}

/// Puts something there for the host.
pub(crate) fn put(place: usize, bytes: &[u8]) {
    // SAFETY: as in `take`; and the kernel's processors have different places, for each seat
    // is one processor's.
    unsafe { move_bytes(bytes.as_ptr(), at(place, bytes.len()), bytes.len(), false) };
}

fn at(place: usize, bytes: usize) -> *mut u8 {
    assert!(
        bytes <= PAYLOAD_BYTES && place <= POSTBOX_BYTES - PAYLOAD_BYTES,
        "wire says so"
    );
    POSTBOX.0.get().cast::<u8>().wrapping_add(place)
}
