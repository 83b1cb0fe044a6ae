//! What the loader changes in a module before it is compiled.
//!
//! - `read_mem` and `write_mem` get a front: a few lines of wasm that call the
//!   kernel, for large copies burst by burst, so that epochs, kills and yields
//!   act in the middle of one. The import takes the bytes already done in the
//!   upper half of its size, for a fifth word would go over the stack; every
//!   reference of the module goes to the front.
//! - The start section becomes the first thing that the task runs, in front of
//!   its entry, so that it runs as the task: preempted, and killed if need be.
//! - A declared maximum of the memory is dropped (the machine keeps it as a
//!   quota): with it the compiler would take constant addresses in the pool for
//!   mistakes.
//!
//! Types and functions are only appended, so no index shifts.

use std::convert::Infallible;

use usufruct_abi::Number;
use usufruct_core::BURST_BYTES;
use wasm_encoder::reencode::{self, Reencode, utils};
use wasm_encoder::{
    BlockType, CodeSection, EntityType, ExportKind, ExportSection, Function, FunctionSection,
    ImportSection, MemoryType, Module, SectionId, TypeSection, ValType,
};
use wasmparser::types::Types;
use wasmparser::{
    CodeSectionReader, ExportSectionReader, FunctionSectionReader, Imports, Parser, Payload,
    TypeRef, TypeSectionReader,
};

use super::import::USUFRUCT;
use super::validate::{Entry, Facts};

/// Under this name the task's first function is exported, as a rule.
const ENTRY_NAME: &str = "usufruct:entry";

/// A rewritten module.
#[derive(Debug)]
pub(super) struct Rewritten {
    /// The binary to compile.
    pub(super) binary: Vec<u8>,
    /// The export to call: it takes nothing and returns the exit code.
    pub(super) entry: String,
}

type Error = reencode::Error<Infallible>;

/// Rewrites a module that [`super::validate`] has accepted.
pub(super) fn rewrite(binary: &[u8], facts: &Facts) -> Result<Rewritten, Error> {
    let mut rewriter = Rewriter::read(binary, &facts.types, facts.entry)?;
    let mut module = Module::new();
    rewriter.parse_core_module(&mut module, Parser::new(0), &without_start(binary)?)?;
    Ok(Rewritten {
        binary: module.finish(),
        entry: rewriter.entry_name,
    })
}

/// The module without its start section.
fn without_start(binary: &[u8]) -> Result<Vec<u8>, Error> {
    let mut end_of_previous = Module::HEADER.len();
    for payload in Parser::new(0).parse_all(binary) {
        let payload = payload?;
        let Some((_, contents)) = payload.as_section() else {
            continue;
        };
        if matches!(payload, Payload::StartSection { .. }) {
            // The section's header lies between the previous section and its contents.
            let (before, after) = (binary.get(..end_of_previous), binary.get(contents.end..));
            return Ok([before.unwrap_or_default(), after.unwrap_or_default()].concat());
        }
        end_of_previous = contents.end;
    }
    Ok(binary.to_vec())
}

struct Rewriter {
    /// Types that the module declares; ours follow.
    types: u32,
    /// Functions that the module has, imported ones included; ours follow.
    functions: u32,
    /// The imports that get a front: the front of `fronted[n]` is function
    /// `functions + n`. Behind the fronts are the loops, in the same order.
    fronted: Vec<u32>,
    /// The function of the start section.
    start: Option<u32>,
    /// What is known of the exported entry, and its function.
    entry: Entry,
    entry_index: u32,
    entry_name: String,
    /// Whether the sections for functions and their bodies have been written.
    wrote_functions: bool,
    wrote_bodies: bool,
}

