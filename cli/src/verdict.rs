//! What became of each task.

use std::time::Duration;

use usufruct::{Reason, Report, Usage};
use usufruct_system_file::{Failed, InWords};

/// One life, after its end.
#[derive(Debug)]
pub(crate) struct Life {
    /// From 0.
    pub(crate) number: u32,
    pub(crate) report: Report,
    /// The time limit, if that is why it was killed.
    exceeded: Option<Duration>,
}

impl Life {
    /// A life that ended as `report` says, after it had run for `exceeded`, its limit.
    pub(crate) fn new(number: u32, report: Report, exceeded: Option<Duration>) -> Self {
        // It may have ended by itself in the moment of the kill.
        let exceeded = exceeded.filter(|_| report.ending.reason == Reason::Killed);
        Self {
            number,
            report,
            exceeded,
        }
    }

    pub(crate) fn succeeded(&self) -> bool {
        self.report.is_success()
    }

    /// How it ended, with all that is known.
    pub(crate) fn in_full(&self) -> String {
        match self.exceeded {
            Some(limit) => format!("was killed: it ran longer than {}", InWords(limit)),
            None => self.report.to_string(),
        }
    }

    /// How it ended, in one line.
    pub(crate) fn in_short(&self) -> String {
        let full = self.in_full();
        full.lines().next().unwrap_or_default().to_owned()
    }
}

/// All lives of a task.
#[derive(Debug)]
pub(crate) struct History {
    pub(crate) name: String,
    pub(crate) lives: u32,
    /// What all lives did together.
    pub(crate) usage: Usage,
    /// How the last life ended, in one line.
    pub(crate) end: String,
    pub(crate) succeeded: bool,
}

impl History {
    pub(crate) fn new(name: String) -> Self {
        Self {
            name,
            lives: 0,
            usage: Usage::default(),
            end: String::new(),
            succeeded: false,
        }
    }

    pub(crate) fn add(&mut self, life: Life) {
        self.lives = self.lives.saturating_add(1);
        self.end = life.in_short();
        self.succeeded = life.succeeded();
        let (sum, usage) = (&mut self.usage, life.report.usage);
        sum.read_bytes += usage.read_bytes;
        sum.written_bytes += usage.written_bytes;
        sum.message_bytes += usage.message_bytes;
        sum.given_bytes += usage.given_bytes;
        sum.received_bytes += usage.received_bytes;
        sum.shares += usage.shares;
        sum.refusals += usage.refusals;
        sum.calls += usage.calls;
        sum.run_time += usage.run_time;
    }

    /// The task can not be started again.
    pub(crate) fn cannot_go_on(&mut self, why: String) {
        self.end = format!("{}, and can not be started again: {why}", self.end);
        self.succeeded = false;
    }
}

/// The line that says which tasks failed, and why; none if none did.
pub(crate) fn failed(histories: &[History]) -> Option<String> {
    let failed = histories
        .iter()
        .filter(|history| !history.succeeded)
        .map(|history| (&history.name, &history.end));
    failed.clone().next()?;
    Some(Failed(failed).to_string())
}
