//! The command line, and the plan that it asks for.

use std::fs;
use std::path::Path;

use clap::{Args, Parser, Subcommand};
use usufruct::{HEAP_LIMIT_BYTES, WASM_PAGE_BYTES};
use usufruct_system_file::{Facts, Fault, Limits, Plan, TaskPlan, name_problem, parse, size};

use crate::new::New;

/// Runs programs that share memory and do not trust each other
#[derive(Debug, Parser)]
#[command(name = "usufruct", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Run(Run),
    Check(Check),
    New(New),
}

/// Run a system of tasks until the last of them has ended
///
/// All tasks exist, by name, before the first one runs. Their output streams are those
/// of this command; its standard input goes to the first task, the others find theirs
/// empty. The exit status is 0 if every task exits with 0, 1 if one failed, 2 if the
/// command line, the system file or a program is not in order (nothing runs then), and
/// 130 after an interrupt (Ctrl-C), which kills all tasks.
#[derive(Args, Debug)]
pub(crate) struct Run {
    #[command(flatten)]
    pool: PoolSize,

    /// Print what each task did when all have ended
    #[arg(long)]
    pub(crate) table: bool,

    /// Print each refusal and each change of rights as one line that reads like the call
    #[arg(long)]
    pub(crate) trace: bool,

    /// A system file, or for each task its name and its .wasm or .wat file
    #[arg(required = true, value_name = "SYSTEM.toml | NAME=FILE")]
    what: Vec<String>,

    /// What the system file calls $1, $2, ...; without one, arguments of the first task
    #[arg(last = true)]
    args: Vec<String>,
}

/// Say what a program imports, and whether and how it can run
///
/// A program is a WebAssembly module, in the binary format or as text. Of a system file, whose
/// name ends in .toml, everything is checked that `run` checks. Nothing runs. The exit status
/// is 0 if it can run, 1 if it can not, and 2 if the command line is not in order or the file
/// can not be read.
#[derive(Args, Debug)]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) pool: PoolSize,

    /// A program (.wasm or .wat), or a system file
    pub(crate) file: String,

    /// What the system file calls $1, $2, ...
    #[arg(last = true)]
    pub(crate) args: Vec<String>,
}

#[derive(Args, Debug)]
pub(crate) struct PoolSize {
    /// Size of the page pool, in bytes, KiB, MiB or GiB, up to 2 GiB; goes before the system file's
    #[arg(long = "pool", value_name = "SIZE")]
    pub(crate) words: Option<String>,
}

impl PoolSize {
    pub(crate) fn bytes(&self) -> Result<Option<u64>, Fault> {
        let Some(words) = &self.words else {
            return Ok(None);
        };
        let bytes = size::parse(words).ok_or_else(|| {
            let help = format!("write {}", size::FORM);
            Fault::new(format!("--pool {words}"), "this is no size", help)
        })?;
        Ok(Some(bytes))
    }
}

impl Run {
    /// What to run.
    pub(crate) fn plan(&self) -> Result<Plan, Fault> {
        let pool_bytes = self.pool.bytes()?;
        let mut plan = match self.what.as_slice() {
            [path] if named_file(path).is_none() => read(path, &self.args)?,
            tasks => self.plain_plan(tasks)?,
        };
        plan.limits.pool_bytes = pool_bytes.or(plan.limits.pool_bytes);
        Ok(plan)
    }

    fn plain_plan(&self, named_files: &[String]) -> Result<Plan, Fault> {
        let mut tasks: Vec<TaskPlan> = Vec::new();
        for text in named_files {
            let (name, path) = named_file(text).ok_or_else(|| {
                let cause = "this is no NAME=FILE";
                let help = "usufruct run SYSTEM.toml, or usufruct run NAME=FILE ...";
                Fault::new(format!("`{text}`"), cause, help)
            })?;
            if let Some(cause) = name_problem(name, &tasks) {
                let help = "give the task another name";
                return Err(Fault::new(format!("`{text}`"), cause, help));
            }
            tasks.push(TaskPlan::new(
                format!("`{text}`"),
                name.to_owned(),
                path.to_owned(),
            ));
        }
        if let Some(first) = tasks.first_mut() {
            first.args.clone_from(&self.args);
        }
        let limits = Limits {
            place: "the command line".to_owned(),
            ..Limits::default()
        };
        Ok(Plan { limits, tasks })
    }
}

/// The system that the file at `path` describes.
pub(crate) fn read(path: &str, arguments: &[String]) -> Result<Plan, Fault> {
    let text = fs::read_to_string(path).map_err(|cause| {
        let help = "usufruct run SYSTEM.toml, or usufruct run NAME=FILE ...";
        Fault::new(path, cause.to_string(), help)
    })?;
    let facts = Facts {
        memory_bytes: WASM_PAGE_BYTES..=HEAP_LIMIT_BYTES,
        is_folder: |path: &str| Path::new(path).is_dir(),
    };
    parse((path, &text), arguments, &facts)
}

/// The two sides of `NAME=FILE`. A path may hold a `=` behind its first `/`.
fn named_file(text: &str) -> Option<(&str, &str)> {
    text.split_once('=').filter(|(name, _)| !name.contains('/'))
}
