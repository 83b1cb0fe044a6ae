//! Tells the build scripts of programs how a bare program is linked: see `src/program/mod.rs`.

fn main() {
    println!("cargo::rerun-if-changed=task.ld");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("none") {
        return;
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/task.ld");
    let arguments = "--no-pie -znorelro -zmax-page-size=4096 --build-id=none";
    println!("cargo::metadata=LINK_ARGUMENTS={arguments} -T{script}");
    for argument in arguments.split_whitespace() {
        println!("cargo::rustc-link-arg-examples={argument}");
    }
    println!("cargo::rustc-link-arg-examples=-T{script}");
}
