//! A chore in steps: each is announced and timed, a failure does not hide the
//! steps behind it, and the end lists them all.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How a step ended.
enum Ending {
    Passed,
    Failed(String),
    Skipped(String),
}

struct Done {
    name: String,
    ending: Ending,
    took: Duration,
}

/// The steps done so far.
#[derive(Default)]
pub(crate) struct Steps {
    done: Vec<Done>,
}

impl Steps {
    /// Runs a program; it passes if it exits with 0.
    pub(crate) fn run(&mut self, name: &str, command: &mut Command) {
        let shown = shown(command);
        self.check(name, || {
            eprintln!("   {shown}");
            run(command)
        });
    }

    /// Runs a check of our own.
    pub(crate) fn check(&mut self, name: &str, check: impl FnOnce() -> Result<()>) {
        eprintln!("\n== {name}");
        let start = Instant::now();
        let ending = match check() {
            Ok(()) => Ending::Passed,
            Err(error) => {
                eprintln!("error: {error:#}");
                Ending::Failed(format!("{error:#}"))
            }
        };
        self.add(name, ending, start.elapsed());
    }

    /// Says aloud that a step is left out.
    pub(crate) fn skip(&mut self, name: &str, why: &str) {
        eprintln!("\n== {name}\n   SKIPPED: {why}");
        self.add(name, Ending::Skipped(why.to_owned()), Duration::ZERO);
    }

    fn add(&mut self, name: &str, ending: Ending, took: Duration) {
        self.done.push(Done {
            name: name.to_owned(),
            ending,
            took,
        });
    }

    /// Lists the steps; fails if one failed.
    pub(crate) fn finish(self) -> Result<()> {
        println!("\nsteps:");
        for done in &self.done {
            println!("  {done}");
        }
        let failed = |done: &&Done| matches!(done.ending, Ending::Failed(_));
        let failed: Vec<&str> = self
            .done
            .iter()
            .filter(failed)
            .map(|done| done.name.as_str())
            .collect();
        if !failed.is_empty() {
            bail!("failed: {}", failed.join(", "));
        }
        Ok(())
    }
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.took.as_secs_f64();
        write!(f, "{:<40} {seconds:>7.1} s  ", self.name)?;
        match &self.ending {
            Ending::Passed => f.write_str("passed"),
            Ending::Failed(why) => write!(f, "FAILED: {why}"),
            Ending::Skipped(why) => write!(f, "SKIPPED: {why}"),
        }
    }
}

/// Runs a program to its end; an exit status other than 0 is an error.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let shown = shown(command);
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => bail!("`{shown}`: {status}"),
        Err(error) => bail!("`{shown}` can not be run: {error}"),
    }
}

/// What a program says; an error with what it says of it if it fails.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let shown = shown(command);
    let output = command.output().with_context(|| format!("`{shown}`"))?;
    if !output.status.success() {
        bail!("`{shown}`: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// Runs a program to its end, shows each line that it says, and answers them too.
///
/// # Errors
///
/// It can not be run.
pub(crate) fn tee(command: &mut Command) -> Result<(ExitStatus, String)> {
    let shown = shown(command);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("`{shown}` can not be run"))?;
    let said = Mutex::new(String::new());
    let keep = |line: &str| {
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        *said += line;
        *said += "\n";
    };
    let (out, err) = (child.stdout.take(), child.stderr.take());
    thread::scope(|scope| {
        scope.spawn(|| {
            for line in lines(err) {
                eprintln!("{line}");
                keep(&line);
            }
        });
        for line in lines(out) {
            println!("{line}");
            keep(&line);
        }
    });
    let status = child.wait()?;
    let said = said.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok((status, said))
}

fn lines(stream: Option<impl Read>) -> impl Iterator<Item = String> {
    let lines = stream.map(|stream| BufReader::new(stream).split(b'\n'));
    let lines = lines.into_iter().flatten().map_while(io::Result::ok);
    lines.map(|line| String::from_utf8_lossy(&line).into_owned())
}

/// The command as one would type it.
pub(crate) fn shown(command: &Command) -> String {
    let settings = command.get_envs().filter_map(|(name, value)| {
        let value = value?.to_string_lossy();
        Some(format!("{}=\"{value}\"", name.to_string_lossy()))
    });
    let program = command.get_program().to_string_lossy().into_owned();
    let arguments = command
        .get_args()
        .map(|argument| argument.to_string_lossy().into_owned());
    let words: Vec<String> = settings.chain([program]).chain(arguments).collect();
    words.join(" ")
}
