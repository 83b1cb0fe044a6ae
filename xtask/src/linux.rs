//! A Linux to count beside: Debian's cloud kernel, with one program of ours in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::step;
use crate::tree;

/// Depends on the newest kernel of its kind.
const NEWEST: &str = "linux-image-cloud-amd64";
/// The program, from the top folder.
const INIT: &str = "bench/linux/init.c";
/// What it begins its lines with.
const COUNTED: &str = "counted: ";
/// QEMU's exit status when it has done all: `0 << 1 | 1`.
const DONE: i32 = 1;
/// A boot takes a few seconds, so this is one that hangs.
const LIFE_S: &str = "300";
/// The processor of the counts. Of those that have them, Linux moves bytes one by one, for
/// they do it fast; each would count one.
const PROCESSOR: &str = "max,-erms,-fsrm";

/// What one thing takes on Linux, in instructions.
pub(crate) struct Count {
    pub(crate) what: String,
    pub(crate) least: u64,
}

/// A kernel that has been fetched, and what it boots.
pub(crate) struct Linux {
    kernel: PathBuf,
    initrd: PathBuf,
    /// Its name and version, for a person.
    pub(crate) version: String,
}

impl Linux {
    /// Fetches the kernel, unless it is there, and builds the program.
    pub(crate) fn prepare() -> Result<Self> {
        let folder = tree::target().join("linux");
        fs::create_dir_all(&folder)?;
        let package = newest_package()?;
        let kernel = fetch(&folder, &package)?;
        let init = folder.join("init");
        let mut compile = Command::new("cc");
        compile
            .current_dir(tree::root())
            .args(["-O2", "-static", "-Wall", "-Wextra", "-Werror", INIT, "-o"])
            .arg(&init);
        step::run(&mut compile)?;
        let initrd = folder.join("initrd");
        fs::write(&initrd, archive("init", &fs::read(&init)?))?;
        let version = step::output(Command::new("dpkg-deb").args([
            "--showformat=${Package} ${Version}",
            "--show",
            &deb(&folder, &package)?.to_string_lossy(),
        ]))?;
        Ok(Self {
            kernel,
            initrd,
            version,
        })
    }

    /// Boots it, with this on its command line besides, and counts.
    pub(crate) fn count(&self, parameters: &str) -> Result<Vec<Count>> {
        let mut boot = Command::new("timeout");
        boot.args([
            LIFE_S,
            "qemu-system-x86_64",
            "-no-user-config",
            "-nodefaults",
        ])
        .args(["-machine", "q35", "-cpu", PROCESSOR, "-m", "256M"])
        .args(["-icount", "shift=0,sleep=off", "-no-reboot"])
        .args(["-display", "none", "-serial", "stdio"])
        .args(["-device", "isa-debug-exit,iobase=0xf4,iosize=4"])
        .arg("-kernel")
        .arg(&self.kernel)
        .arg("-initrd")
        .arg(&self.initrd)
        .args([
            "-append",
            &format!("console=ttyS0 quiet panic=-1 {parameters}"),
        ])
        .stdin(Stdio::null());
        eprintln!("   {}", step::shown(&boot));
        let ran = boot.output()?;
        let said = String::from_utf8_lossy(&ran.stdout);
        if ran.status.code() != Some(DONE) {
            let errors = String::from_utf8_lossy(&ran.stderr);
            bail!(
                "Linux did not count to the end ({}): {said}{errors}",
                ran.status
            );
        }
        let lines = said.lines().filter_map(|line| line.strip_prefix(COUNTED));
        lines
            .map(|line| count(line).with_context(|| format!("`{line}` is no count")))
            .collect()
    }
}

/// `NAME: LEAST MEDIAN`.
fn count(line: &str) -> Option<Count> {
    let (what, numbers) = line.split_once(": ")?;
    Some(Count {
        what: what.to_owned(),
        least: numbers.split_whitespace().next()?.parse().ok()?,
    })
}

/// The package that holds the newest kernel.
fn newest_package() -> Result<String> {
    let depends = step::output(Command::new("apt-cache").args(["depends", NEWEST]));
    let depends = depends.context("Debian's package lists are wanted: apt-get update")?;
    let package = depends
        .lines()
        .find_map(|line| line.trim().strip_prefix("Depends: "));
    let package = package.with_context(|| format!("apt-cache knows no {NEWEST}"))?;
    Ok(package.to_owned())
}

/// Downloads a package, without installing it, and takes the kernel out of it.
fn fetch(folder: &Path, package: &str) -> Result<PathBuf> {
    let version = package.strip_prefix("linux-image-").unwrap_or(package);
    let kernel = folder.join("boot").join(format!("vmlinuz-{version}"));
    if kernel.exists() {
        return Ok(kernel);
    }
    let mut download = Command::new("apt-get");
    step::run(download.current_dir(folder).args(["download", package]))?;
    let mut unpack = Command::new("dpkg-deb")
        .arg("--fsys-tarfile")
        .arg(deb(folder, package)?)
        .stdout(Stdio::piped())
        .spawn()?;
    let files = unpack.stdout.take().context("stdout is piped")?;
    let mut extract = Command::new("tar");
    extract
        .current_dir(folder)
        .args(["--extract", &format!("./boot/vmlinuz-{version}")])
        .stdin(files);
    step::run(&mut extract)?;
    unpack.wait()?;
    Ok(kernel)
}

/// The file that a package has been downloaded to.
fn deb(folder: &Path, package: &str) -> Result<PathBuf> {
    let start = format!("{package}_");
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(&start) {
            return Ok(entry.path());
        }
    }
    bail!("{package} has not been downloaded to {}", folder.display())
}

/// An archive for the kernel to unpack at boot, with one program in it. (cpio, "newc")
fn archive(name: &str, program: &[u8]) -> Vec<u8> {
    const EXECUTABLE: usize = 0o100_755;
    let mut archive = entry(name, EXECUTABLE, program);
    archive.extend(entry("TRAILER!!!", 0, &[]));
    archive
}

fn entry(name: &str, mode: usize, data: &[u8]) -> Vec<u8> {
    let name_bytes = name.len() + 1;
    // Inode, mode, owner, group, links, time, length, four devices, length of the name, sum.
    let fields = [1, mode, 0, 0, 1, 0, data.len(), 0, 0, 0, 0, name_bytes, 0];
    let mut entry = b"070701".to_vec();
    for field in fields {
        entry.extend(format!("{field:08x}").bytes());
    }
    entry.extend(name.bytes().chain([0]));
    entry.resize(entry.len().next_multiple_of(4), 0);
    entry.extend(data);
    entry.resize(entry.len().next_multiple_of(4), 0);
    entry
}
