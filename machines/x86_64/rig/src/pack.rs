//! The boot archive: a system file, what it names, and the words that go with it, as a tar
//! file. The kernel reads the system file by the very code that reads it here.

use std::fs;
use std::path::{Path, PathBuf};
use tar::{Builder, Header};
use usufruct_system_file::{Facts, Fault, Plan, parse};
use usufruct_x86_64_wire::output::archive::{ARGUMENTS, SYSTEM_FILE};

/// The memory of a task that the system file says nothing about, in bytes: the kernel's
/// system/member.rs says the same.
const USUAL_MEMORY_BYTES: u64 = 64 << 20;
/// What the kernel itself and the page tables of its tasks need at most, in bytes.
const KERNEL_BYTES: u64 = 64 << 20;
/// Of the pool, what the kernel's tables for it come to at most: the kernel's system/mod.rs has
/// 256 bytes for each page of 4 KiB.
const POOL_PART: u64 = 16;
/// What task memory may be: the kernel's system/mod.rs says the same.
const LEAST_MEMORY_BYTES: u64 = (1 << 20) + 4096;
const MOST_MEMORY_BYTES: u64 = (2 << 30) - 4096;
/// The longest name of a file in the archive's format.
const MOST_NAME_BYTES: usize = 255;

/// What is to be packed.
#[derive(Clone, Debug)]
pub struct Order {
    /// The system file.
    pub path: String,
    /// What `$1`, `$2`, ... in it stand for.
    pub arguments: Vec<String>,
    /// Where programs lie that the system file names for another machine: `decoder` in this
    /// folder stands for `some/where/decoder.wasm`.
    pub programs: Option<PathBuf>,
}

/// An archive, and what it is made of.
#[derive(Debug)]
pub struct Packed {
    /// The plan that the kernel will find in it.
    pub plan: Plan,
    /// The tar file.
    pub archive: Vec<u8>,
}

impl Packed {
    /// The memory that a machine for it needs, in MiB.
    #[must_use]
    pub fn megabytes(&self) -> u32 {
        let tasks = self.plan.tasks.iter();
        let memory = |bytes: Option<u64>| bytes.unwrap_or(USUAL_MEMORY_BYTES);
        let tasks: u64 = tasks.map(|task| memory(task.memory_bytes)).sum();
        let pool = self.plan.limits.pool_bytes.unwrap_or(0);
        let archive = self.archive.len() as u64;
        let bytes = KERNEL_BYTES
            .saturating_add(tasks)
            .saturating_add(pool)
            .saturating_add(pool / POOL_PART)
            .saturating_add(archive);
        u32::try_from(bytes.div_ceil(1 << 20)).unwrap_or(u32::MAX)
    }
}

/// Packs it.
///
/// # Errors
///
/// The first thing that is not in order, or not there.
pub fn pack(order: &Order) -> Result<Packed, Fault> {
    let Order {
        path,
        arguments,
        programs,
    } = order;
    let text = fs::read_to_string(path)
        .map_err(|cause| Fault::new(path, cause.to_string(), "cargo xtask qemu SYSTEM.toml"))?;
    let facts = Facts {
        memory_bytes: LEAST_MEMORY_BYTES..=MOST_MEMORY_BYTES,
        is_folder: |path: &str| Path::new(path).is_dir(),
    };
    let plan = parse((path, &text), arguments, &facts)?;
    let mut archive = Builder::new(Vec::new());
    let words = std::iter::once(path).chain(arguments);
    let words: String = words.map(|word| format!("{word}\0")).collect();
    append(&mut archive, SYSTEM_FILE, text.as_bytes())?;
    append(&mut archive, ARGUMENTS, words.as_bytes())?;
    for (number, path) in plan.paths().into_iter().enumerate() {
        if plan.tasks.iter().any(|task| task.file == path) {
            let program = load_program(Path::new(path), programs.as_deref())?;
            append(&mut archive, &number.to_string(), &program)?;
        }
        if plan
            .tasks
            .iter()
            .any(|task| task.dirs.iter().any(|dir| dir.host == path))
        {
            append_folder(&mut archive, &number.to_string(), Path::new(path))?;
        }
    }
    let archive = archive.into_inner();
    let archive = archive.map_err(|cause| Fault::told("the boot archive", cause))?;
    Ok(Packed { plan, archive })
}

fn load_program(named: &Path, folder: Option<&Path>) -> Result<Vec<u8>, Fault> {
    let stem = named.file_stem().unwrap_or_default();
    let path = folder.map_or_else(|| named.to_owned(), |folder| folder.join(stem));
    let thing = format!("program {}", path.display());
    let program = fs::read(&path).map_err(|cause| {
        let help = "build the program, or name another file";
        Fault::new(&thing, cause.to_string(), help)
    })?;
    if !program.starts_with(b"\x7fELF") {
        let help =
            "name the folder of those that were built for x86_64-unknown-none: --programs FOLDER";
        return Err(Fault::new(thing, "this is no ELF file", help));
    }
    Ok(program)
}

/// The regular files of a folder and of those in it; nothing that a link leads to.
fn append_folder(archive: &mut Builder<Vec<u8>>, name: &str, folder: &Path) -> Result<(), Fault> {
    let fault = |cause: std::io::Error| {
        let help = "make sure that you may read it";
        Fault::new(folder.display().to_string(), cause.to_string(), help)
    };
    let mut entries = fs::read_dir(folder)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(fault)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let file_name = entry.file_name();
        // A task could not say a name that is not in UTF-8.
        let Some(file_name) = file_name.to_str() else {
            continue;
        };
        let name = format!("{name}/{file_name}");
        let kind = entry.file_type().map_err(fault)?;
        if kind.is_dir() {
            append_folder(archive, &name, &entry.path())?;
        } else if kind.is_file() {
            append(archive, &name, &fs::read(entry.path()).map_err(fault)?)?;
        }
    }
    Ok(())
}

fn append(archive: &mut Builder<Vec<u8>>, name: &str, bytes: &[u8]) -> Result<(), Fault> {
    let fault = |cause: std::io::Error| {
        let help = format!("a name in the boot archive has at most {MOST_NAME_BYTES} bytes");
        Fault::new(format!("file {name}"), cause.to_string(), help)
    };
    let mut header = Header::new_ustar();
    header.set_path(name).map_err(fault)?;
    header.set_size(bytes.len() as u64);
    header.set_mode(0o444);
    header.set_cksum();
    archive.append(&header, bytes).map_err(fault)
}
