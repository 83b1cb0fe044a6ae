//! Components that are handed a `list<u8>`: composed, so that wasmtime's adapter
//! copies it; and linked by a host that hands it on, from memory to memory.

use std::sync::{Mutex, PoisonError};

use wasmtime::component::{Component, Instance, Linker, TypedFunc, WasmList};
use wasmtime::{Engine, Error, Result, Store, StoreContextMut};

use crate::{Way, store, timed};

const PRODUCER: &str = include_str!("producer.wat");
const CONSUMER: &str = include_str!("consumer.wat");

/// Hands over so many times so many bytes.
type Run = TypedFunc<(u32, u32), ()>;

/// One component made of both.
pub(crate) fn composed(engine: &Engine) -> Result<Way> {
    let text = format!(
        "(component {} {}
           (instance $consumer (instantiate $Consumer))
           (instance $producer (instantiate $Producer (with \"consume\" (func $consumer \"consume\"))))
           (export \"run\" (func $producer \"run\")))",
        PRODUCER.replacen("(component", "(component $Producer", 1),
        CONSUMER.replacen("(component", "(component $Consumer", 1),
    );
    let component = Component::new(engine, wat::parse_str(text)?)?;
    let mut store = store(engine);
    let instance = Linker::new(engine).instantiate(&mut store, &component)?;
    way(store, &instance)
}

/// Two components in stores of their own, and a host that hands on the bytes
/// without a buffer of its own.
pub(crate) fn linked(engine: &Engine) -> Result<Way> {
    let mut consumer = store(engine);
    let component = Component::new(engine, wat::parse_str(CONSUMER)?)?;
    let instance = Linker::new(engine).instantiate(&mut consumer, &component)?;
    let consume = instance
        .get_func(&mut consumer, "consume")
        .ok_or_else(|| Error::msg("the consumer has no `consume`"))?;
    let consumer = Mutex::new(consumer);
    let hand_on = move |caller: StoreContextMut<'_, ()>, (bytes,): (WasmList<u8>,)| {
        let mut consumer = consumer.lock().unwrap_or_else(PoisonError::into_inner);
        let consume = consume.typed::<(&[u8],), ()>(&*consumer)?;
        consume.call(&mut *consumer, (bytes.as_le_slice(&caller),))
    };
    let mut linker = Linker::new(engine);
    linker.root().func_wrap("consume", hand_on)?;
    let mut store = store(engine);
    let component = Component::new(engine, wat::parse_str(PRODUCER)?)?;
    let instance = linker.instantiate(&mut store, &component)?;
    way(store, &instance)
}

fn way(mut store: Store<()>, producer: &Instance) -> Result<Way> {
    let run: Run = producer.get_typed_func(&mut store, "run")?;
    Ok(Box::new(move |size, times| {
        timed(|| run.call(&mut store, (times, size)))
    }))
}
