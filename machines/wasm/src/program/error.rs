//! Why a file can not become a program: one sentence each, with the way out.

use thiserror::Error;

use crate::layout::HEAP_LIMIT_BYTES;

/// Why a file can not be run. Nothing has been started.
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoadError {
    /// The text format did not parse.
    #[error("this is neither WebAssembly nor its text format: {0}")]
    Text(String),
    /// The binary breaks WebAssembly's rules, or stops in the middle.
    #[error(
        "broken module: {message} (at byte {offset:#x}); build it again, or check that the file is whole"
    )]
    Broken {
        /// What the validator says.
        message: String,
        /// Where, in bytes from the start of the file.
        offset: usize,
    },
    /// A component, not a module.
    #[error(
        "this is a component; usufruct runs core modules (build for wasm32-wasip1 or wasm32-unknown-unknown)"
    )]
    Component,
    /// It needs a proposal beyond WebAssembly 2.0 with SIMD and atomics.
    #[error(
        "the module uses {proposal}, which usufruct does not run ({message}); build without it"
    )]
    Proposal {
        /// The proposal's name.
        proposal: String,
        /// What the validator says.
        message: String,
    },
    /// 64-bit memory.
    #[error(
        "the memory has 64-bit addresses (memory64); addresses are 32 bits here: build for wasm32"
    )]
    Memory64,
    /// A page size other than 64 KiB.
    #[error("the memory has a page size of its own (custom-page-sizes); build with 64 KiB pages")]
    CustomPageSize,
    /// Several memories.
    #[error("the module has {0} memories; a task has one address space: keep one")]
    SeveralMemories(u32),
    /// A memory that threads share.
    #[error(
        "the memory is shared; a task has one thread so far, threads come later: build without shared memory"
    )]
    SharedMemory,
    /// A memory from outside.
    #[error(
        "the memory is imported from {}; a task brings its own: export it as 'memory' (link without --import-memory)",
        quoted(.module, .name)
    )]
    ImportedMemory {
        /// The import's module.
        module: String,
        /// The import's name.
        name: String,
    },
    /// No memory under the name `memory`.
    #[error(
        "the module exports no memory named 'memory'; without it the kernel can not serve the task"
    )]
    NoMemory,
    /// It starts with more memory than a task's heap can have.
    #[error(
        "the memory starts with {minimum_bytes} bytes; a heap ends at {HEAP_LIMIT_BYTES} (2 GiB - 64 KiB), above is the pool's place"
    )]
    MemoryTooLarge {
        /// What the module asks for at its start, in bytes.
        minimum_bytes: u64,
    },
    /// Imports that nobody serves, all of them.
    #[error("{}", list(.0))]
    Imports(Vec<ImportError>),
    /// The host offers a function under a name that is taken.
    #[error(
        "the host's import '{module}' '{name}' can not be offered: the name is taken; choose another"
    )]
    NameTaken {
        /// The import's module.
        module: String,
        /// The import's name.
        name: String,
    },
    /// Neither `_start` nor `main`.
    #[error("nothing to run: the module exports neither '_start' nor 'main'")]
    NoEntry,
    /// A WASI reactor: functions for somebody to call.
    #[error(
        "nothing to run: this is a WASI reactor ('_initialize' and no '_start'); usufruct runs commands: \
         build a program and no library (C: without -mexec-model=reactor; Rust: a bin and no cdylib)"
    )]
    Reactor,
    /// The entry takes arguments, or returns something else.
    #[error(
        "'{name}' is {found}; an entry takes nothing and returns nothing ('main' may return an i32)"
    )]
    Entry {
        /// Which export.
        name: &'static str,
        /// Its type.
        found: String,
    },
    /// The compiler refused it: a function too large, or out of memory.
    #[error("can not be compiled: {0}")]
    Compile(String),
}

/// What is wrong with one import.
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImportError {
    /// Nobody serves it.
    #[error("{} is unknown{}", quoted(.module, .name), offer(.nearest))]
    Unknown {
        /// The import's module.
        module: String,
        /// The import's name.
        name: String,
        /// The known import that looks most like it.
        nearest: Option<String>,
    },
    /// Known, but with another type.
    #[error("{} is {found}; expected {expected}", quoted(.module, .name))]
    Type {
        /// The import's module.
        module: String,
        /// The import's name.
        name: String,
        /// What the module declares.
        found: String,
        /// What is served.
        expected: String,
    },
}

/// The two names of an import. Their text is the file's, and may be meant to confuse a terminal.
fn quoted(module: &str, name: &str) -> String {
    format!("'{}' '{}'", module.escape_debug(), name.escape_debug())
}

fn list(imports: &[ImportError]) -> String {
    let lines: Vec<String> = imports
        .iter()
        .map(|import| format!("\n  {import}"))
        .collect();
    format!("imports that can not be served:{}", lines.concat())
}

fn offer(nearest: &Option<String>) -> String {
    nearest
        .as_ref()
        .map(|name| format!("; did you mean {name}?"))
        .unwrap_or_default()
}
