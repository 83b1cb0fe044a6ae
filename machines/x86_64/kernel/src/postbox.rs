//! The postbox: memory of the machine that the test on the host reads and writes too.

use crate::memory::{IMAGE, move_bytes};
use core::cell::UnsafeCell;
use usufruct_x86_64_wire::{PAYLOAD_BYTES, PLACE_BYTES, POSTBOX_BYTES};

#[repr(C, align(4096))]
struct Postbox(UnsafeCell<[u8; POSTBOX_BYTES]>);

// SAFETY: no reference to the bytes is ever made; they are only moved, by `move_bytes`.
unsafe impl Sync for Postbox {}

static POSTBOX: Postbox = Postbox(UnsafeCell::new([0; POSTBOX_BYTES]));

/// Its physical address.
pub(crate) fn address() -> u64 {
    POSTBOX.0.get() as u64 - IMAGE
}

/// Takes what the host has posted at this place, at most all of `into`.
pub(crate) fn take(place: usize, into: &mut [u8]) -> usize {
    let mut length = [0; LENGTH_BYTES];
    load(place, &mut length);
    let length = (u32::from_le_bytes(length) as usize).min(into.len());
    load(place + LENGTH_BYTES, &mut into[..length]);
    length
}

/// Posts something for the host.
pub(crate) fn put(place: usize, payload: &[u8]) {
    store(place + LENGTH_BYTES, payload);
    store(place, &(payload.len() as u32).to_le_bytes());
}

const LENGTH_BYTES: usize = PLACE_BYTES - PAYLOAD_BYTES;

fn load(at: usize, into: &mut [u8]) {
    // SAFETY: memory of the kernel's that stays, so many bytes of it (`place`); the host may
    // store meanwhile, but by the protocol waits, and any bytes are good.
    unsafe { move_bytes(place(at, into.len()), into.as_mut_ptr(), into.len(), false) };
}

fn store(at: usize, bytes: &[u8]) {
    // SAFETY: as in `load`; and the kernel's processors have different places, for each seat
    // is one processor's.
    unsafe { move_bytes(bytes.as_ptr(), place(at, bytes.len()), bytes.len(), false) };
}

fn place(at: usize, bytes: usize) -> *mut u8 {
    let end = at.checked_add(bytes);
    assert!(end.is_some_and(|end| end <= POSTBOX_BYTES), "wire says so");
    POSTBOX.0.get().cast::<u8>().wrapping_add(at)
}
