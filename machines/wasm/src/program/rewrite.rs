//! What the loader changes in a module before it is compiled.
//!
//! - `read_mem` and `write_mem` get a front (`burst.rs`), so that epochs, kills
//!   and yields act in the middle of a large copy.
//! - `memory.copy`, `memory.fill` and `memory.init` become what can be interrupted
//!   too, and reaches the pool (`bulk/`).
//! - The start section becomes the first thing that the task runs, in front of
//!   its entry, so that it runs as the task: preempted, and killed if need be.
//! - A declared maximum of the memory is dropped (the machine keeps it as a
//!   quota): with it the compiler would take constant addresses in the pool for
//!   mistakes.
//!
//! Types and functions are only appended, so no index shifts.

use std::convert::Infallible;
use std::vec;

use wasm_encoder::reencode::{self, Reencode, utils};
use wasm_encoder::{
    CodeSection, EntityType, ExportKind, ExportSection, Function, FunctionSection, ImportSection,
    MemoryType, Module, SectionId, TypeSection, ValType,
};
use wasmparser::types::Types;
use wasmparser::{
    CodeSectionReader, ExportSectionReader, FunctionBody, FunctionSectionReader, Imports, Parser,
    Payload, TypeRef, TypeSectionReader,
};

use super::bulk::{self, Body, Bulk};
use super::burst::{self, Bursts};
use super::offsets::{BodyOffsets, Offsets};
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
    /// Where its instructions stood before.
    pub(super) offsets: Offsets,
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
        offsets: rewriter.offsets,
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
    /// What is put in front of copies. Behind it, in types and functions, comes
    /// the task's first function, and behind that what stands for bulk operations.
    bursts: Bursts,
    bulk: Bulk,
    /// The function of the start section.
    start: Option<u32>,
    /// What is known of the exported entry, and its function.
    entry: Entry,
    entry_index: u32,
    entry_name: String,
    /// Whether the sections for functions and their bodies have been written.
    wrote_functions: bool,
    wrote_bodies: bool,
    /// How many parameters each function has whose body is still to come.
    parameters: vec::IntoIter<u32>,
    offsets: Offsets,
}

