//! A plug-in that makes bytes, and takes them, as a plug-in's author would write it.
#![no_main]

use extism_pdk::{FnResult, plugin_fn};

/// So many bytes.
#[plugin_fn]
pub fn produce(size: String) -> FnResult<Vec<u8>> {
    Ok(vec![7; size.parse()?])
}

/// Takes bytes into memory of its own.
#[plugin_fn]
pub fn consume(bytes: Vec<u8>) -> FnResult<()> {
    std::hint::black_box(&bytes);
    Ok(())
}
