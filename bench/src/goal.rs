//! What was to be reached, and what was.

use crate::calls::{CLAIM, HOP, IDLE, ONE_WORKER};
use crate::copy::CALL_AND_MEMCPY;
use crate::figure::{Case, Figure, Section, Unit};
use crate::give::{COPY_ALONE, GIVE, WAYS};
use crate::pages::{FEW_AND_MANY, MANY};
use crate::tasks::{SPAWN, WAITING};
use crate::words::{Table, amount};

const READ: &str = "read_mem";
const COMPONENT: &str = "composed component";

/// What a figure is held against.
#[derive(Clone, Copy)]
enum Measure {
    /// At most so many times the case's floor.
    Floor(f64),
    /// At most so many times another figure of the case.
    Other(&'static str, f64),
    /// At most so much.
    Most(f64),
}

struct Goal {
    case: Case,
    what: &'static str,
    measure: Measure,
}

/// The goals for a section's figures.
fn goals(section: &str) -> Vec<Goal> {
    let goal = |case: Case, what, measure| Goal {
        case,
        what,
        measure,
    };
    let named = |name: &str| Case::Named(name.to_owned());
    let bytes = Case::Bytes;
    match section {
        "copy" => vec![
            goal(bytes(64), READ, Measure::Other(CALL_AND_MEMCPY, 1.6)),
            goal(bytes(64), READ, Measure::Other(COMPONENT, 1.0 / 4.0)),
            goal(bytes(4 << 10), READ, Measure::Floor(1.6)),
            goal(bytes(4 << 10), READ, Measure::Other(COMPONENT, 1.0 / 50.0)),
            goal(bytes(64 << 10), READ, Measure::Floor(1.03)),
            goal(bytes(1 << 20), READ, Measure::Floor(1.03)),
            goal(bytes(16 << 20), READ, Measure::Floor(1.03)),
        ],
        "calls" => vec![
            goal(named(IDLE), CLAIM, Measure::Most(100.0)),
            goal(named(HOP), ONE_WORKER, Measure::Most(500.0)),
        ],
        "tasks" => vec![
            goal(named(SPAWN), "a task, of many", Measure::Most(5_000.0)),
            goal(
                named(WAITING),
                "10000 tasks",
                Measure::Most(400.0 * 1024.0 * 1024.0),
            ),
        ],
        "pages" => ["mprotect", "userfaultfd"]
            .map(|way| named(&format!("{FEW_AND_MANY}, {way}")))
            .map(|case| goal(case, MANY, Measure::Floor(1.2)))
            .into(),
        "give" => vec![
            goal(bytes(1 << 20), WAYS[0], Measure::Floor(0.5)),
            goal(bytes(16 << 20), GIVE, Measure::Other(COPY_ALONE, 0.02)),
        ],
        _ => Vec::new(),
    }
}

/// The goals of a section, for people; `None` if it has none that were measured.
pub(crate) fn table(section: &Section) -> Option<Table> {
    let mut rows = Vec::new();
    for goal in goals(section.name) {
        if let Some(figure) = section.figure(&goal.case, goal.what) {
            rows.extend(row(section, &goal, figure));
        }
    }
    let mut table = Table::new(&["goal", "is to be at most", "is", ""]);
    rows.iter().for_each(|row| table.row(row));
    (!rows.is_empty()).then_some(table)
}

fn row(section: &Section, goal: &Goal, figure: &Figure) -> Option<[String; 4]> {
    let value = |value: f64| amount(value, figure.unit);
    let times = |ratio: f64, of: &str| format!("{} {of}", factor(ratio));
    let (most, is, is_met) = match goal.measure {
        Measure::Floor(most) => {
            let is = section.ratio(figure)?;
            (times(most, "the floor"), factor(is), is <= most)
        }
        Measure::Other(other, most) => {
            let other = section.figure(&goal.case, other)?;
            let is = figure.ratio_to(other);
            (times(most, &other.what), factor(is), is <= most)
        }
        Measure::Most(most) => {
            let is = figure.spread().median;
            (value(most), value(is), is <= most)
        }
    };
    let met = if is_met { "met" } else { "**missed**" };
    let name = format!("{}: {}", goal.case, goal.what);
    Some([name, most, is, met.to_owned()])
}

/// How many times something is, for people.
pub(crate) fn factor(ratio: f64) -> String {
    if ratio >= 10.0 {
        format!("{ratio:.0} x")
    } else if ratio >= 0.1 {
        format!("{ratio:.2} x")
    } else {
        format!("{ratio:.3} x")
    }
}

/// What a figure is compared by, from one machine to the next: its ratio to the
/// floor, or its memory.
pub(crate) fn comparable(section: &Section, figure: &Figure) -> Option<f64> {
    match figure.unit {
        Unit::Bytes => Some(figure.spread().median),
        Unit::Nanoseconds => section.ratio(figure),
    }
}
