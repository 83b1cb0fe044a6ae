//! Tells the linker where a task's program lies.

fn main() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/task.ld");
    println!("cargo::rerun-if-changed={script}");
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
