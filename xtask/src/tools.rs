//! Programs from outside Rust that some parts want, and where they come from.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::step;

/// Something that a Debian package supplies.
struct Tool {
    package: &'static str,
    probe: Probe,
}

/// How to see that a tool is there.
enum Probe {
    /// It is a program on the search path.
    Program(&'static str),
    /// It is a file.
    File(&'static str),
    /// It is the library that clang says it needs for WebAssembly.
    Builtins,
}

const CLANG: Tool = Tool {
    package: "clang",
    probe: Probe::Program("clang"),
};
const LLD: Tool = Tool {
    package: "lld",
    probe: Probe::Program("wasm-ld"),
};
const WASI_LIBC: Tool = Tool {
    package: "wasi-libc",
    probe: Probe::File("/usr/include/wasm32-wasi/stdio.h"),
};
const BUILTINS: Tool = Tool {
    package: "libclang-rt-dev-wasm32",
    probe: Probe::Builtins,
};
const QEMU: Tool = Tool {
    package: "qemu-system-x86",
    probe: Probe::Program("qemu-system-x86_64"),
};

const QEMU_USER: Tool = Tool {
    package: "qemu-user",
    probe: Probe::Program("qemu-aarch64"),
};
const CROSS_GCC: Tool = Tool {
    package: "gcc-aarch64-linux-gnu",
    probe: Probe::Program("aarch64-linux-gnu-gcc"),
};
const CROSS_LIBC: Tool = Tool {
    package: "libc6-dev-arm64-cross",
    probe: Probe::File("/usr/aarch64-linux-gnu/lib/crt1.o"),
};

/// A part of the tests that needs more than Rust.
pub(crate) struct Part {
    tools: &'static [Tool],
}

/// Guests written in C.
pub(crate) const C_GUESTS: Part = Part {
    tools: &[CLANG, LLD, WASI_LIBC, BUILTINS],
};
/// The bare-metal machine.
pub(crate) const BARE_METAL: Part = Part { tools: &[QEMU] };

/// Tests on AArch64, emulated.
pub(crate) const AARCH64: Part = Part {
    tools: &[QEMU_USER, CROSS_GCC, CROSS_LIBC],
};

/// What all tests together need.
pub(crate) const PARTS: &[&Part] = &[&C_GUESTS, &BARE_METAL];

impl Part {
    /// Why this part can not be done here, if it can not.
    pub(crate) fn problem(&self) -> Option<String> {
        let missing = missing(self.tools);
        (!missing.is_empty()).then(|| format!("wants {}", missing.join(", ")))
    }
}

impl Tool {
    fn is_there(&self) -> bool {
        match self.probe {
            Probe::Program(name) => Command::new(name)
                .arg("--version")
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success()),
            Probe::File(path) => Path::new(path).exists(),
            Probe::Builtins => Command::new("clang")
                .args(["--target=wasm32-wasi", "-print-libgcc-file-name"])
                .output()
                .is_ok_and(|said| {
                    Path::new(&*String::from_utf8_lossy(said.stdout.trim_ascii())).exists()
                }),
        }
    }
}

fn missing(tools: &[Tool]) -> Vec<&'static str> {
    tools
        .iter()
        .filter(|tool| !tool.is_there())
        .map(|tool| tool.package)
        .collect()
}

fn all_missing(parts: &[&Part]) -> Vec<&'static str> {
    parts.iter().flat_map(|part| missing(part.tools)).collect()
}

/// The line that installs what is missing; none if nothing is.
pub(crate) fn install_line(parts: &[&Part]) -> Option<String> {
    let missing = all_missing(parts);
    let packages = missing.join(" ");
    (!missing.is_empty()).then(|| format!("sudo apt-get install --yes {packages}"))
}

/// Fails unless each of these packages is one that some part wants.
pub(crate) fn are_known(packages: &[&str]) -> Result<()> {
    let parts = PARTS.iter().copied().chain([&AARCH64]);
    let known: Vec<&str> = parts
        .flat_map(|part| part.tools.iter().map(|tool| tool.package))
        .collect();
    match packages.iter().find(|package| !known.contains(package)) {
        Some(package) => bail!("no part wants the package {package}"),
        None => Ok(()),
    }
}

/// Installs what is missing. Only root can.
pub(crate) fn install(parts: &[&Part]) -> Result<()> {
    let missing = all_missing(parts);
    if missing.is_empty() {
        return Ok(());
    }
    let user = Command::new("id").arg("--user").output()?.stdout;
    if user.trim_ascii() != b"0" {
        bail!("only root can install {}", missing.join(", "));
    }
    step::run(&mut apt_get("update"))?;
    let mut install = apt_get("install");
    install.args(["--yes", "--no-install-recommends"]);
    step::run(install.args(missing))
}

fn apt_get(verb: &str) -> Command {
    let mut command = Command::new("apt-get");
    command
        .arg(verb)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null());
    command
}