impl Rewriter {
    /// Collects what must be known before the first section is written.
    fn read(binary: &[u8], types: &Types, entry: Entry) -> Result<Self, Error> {
        let mut rewriter = Self {
            types: types.as_ref().core_type_count_in_module(),
            functions: types.as_ref().function_count(),
            fronted: Vec::new(),
            start: None,
            entry,
            entry_index: 0,
            entry_name: ENTRY_NAME.to_owned(),
            wrote_functions: false,
            wrote_bodies: false,
        };
        for payload in Parser::new(0).parse_all(binary) {
            match payload? {
                Payload::ImportSection(section) => {
                    let mut function = 0;
                    for import in section.into_imports() {
                        let import = import?;
                        if matches!(import.ty, TypeRef::Func(_)) {
                            if is_copy(import.module, import.name) {
                                rewriter.fronted.push(function);
                            }
                            function += 1;
                        }
                    }
                }
                Payload::ExportSection(section) => {
                    for export in section {
                        let export = export?;
                        if export.name == entry.name {
                            rewriter.entry_index = export.index;
                        }
                        if export.name == rewriter.entry_name {
                            rewriter.entry_name.push('\'');
                        }
                    }
                }
                Payload::StartSection { func, .. } => rewriter.start = Some(func),
                _ => {}
            }
        }
        Ok(rewriter)
    }

    fn burst_type(&self) -> u32 {
        self.types
    }

    fn front_type(&self) -> u32 {
        self.types + 1
    }

    fn entry_type(&self) -> u32 {
        self.types + 2
    }

    fn add_types(&self, types: &mut TypeSection) {
        let (int, long) = (ValType::I32, ValType::I64);
        types.ty().function([int, int, long, int], [int]);
        types.ty().function([ValType::I32; 4], [ValType::I32]);
        types.ty().function([], [ValType::I32]);
    }

    fn add_functions(&mut self, functions: &mut FunctionSection) {
        self.wrote_functions = true;
        for _ in self.functions..self.entry_function() {
            functions.function(self.front_type());
        }
        functions.function(self.entry_type());
    }

    fn add_bodies(&mut self, code: &mut CodeSection) {
        self.wrote_bodies = true;
        for (import, burst_loop) in self.fronted.iter().zip(self.first_loop()..) {
            code.function(&front(*import, burst_loop));
        }
        for import in &self.fronted {
            code.function(&burst_loop(*import));
        }
        code.function(&self.entry_body());
    }

    /// Where a reference to function `index` goes.
    fn redirected(&self, index: u32) -> u32 {
        let front = (self.functions..)
            .zip(&self.fronted)
            .find(|(_, import)| **import == index);
        front.map_or(index, |(front, _)| front)
    }

    /// Calls the start section's function, then the entry; returns the exit code.
    fn entry_body(&self) -> Function {
        let mut body = Function::new([]);
        let mut code = body.instructions();
        if let Some(start) = self.start {
            code.call(self.redirected(start));
        }
        if self.entry.takes_count_and_vector {
            code.i32_const(0).i32_const(0);
        }
        code.call(self.redirected(self.entry_index));
        if !self.entry.returns_status {
            code.i32_const(0);
        }
        code.end();
        body
    }

    /// The first of the loops, which are behind the fronts.
    fn first_loop(&self) -> u32 {
        self.functions.saturating_add(self.fronts())
    }

    fn entry_function(&self) -> u32 {
        self.first_loop().saturating_add(self.fronts())
    }

    /// How many fronts there are, and as many loops.
    fn fronts(&self) -> u32 {
        // As many as imports of two names, so far below 2^31.
        u32::try_from(self.fronted.len()).unwrap_or(u32::MAX)
    }
}

fn is_copy(module: &str, name: &str) -> bool {
    module == USUFRUCT && (name == Number::ReadMem.name() || name == Number::WriteMem.name())
}

/// The words of a copy, as the module passes them: `(smo, offset, size, address)`.
const SMO: u32 = 0;
const OFFSET: u32 = 1;
const SIZE: u32 = 2;
const ADDRESS: u32 = 3;

/// The front of a copy.
///
/// A copy of one burst costs no loop, and this function keeps nothing over the
/// call. The kernel refuses a negative size.
fn front(import: u32, burst_loop: u32) -> Function {
    let mut body = Function::new([]);
    let mut code = body.instructions();
    code.local_get(SIZE)
        .i32_const(BURST_BYTES.cast_signed())
        .i32_gt_s();
    code.if_(BlockType::Empty);
    for word in [SMO, OFFSET, SIZE, ADDRESS] {
        code.local_get(word);
    }
    code.call(burst_loop).return_().end();
    code.local_get(SMO).local_get(OFFSET);
    code.local_get(SIZE).i64_extend_i32_u();
    code.local_get(ADDRESS).call(import).end();
    body
}

