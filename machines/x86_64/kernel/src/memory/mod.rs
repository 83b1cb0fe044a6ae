//! Memory as the kernel sees it.
//!
//! ```text
//!   0xffff_8000_0000_0000   direct map: all memory but the image, by physical address
//!   0xffff_ffff_8000_0000   image: code, constants, variables, stacks, each with its rights
//!   0xffff_ffff_c000_0000   registers of the interrupt controllers
//! ```
//!
//! frame.rs has frames and which of them are free, map.rs the rest of the direct map, heap.rs
//! the allocator of the tables that are made at boot.

mod frame;
mod heap;
mod map;
mod regions;

pub(crate) use frame::{
    ENTRIES, FRAME_BYTES, Frame, FreeFrames, Returned, Table, fill_bytes, move_bytes,
};
pub(crate) use heap::go_on_with;
pub(crate) use map::{kernel_root_at, look_at_rights, show};
pub(crate) use regions::Regions;

/// Where physical address 0 is in the direct map.
pub(crate) const DIRECT_MAP: u64 = 0xffff_8000_0000_0000;
/// Physical address 0 as far as the image goes; kernel.ld says the same.
pub(crate) const IMAGE: u64 = 0xffff_ffff_8000_0000;
/// Pages of 2 MiB that the image has, what lies below it included; boot.s is told.
pub(crate) const IMAGE_PAGES: u64 = 8;
/// Where memory begins that is not the image's.
pub(crate) const IMAGE_END: u64 = IMAGE_PAGES * LARGE_BYTES;
/// The registers of the interrupt controllers, as boot.s maps them.
pub(crate) const DEVICES: u64 = 0xffff_ffff_c000_0000;

/// The page that boot.s and map.rs map memory by.
const LARGE_BYTES: u64 = 2 << 20;

/// Bits of a page table's entry.
pub(crate) const PRESENT: u64 = 1 << 0;
pub(crate) const WRITABLE: u64 = 1 << 1;
pub(crate) const USER: u64 = 1 << 2;
pub(crate) const LARGE: u64 = 1 << 7;
pub(crate) const NO_EXEC: u64 = 1 << 63;
