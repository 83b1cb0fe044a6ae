//! Looks whether there is a QEMU to boot the machine in; without one the tests that need it
//! are not built, and cargo says so.

use std::path::Path;

const QEMU: &str = "qemu-system-x86_64";

fn main() {
    println!("cargo::rustc-check-cfg=cfg(qemu)");
    println!("cargo::rerun-if-env-changed=PATH");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .map(|folder| folder.join(QEMU))
        .find(|file| file.is_file());
    match found {
        Some(file) => {
            println!("cargo::rerun-if-changed={}", file.display());
            println!("cargo::rustc-cfg=qemu");
        }
        None => {
            // A file that is not there has always changed: look again each time.
            println!(
                "cargo::rerun-if-changed={}",
                Path::new("/").join(QEMU).display()
            );
            println!(
                "cargo::warning=SKIPPED: all tests of the bare-metal machine, for there is no {QEMU} \
                 (Debian: apt-get install qemu-system-x86)"
            );
        }
    }
}
