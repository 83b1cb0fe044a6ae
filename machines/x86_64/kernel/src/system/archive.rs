//! The boot archive: a tar file with the system file, its arguments, the programs and the
//! files of the folders that it names.

use alloc::borrow::ToOwned as _;
use alloc::string::String;
use alloc::vec::Vec;
use tar_no_std::TarArchiveRef;
use usufruct_system_file::Fault;
use usufruct_x86_64_wire::output::archive::{ARGUMENTS, SYSTEM_FILE};

/// A path of the host's that the plan names, by its number: a program, or a file in a folder.
#[derive(Debug)]
struct File {
    of: usize,
    /// Empty for a program.
    path: String,
    bytes: &'static [u8],
}

/// What the host has packed.
#[derive(Debug)]
pub(super) struct Archive {
    /// Sorted.
    files: Vec<File>,
}

/// The system file and its words.
#[derive(Debug)]
pub(super) struct SystemFile {
    pub(super) path: String,
    pub(super) text: &'static str,
    pub(super) arguments: Vec<String>,
}

impl Archive {
    /// Looks at all of an archive.
    pub(super) fn open(module: &'static [u8]) -> Result<(Self, SystemFile), Fault> {
        let archive = TarArchiveRef::new(module).map_err(|cause| Fault::told(THING, cause))?;
        let (mut files, mut text, mut arguments) = (Vec::new(), None, None);
        for entry in archive.entries() {
            let name = entry.filename();
            let name = name.as_str().map_err(|_| bad("a name is not in UTF-8"))?;
            match name {
                SYSTEM_FILE => text = Some(entry.data()),
                ARGUMENTS => arguments = Some(entry.data()),
                _ => files.push(file(name, entry.data())?),
            }
        }
        files.sort_unstable_by(|one, other| (one.of, &one.path).cmp(&(other.of, &other.path)));
        let text = text.ok_or_else(|| bad("it has no system file"))?;
        let mut words = texts(arguments.unwrap_or_default())?.into_iter();
        let file = SystemFile {
            path: words.next().ok_or_else(|| bad("it has no arguments"))?,
            text: str::from_utf8(text).map_err(|_| bad("its system file is not in UTF-8"))?,
            arguments: words.collect(),
        };
        Ok((Self { files }, file))
    }

    /// The file of this path in a folder of the plan's, or a program, whose path is empty.
    pub(super) fn find(&self, of: usize, path: &str) -> Option<&'static [u8]> {
        let found = self
            .files
            .binary_search_by(|file| (file.of, file.path.as_str()).cmp(&(of, path)));
        Some(self.files[found.ok()?].bytes)
    }
}

const THING: &str = "the boot archive";

fn bad(cause: &str) -> Fault {
    Fault::new(THING, cause, "pack it with `cargo xtask qemu`")
}

fn file(name: &str, bytes: &'static [u8]) -> Result<File, Fault> {
    let (number, path) = name.split_once('/').unwrap_or((name, ""));
    let of = number.parse();
    Ok(File {
        of: of.map_err(|_| bad("an entry is no file of the plan's"))?,
        path: path.to_owned(),
        bytes,
    })
}

/// Texts that end in NUL.
fn texts(bytes: &[u8]) -> Result<Vec<String>, Fault> {
    let text = str::from_utf8(bytes).map_err(|_| bad("its arguments are not in UTF-8"))?;
    Ok(text.split_terminator('\0').map(str::to_owned).collect())
}
