//! Runs a system on the bare machine: boots its archive, and does on the host what its tasks
//! say over the output port.

use crate::pack::Packed;
use crate::programs::programs;
use crate::setup::Setup;
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Component, Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use usufruct_system_file::Plan;
use usufruct_x86_64_wire::output::{Header, Kind, verdict};

/// Processors with all that QEMU can emulate, the output port on standard output, the log on
/// standard error (which may be a file that has been written to), and a way to end it all.
const OPTIONS: &str = "-no-user-config -nodefaults -cpu max -display none -no-reboot \
    -chardev stdio,id=output,signal=off -device isa-debugcon,iobase=0xea,chardev=output \
    -chardev file,id=log,path=/dev/stderr,append=on -device isa-debugcon,iobase=0xe9,chardev=log \
    -device isa-debug-exit,iobase=0xf4,iosize=4";
/// What `timeout` exits with when it has ended what it ran.
const TIMED_OUT: i32 = 124;

/// How a system ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Every task exited with 0.
    Succeeded,
    /// A task failed, or a file could not be written.
    Failed,
    /// Nothing was started.
    Refused,
    /// It did not end in its time.
    TooLate,
    /// The kernel has a bug, or QEMU; the log says more.
    Broken,
}

/// Where what a system says goes.
#[derive(Debug)]
pub struct Outputs<O, E> {
    /// The tasks' standard output.
    pub output: O,
    /// Their standard error, and what the kernel says.
    pub errors: E,
}

/// Boots the archive, and returns when the machine is off. What the kernel logs goes to the
/// caller's standard error.
///
/// # Errors
///
/// QEMU can not be started, or what it says makes no sense.
pub fn run(
    (packed, setup): (&Packed, Setup),
    limit: Duration,
    outputs: &mut Outputs<impl Write, impl Write>,
) -> io::Result<Ended> {
    run_archive((&packed.archive, &packed.plan), setup, limit, outputs)
}

/// The same, of an archive that need not be in order.
///
/// # Errors
///
/// The same.
pub fn run_archive(
    (archive, plan): (&[u8], &Plan),
    setup: Setup,
    limit: Duration,
    outputs: &mut Outputs<impl Write, impl Write>,
) -> io::Result<Ended> {
    let image = Image::write(archive)?;
    let mut qemu = boot(&image, setup, limit)?;
    let stream = qemu.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let mut files = Files {
        plan,
        open: HashMap::new(),
        has_failed: false,
    };
    let listened = listen(stream, &mut files, outputs);
    if listened.is_err() {
        // It would wait for a reader.
        let _ = Command::new("kill").arg(qemu.id().to_string()).status();
    }
    let status = qemu.wait()?;
    listened?;
    let exit_status = |verdict: u32| Some((verdict << 1 | 1).cast_signed());
    Ok(match status.code() {
        code if code == exit_status(verdict::SUCCEEDED) && files.has_failed => Ended::Failed,
        code if code == exit_status(verdict::SUCCEEDED) => Ended::Succeeded,
        code if code == exit_status(verdict::FAILED) => Ended::Failed,
        code if code == exit_status(verdict::REFUSED) => Ended::Refused,
        Some(TIMED_OUT) => Ended::TooLate,
        _ => Ended::Broken,
    })
}

fn boot(image: &Image, setup: Setup, limit: Duration) -> io::Result<Child> {
    let mut command = Command::new("timeout");
    command.arg(limit.as_secs_f64().to_string());
    command.arg("qemu-system-x86_64");
    command.args(OPTIONS.split_whitespace());
    command.args(setup.options().split_whitespace());
    command.arg("-kernel").arg(&programs().kernel);
    command.arg("-initrd").arg(&image.0);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    command.spawn()
}

/// The archive where QEMU finds it; gone when dropped.
struct Image(PathBuf);

impl Image {
    fn write(archive: &[u8]) -> io::Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("usufruct-x86_64.{}.{number}.tar", std::process::id());
        let image = Self(std::env::temp_dir().join(name));
        fs::write(&image.0, archive)?;
        Ok(image)
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        // Nobody can do more about it.
        let _ = fs::remove_file(&self.0);
    }
}

fn listen(
    mut stream: impl Read,
    files: &mut Files<'_>,
    outputs: &mut Outputs<impl Write, impl Write>,
) -> io::Result<()> {
    /// No payload is longer.
    const MOST_BYTES: u32 = 64 << 10;
    loop {
        let mut header = [0; Header::BYTES];
        match stream.read_exact(&mut header) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            other => other?,
        }
        let header = Header::decode(header).filter(|header| header.bytes <= MOST_BYTES);
        let header = header.ok_or(io::ErrorKind::InvalidData)?;
        let mut payload = vec![0; usize::try_from(header.bytes).unwrap_or(usize::MAX)];
        stream.read_exact(&mut payload)?;
        let said = match header.kind {
            Kind::Standard => {
                outputs.output.write_all(&payload)?;
                outputs.output.flush()?;
                continue;
            }
            Kind::Said | Kind::Error => {
                outputs.errors.write_all(&payload)?;
                continue;
            }
            Kind::Open => files.open(header.number, &payload),
            Kind::Data => files.write(header.number, &payload),
            Kind::Close => {
                files.open.remove(&header.number);
                Ok(())
            }
        };
        if let Err(why) = said {
            files.has_failed = true;
            writeln!(outputs.errors, "error: {why}")?;
        }
    }
}

/// Files that tasks write. The kernel has checked what it says of them; so does the host.
struct Files<'a> {
    plan: &'a Plan,
    open: HashMap<u32, File>,
    has_failed: bool,
}

impl Files<'_> {
    fn open(&mut self, number: u32, payload: &[u8]) -> Result<(), String> {
        let nonsense = || "the kernel opens a file that makes no sense".to_owned();
        let (of, path) = payload.split_first_chunk().ok_or_else(nonsense)?;
        let of = usize::try_from(u32::from_le_bytes(*of)).ok();
        let paths = self.plan.paths();
        let folder = *of.and_then(|of| paths.get(of)).ok_or_else(nonsense)?;
        let path = str::from_utf8(path).map_err(|_| nonsense())?;
        let mut folders = self.plan.tasks.iter().flat_map(|task| &task.dirs);
        if !folders.any(|dir| dir.writable && dir.host == folder) {
            return Err(format!("{folder} is not writable for any task"));
        }
        let file = create(Path::new(folder), Path::new(path));
        let file = file.map_err(|cause| format!("cannot write {folder}/{path}: {cause}"))?;
        self.open.insert(number, file);
        Ok(())
    }

    fn write(&mut self, number: u32, bytes: &[u8]) -> Result<(), String> {
        // One that could not be opened has been told of.
        let Some(file) = self.open.get_mut(&number) else {
            return Ok(());
        };
        let written = file.write_all(bytes);
        written.map_err(|cause| format!("cannot write a task's file: {cause}"))
    }
}

/// A new file in a folder, wherever links lead.
fn create(folder: &Path, path: &Path) -> io::Result<File> {
    let is_plain = |part| matches!(part, Component::Normal(_));
    if path.as_os_str().is_empty() || !path.components().all(is_plain) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let whole = folder.join(path);
    let parent = whole.parent().ok_or(io::ErrorKind::InvalidInput)?;
    if !parent.canonicalize()?.starts_with(folder.canonicalize()?) {
        return Err(io::Error::other("a link leads out of the folder"));
    }
    if fs::symlink_metadata(&whole).is_ok_and(|there| there.is_symlink()) {
        return Err(io::Error::other("a link is in its place"));
    }
    File::create(whole)
}
