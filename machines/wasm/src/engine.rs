//! The engine, configured.

use std::path::Path;
use std::sync::Arc;

use wasmtime::{AsContext, Cache, CacheConfig, Config, Engine, Result};

use crate::layout::{GUARD_BYTES, RESERVATION_BYTES};
use crate::space::Memory;
use crate::stacks::Stacks;

/// An engine whose memories reserve all that a 32-bit address can name, so that
/// none ever moves and no access needs a check.
/// What it compiles is kept in `cache`, an absolute path, if there is one.
pub(crate) fn new(cache: Option<&Path>) -> Result<Engine> {
    let mut config = config();
    if let Some(folder) = cache {
        let mut cache = CacheConfig::new();
        cache.with_directory(folder);
        config.cache(Some(Cache::new(cache)?));
    }
    Engine::new(&config)
}

/// The engine's configuration.
pub(crate) fn config() -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .memory_reservation(RESERVATION_BYTES)
        .memory_guard_size(GUARD_BYTES)
        .memory_may_move(false)
        .concurrency_support(false)
        .with_host_stack(Arc::new(Stacks::default()));
    config
}

impl Memory {
    /// Where an instance's memory is now.
    pub(crate) fn of(memory: &wasmtime::Memory, store: impl AsContext) -> Self {
        let len_bytes = memory.data_size(&store) as u64;
        Self {
            base: memory.data_ptr(&store),
            len_bytes,
        }
    }
}
