//! Fronts for `read_mem` and `write_mem`: a few lines of wasm that call the
//! kernel, for large copies burst by burst, so that epochs, kills and yields act
//! in the middle of one. The import takes the bytes already done in the upper
//! half of its size, for a fifth word would go over the stack. Where the module
//! calls such an import, the front stands in the call's place, for a call of its own
//! would take about as long as the kernel; every other reference goes to a function.

use usufruct_abi::Number;
use usufruct_core::BURST_BYTES;
use wasm_encoder::{
    BlockType, CodeSection, Function, FunctionSection, InstructionSink, TypeSection, ValType,
};

use super::import::USUFRUCT;

/// Whether an import is one that gets a front.
pub(super) fn is_copy(module: &str, name: &str) -> bool {
    module == USUFRUCT && (name == Number::ReadMem.name() || name == Number::WriteMem.name())
}

/// The fronts of a module, and their loops.
#[derive(Debug)]
pub(super) struct Bursts {
    /// The index that the first type gets which is added here.
    pub(super) first_type: u32,
    /// The index that the first function gets which is added here: the front of
    /// `imports[n]` is the n-th. Behind the fronts are the loops, in the same order.
    pub(super) first_function: u32,
    /// The functions that get a front.
    pub(super) imports: Vec<u32>,
}

impl Bursts {
    /// The type of an import that has a front.
    pub(super) fn import_type(&self) -> u32 {
        self.first_type
    }

    fn front_type(&self) -> u32 {
        self.first_type.saturating_add(1)
    }

    /// The type of a block that takes the object and the offset, and leaves the answer.
    fn block_type(&self) -> u32 {
        self.first_type.saturating_add(2)
    }

    /// The index of the next type.
    pub(super) fn types_end(&self) -> u32 {
        self.first_type.saturating_add(3)
    }

    /// Where an import's loop is, if it is one of these.
    fn loop_of(&self, import: u32) -> Option<u32> {
        let mut loops = (self.first_loop()..).zip(&self.imports);
        let own = loops.find(|(_, own)| **own == import);
        own.map(|(burst_loop, _)| burst_loop)
    }

    /// Whether a call of this function gets a front where it stands.
    pub(super) fn is_copy(&self, function: u32) -> bool {
        self.imports.contains(&function)
    }

    /// Writes what stands for a call of one of the imports: its words are on the stack, and
    /// the last two go through two locals. `false`: it is none of them.
    pub(super) fn write_call(
        &self,
        code: &mut InstructionSink<'_>,
        import: u32,
        (size, address): (u32, u32),
    ) -> bool {
        // A copy of one burst costs no loop.
        let Some(burst_loop) = self.loop_of(import) else {
            return false;
        };
        code.local_set(address).local_tee(size);
        code.i32_const(BURST_BYTES.cast_signed()).i32_gt_s();
        code.if_(BlockType::FunctionType(self.block_type()));
        code.local_get(size).local_get(address).call(burst_loop);
        code.else_();
        code.local_get(size).i64_extend_i32_u();
        code.local_get(address).call(import).end();
        true
    }

    /// The first of the loops, which are behind the fronts.
    fn first_loop(&self) -> u32 {
        self.first_function.saturating_add(self.fronts())
    }

    /// The index of the next function.
    pub(super) fn functions_end(&self) -> u32 {
        self.first_loop().saturating_add(self.fronts())
    }

    /// How many fronts there are, and as many loops.
    fn fronts(&self) -> u32 {
        // As many as imports of two names, so far below 2^31.
        u32::try_from(self.imports.len()).unwrap_or(u32::MAX)
    }

    /// Where a reference to function `index` goes.
    pub(super) fn redirected(&self, index: u32) -> u32 {
        let front = (self.first_function..)
            .zip(&self.imports)
            .find(|(_, import)| **import == index);
        front.map_or(index, |(front, _)| front)
    }

    /// Appends the types.
    pub(super) fn add_types(&self, types: &mut TypeSection) {
        let (int, long) = (ValType::I32, ValType::I64);
        types.ty().function([int, int, long, int], [int]);
        types.ty().function([int; 4], [int]);
        types.ty().function([int; 2], [int]);
    }

    /// Appends the functions' types.
    pub(super) fn add_functions(&self, functions: &mut FunctionSection) {
        for _ in self.first_function..self.functions_end() {
            functions.function(self.front_type());
        }
    }

    /// The front of a copy, as a function. The kernel refuses a negative size.
    fn front(&self, import: u32) -> Function {
        let mut body = Function::new([]);
        let mut code = body.instructions();
        for word in [SMO, OFFSET, SIZE, ADDRESS] {
            code.local_get(word);
        }
        self.write_call(&mut code, import, (SIZE, ADDRESS));
        code.end();
        body
    }

    /// Appends the functions.
    pub(super) fn add_bodies(&self, code: &mut CodeSection) {
        for import in &self.imports {
            code.function(&self.front(*import));
        }
        for import in &self.imports {
            code.function(&burst_loop(*import));
        }
    }
}

/// The words of a copy, as the module passes them: `(smo, offset, size, address)`.
const SMO: u32 = 0;
const OFFSET: u32 = 1;
const SIZE: u32 = 2;
const ADDRESS: u32 = 3;

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
