//! The figures as files, and whether a run is worse than what they say.

use std::fs;

use super::file;
use crate::figure::{Figure, Role, Section, Unit};
use crate::goal::{comparable, factor};

const HEAD: &str = "case,what,role,unit,median,least,most,samples,ratio";

/// So many times the recorded figure is too much.
const WORSE: f64 = 1.25;

fn name(section: &Section) -> String {
    format!("results/{}.csv", section.name)
}

pub(super) fn write(section: &Section) -> Result<(), String> {
    let path = file(&name(section));
    let rows: String = section
        .figures
        .iter()
        .map(|figure| row(section, figure))
        .collect();
    fs::write(&path, format!("{HEAD}\n{rows}"))
        .map_err(|error| format!("{} can not be written: {error}", path.display()))
}

fn row(section: &Section, figure: &Figure) -> String {
    let role = match figure.role {
        Role::Floor => "floor",
        Role::Ours => "ours",
        Role::Rival => "rival",
    };
    let unit = match figure.unit {
        Unit::Nanoseconds => "ns",
        Unit::Bytes => "bytes",
    };
    let spread = figure.spread();
    let ratio = section.ratio(figure);
    format!(
        "{},{role},{unit},{:.1},{:.1},{:.1},{},{}\n",
        key(figure),
        spread.median,
        spread.least,
        spread.most,
        figure.samples.len(),
        ratio.map_or(String::new(), |ratio| format!("{ratio:.4}")),
    )
}

/// The two cells that name a figure. Both may have a comma.
fn key(figure: &Figure) -> String {
    format!("\"{}\",\"{}\"", figure.case, figure.what)
}

/// What has become worse than recorded, in words.
///
/// # Errors
///
/// Nothing is recorded.
pub(crate) fn worse(section: &Section) -> Result<Vec<String>, String> {
    let path = file(&name(section));
    let recorded = fs::read_to_string(&path)
        .map_err(|error| format!("{} can not be read: {error}", path.display()))?;
    Ok(worse_than(section, &recorded))
}

fn worse_than(section: &Section, recorded: &str) -> Vec<String> {
    let ours = section
        .figures
        .iter()
        .filter(|figure| figure.role == Role::Ours);
    ours.filter_map(|figure| {
        let now = comparable(section, figure)?;
        let verdict = match recorded_as(recorded, figure) {
            Some(then) if now / then <= WORSE => return None,
            Some(then) => format!("{} of what is recorded", factor(now / then)),
            None => "not recorded; record it".to_owned(),
        };
        Some(format!(
            "{}, {}, {}: {verdict}",
            section.name, figure.case, figure.what
        ))
    })
    .collect()
}

/// What is comparable of a figure, as recorded; `None` if it is not there.
fn recorded_as(recorded: &str, figure: &Figure) -> Option<f64> {
    let key = format!("{},", key(figure));
    let cells = recorded.lines().find_map(|line| line.strip_prefix(&key))?;
    let mut cells = cells.split(',');
    let cell = match figure.unit {
        Unit::Bytes => cells.nth(2),
        Unit::Nanoseconds => cells.next_back(),
    };
    cell?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{HEAD, row, worse_than};
    use crate::figure::{Case, Figure, Role, Section, Unit};

    fn section(read_ns: f64, task_bytes: f64) -> Section {
        let of = |what: &str, role, unit, value| Figure {
            case: Case::Named("one, or two".to_owned()),
            what: what.to_owned(),
            role,
            unit,
            samples: vec![value],
        };
        Section {
            name: "test",
            about: String::new(),
            figures: vec![
                of("memcpy", Role::Floor, Unit::Nanoseconds, 10.0),
                of("read", Role::Ours, Unit::Nanoseconds, read_ns),
                of("through a pipe", Role::Rival, Unit::Nanoseconds, read_ns),
                of("a task", Role::Ours, Unit::Bytes, task_bytes),
            ],
            picture: None,
        }
    }

    fn recorded() -> String {
        let section = section(20.0, 1000.0);
        let rows = section.figures.iter().map(|figure| row(&section, figure));
        [HEAD.to_owned() + "\n"].into_iter().chain(rows).collect()
    }

    #[test]
    fn what_is_a_quarter_worse_is_named() {
        assert!(worse_than(&section(24.0, 1200.0), &recorded()).is_empty());
        let worse = worse_than(&section(26.0, 1000.0), &recorded());
        assert_eq!(
            worse,
            ["test, one, or two, read: 1.30 x of what is recorded"]
        );
        assert_eq!(worse_than(&section(20.0, 1300.0), &recorded()).len(), 1);
    }

    #[test]
    fn a_figure_that_is_not_recorded_is_named() {
        let worse = worse_than(&section(20.0, 1000.0), HEAD);
        assert_eq!(worse.len(), 2, "{worse:?}");
        assert!(worse[0].ends_with("read: not recorded; record it"));
    }

    #[test]
    fn a_slower_machine_is_not_worse() {
        let mut slow = section(40.0, 1000.0);
        slow.figures[0].samples = vec![20.0];
        assert!(worse_than(&slow, &recorded()).is_empty());
    }
}