impl Rewriter {
    /// Collects what must be known before the first section is written.
    fn read(binary: &[u8], types: &Types, entry: Entry) -> Result<Self, Error> {
        let mut rewriter = Self {
            bursts: Bursts {
                first_type: types.as_ref().core_type_count_in_module(),
                first_function: types.as_ref().function_count(),
                imports: Vec::new(),
            },
            bulk: Bulk::default(),
            start: None,
            entry,
            entry_index: 0,
            entry_name: ENTRY_NAME.to_owned(),
            wrote_functions: false,
            wrote_bodies: false,
            parameters: Vec::new().into_iter(),
            offsets: Offsets::default(),
        };
        let functions = rewriter.bursts.first_function;
        for payload in Parser::new(0).parse_all(binary) {
            match payload? {
                Payload::ImportSection(section) => {
                    let mut function = 0;
                    for import in section.into_imports() {
                        let import = import?;
                        if matches!(import.ty, TypeRef::Func(_)) {
                            if burst::is_copy(import.module, import.name) {
                                rewriter.bursts.imports.push(function);
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
                Payload::FunctionSection(section) => {
                    let own = functions.saturating_sub(section.count())..functions;
                    rewriter.offsets.imported = own.start;
                    let parameters: Vec<u32> = own.map(|own| parameters(types, own)).collect();
                    rewriter.parameters = parameters.into_iter();
                }
                Payload::CodeSectionEntry(body) => rewriter.bulk.look_at(&body)?,
                Payload::DataSection(section) => {
                    rewriter.bulk.long_segments = bulk::long_segments(section)?;
                }
                _ => {}
            }
        }
        rewriter.bulk.first_type = rewriter.entry_type().saturating_add(1);
        rewriter.bulk.first_function = rewriter.entry_function().saturating_add(1);
        Ok(rewriter)
    }

    fn entry_type(&self) -> u32 {
        self.bursts.types_end()
    }

    fn entry_function(&self) -> u32 {
        self.bursts.functions_end()
    }

    fn add_types(&self, types: &mut TypeSection) -> Result<(), Error> {
        self.bursts.add_types(types);
        types.ty().function([], [ValType::I32]);
        self.bulk.add_types(types)
    }

    fn add_functions(&mut self, functions: &mut FunctionSection) -> Result<(), Error> {
        self.wrote_functions = true;
        self.bursts.add_functions(functions);
        functions.function(self.entry_type());
        self.bulk.add_functions(functions)
    }

    fn add_bodies(&mut self, code: &mut CodeSection) -> Result<(), Error> {
        self.wrote_bodies = true;
        self.bursts.add_bodies(code);
        code.function(&self.entry_body());
        self.bulk.add_bodies(code)
    }

    /// Calls the start section's function, then the entry; returns the exit code.
    fn entry_body(&self) -> Function {
        let mut body = Function::new([]);
        let mut code = body.instructions();
        if let Some(start) = self.start {
            code.call(self.bursts.redirected(start));
        }
        if self.entry.takes_count_and_vector {
            code.i32_const(0).i32_const(0);
        }
        code.call(self.bursts.redirected(self.entry_index));
        if !self.entry.returns_status {
            code.i32_const(0);
        }
        code.end();
        body
    }
}

/// How many parameters a function has: there is a limit, far below 2^32.
fn parameters(types: &Types, function: u32) -> u32 {
    let ty = types[types.as_ref().core_function_at(function)].unwrap_func();
    u32::try_from(ty.params().len()).unwrap_or(u32::MAX)
}

impl Reencode for Rewriter {
    type Error = Infallible;

    fn function_index(&mut self, index: u32) -> Result<u32, Error> {
        Ok(self.bursts.redirected(index))
    }

    fn parse_type_section(
        &mut self,
        types: &mut TypeSection,
        section: TypeSectionReader<'_>,
    ) -> Result<(), Error> {
        utils::parse_type_section(self, types, section)?;
        self.add_types(types)
    }

    fn parse_imports(
        &mut self,
        imports: &mut ImportSection,
        group: Imports<'_>,
    ) -> Result<(), Error> {
        match group {
            Imports::Single(_, import) if burst::is_copy(import.module, import.name) => {
                imports.import(
                    import.module,
                    import.name,
                    EntityType::Function(self.bursts.import_type()),
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
        self.add_functions(functions)
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
        self.add_bodies(code)
    }

    fn parse_function_body(
        &mut self,
        code: &mut CodeSection,
        function: FunctionBody<'_>,
    ) -> Result<(), Error> {
        let mut locals = Vec::new();
        for group in function.get_locals_reader()? {
            let (count, ty) = group?;
            locals.push((count, self.val_type(ty)?));
        }
        // There are as many bodies as functions that are not imported.
        let parameters = self.parameters.next().unwrap_or_default();
        let mut body = Body::new(&function, parameters, locals, &self.bursts)?;
        let mut offsets = BodyOffsets::default();
        let mut operators = function.get_operators_reader()?;
        while !operators.eof() {
            let from = operators.original_position() - function.range().start;
            let operator = operators.read()?;
            let to = body.len_bytes();
            let is_replaced =
                body.replace(&self.bulk, &operator) || body.replace_call(&self.bursts, &operator);
            offsets.begin(to, from, is_replaced);
            if !is_replaced {
                body.write(&self.instruction(operator)?);
            }
        }
        self.offsets.bodies.push(offsets);
        code.function(&body.finish());
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
            self.add_functions(&mut functions)?;
            module.section(&functions);
        }
        if !self.wrote_bodies && matches!(before, Some(Data) | None) {
            let mut code = CodeSection::new();
            self.add_bodies(&mut code)?;
            module.section(&code);
        }
        Ok(())
    }
}
