//! From a file's bytes to a module that can be compiled.
//!
//! ```text
//!   bytes ──► text or binary ──► validate ──► rewrite ──► Prepared
//! ```

mod bulk;
mod burst;
mod contents;
mod error;
mod import;
mod offsets;
mod proposal;
mod rewrite;
#[cfg(test)]
mod tests;
mod validate;

use std::borrow::Cow;

use wasmparser::{DataKind, Parser, Payload};

use crate::wasi;

pub(crate) use contents::contents;
pub use contents::{Contents, Import, MemorySize, Start};
pub use error::{ImportError, LoadError};
pub(crate) use import::{Known, USUFRUCT};
pub(crate) use offsets::Offsets;

/// A module, checked and rewritten.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// What to compile.
    pub(crate) binary: Vec<u8>,
    /// The export to call: it takes nothing and returns the exit code.
    pub(crate) entry: String,
    /// What the memory starts with, in bytes.
    pub(crate) minimum_bytes: u64,
    /// What the memory may grow to, in bytes.
    pub(crate) quota_bytes: u64,
    /// Of what it starts with, what the module says, in bytes.
    pub(crate) data_bytes: u64,
    /// The first function that the rewriter has added.
    pub(crate) generated_from: u32,
    /// Where its instructions stand in the guest's own file.
    pub(crate) offsets: Offsets,
    /// Whether it means to use the pool.
    pub(crate) imports_page_calls: bool,
    /// Whether it imports anything of WASI.
    pub(crate) imports_wasi: bool,
}

/// Checks and rewrites a module in the binary format or in text (`.wat`).
///
/// # Errors
///
/// Whatever keeps it from being a task's program.
pub(crate) fn prepare(file: &[u8], known: &Known) -> Result<Prepared, LoadError> {
    let binary = binary(file)?;
    let facts = validate::validate(&binary, known)?;
    // The validator has read all of it, so the second reading meets nothing new.
    let rewritten =
        rewrite::rewrite(&binary, &facts).map_err(|error| LoadError::Compile(error.to_string()))?;
    Ok(Prepared {
        binary: rewritten.binary,
        entry: rewritten.entry,
        offsets: rewritten.offsets,
        minimum_bytes: facts.minimum_bytes,
        quota_bytes: facts.quota_bytes,
        data_bytes: data_bytes(&binary),
        generated_from: facts.types.as_ref().function_count(),
        imports_page_calls: import::has_page_call(&facts.types),
        imports_wasi: import::has_module(&facts.types, wasi::MODULE),
    })
}

/// The bytes of all data segments that a valid module's memory begins with.
fn data_bytes(binary: &[u8]) -> u64 {
    let payloads = Parser::new(0).parse_all(binary).filter_map(Result::ok);
    let sections = payloads.filter_map(|payload| match payload {
        Payload::DataSection(section) => Some(section),
        _ => None,
    });
    let segments = sections.flat_map(|section| section.into_iter().filter_map(Result::ok));
    let active = segments.filter(|segment| matches!(segment.kind, DataKind::Active { .. }));
    active.map(|segment| segment.data.len() as u64).sum()
}

/// The module in the binary format.
fn binary(file: &[u8]) -> Result<Cow<'_, [u8]>, LoadError> {
    if file.is_empty() {
        return Err(LoadError::Text("the file is empty".to_owned()));
    }
    wat::parse_bytes(file).map_err(|error| {
        // The message shows a line of the file, which may be meant to confuse a terminal.
        let is_harmless = |letter: &char| *letter == '\n' || !letter.is_control();
        LoadError::Text(error.to_string().chars().filter(is_harmless).collect())
    })
}
