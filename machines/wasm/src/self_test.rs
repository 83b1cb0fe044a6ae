//! What this machine takes for granted about the engine, looked at when a
//! system starts: better no tasks than tasks without walls.

use wasmtime::{
    Engine, Instance, Memory as WasmMemory, Module, Result, Store, StoreLimits, StoreLimitsBuilder,
    Trap, TypedFunc,
};

use crate::layout::{HEAP_LIMIT_BYTES, POOL_START, WASM_PAGE_BYTES};
use crate::space::Memory;

/// A guest that does what it is told.
const SUBJECT: &str = r#"(module
    (memory (export "memory") 1)
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
    (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
    (func (export "store") (param i32 i32) (i32.store (local.get 0) (local.get 1)))
    (func (export "spin") (loop (br 0))))"#;

/// Pages that the subject grows by.
const GROWTH: i32 = 16;

/// Looks whether the engine keeps to what this machine assumes.
///
/// # Errors
///
/// The assumption that does not hold, as a sentence.
pub(crate) fn run(engine: &Engine) -> Result<(), String> {
    let mut subject = Subject::new(engine)
        .map_err(|error| format!("the test program does not start: {error:#}"))?;
    let tests: [(Test, &str); 5] = [
        (
            Subject::grows_in_place,
            "a memory moves when it grows, or its length is not what the guest was told",
        ),
        (
            Subject::stops_at_its_limit,
            "a memory grows into the pool's place",
        ),
        (
            Subject::sees_its_stores,
            "a guest and its host do not see the same bytes",
        ),
        (
            Subject::traps_behind_the_heap,
            "an access behind the heap does not trap",
        ),
        (
            Subject::is_interrupted,
            "a loop is not interrupted when its time is up",
        ),
    ];
    for (test, sentence) in tests {
        match test(&mut subject) {
            Ok(true) => {}
            Ok(false) => return Err(sentence.to_owned()),
            Err(error) => return Err(format!("{sentence}: {error:#}")),
        }
    }
    Ok(())
}

type Test = fn(&mut Subject) -> Result<bool>;

struct Subject {
    store: Store<StoreLimits>,
    memory: WasmMemory,
    grow: TypedFunc<i32, i32>,
    load: TypedFunc<i32, i32>,
    write: TypedFunc<(i32, i32), ()>,
    spin: TypedFunc<(), ()>,
}

impl Subject {
    fn new(engine: &Engine) -> Result<Self> {
        let limit = usize::try_from(HEAP_LIMIT_BYTES)?;
        let mut store = Store::new(engine, StoreLimitsBuilder::new().memory_size(limit).build());
        store.limiter(|limits| limits);
        store.set_epoch_deadline(1);
        let instance = Instance::new(
            &mut store,
            &Module::new(engine, wat::parse_str(SUBJECT)?)?,
            &[],
        )?;
        let memory = instance.get_memory(&mut store, "memory");
        Ok(Self {
            memory: memory
                .ok_or_else(|| wasmtime::Error::msg("an exported memory is not found"))?,
            grow: instance.get_typed_func(&mut store, "grow")?,
            load: instance.get_typed_func(&mut store, "load")?,
            write: instance.get_typed_func(&mut store, "store")?,
            spin: instance.get_typed_func(&mut store, "spin")?,
            store,
        })
    }

    fn grows_in_place(&mut self) -> Result<bool> {
        let before = Memory::of(&self.memory, &self.store);
        let pages = self.grow.call(&mut self.store, GROWTH)?;
        let after = Memory::of(&self.memory, &self.store);
        let growth = u64::try_from(GROWTH)? * WASM_PAGE_BYTES;
        Ok(pages == 1 && before.base == after.base && before.len_bytes + growth == after.len_bytes)
    }

    fn stops_at_its_limit(&mut self) -> Result<bool> {
        let all = i32::try_from(HEAP_LIMIT_BYTES / WASM_PAGE_BYTES)?;
        Ok(self.grow.call(&mut self.store, all)? == -1)
    }

    fn sees_its_stores(&mut self) -> Result<bool> {
        self.write.call(&mut self.store, (64, 77))?;
        let mut bytes = [0; 4];
        self.memory.read(&self.store, 64, &mut bytes)?;
        Ok(bytes == 77_i32.to_le_bytes() && self.load.call(&mut self.store, 64)? == 77)
    }

    /// Right behind the heap, before, in and at the end of the pool's place.
    fn traps_behind_the_heap(&mut self) -> Result<bool> {
        let end = Memory::of(&self.memory, &self.store).len_bytes;
        let traps = |outcome: Result<()>| {
            outcome.is_err_and(|error| error.downcast_ref() == Some(&Trap::MemoryOutOfBounds))
        };
        for address in [
            end,
            POOL_START - 4,
            POOL_START,
            POOL_START + (1 << 30),
            (1 << 32) - 4,
        ] {
            let address = u32::try_from(address)?.cast_signed();
            let loaded = self.load.call(&mut self.store, address).map(drop);
            let stored = self.write.call(&mut self.store, (address, 1));
            if !traps(loaded) || !traps(stored) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn is_interrupted(&mut self) -> Result<bool> {
        self.store.engine().increment_epoch();
        let outcome = self.spin.call(&mut self.store, ());
        Ok(outcome.is_err_and(|error| error.downcast_ref() == Some(&Trap::Interrupt)))
    }
}

#[cfg(test)]
mod tests {
    use wasmtime::{Config, Engine};

    #[test]
    fn the_engine_of_this_machine_passes() {
        assert_eq!(
            super::run(&crate::engine::new(crate::engine::Beginning::Copied, None).unwrap()),
            Ok(())
        );
    }

    #[test]
    fn an_engine_whose_memories_move_is_refused_with_a_sentence() {
        let mut moving = Config::new();
        moving
            .epoch_interruption(true)
            .memory_reservation(0)
            .memory_reservation_for_growth(0);
        let refusal = super::run(&Engine::new(&moving).unwrap()).unwrap_err();
        assert!(
            refusal.starts_with("a memory moves when it grows"),
            "{refusal}"
        );
    }
}
