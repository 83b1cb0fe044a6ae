//! What of the wasm machine needs no engine, compiled by itself. So its tests run where an
//! engine can not, under Miri, and in no time where one is slow to build and to run:
//!
//! ```text
//! cargo xtask miri
//! cargo xtask test --machine aarch64
//! ```

#![cfg(test)]

#[path = "../../src/bytes/mod.rs"]
mod bytes;
mod together;
