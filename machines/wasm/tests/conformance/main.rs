//! The conformance suite on the WebAssembly machine: with the probe in Rust,
//! and the same with the probe in C; what is about pages, with both ways to
//! protect them.

mod random;
mod rig;

mod rust {
    use crate::rig::{RustProbe, WasmRig};

    usufruct_conformance::suite!(WasmRig<RustProbe>; smo, task, port, wait, watch);
}

mod c {
    use crate::rig::{CProbe, WasmRig};

    usufruct_conformance::suite!(WasmRig<CProbe>; smo, task, port, wait, watch);
}

mod rust_by_mprotect {
    use crate::rig::{ByMprotect, RustProbe, WasmRig};

    usufruct_conformance::suite!(WasmRig<RustProbe, ByMprotect>; page);
}

mod c_by_mprotect {
    use crate::rig::{ByMprotect, CProbe, WasmRig};

    usufruct_conformance::suite!(WasmRig<CProbe, ByMprotect>; page);
}

mod rust_by_userfaultfd {
    use crate::rig::{ByUserfault, RustProbe, WasmRig};

    usufruct_conformance::suite!(WasmRig<RustProbe, ByUserfault>; page);
}

mod c_by_userfaultfd {
    use crate::rig::{ByUserfault, CProbe, WasmRig};

    usufruct_conformance::suite!(WasmRig<CProbe, ByUserfault>; page);
}
