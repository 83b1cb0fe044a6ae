//! The rewriting of one function's body.
//!
//! A copy of a few bytes, their number a constant, is what compilers make of an
//! assignment. It becomes loads and stores where it stands, as in wasmtime
//! itself, for a call would take several times as long.

use wasm_encoder::{BlockType, Function, Instruction, InstructionSink, MemArg, ValType};
use wasmparser::{FunctionBody, Operator};

use super::super::burst::Bursts;
use super::{Bulk, COPY, Error, FILL, HEAP_ONLY, NOTIFY, WAIT32, WAIT64};

/// Copies of up to so many bytes become loads and stores where they stand.
const SHORT_BYTES: u32 = 128;

/// Whether a store that lies in the heap with its beginning only may store that. An x86
/// stores nothing then; AArch64 does not say.
const MAY_TEAR: bool = !cfg!(target_arch = "x86_64");

/// A function's body, being written.
pub(in super::super) struct Body {
    function: Function,
    /// Locals of ours, if the function has short copies: the copy's addresses. Or if it
    /// calls the kernel to copy: a size and an address.
    to: u32,
    from: u32,
    /// What the instruction before has put on the stack, if it was a constant.
    constant: Option<i32>,
}

impl Body {
    /// Begins the body of a function with so many parameters and these `locals`.
    pub(in super::super) fn new(
        original: &FunctionBody<'_>,
        parameters: u32,
        mut locals: Vec<(u32, ValType)>,
        bursts: &Bursts,
    ) -> Result<Self, Error> {
        // The validator has seen that there are few.
        let declared = locals.iter().map(|(count, _)| count);
        let to = declared.fold(parameters, |sum, count| sum.saturating_add(*count));
        if has_copies(original, bursts)? {
            locals.push((2, ValType::I32));
        }
        Ok(Self {
            function: Function::new(locals),
            to,
            from: to.saturating_add(1),
            constant: None,
        })
    }

    /// Puts what stands for `operator` into the body. `false`: nothing does,
    /// and the caller writes it as it is.
    pub(in super::super) fn replace(&mut self, bulk: &Bulk, operator: &Operator<'_>) -> bool {
        let before = self.constant.take();
        match *operator {
            Operator::I32Const { value } => {
                self.constant = Some(value);
                return false;
            }
            Operator::MemoryCopy { .. } => match before.and_then(short) {
                Some(len) => self.copy_short(len, bulk.function(COPY)),
                None => self.write(&Instruction::Call(bulk.function(COPY))),
            },
            Operator::MemoryFill { .. } => self.write(&Instruction::Call(bulk.function(FILL))),
            Operator::MemoryInit { data_index, mem } => {
                self.write(&Instruction::Call(bulk.function(HEAP_ONLY)));
                self.write(&match bulk.init_of(data_index) {
                    Some(init) => Instruction::Call(init),
                    None => Instruction::MemoryInit { mem, data_index },
                });
            }
            Operator::MemoryAtomicNotify { memarg } => self.atomic(memarg, bulk.function(NOTIFY)),
            Operator::MemoryAtomicWait32 { memarg } => self.atomic(memarg, bulk.function(WAIT32)),
            Operator::MemoryAtomicWait64 { memarg } => self.atomic(memarg, bulk.function(WAIT64)),
            _ => return false,
        }
        true
    }

    /// The same for a call of an import that copies.
    pub(in super::super) fn replace_call(
        &mut self,
        bursts: &Bursts,
        operator: &Operator<'_>,
    ) -> bool {
        let locals = (self.to, self.from);
        match *operator {
            Operator::Call { function_index } => {
                bursts.write_call(&mut self.function.instructions(), function_index, locals)
            }
            _ => false,
        }
    }

    /// Calls what stands for an operation with a constant offset.
    fn atomic(&mut self, place: wasmparser::MemArg, function: u32) {
        // The memory has 32-bit addresses, so the validator lets no larger offset through.
        let offset = u32::try_from(place.offset).unwrap_or(u32::MAX);
        self.write(&Instruction::I32Const(offset.cast_signed()));
        self.write(&Instruction::Call(function));
    }

    /// Writes an instruction.
    pub(in super::super) fn write(&mut self, instruction: &Instruction<'_>) {
        self.function.instruction(instruction);
    }

    /// How long it is so far, in bytes.
    pub(in super::super) fn len_bytes(&self) -> usize {
        self.function.byte_len()
    }

    /// The body, written.
    pub(in super::super) fn finish(self) -> Function {
        self.function
    }

    /// In the heap, loads everything and then stores it, the last piece first: if
    /// that is inside the heap, all is, so what is out of bounds stores nothing.
    /// In the pool it is a copy like others.
    fn copy_short(&mut self, len: u32, copy: u32) {
        let (to, from) = (self.to, self.from);
        let mut code = self.function.instructions();
        code.drop().local_set(from).local_tee(to).local_get(from);
        code.i32_or().i32_const(0).i32_lt_s();
        code.if_(BlockType::Empty);
        code.local_get(to).local_get(from);
        code.i32_const(len.cast_signed()).call(copy);
        code.else_();
        if MAY_TEAR {
            let last = Piece {
                offset: len.saturating_sub(1),
                bytes: 1,
            };
            code.local_get(to);
            last.load(&mut code);
            code.drop();
        }
        let pieces = pieces(len);
        for piece in &pieces {
            code.local_get(to).local_get(from);
            piece.load(&mut code);
        }
        for piece in pieces.iter().rev() {
            piece.store(&mut code);
        }
        code.end();
    }
}

/// The length of a copy that is written out, if a constant is one.
fn short(constant: i32) -> Option<u32> {
    let len = u32::try_from(constant).ok()?;
    (1..=SHORT_BYTES).contains(&len).then_some(len)
}

/// Whether there is anything in it that takes the two locals.
fn has_copies(original: &FunctionBody<'_>, bursts: &Bursts) -> Result<bool, Error> {
    let mut operators = original.get_operators_reader()?;
    let mut is_short = false;
    while !operators.eof() {
        match operators.read()? {
            Operator::MemoryCopy { .. } if is_short => return Ok(true),
            Operator::Call { function_index } if bursts.is_copy(function_index) => return Ok(true),
            Operator::I32Const { value } => is_short = short(value).is_some(),
            _ => is_short = false,
        }
    }
    Ok(false)
}

/// What one load and one store move.
struct Piece {
    offset: u32,
    bytes: u32,
}

/// As few as it takes, from the start.
fn pieces(len: u32) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut offset = 0;
    for bytes in [16, 8, 4, 2, 1] {
        while len - offset >= bytes {
            pieces.push(Piece { offset, bytes });
            offset += bytes;
        }
    }
    pieces
}

impl Piece {
    fn place(&self) -> MemArg {
        MemArg {
            offset: self.offset.into(),
            align: 0,
            memory_index: 0,
        }
    }

    fn load(&self, code: &mut InstructionSink<'_>) {
        match self.bytes {
            16 => code.v128_load(self.place()),
            8 => code.i64_load(self.place()),
            4 => code.i32_load(self.place()),
            2 => code.i32_load16_u(self.place()),
            _ => code.i32_load8_u(self.place()),
        };
    }

    fn store(&self, code: &mut InstructionSink<'_>) {
        match self.bytes {
            16 => code.v128_store(self.place()),
            8 => code.i64_store(self.place()),
            4 => code.i32_store(self.place()),
            2 => code.i32_store16(self.place()),
            _ => code.i32_store8(self.place()),
        };
    }
}
