//! WASI preview 1 as WebAssembly imports: `wasmtime-wasi` does the work, on
//! memory of its own.
//!
//! ```text
//!   a call ──► call.rs   are these bytes the task's? no: EFAULT
//!                │       (buffers.rs: or pages that it owns)
//!                │       copies arguments out
//!                ▼
//!   plain.rs, transfer.rs, special.rs ──► wasmtime-wasi ──► streams.rs, files
//!                │
//!                ▼
//!              call.rs   copies results back
//! ```
//!
//! # What holds
//!
//! - No Rust reference into a task's memory, at any time.
//! - All of a call's pointers are checked before anything happens: a call with a
//!   bad one has no effect. Pointers need no alignment.
//! - What one poll of a call does is bounded, and so is what it allocates,
//!   whatever numbers the task passes. Long work waits on the task's fiber.

use wasmtime::{Linker, Result};

use crate::state::Guest;

mod buffers;
mod call;
mod plain;
mod special;
mod transfer;

/// What modules call it.
pub(crate) const MODULE: &str = "wasi_snapshot_preview1";

/// Adds every call of preview 1.
pub(crate) fn add_to_linker(linker: &mut Linker<Guest>) -> Result<()> {
    plain::add_to_linker(linker)?;
    transfer::add_to_linker(linker)?;
    special::add_to_linker(linker)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use wasmtime::{Engine, ExternType, Linker, Store};
    use wasmtime_wasi::WasiCtxBuilder;
    use wasmtime_wasi::p1::{self, WasiP1Ctx};

    use crate::state::Guest;

    /// Names and types of what a linker offers.
    fn offered<T: 'static>(linker: &Linker<T>, mut store: Store<T>) -> BTreeMap<String, String> {
        let functions: Vec<_> = linker.iter(&mut store).collect();
        let of = |(_, name, item): (&str, &str, wasmtime::Extern)| match item.ty(&store) {
            ExternType::Func(ty) => (name.to_owned(), ty.to_string()),
            other => panic!("{name} is {other:?}"),
        };
        functions.into_iter().map(of).collect()
    }

    #[test]
    fn every_call_is_offered_with_its_type() {
        let engine = Engine::default();
        let mut theirs = Linker::new(&engine);
        p1::add_to_linker_async(&mut theirs, |wasi: &mut WasiP1Ctx| wasi).unwrap();
        let store = Store::new(&engine, WasiCtxBuilder::new().build_p1());
        let mut ours = Linker::<Guest>::new(&engine);
        super::add_to_linker(&mut ours).unwrap();
        let system = crate::System::new(crate::Config::default()).unwrap();
        let theirs = offered(&theirs, store);
        assert!(theirs.contains_key("fd_write"));
        assert_eq!(offered(&ours, system.idle_store(&engine)), theirs);
    }
}
