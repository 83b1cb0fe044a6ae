//! A program that measures what it is asked for.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{self, ChildStdin, ChildStdout, Command, Stdio};

use clap::Args;

/// Where the programs of `rivals/` are. What is not named is left out.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Rivals {
    /// The program of bench/rivals/wasmtime.
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) wasmtime: Option<PathBuf>,
    /// The program of bench/rivals/extism.
    #[arg(long, value_name = "PROGRAM", requires = "extism_plugin")]
    pub(crate) extism: Option<PathBuf>,
    /// The plug-in that it runs.
    #[arg(long, value_name = "FILE", requires = "extism")]
    pub(crate) extism_plugin: Option<PathBuf>,
}

/// A rival that runs. It ends when this is dropped.
pub(crate) struct Child {
    name: String,
    process: process::Child,
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Child {
    /// Starts a program.
    ///
    /// # Errors
    ///
    /// It does not run.
    pub(crate) fn start(
        program: &OsStr,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Result<Self, String> {
        let name = program.display().to_string();
        let process = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut process = process.map_err(|error| format!("{name} does not run: {error}"))?;
        let pipes = process.stdin.take().zip(process.stdout.take());
        let (questions, answers) = pipes.ok_or("a child without pipes")?;
        Ok(Self {
            name,
            process,
            questions: Some(questions),
            answers: BufReader::new(answers),
        })
    }

    /// Nanoseconds that each of `times` took, by this way of the rival's.
    ///
    /// # Errors
    ///
    /// It says something else, or nothing any more.
    pub(crate) fn time(&mut self, way: &str, bytes: u32, times: u32) -> Result<f64, String> {
        let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", self.name);
        let questions = self.questions.as_mut().ok_or("it has been let go")?;
        writeln!(questions, "{way} {bytes} {times}").map_err(|error| failed(&error))?;
        let mut answer = String::new();
        self.answers
            .read_line(&mut answer)
            .map_err(|error| failed(&error))?;
        let ns: u64 = answer.trim().parse().map_err(|_| {
            failed(&format!(
                "'{}' is no answer to '{way} {bytes} {times}'",
                answer.trim()
            ))
        })?;
        Ok(ns as f64 / f64::from(times))
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // The end of its input is the end of its work.
        self.questions.take();
        let _ = self.process.wait();
    }
}
