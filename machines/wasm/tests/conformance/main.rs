//! The conformance suite on the WebAssembly machine: with the probe in Rust,
//! and the same with the probe in C.

mod random;
mod rig;

mod rust {
    use crate::rig::{RustProbe, WasmRig};

    usufruct_conformance::suite!(WasmRig<RustProbe>);
}

mod c {
    use crate::rig::{CProbe, WasmRig};

    usufruct_conformance::suite!(WasmRig<CProbe>);
}
