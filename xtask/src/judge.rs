//! What became of each of the hostile decoder's attempts, by what a run has said.

use std::fmt;
use std::fs;
use std::process::{Command, ExitStatus};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::step;
use crate::tree::{self, THUMBNAIL};

/// How the decoder reports an attempt that nothing stopped.
const SUCCEEDED: &str = "SUCCEEDED";
/// As much of a report as the table shows.
const SHOWN_CHARS: usize = 60;

/// `examples/thumbnail/attempts.toml`.
#[derive(Deserialize)]
struct List {
    attempt: Vec<Attempt>,
}

/// An attempt of that list, as far as it matters here.
#[derive(Debug, Deserialize)]
pub(crate) struct Attempt {
    pub(crate) name: String,
    /// The patch that takes out what stops this attempt. None for attempts that no
    /// check of core stops.
    pub(crate) check: Option<String>,
    /// Words of the report of the life's end. None: it is refused, and the life goes on.
    ends: Option<String>,
    /// The same on bare x86-64, where the report is another.
    ends_bare: Option<String>,
    /// Whose first life it ends. None: it is the decoder's, who has a life for each.
    task: Option<String>,
}

/// The machine that an attempt is made on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Machine {
    Wasm,
    Bare,
}

impl Attempt {
    /// How the report of the life's end begins there. None: it is refused.
    fn ends(&self, machine: Machine) -> Option<&str> {
        let bare = self.ends_bare.as_deref();
        let own = bare.filter(|_| machine == Machine::Bare);
        own.or(self.ends.as_deref())
    }
}

/// What became of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Stopped,
    Succeeded,
    /// It was not made, or ended in a way that nobody expected.
    Unclear,
}

/// A line of the table.
#[derive(Debug)]
pub(crate) struct Row<'a> {
    pub(crate) attempt: &'a Attempt,
    pub(crate) outcome: Outcome,
    /// How the report of the life's end should begin.
    ends: Option<&'a str>,
    happened: String,
}

/// All attempts, in the order in which they are made.
pub(crate) fn attempts() -> Result<Vec<Attempt>> {
    let path = tree::root().join(THUMBNAIL.folder).join("attempts.toml");
    let text = fs::read_to_string(&path).with_context(|| format!("{}", path.display()))?;
    let list: List = toml::from_str(&text).with_context(|| format!("{}", path.display()))?;
    Ok(list.attempt)
}

/// Judges each attempt by all lines that the run has said on this machine.
pub(crate) fn judge<'a>(attempts: &'a [Attempt], machine: Machine, said: &str) -> Vec<Row<'a>> {
    // The first life makes all those that are refused.
    let mut life = 0_u32;
    let rows = attempts.iter().map(|attempt| {
        let end = match &attempt.task {
            Some(task) => end_of(task, 0, said),
            None => {
                life += u32::from(attempt.ends.is_some());
                end_of("decoder", life, said)
            }
        };
        let ends = attempt.ends(machine);
        let (outcome, happened) = become_of((&attempt.name, ends), end, said);
        Row {
            attempt,
            outcome,
            ends,
            happened,
        }
    });
    rows.collect()
}

fn become_of(
    (name, ends): (&str, Option<&str>),
    end: Option<String>,
    said: &str,
) -> (Outcome, String) {
    let begins = [format!("attempt {name}: "), format!("attempt {name} ")];
    let own = said
        .lines()
        .filter(|line| begins.iter().any(|begin| line.starts_with(begin)));
    let answers: Vec<&str> = own
        .filter_map(|line| line.split_once(" -> "))
        .map(|(_, answer)| answer)
        .collect();
    let Some(answer) = answers.last().copied() else {
        return (Outcome::Unclear, "nothing was said of it".to_owned());
    };
    if answer.starts_with(SUCCEEDED) {
        return (Outcome::Succeeded, answer.to_owned());
    }
    let (expected, happened) = match ends {
        None => ("refused: ", answer.to_owned()),
        Some(ends) => (ends, end.unwrap_or(answer.to_owned())),
    };
    if happened.starts_with(expected) {
        (Outcome::Stopped, happened)
    } else {
        (Outcome::Unclear, happened)
    }
}

/// How the machine reports the end of a life.
fn end_of(task: &str, life: u32, said: &str) -> Option<String> {
    let begin = format!("task `{task}`, life {life}, ");
    let (_, report) = said.lines().find_map(|line| line.split_once(&begin))?;
    let end = format!("; life {} begins", life + 1);
    Some(report.strip_suffix(&end).unwrap_or(report).to_owned())
}

