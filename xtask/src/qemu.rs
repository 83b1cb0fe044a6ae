//! A system on the bare machine, in QEMU: the thumbnail job, or any other.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus};

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};

use crate::demo::PICTURE;
use crate::judge::Machine::Bare;
use crate::judge::hostile_run;
use crate::step;
use crate::tools;
use crate::tree::{self, BARE_METAL, THUMBNAIL};

/// What the thumbnail's programs are built for.
const TARGET: &str = "x86_64-unknown-none";

/// Boot a system on the bare machine, in QEMU; without one, make a thumbnail of a photograph
/// in four programs that do not trust each other
///
/// QEMU and the target are installed if they are missing. The exit status is that of
/// `usufruct run`.
#[derive(Args, Debug)]
pub(crate) struct Qemu {
    /// The system file
    system: Option<PathBuf>,

    /// Where its programs are that were built for x86_64-unknown-none: FOLDER/NAME for
    /// `some/where/NAME.wasm`
    #[arg(long, value_name = "FOLDER")]
    programs: Option<PathBuf>,

    /// Of the thumbnail: where it goes, as PNG
    #[arg(long, value_name = "FILE", default_value = "out/bare.png")]
    out: PathBuf,

    /// Of the thumbnail: let the decoder attack the others first
    #[arg(long, conflicts_with = "system")]
    hostile: bool,

    /// Which of QEMU's machines
    #[arg(long, default_value = "microvm")]
    machine: Machine,

    /// How many processors
    #[arg(long, default_value = "2", value_parser = clap::value_parser!(u8).range(1..=8))]
    processors: u8,

    /// How long the machine may run, in seconds
    #[arg(long, default_value = "300")]
    limit_s: u32,

    /// What the system file calls $1, $2, ...
    #[arg(last = true)]
    args: Vec<String>,
}

/// A machine of QEMU's.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Machine {
    Microvm,
    Q35,
}

impl Machine {
    /// QEMU's name for it, which is also that of the tests' environment.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Microvm => "microvm",
            Self::Q35 => "q35",
        }
    }
}

impl Qemu {
    /// The thumbnail on such a machine.
    pub(crate) fn thumbnail_on(machine: Machine, processors: u8, out: PathBuf) -> Self {
        Self {
            system: None,
            programs: None,
            out,
            hostile: false,
            machine,
            processors,
            limit_s: 300,
            args: Vec::new(),
        }
    }

    /// The same with the decoder that attacks the others.
    pub(crate) fn hostile(self) -> Self {
        Self {
            hostile: true,
            ..self
        }
    }

    /// The exit status is the system's; 2 if it does not come to that.
    pub(crate) fn run_to_exit_code(&self) -> ExitCode {
        let code = |status: ExitStatus| status.code().and_then(|code| u8::try_from(code).ok());
        match self.run() {
            Ok(status) => ExitCode::from(code(status).unwrap_or(1)),
            Err(error) => {
                eprintln!("error: {error:#}");
                ExitCode::from(2)
            }
        }
    }

    pub(crate) fn run(&self) -> Result<ExitStatus> {
        tools::install(&[&tools::BARE_METAL])?;
        step::run(Command::new("rustup").args(["--quiet", "target", "add", TARGET]))?;
        match &self.system {
            Some(system) => {
                let programs = self.programs.as_deref().map(fs::canonicalize).transpose()?;
                self.boot(system, programs.as_deref(), &self.args)
            }
            None => self.thumbnail(),
        }
    }

    fn thumbnail(&self) -> Result<ExitStatus> {
        let mut build = THUMBNAIL.cargo("build");
        build.args(["--quiet", "--release", "--locked", "--target", TARGET]);
        step::run(&mut build)?;
        let built = tree::target().join("thumbnail").join(TARGET);
        let system = if self.hostile {
            "hostile.toml"
        } else {
            "system.toml"
        };
        let system = tree::root().join(THUMBNAIL.folder).join(system);
        let picture = tree::root().join(PICTURE);
        let folder = self.out.parent().filter(|path| *path != Path::new(""));
        let folder = folder.unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let out = fs::canonicalize(folder)?;
        let name = self.out.file_name();
        let out = out.join(name.context("--out wants the name of a file")?);
        // What an earlier run left must not look like the result of this one.
        if out.is_file() {
            fs::remove_file(&out)?;
        }
        let mut args = Vec::new();
        for file in [&picture, &out] {
            for part in [file.parent().map(Path::as_os_str), file.file_name()] {
                let part = part.and_then(|part| part.to_str());
                args.push(
                    part.context("a path that is in UTF-8 is wanted")?
                        .to_owned(),
                );
            }
        }
        let status = self.boot(&system, Some(&built.join("release")), &args)?;
        if status.success() {
            println!("\nthe thumbnail is in {}", out.display());
        }
        Ok(status)
    }

    fn boot(&self, system: &Path, programs: Option<&Path>, args: &[String]) -> Result<ExitStatus> {
        let system = fs::canonicalize(system).with_context(|| system.display().to_string())?;
        let mut build = BARE_METAL.cargo("build");
        build.args(["--quiet", "--locked", "--release"]);
        build.args(["--package", "usufruct-x86_64-rig", "--bin", "system"]);
        step::run(&mut build)?;
        let mut boot = Command::new(tree::target().join("x86_64/release/system"));
        boot.arg("--limit-s").arg(self.limit_s.to_string());
        if let Some(folder) = programs {
            boot.arg("--programs").arg(folder);
        }
        boot.arg(system).arg("--").args(args);
        boot.env("USUFRUCT_X86_64_MACHINE", self.machine.name());
        boot.env("USUFRUCT_X86_64_PROCESSORS", self.processors.to_string());
        if self.hostile {
            return hostile_run(&mut boot, Bare);
        }
        boot.status().with_context(|| step::shown(&boot))
    }
}
