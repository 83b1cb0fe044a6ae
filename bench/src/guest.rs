//! Guests that are asked by words on their standard input, and answer by words
//! on their standard output.

use std::thread;
use std::time::{Duration, Instant};

use usufruct_wasm::{Capture, Input, Output, Program, Spec, System, Task};

use crate::system;

/// What a guest may write.
const MOST_OUTPUT_BYTES: usize = 1 << 26;

/// How often a waiting host looks.
const NAP: Duration = Duration::from_millis(2);

/// A task that runs, and what it writes.
pub(crate) struct Guest {
    task: Task,
    output: Capture,
}

impl Guest {
    /// Starts `text` as the task `name`, with `words` to read.
    pub(crate) fn start(
        system: &System,
        name: &str,
        text: &str,
        words: &[u32],
    ) -> Result<Self, String> {
        let program = system::load(system, text)?;
        Self::start_program(system, name, &program, words)
    }

    /// The same for a program that has been loaded.
    pub(crate) fn start_program(
        system: &System,
        name: &str,
        program: &Program,
        words: &[u32],
    ) -> Result<Self, String> {
        let output = Capture::new(MOST_OUTPUT_BYTES);
        let mut spec = Spec::new(name);
        let bytes = words.iter().flat_map(|word| word.to_le_bytes());
        spec.streams.stdin = Input::Bytes(bytes.collect());
        spec.streams.stdout = Output::Capture(output.clone());
        let task = system::make(system, program, &spec)?;
        task.start();
        Ok(Self { task, output })
    }

    pub(crate) fn task(&self) -> &Task {
        &self.task
    }

    /// Waits for the end, `patience` at most, and says whether it came; one that
    /// is late is killed.
    ///
    /// # Errors
    ///
    /// An end that is no success.
    pub(crate) fn ends_within(&self, patience: Duration) -> Result<bool, String> {
        let begun = Instant::now();
        while self.task.report().is_none() && begun.elapsed() < patience {
            thread::sleep(NAP);
        }
        match self.task.report() {
            Some(report) if report.is_success() => Ok(true),
            Some(report) => Err(format!("task '{}' {report}", self.task.name())),
            None => {
                self.task.kill();
                Ok(false)
            }
        }
    }

    /// Waits for the end, and returns all that it has written.
    ///
    /// # Errors
    ///
    /// It takes longer than `patience`; an end that is no success.
    pub(crate) fn finish(&self, patience: Duration) -> Result<Vec<u64>, String> {
        if self.ends_within(patience)? {
            Ok(self.words())
        } else {
            Err(format!(
                "task '{}' takes longer than {patience:?}",
                self.task.name()
            ))
        }
    }

    /// The words that it has written so far.
    pub(crate) fn words(&self) -> Vec<u64> {
        let contents = self.output.contents();
        let words = contents.as_chunks::<8>().0.iter();
        words.map(|word| u64::from_le_bytes(*word)).collect()
    }

    /// Ends it.
    ///
    /// # Errors
    ///
    /// It has ended already, though it never should.
    pub(crate) fn kill(&self) -> Result<(), String> {
        if let Some(report) = self.task.report() {
            return Err(format!("task '{}' {report}", self.task.name()));
        }
        self.task.kill();
        Ok(())
    }
}
