//! Where things lie in a task's address space, in bytes.
//!
//! ```text
//!   0                   heap: grows up to 2 GiB - 64 KiB
//!   2 GiB - 64 KiB      nothing
//!   2 GiB               the pool's place, at the same address in every task
//!   4 GiB               guard
//! ```

/// A WebAssembly page.
pub const WASM_PAGE_BYTES: u64 = 64 << 10;

/// Where pool pages are seen, by every task.
pub const POOL_START: u64 = 2 << 30;

/// Heaps end here: one page stays free below the pool.
pub const HEAP_LIMIT_BYTES: u64 = POOL_START - WASM_PAGE_BYTES;

/// Address space that each memory reserves, so that every 32-bit address lies inside it.
pub(crate) const RESERVATION_BYTES: u64 = 4 << 30;

/// Unmapped bytes behind the reservation, for addresses plus constant offsets.
pub(crate) const GUARD_BYTES: u64 = 32 << 20;
