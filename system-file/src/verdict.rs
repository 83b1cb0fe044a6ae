//! What became of a system's tasks, in words: the same ones on every machine.

use core::fmt::{self, Display};
use core::time::Duration;

use usufruct_abi::{ENDED_EXIT, ENDED_FORBIDDEN_STORE, ENDED_KILLED, ENDED_TRAP};

/// How a life ended.
#[derive(Clone, Copy, Debug)]
pub struct End<'a> {
    /// As those who watch the task are told: `abi`'s `ENDED_*`.
    pub reason: i32,
    /// The same.
    pub status: i32,
    /// What happened, if it failed by itself.
    pub text: &'a str,
    /// The time limit, if that is why it was killed.
    pub exceeded: Option<Duration>,
}

impl Display for End<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.reason, self.exceeded) {
            (ENDED_EXIT, _) => write!(f, "exited with status {}", self.status),
            (ENDED_TRAP, _) => write!(f, "trapped: {}", self.text),
            (ENDED_KILLED, Some(limit)) => {
                write!(f, "was killed: it ran longer than {}", InWords(limit))
            }
            (ENDED_KILLED, None) => f.write_str("was killed"),
            (ENDED_FORBIDDEN_STORE, _) => write!(f, "stored where it may not: {}", self.text),
            _ => f.write_str("ended long ago"),
        }
    }
}

/// `1.5 s`, `300.0 ms`.
#[derive(Clone, Copy, Debug)]
pub struct InWords(pub Duration);

impl Display for InWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 >= Duration::from_secs(1) {
            write!(f, "{:.1} s", self.0.as_secs_f64())
        } else {
            write!(f, "{:.1} ms", self.0.as_secs_f64() * 1e3)
        }
    }
}

/// The line that is said when a task begins another life.
#[derive(Debug)]
pub struct NextLife<'a, E> {
    /// The task's name.
    pub name: &'a str,
    /// The number of the life that ended.
    pub life: u32,
    /// How it ended, in a line.
    pub end: E,
}

impl<E: Display> Display for NextLife<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, life, end } = self;
        let next = life.saturating_add(1);
        write!(f, "task `{name}`, life {life}, {end}; life {next} begins")
    }
}

/// The line that says which tasks failed and how: names and ends, at least one.
#[derive(Debug)]
pub struct Failed<I>(pub I);

impl<N: Display, E: Display, I: Iterator<Item = (N, E)> + Clone> Display for Failed<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut all = self.0.clone();
        let Some((name, end)) = all.next() else {
            return Ok(());
        };
        let Some((second, its_end)) = all.next() else {
            return write!(f, "error: task `{name}` failed: {end}");
        };
        write!(
            f,
            "error: tasks failed: `{name}` ({end}), `{second}` ({its_end})"
        )?;
        all.try_for_each(|(name, end)| write!(f, ", `{name}` ({end})"))
    }
}