/// Calls the import with the bytes done so far until a burst fails or covers
/// the rest. The kernel checks the whole range each time, so the first burst
/// refuses what a single copy would refuse.
fn burst_loop(import: u32) -> Function {
    let [done, answer] = [4, 5];
    let burst = BURST_BYTES.cast_signed();
    let mut body = Function::new([(2, ValType::I32)]);
    let mut code = body.instructions();
    code.loop_(BlockType::Empty);
    code.local_get(SMO).local_get(OFFSET);
    code.local_get(done)
        .i64_extend_i32_u()
        .i64_const(i64::from(u32::BITS))
        .i64_shl();
    code.local_get(SIZE).i64_extend_i32_u().i64_or();
    code.local_get(ADDRESS).call(import);
    code.local_tee(answer).i32_eqz();
    // The rest before this burst: no more than the size, which is positive.
    code.local_get(SIZE)
        .local_get(done)
        .i32_sub()
        .i32_const(burst)
        .i32_gt_s();
    code.local_get(done)
        .i32_const(burst)
        .i32_add()
        .local_set(done);
    code.i32_and().br_if(0).end();
    code.local_get(answer).end();
    body
}

impl Reencode for Rewriter {
    type Error = Infallible;

    fn function_index(&mut self, index: u32) -> Result<u32, Error> {
        Ok(self.redirected(index))
    }

    fn parse_type_section(
        &mut self,
        types: &mut TypeSection,
        section: TypeSectionReader<'_>,
    ) -> Result<(), Error> {
        utils::parse_type_section(self, types, section)?;
        self.add_types(types);
        Ok(())
    }

    fn parse_imports(
        &mut self,
        imports: &mut ImportSection,
        group: Imports<'_>,
    ) -> Result<(), Error> {
        match group {
            Imports::Single(_, import) if is_copy(import.module, import.name) => {
                imports.import(
                    import.module,
                    import.name,
                    EntityType::Function(self.burst_type()),
                );
                Ok(())
            }
            group => utils::parse_imports(self, imports, group),
        }
    }

    fn memory_type(&mut self, memory: wasmparser::MemoryType) -> Result<MemoryType, Error> {
        let memory = utils::memory_type(self, memory);
        Ok(MemoryType {
            maximum: None,
            ..memory
        })
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: FunctionSectionReader<'_>,
    ) -> Result<(), Error> {
        utils::parse_function_section(self, functions, section)?;
        self.add_functions(functions);
        Ok(())
    }

    fn parse_export_section(
        &mut self,
        exports: &mut ExportSection,
        section: ExportSectionReader<'_>,
    ) -> Result<(), Error> {
        utils::parse_export_section(self, exports, section)?;
        exports.export(&self.entry_name, ExportKind::Func, self.entry_function());
        Ok(())
    }

    fn parse_code_section(
        &mut self,
        code: &mut CodeSection,
        section: CodeSectionReader<'_>,
    ) -> Result<(), Error> {
        utils::parse_code_section(self, code, section)?;
        self.add_bodies(code);
        Ok(())
    }

    /// Writes the sections that the module lacks. Types and exports are always
    /// there: the entry has a type and is exported.
    fn intersperse_section_hook(
        &mut self,
        module: &mut Module,
        _after: Option<SectionId>,
        before: Option<SectionId>,
    ) -> Result<(), Error> {
        use SectionId::{Custom, Data, Function, Import, Type};
        if !self.wrote_functions && !matches!(before, Some(Custom | Type | Import | Function)) {
            let mut functions = FunctionSection::new();
            self.add_functions(&mut functions);
            module.section(&functions);
        }
        if !self.wrote_bodies && matches!(before, Some(Data) | None) {
            let mut code = CodeSection::new();
            self.add_bodies(&mut code);
            module.section(&code);
        }
        Ok(())
    }
}