/// Runs the hostile job, and says what became of each attempt.
///
/// # Errors
///
/// One of them was not stopped, or the program can not be run.
pub(crate) fn hostile_run(command: &mut Command, machine: Machine) -> Result<ExitStatus> {
    let (status, said) = step::tee(command)?;
    let attempts = attempts()?;
    let rows = judge(&attempts, machine, &said);
    println!("\n{}", Table(&rows));
    let loose = not_stopped(&rows);
    if !loose.is_empty() {
        bail!("not stopped as expected: {}", loose.join(", "));
    }
    Ok(status)
}

/// The names of those that were not stopped.
pub(crate) fn not_stopped(rows: &[Row<'_>]) -> Vec<String> {
    let others = rows.iter().filter(|row| row.outcome != Outcome::Stopped);
    others.map(|row| row.attempt.name.clone()).collect()
}

/// For each attempt what was expected, and what happened.
pub(crate) struct Table<'a>(pub(crate) &'a [Row<'a>]);

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["attempt", "expected", "happened"].map(str::to_owned);
        let mut lines = vec![head];
        lines.extend(self.0.iter().map(cells));
        let width = |column: usize| {
            let cells = lines.iter().filter_map(|line| line.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let (name, expected) = (width(0), width(1));
        for [first, second, third] in &lines {
            writeln!(f, "{first:<name$}  {second:<expected$}  {third}")?;
        }
        Ok(())
    }
}

fn cells(row: &Row<'_>) -> [String; 3] {
    let expected = match row.ends {
        None => "refused".to_owned(),
        Some(ends) => format!("life ends: {ends}"),
    };
    let mut happened: String = row.happened.chars().take(SHOWN_CHARS).collect();
    if happened.len() < row.happened.len() {
        happened += " ...";
    }
    if row.outcome == Outcome::Unclear {
        happened = format!("NOT AS EXPECTED: {happened}");
    }
    [row.attempt.name.clone(), expected, happened]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(name: &str, ends: Option<&str>) -> Attempt {
        Attempt {
            name: name.to_owned(),
            check: None,
            ends: ends.map(str::to_owned),
            ends_bare: None,
            task: None,
        }
    }

    fn outcomes(said: &str) -> Vec<Outcome> {
        let attempts = [
            attempt("read", None),
            attempt("store", Some("stored")),
            attempt("store-on", Some("stored")),
        ];
        let rows = judge(&attempts, Machine::Wasm, said);
        assert_eq!(Table(&rows).to_string().lines().count(), 4);
        rows.iter().map(|row| row.outcome).collect()
    }

    #[test]
    fn an_end_may_be_reported_otherwise_on_the_bare_machine() {
        let mut other = attempt("store", Some("fault"));
        other.ends_bare = Some("can not reach".to_owned());
        let attempts = [other];
        let said = |how: &str| {
            format!("attempt store: x -> this life ends\ntask `decoder`, life 1, {how} 7\n")
        };
        for (machine, how, outcome) in [
            (Machine::Wasm, "fault", Outcome::Stopped),
            (Machine::Wasm, "can not reach", Outcome::Unclear),
            (Machine::Bare, "can not reach", Outcome::Stopped),
            (Machine::Bare, "fault", Outcome::Unclear),
        ] {
            let said = said(how);
            let [row] = &judge(&attempts, machine, &said)[..] else {
                panic!("one attempt, one row");
            };
            assert_eq!(row.outcome, outcome, "{machine:?} {how}");
        }
    }

    #[test]
    fn each_attempt_is_judged_by_its_own_line_and_its_own_life() {
        use Outcome::{Stopped, Succeeded, Unclear};
        let refused = "attempt read: x -> refused: SERR_X\n";
        let made = "attempt store: x -> this life ends\nattempt store-on: x -> this life ends\n";
        let ends = "usufruct: task `decoder`, life 1, stored where: f; life 2 begins\n\
                    usufruct: task `decoder`, life 2, stored where: f; life 3 begins\n";
        let all = format!("{refused}{made}{ends}");
        assert_eq!(outcomes(&all), [Stopped; 3]);
        assert_eq!(outcomes(""), [Unclear; 3]);
        assert_eq!(
            outcomes(&format!("{refused}{made}")),
            [Stopped, Unclear, Unclear]
        );
        let goes_on = format!("{all}attempt store -> SUCCEEDED: the life goes on\n");
        assert_eq!(outcomes(&goes_on), [Stopped, Succeeded, Stopped]);
        let otherwise = all.replace("life 2, stored", "life 2, trapped");
        assert_eq!(outcomes(&otherwise), [Stopped, Stopped, Unclear]);
        let read = all.replace("refused: SERR_X", "SUCCEEDED: 4 bytes");
        assert_eq!(outcomes(&read), [Succeeded, Stopped, Stopped]);
        let untried = all.replace("refused: SERR_X", "not tried: no file");
        assert_eq!(outcomes(&untried), [Unclear, Stopped, Stopped]);
    }
}
