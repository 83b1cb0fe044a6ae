//! Whether a module can be a task's program, and if not, why not.

use wasmparser::types::{EntityType, Types};
use wasmparser::{FuncType, MemoryType, Parser, ValType, Validator};

use super::error::LoadError;
use super::import::{self, Known};
use super::proposal;
use crate::layout::{HEAP_LIMIT_BYTES, WASM_PAGE_BYTES};

/// What a valid module turned out to be.
pub(super) struct Facts {
    /// The validator's tables.
    pub(super) types: Types,
    /// Which export is called after the start section.
    pub(super) entry: Entry,
    /// What the memory starts with, in bytes.
    pub(super) minimum_bytes: u64,
    /// What the memory may grow to, in bytes: the declared maximum, or the end of heaps.
    pub(super) quota_bytes: u64,
}

/// The function that a task runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// `_start` or `main`.
    pub(super) name: &'static str,
    /// Whether it returns the exit code.
    pub(super) returns_status: bool,
    /// Whether it takes an argument count and an argument vector, as compilers
    /// of the LLVM family have it even for a `main` that takes nothing. It gets
    /// zeros: the arguments come by WASI.
    pub(super) takes_count_and_vector: bool,
}

/// Checks everything that can be checked before a task exists.
pub(super) fn validate(binary: &[u8], known: &Known) -> Result<Facts, LoadError> {
    if Parser::is_component(binary) {
        return Err(LoadError::Component);
    }
    let features = proposal::SUPPORTED.union(proposal::REFUSED_LATER);
    let types = Validator::new_with_features(features)
        .validate_all(binary)
        .map_err(|error| broken(&error))?;
    let memory = only_memory(&types)?;
    import::check(&types, known)?;
    let entry = entry(&types)?;

    let minimum_bytes = memory.initial.saturating_mul(WASM_PAGE_BYTES);
    if minimum_bytes > HEAP_LIMIT_BYTES {
        return Err(LoadError::MemoryTooLarge { minimum_bytes });
    }
    let declared = memory.maximum.map_or(HEAP_LIMIT_BYTES, |pages| {
        pages.saturating_mul(WASM_PAGE_BYTES)
    });
    Ok(Facts {
        types,
        entry,
        minimum_bytes,
        quota_bytes: declared.min(HEAP_LIMIT_BYTES),
    })
}

pub(super) fn broken(error: &wasmparser::Error) -> LoadError {
    let message = error.message().to_owned();
    match error.missing_wasm_feature() {
        Some(missing) => LoadError::Proposal {
            proposal: proposal::name_of(missing),
            message,
        },
        None => LoadError::Broken {
            message,
            offset: error.offset(),
        },
    }
}

/// The one memory, which the module defines itself and exports as `memory`.
fn only_memory(types: &Types) -> Result<MemoryType, LoadError> {
    let types = types.as_ref();
    let imported = types.core_imports().into_iter().flatten();
    for (module, name, entity) in imported {
        if matches!(entity, EntityType::Memory(_)) {
            return Err(LoadError::ImportedMemory {
                module: module.to_owned(),
                name: name.to_owned(),
            });
        }
    }
    let exported = types
        .core_exports()
        .into_iter()
        .flatten()
        .any(|(name, entity)| name == "memory" && matches!(entity, EntityType::Memory(_)));
    match types.memory_count() {
        0 => return Err(LoadError::NoMemory),
        1 => {}
        several => return Err(LoadError::SeveralMemories(several)),
    }
    let memory = types.memory_at(0);
    if memory.memory64 {
        return Err(LoadError::Memory64);
    }
    if memory.page_size_log2.is_some() {
        return Err(LoadError::CustomPageSize);
    }
    if memory.shared {
        return Err(LoadError::SharedMemory);
    }
    if exported {
        Ok(memory)
    } else {
        Err(LoadError::NoMemory)
    }
}

/// `_start` if there is one, else `main`. (Contract, section 7.)
fn entry(types: &Types) -> Result<Entry, LoadError> {
    let function = |wanted: &str| {
        let mut exports = types.as_ref().core_exports().into_iter().flatten();
        exports.find_map(|(name, entity)| match entity {
            EntityType::Func(id) if name == wanted => Some(types[id].unwrap_func().clone()),
            _ => None,
        })
    };
    let (name, found): (_, FuncType) = match (function("_start"), function("main")) {
        (Some(found), _) => ("_start", found),
        (None, Some(found)) => ("main", found),
        (None, None) if function("_initialize").is_some() => return Err(LoadError::Reactor),
        (None, None) => return Err(LoadError::NoEntry),
    };
    let is_main = name == "main";
    let takes_count_and_vector = match found.params() {
        [] => Some(false),
        [ValType::I32, ValType::I32] if is_main => Some(true),
        _ => None,
    };
    let returns_status = match found.results() {
        [] => Some(false),
        [ValType::I32] if is_main => Some(true),
        _ => None,
    };
    let (Some(takes_count_and_vector), Some(returns_status)) =
        (takes_count_and_vector, returns_status)
    else {
        return Err(LoadError::Entry {
            name,
            found: import::in_words(&found),
        });
    };
    Ok(Entry {
        name,
        returns_status,
        takes_count_and_vector,
    })
}
