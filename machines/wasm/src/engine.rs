//! The engines, configured.

use std::path::Path;
use std::sync::Arc;

use wasmtime::{AsContext, Cache, CacheConfig, Config, Engine, Result};

use crate::layout::{GUARD_BYTES, RESERVATION_BYTES};
use crate::place::Creator;
use crate::space::Memory;
use crate::stacks::Stacks;

/// How a memory gets the bytes that it begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beginning {
    /// They are copied into it, and it lies in a place that is kept for the next.
    Copied,
    /// All memories of the program share them until they are stored to; the engine
    /// maps and unmaps each.
    Shared,
}

impl Beginning {
    pub(crate) const ALL: [Self; 2] = [Self::Copied, Self::Shared];

    /// More than this is shared: to copy it would take longer than to map it, and
    /// each of many tasks would have it in memory.
    const MOST_COPIED_BYTES: u64 = 64 << 10;

    /// What is right for a program with so many bytes of data.
    pub(crate) fn of(data_bytes: u64) -> Self {
        if data_bytes > Self::MOST_COPIED_BYTES {
            Self::Shared
        } else {
            Self::Copied
        }
    }
}

/// An engine whose memories reserve all that a 32-bit address can name, so that
/// none ever moves and no access needs a check.
/// What it compiles is kept in `cache`, an absolute path, if there is one.
pub(crate) fn new(beginning: Beginning, cache: Option<&Path>) -> Result<Engine> {
    let mut config = config(beginning);
    if let Some(folder) = cache {
        let mut cache = CacheConfig::new();
        cache.with_directory(folder);
        config.cache(Some(Cache::new(cache)?));
    }
    Engine::new(&config)
}

/// The engine's configuration.
pub(crate) fn config(beginning: Beginning) -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .memory_reservation(RESERVATION_BYTES)
        .memory_guard_size(GUARD_BYTES)
        .memory_may_move(false)
        .concurrency_support(false)
        .with_host_stack(Arc::new(Stacks::default()));
    if beginning == Beginning::Copied {
        // The engine shares in memories of its own only.
        config
            .memory_init_cow(false)
            .with_host_memory(Arc::new(Creator));
    }
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
