//! What a host does that knows nothing better: an import that copies bytes out of
//! one memory into a `Vec`, and from there into its caller's.

use std::sync::{Mutex, PoisonError};

use wasmtime::{Caller, Engine, Error, Instance, Linker, Memory, Module, Result, TypedFunc};

use crate::{Way, store, timed};

/// Asks for `size` bytes, `times` times.
const READER: &str = r#"(module
  (import "host" "read" (func $read (param i32)))
  (memory (export "memory") 272)
  (func (export "run") (param $times i32) (param $size i32)
    (loop $next
      (call $read (local.get $size))
      (br_if $next (local.tee $times (i32.sub (local.get $times) (i32.const 1)))))))"#;

const OWNER: &str = r#"(module (memory (export "memory") 272))"#;

/// Where the bytes are, in both memories.
const START: usize = 65_536;

pub(crate) fn way(engine: &Engine) -> Result<Way> {
    let mut owner = store(engine);
    let instance = Instance::new(&mut owner, &module(engine, OWNER)?, &[])?;
    let owners = instance
        .get_memory(&mut owner, "memory")
        .ok_or_else(|| Error::msg("the owner has no memory"))?;
    // The same buffer each time, and nothing but the bytes is written to it.
    let state = Mutex::new((owner, Vec::new()));
    let read = move |mut caller: Caller<'_, ()>, size: u32| -> Result<()> {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        let (owner, buffer) = &mut *state;
        let bytes = owners.data(&*owner).get(START..START + size as usize);
        buffer.clear();
        buffer.extend_from_slice(bytes.ok_or_else(|| Error::msg("too many bytes"))?);
        Ok(memory(&mut caller)?.write(caller, START, buffer)?)
    };
    let mut linker = Linker::new(engine);
    linker.func_wrap("host", "read", read)?;
    let mut store = store(engine);
    let reader = linker.instantiate(&mut store, &module(engine, READER)?)?;
    let run: TypedFunc<(u32, u32), ()> = reader.get_typed_func(&mut store, "run")?;
    Ok(Box::new(move |size, times| {
        timed(|| run.call(&mut store, (times, size)))
    }))
}

fn memory(caller: &mut Caller<'_, ()>) -> Result<Memory> {
    let memory = caller
        .get_export("memory")
        .and_then(|memory| memory.into_memory());
    memory.ok_or_else(|| Error::msg("the reader has no memory"))
}

fn module(engine: &Engine, text: &str) -> Result<Module> {
    Module::new(engine, wat::parse_str(text)?)
}
