//! `memory.copy`, `memory.fill` and `memory.init` without two properties of the
//! native operations: they can not be interrupted, however long they are, and
//! they know no memory above the heap. `memory.atomic.notify` and the waits share
//! the second one. What stands for them is in `bulk.wat` and `init.wat`; this file
//! puts it into a module.

use std::convert::Infallible;
use std::iter;
use std::sync::LazyLock;

use wasm_encoder::reencode::{self, Reencode};
use wasm_encoder::{CodeSection, FunctionSection, TypeSection};
use wasmparser::{DataKind, DataSectionReader, FunctionBody, Operator, Parser, Payload};

use crate::layout::{HEAP_LIMIT_BYTES, POOL_START};

mod body;
#[cfg(test)]
mod tests;

pub(super) use body::Body;

type Error = reencode::Error<Infallible>;

/// What one native operation does at most, in bytes: it takes some tenths of a
/// millisecond, also where the pages are touched for the first time.
const PART_BYTES: usize = 1 << 20;

// In the texts, an address is in the pool's place if it is negative as an i32.
const _: () = assert!(POOL_START == 1 << 31 && HEAP_LIMIT_BYTES < POOL_START);

static BULK: LazyLock<Vec<u8>> = LazyLock::new(|| assembled(include_str!("bulk.wat")));
static INIT: LazyLock<Vec<u8>> = LazyLock::new(|| assembled(include_str!("init.wat")));

fn assembled(text: &str) -> Vec<u8> {
    let text = text.replace("PART_BYTES", &PART_BYTES.to_string());
    wat::parse_str(text).expect("it is a part of this source, and always the same")
}

/// The functions of `bulk.wat` that a module calls, by their places there.
const COPY: u32 = 0;
const FILL: u32 = 1;
const HEAP_ONLY: u32 = 2;
const NOTIFY: u32 = 3;
const WAIT32: u32 = 4;
const WAIT64: u32 = 5;

/// The passive data segments that are too long for one native operation.
pub(super) fn long_segments(section: DataSectionReader<'_>) -> Result<Vec<u32>, Error> {
    let mut long = Vec::new();
    for (segment, data) in (0..).zip(section) {
        let data = data?;
        if matches!(data.kind, DataKind::Passive) && data.data.len() > PART_BYTES {
            long.push(segment);
        }
    }
    Ok(long)
}

/// Where a module's bulk operations go.
#[derive(Debug, Default)]
pub(super) struct Bulk {
    /// Whether the module has such operations: if not, nothing is added.
    is_used: bool,
    /// The index that the first type gets which is added here.
    pub(super) first_type: u32,
    /// The index that the first function gets which is added here: one for each
    /// long segment, then those of `bulk.wat`.
    pub(super) first_function: u32,
    /// See [`long_segments`].
    pub(super) long_segments: Vec<u32>,
}

impl Bulk {
    /// Takes note of a function of the module, before anything is written.
    pub(super) fn look_at(&mut self, function: &FunctionBody<'_>) -> Result<(), Error> {
        use Operator::{
            MemoryAtomicNotify, MemoryAtomicWait32, MemoryAtomicWait64, MemoryCopy, MemoryFill,
            MemoryInit,
        };
        let mut operators = function.get_operators_reader()?;
        while !self.is_used && !operators.eof() {
            let operator = operators.read()?;
            self.is_used = matches!(
                operator,
                MemoryCopy { .. }
                    | MemoryFill { .. }
                    | MemoryInit { .. }
                    | MemoryAtomicNotify { .. }
                    | MemoryAtomicWait32 { .. }
                    | MemoryAtomicWait64 { .. }
            );
        }
        Ok(())
    }

    /// The function that stands for `memory.init` of a segment, if it is a long one.
    fn init_of(&self, segment: u32) -> Option<u32> {
        let mut inits = (self.first_function..).zip(&self.long_segments);
        let own = inits.find(|(_, long)| **long == segment);
        own.map(|(init, _)| init)
    }

    /// The index of a function of `bulk.wat`.
    fn function(&self, place: u32) -> u32 {
        // A module of 2^32 long segments does not fit in any memory.
        let inits = u32::try_from(self.long_segments.len()).unwrap_or(u32::MAX);
        self.first_function
            .saturating_add(inits)
            .saturating_add(place)
    }

    /// Appends the types. The one that `init.wat` uses is the first here too.
    pub(super) fn add_types(&self, types: &mut TypeSection) -> Result<(), Error> {
        let last = self.transplants().last();
        if let Some((mut transplant, template)) = last {
            for payload in Parser::new(0).parse_all(template) {
                if let Payload::TypeSection(section) = payload? {
                    transplant.parse_type_section(types, section)?;
                }
            }
        }
        Ok(())
    }

    /// Appends the functions' types.
    pub(super) fn add_functions(&self, functions: &mut FunctionSection) -> Result<(), Error> {
        for (mut transplant, template) in self.transplants() {
            for payload in Parser::new(0).parse_all(template) {
                if let Payload::FunctionSection(section) = payload? {
                    transplant.parse_function_section(functions, section)?;
                }
            }
        }
        Ok(())
    }

    /// Appends the functions.
    pub(super) fn add_bodies(&self, code: &mut CodeSection) -> Result<(), Error> {
        for (mut transplant, template) in self.transplants() {
            for payload in Parser::new(0).parse_all(template) {
                if let Payload::CodeSectionEntry(body) = payload? {
                    transplant.parse_function_body(code, body)?;
                }
            }
        }
        Ok(())
    }

    /// What is added, in its order.
    fn transplants(&self) -> impl Iterator<Item = (Transplant, &'static [u8])> {
        let inits = self.long_segments.iter();
        inits
            .map(|segment| (self.transplant(*segment), INIT.as_slice()))
            .chain(iter::once((self.transplant(0), BULK.as_slice())))
            .filter(|_| self.is_used)
    }

    fn transplant(&self, segment: u32) -> Transplant {
        Transplant {
            first_type: self.first_type,
            first_function: self.function(0),
            segment,
        }
    }
}

/// Moves functions of ours into a module, where they have other indexes.
struct Transplant {
    first_type: u32,
    first_function: u32,
    /// What the only data segment becomes.
    segment: u32,
}

impl Reencode for Transplant {
    type Error = Infallible;

    fn type_index(&mut self, index: u32) -> Result<u32, Error> {
        Ok(self.first_type.saturating_add(index))
    }

    fn function_index(&mut self, index: u32) -> Result<u32, Error> {
        Ok(self.first_function.saturating_add(index))
    }

    fn data_index(&mut self, _: u32) -> Result<u32, Error> {
        Ok(self.segment)
    }
}
