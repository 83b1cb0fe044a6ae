//! Rewritten bulk operations beside native ones: in the heap they do the same,
//! in the pool's place they do what an oracle of plain bytes does.

mod heap;
#[cfg(target_os = "linux")]
mod pool;
mod short;
mod speed;

use wasmtime::{Engine, Instance, Memory, Module, Result, Store, Trap, TypedFunc};

use super::super::{Known, prepare};

/// Where the pool's place begins.
const POOL: u32 = 0x8000_0000;

/// The words of one operation: `to`, then `from` or the byte, then the length.
type Words = (u32, u32, u32);

/// A guest that does one bulk operation a call.
struct Subject {
    store: Store<()>,
    instance: Instance,
    memory: Memory,
    operations: [TypedFunc<Words, ()>; 3],
    /// The first function that the loader has added, if it was rewritten.
    generated_from: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Copy,
    Fill,
    Init,
}

impl Subject {
    /// As the loader rewrites it.
    fn rewritten(engine: &Engine, text: &str) -> Self {
        let prepared = prepare(text.as_bytes(), &Known::usufruct()).unwrap();
        Self::new(engine, &prepared.binary, prepared.generated_from)
    }

    /// As it is.
    fn native(engine: &Engine, text: &str) -> Self {
        Self::new(engine, &wat::parse_str(text).unwrap(), u32::MAX)
    }

    fn new(engine: &Engine, binary: &[u8], generated_from: u32) -> Self {
        let mut store = Store::new(engine, ());
        store.set_epoch_deadline(1);
        let module = Module::from_binary(engine, binary).unwrap();
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        let operations =
            ["copy", "fill", "init"].map(|name| instance.get_typed_func(&mut store, name).unwrap());
        Self {
            memory: instance.get_memory(&mut store, "memory").unwrap(),
            instance,
            store,
            operations,
            generated_from,
        }
    }

    fn call(&mut self, operation: Operation, words: Words) -> Result<()> {
        self.operations[operation as usize].call(&mut self.store, words)
    }

    fn outcome(&mut self, operation: Operation, words: Words) -> Result<(), Trap> {
        self.call(operation, words)
            .map_err(|error| *error.downcast_ref().expect("it is a trap"))
    }

    fn heap(&mut self) -> &mut [u8] {
        self.memory.data_mut(&mut self.store)
    }
}

/// A guest with so much memory, in pages of WebAssembly, and a passive segment.
fn guest(pages: u32, segment: &str) -> String {
    format!(
        r#"(module
            (memory (export "memory") {pages})
            (data $segment "{segment}")
            (func $copying (export "copy") (param i32 i32 i32)
                (memory.copy (local.get 0) (local.get 1) (local.get 2)))
            (func $filling (export "fill") (param i32 i32 i32)
                (memory.fill (local.get 0) (local.get 1) (local.get 2)))
            (func $initializing (export "init") (param i32 i32 i32)
                (memory.init $segment (local.get 0) (local.get 1) (local.get 2)))
            (func (export "_start") (data.drop $segment)))"#
    )
}

/// A small generator (splitmix64), the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^ (word >> 31)
    }

    /// Any of `0..end`.
    fn below(&mut self, end: u32) -> u32 {
        u32::try_from(self.roll() % u64::from(end)).unwrap()
    }

    /// Nearer to `center` than `reach`, on either side; it may wrap.
    fn near(&mut self, center: u32, reach: u32) -> u32 {
        center
            .wrapping_sub(reach)
            .wrapping_add(self.below(2 * reach))
    }

    fn one_in(&mut self, times: u32) -> bool {
        self.below(times) == 0
    }

    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.roll().to_le_bytes()[..chunk.len()]);
        }
    }
}

fn index(address: u32) -> usize {
    usize::try_from(address).unwrap()
}
