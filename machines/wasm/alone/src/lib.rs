//! What of the wasm machine needs no engine, compiled by itself. So its tests run where an
//! engine can not, under Miri, and in no time where one is slow to build and to run:
//!
//! ```text
//! cargo xtask miri
//! cargo xtask test --machine aarch64
//! ```
//!
//! ```text
//!   bytes/, host/, machine.rs, space.rs, ...   the machine's own files
//!   mapping.rs   plain memory, in the place of the operating system's mappings
//!   pool.rs      the pool's bytes, its own file; no task sees them but through the kernel
//!   clock.rs, flight.rs, membarrier.rs, place.rs   nothing: no engine's guests to stop, no streams, no memories of an engine's
//!   world.rs     a kernel, its host, and tasks that call it from threads of the test's
//!   hosted/      the host's types beside such tasks
//!   together.rs  what moves bytes, by itself
//! ```
//!
//! What is not here is what guests store by themselves, which no Rust code does and the
//! processor's memory protection decides: the tests of the machine are about that.

#![cfg(test)]
#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "the machine uses and shows what is not used here"
)]

#[path = "../../src/block.rs"]
mod block;
#[path = "../../src/bytes/mod.rs"]
mod bytes;
mod clock;
#[path = "../../src/copier.rs"]
mod copier;
#[path = "../../src/counters.rs"]
mod counters;
#[path = "../../src/fences.rs"]
mod fences;
mod flight;
#[path = "../../src/gifts.rs"]
mod gifts;
#[path = "../../src/host/mod.rs"]
mod host;
mod hosted;
#[path = "../../src/layout.rs"]
mod layout;
#[path = "../../src/machine.rs"]
mod machine;
mod mapping;
mod membarrier;
mod place;
mod pool;
#[path = "../../src/space.rs"]
mod space;
mod together;
#[path = "../../src/wake.rs"]
mod wake;
mod world;
