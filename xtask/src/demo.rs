//! A real photograph through four programs that do not trust each other.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::judge::{Machine, hostile_run};
use crate::step;
use crate::tree::{self, THUMBNAIL};

pub(crate) const PICTURE: &str = "examples/thumbnail/data/rocket.jpg";
const OUT_FOLDER: &str = "out";

/// Build all that it needs, and make a thumbnail of a photograph in four programs
/// that do not trust each other
#[derive(Args, Debug)]
pub(crate) struct Demo {
    /// A JPEG or PNG picture; without it, a photograph that comes with the project
    image: Option<PathBuf>,

    /// Where the thumbnail goes, as PNG; without it, `out/NAME.png`
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Let the decoder attack the others first, as `examples/thumbnail/attempts.toml` lists
    #[arg(long)]
    hostile: bool,
}

impl Demo {
    /// The photograph's thumbnail, without attacks.
    pub(crate) fn friendly(out: PathBuf) -> Self {
        Self {
            image: None,
            out: Some(out),
            hostile: false,
        }
    }

    /// The exit status is that of `usufruct`; 2 if it does not come to that.
    pub(crate) fn run_to_exit_code(&self) -> ExitCode {
        match self.run() {
            Ok(code) => code,
            Err(error) => {
                eprintln!("error: {error:#}");
                ExitCode::from(2)
            }
        }
    }

    pub(crate) fn run(&self) -> Result<ExitCode> {
        let image = self.image()?;
        let thumbnail = self.thumbnail(&image)?;
        // What an earlier run left must not look like the result of this one.
        if thumbnail.is_file() {
            fs::remove_file(&thumbnail)?;
        }
        build_guests()?;
        let program = build_cli()?;
        let mut command = job(&program, self.hostile, &image, &thumbnail)?;
        let status = if self.hostile {
            hostile_run(&mut command, Machine::Wasm)?
        } else {
            let status = command.status();
            status.with_context(|| format!("{}", program.display()))?
        };
        if !status.success() {
            let code = status.code().and_then(|code| u8::try_from(code).ok());
            return Ok(ExitCode::from(code.unwrap_or(1)));
        }
        println!("\nthe thumbnail is in {}", thumbnail.display());
        Ok(ExitCode::SUCCESS)
    }

    fn image(&self) -> Result<PathBuf> {
        let Some(image) = &self.image else {
            return Ok(tree::root().join(PICTURE));
        };
        if !image.is_file() {
            bail!(
                "{}: there is no such file; name a JPEG or PNG picture",
                image.display()
            );
        }
        Ok(fs::canonicalize(image)?)
    }

    fn thumbnail(&self, image: &Path) -> Result<PathBuf> {
        if let Some(out) = &self.out {
            let folder = out.parent().filter(|folder| *folder != Path::new(""));
            let folder = fs::canonicalize(folder.unwrap_or(Path::new(".")))
                .with_context(|| format!("the folder of {}", out.display()))?;
            let name = out.file_name().context("--out wants the name of a file")?;
            return Ok(folder.join(name));
        }
        let folder = tree::root().join(OUT_FOLDER);
        fs::create_dir_all(&folder)?;
        let name = image.file_stem().unwrap_or_default();
        Ok(folder.join(name).with_extension("png"))
    }
}

/// Builds the example's programs for WebAssembly.
pub(crate) fn build_guests() -> Result<()> {
    let mut build = THUMBNAIL.cargo("build");
    build.args(["--release", "--locked", "--target", "wasm32-wasip1"]);
    step::run(&mut build)
}

/// Builds `usufruct`; answers where it is.
pub(crate) fn build_cli() -> Result<PathBuf> {
    let target = tree::target();
    let mut build = tree::cargo("build");
    build.args(["--release", "--locked", "--package", "usufruct-cli"]);
    step::run(build.arg("--target-dir").arg(&target))?;
    Ok(target.join("release/usufruct"))
}

/// The example, from `image` to `thumbnail`, run by `program`.
pub(crate) fn job(
    program: &Path,
    hostile: bool,
    image: &Path,
    thumbnail: &Path,
) -> Result<Command> {
    let system = if hostile {
        "hostile.toml"
    } else {
        "system.toml"
    };
    let mut command = Command::new(program);
    command
        .args(["run", "--table"])
        .arg(tree::root().join(THUMBNAIL.folder).join(system))
        .arg("--");
    for file in [image, thumbnail] {
        command.arg(file.parent().context("this is no file")?);
        command.arg(file.file_name().context("this is no file")?);
    }
    Ok(command)
}
