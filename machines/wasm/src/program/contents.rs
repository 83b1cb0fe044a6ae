//! What is in a module, for people: whether it can run or not.

use wasmparser::types::{EntityType, Types};
use wasmparser::{Parser, Validator, WasmFeatures};

use super::error::{ImportError, LoadError};
use super::import::{self, Known};
use super::{binary, validate};
use crate::layout::WASM_PAGE_BYTES;

/// What a module is made of. That it can be told says nothing about whether the module
/// can run: only loading it does.
#[derive(Debug)]
#[non_exhaustive]
pub struct Contents {
    /// What would run.
    pub start: Start,
    /// Whatever it imports.
    pub imports: Vec<Import>,
    /// The names that it exports.
    pub exports: Vec<String>,
    /// Its first memory, imported or its own.
    pub memory: Option<MemorySize>,
    /// Whether it imports a call on pages: then its task sees the pool, if there is one.
    pub imports_page_calls: bool,
}

/// Where a module begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At `_start`: a WASI command.
    Command,
    /// At `main`.
    Main,
    /// Nowhere: a WASI reactor, which waits to be called.
    Reactor,
    /// Nowhere.
    Nothing,
}

/// One import.
#[derive(Debug)]
#[non_exhaustive]
pub struct Import {
    /// Its module, as the file spells it: any text.
    pub module: String,
    /// Its name, the same.
    pub name: String,
    /// Why it can not be served, if it can not.
    pub problem: Option<ImportError>,
}

/// What a memory declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemorySize {
    /// What it starts with, in bytes.
    pub minimum_bytes: u64,
    /// What it may grow to, in bytes; `None`: nothing is declared.
    pub maximum_bytes: Option<u64>,
}

/// Reads a module in the binary format or in text, one that needs proposals that do not
/// run included.
///
/// # Errors
///
/// It is no module, or a broken one.
pub(crate) fn contents(file: &[u8], known: &Known) -> Result<Contents, LoadError> {
    let binary = binary(file)?;
    if Parser::is_component(&binary) {
        return Err(LoadError::Component);
    }
    let types = Validator::new_with_features(WasmFeatures::all())
        .validate_all(&binary)
        .map_err(|error| validate::broken(&error))?;
    Ok(Contents {
        start: start(&types),
        imports: import::each(&types, known)
            .into_iter()
            .map(|(module, name, problem)| Import {
                module: module.to_owned(),
                name: name.to_owned(),
                problem,
            })
            .collect(),
        exports: exports(&types)
            .into_iter()
            .map(|(name, _)| name.to_owned())
            .collect(),
        memory: memory(&types),
        imports_page_calls: import::has_page_call(&types),
    })
}

fn exports(types: &Types) -> Vec<(&str, EntityType)> {
    let types = types.as_ref();
    types.core_exports().into_iter().flatten().collect()
}

/// By names alone: whether their types fit is the loader's business.
fn start(types: &Types) -> Start {
    let has = |wanted: &str| {
        exports(types)
            .iter()
            .any(|(name, entity)| *name == wanted && matches!(entity, EntityType::Func(_)))
    };
    if has("_start") {
        Start::Command
    } else if has("main") {
        Start::Main
    } else if has("_initialize") {
        Start::Reactor
    } else {
        Start::Nothing
    }
}

fn memory(types: &Types) -> Option<MemorySize> {
    let types = types.as_ref();
    let memory = (types.memory_count() > 0).then(|| types.memory_at(0))?;
    let page_bytes = match memory.page_size_log2 {
        None => WASM_PAGE_BYTES,
        Some(log2) => 1_u64.checked_shl(log2).unwrap_or(WASM_PAGE_BYTES),
    };
    Some(MemorySize {
        minimum_bytes: memory.initial.saturating_mul(page_bytes),
        maximum_bytes: memory.maximum.map(|pages| pages.saturating_mul(page_bytes)),
    })
}
