//! Which WebAssembly runs: 2.0 with SIMD, and atomic instructions. Everything
//! else is refused by name.

use wasmparser::WasmFeatures;

/// What runs. Values of type `externref` need a garbage collector, which the
/// engine is built without.
pub(super) const SUPPORTED: WasmFeatures = WasmFeatures::WASM2
    .difference(WasmFeatures::GC_TYPES)
    .union(WasmFeatures::THREADS);

/// What the validator lets through besides, because other checks refuse it with
/// a better sentence.
pub(super) const REFUSED_LATER: WasmFeatures = WasmFeatures::MEMORY64
    .union(WasmFeatures::MULTI_MEMORY)
    .union(WasmFeatures::CUSTOM_PAGE_SIZES);

/// The names that the proposals' authors gave them.
const NAMES: &[(WasmFeatures, &str)] = &[
    (WasmFeatures::RELAXED_SIMD, "relaxed SIMD"),
    (
        WasmFeatures::SHARED_EVERYTHING_THREADS,
        "shared-everything threads",
    ),
    (WasmFeatures::TAIL_CALL, "tail calls"),
    (WasmFeatures::LEGACY_EXCEPTIONS, "legacy exceptions"),
    (WasmFeatures::EXCEPTIONS, "exceptions"),
    (
        WasmFeatures::EXTENDED_CONST,
        "extended constant expressions",
    ),
    (
        WasmFeatures::FUNCTION_REFERENCES,
        "typed function references",
    ),
    (WasmFeatures::MEMORY_CONTROL, "memory control"),
    (WasmFeatures::GC, "garbage collection"),
    (WasmFeatures::GC_TYPES, "external references (externref)"),
    (WasmFeatures::STACK_SWITCHING, "stack switching"),
    (WasmFeatures::WIDE_ARITHMETIC, "wide arithmetic"),
    (WasmFeatures::CUSTOM_DESCRIPTORS, "custom descriptors"),
    (WasmFeatures::COMPACT_IMPORTS, "compact imports"),
];

/// The name of a missing feature; a feature that is newer than the list is
/// called by the validator's name for it.
pub(super) fn name_of(missing: WasmFeatures) -> String {
    NAMES
        .iter()
        .find(|(feature, _)| missing.intersects(*feature))
        .map_or_else(|| format!("{missing:?}"), |(_, name)| (*name).to_owned())
}
