//! One end of the ring as the supervisor sees it, and why it may not come to its end.

use std::path::Path;
use std::time::{Duration, Instant};

use stream::sum;
use thiserror::Error;
use usufruct::{Capture, Error, HostError, Kernel, Output, Pages, Program, Task};

/// How long nothing may arrive at the consumer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Why the stream does not come to its end.
#[derive(Debug, Error)]
pub(crate) enum Fault {
    #[error("'{path}' can not be read: {error}; README.md says how to build it")]
    File { path: String, error: std::io::Error },
    #[error(transparent)]
    Kernel(#[from] Error),
    #[error("the {0} has stored after its right was taken")]
    Moved(&'static str),
    #[error("the {name} does not do its work: it {report}; it says: {said}")]
    Ended {
        name: &'static str,
        report: String,
        said: String,
    },
    #[error("nothing has arrived for {} s", PATIENCE.as_secs())]
    Stuck,
}

impl From<HostError> for Fault {
    fn from(error: HostError) -> Self {
        Self::Kernel(error.into())
    }
}

/// An end, as the supervisor sees it.
pub(crate) struct End {
    pub(crate) name: &'static str,
    program: Program,
    arguments: Vec<String>,
    pub(crate) pages: Pages,
    pub(crate) task: Task,
    said: Capture,
    pub(crate) state: State,
}

pub(crate) enum State {
    /// Has not said yet that it listens.
    Starting,
    /// May store, until then.
    Running { until: Instant },
    /// Has been asked to pause.
    Asked,
    /// May not, until then; its pages are what they sum up to.
    Taken { until: Instant, sum: u64 },
    /// Has done its work.
    Done,
}

impl End {
    pub(crate) fn new(
        kernel: &Kernel,
        name: &'static str,
        program: Program,
        arguments: Vec<String>,
        pages: Pages,
    ) -> Result<Self, Fault> {
        let said = Capture::new(4096);
        let task = spawn(kernel, name, &program, &arguments, &said)?;
        Ok(Self {
            name,
            program,
            arguments,
            pages,
            task,
            said,
            state: State::Starting,
        })
    }

    pub(crate) fn start(&mut self, kernel: &Kernel) -> Result<(), Fault> {
        self.task = spawn(
            kernel,
            self.name,
            &self.program,
            &self.arguments,
            &self.said,
        )?;
        self.state = State::Starting;
        Ok(())
    }

    /// What all bytes of its pages sum up to.
    pub(crate) fn sum(&self) -> Result<u64, Fault> {
        let mut bytes = vec![0; self.pages.len()];
        self.pages.read_into(0, &mut bytes)?;
        Ok(sum(0, &bytes))
    }

    pub(crate) fn fault(&self, report: &str) -> Fault {
        Fault::Ended {
            name: self.name,
            report: report.to_owned(),
            said: String::from_utf8_lossy(&self.said.contents()).into_owned(),
        }
    }
}

pub(crate) fn load(kernel: &Kernel, path: &Path) -> Result<Program, Fault> {
    let module = std::fs::read(path).map_err(|error| Fault::File {
        path: path.display().to_string(),
        error,
    })?;
    Ok(kernel.load(module).map_err(Error::from)?)
}

fn spawn(
    kernel: &Kernel,
    name: &str,
    program: &Program,
    arguments: &[String],
    said: &Capture,
) -> Result<Task, Fault> {
    let task = kernel
        .task(name, program)
        .argument(name)
        .stderr(Output::Capture(said.clone()));
    let task = arguments
        .iter()
        .fold(task, |task, argument| task.argument(argument));
    Ok(task.spawn().map_err(Error::from)?)
}
