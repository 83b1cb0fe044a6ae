//! The engine, configured.

use wasmtime::{Config, Engine, Result};

use crate::layout::{GUARD_BYTES, RESERVATION_BYTES};

/// An engine whose memories reserve all that a 32-bit address can name, so that
/// none ever moves and no access needs a check.
pub(crate) fn new() -> Result<Engine> {
    Engine::new(&config())
}

/// The engine's configuration.
pub(crate) fn config() -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .memory_reservation(RESERVATION_BYTES)
        .memory_guard_size(GUARD_BYTES)
        .memory_may_move(false)
        .concurrency_support(false);
    config
}
