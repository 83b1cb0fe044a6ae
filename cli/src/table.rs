//! `--table`: what each task did.

use std::fmt;

use usufruct::Usage;

use crate::verdict::History;
use usufruct_system_file::InWords;

const HEADINGS: [&str; 11] = [
    "task",
    "lives",
    "read",
    "written",
    "copied",
    "given",
    "received",
    "shared",
    "refused",
    "time",
    "end of its last life",
];

/// A line for each task; all its lives are added up. Then what all did together.
pub(crate) struct Table<'a>(pub(crate) &'a [History]);

/// The cells of a task, under the headings.
fn cells(history: &History) -> [String; 11] {
    let usage = &history.usage;
    [
        history.name.clone(),
        history.lives.to_string(),
        usage.read_bytes.to_string(),
        usage.written_bytes.to_string(),
        usage.copied_bytes().to_string(),
        usage.given_bytes.to_string(),
        usage.received_bytes.to_string(),
        usage.shares.to_string(),
        usage.refusals.to_string(),
        InWords(usage.run_time).to_string(),
        history.end.clone(),
    ]
}

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = vec![HEADINGS.map(str::to_owned)];
        lines.extend(self.0.iter().map(cells));
        let mut widths = [0; 11];
        for line in &lines {
            for (width, cell) in widths.iter_mut().zip(line) {
                *width = cell.chars().count().max(*width);
            }
        }
        writeln!(f)?;
        for line in &lines {
            let mut text = String::new();
            for (column, (cell, width)) in line.iter().zip(widths).enumerate() {
                // Words stand to the left, numbers to the right.
                if column == 0 || column + 1 == line.len() {
                    text += &format!("{cell:<width$}  ");
                } else {
                    text += &format!("{cell:>width$}  ");
                }
            }
            writeln!(f, "{}", text.trim_end())?;
        }
        let sum = |bytes: fn(&Usage) -> u64| self.0.iter().map(|task| bytes(&task.usage)).sum();
        let (copied, given): (u64, u64) =
            (sum(Usage::copied_bytes), sum(|usage| usage.given_bytes));
        writeln!(
            f,
            "in bytes: {copied} copied by the kernel, {given} given as pages without a copy"
        )
    }
}
