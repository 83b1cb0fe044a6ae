//! Tells the linker where the kernel lies in memory.

fn main() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/kernel.ld");
    println!("cargo::rerun-if-changed={script}");
    println!("cargo::rerun-if-changed=src/boot/boot.s");
    println!("cargo::rerun-if-changed=src/trap.s");
    // Fixed addresses: nobody is there to relocate a kernel.
    for argument in [
        "--no-pie",
        "-znorelro",
        "-zmax-page-size=4096",
        "--build-id=none",
    ] {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
    println!("cargo::rustc-link-arg-bins=-T{script}");
}
