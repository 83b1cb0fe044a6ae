//! Amounts and tables for people.

use std::fmt;

use crate::figure::Unit;

/// An amount in the largest unit that leaves it at least 1, with three digits or so.
pub(crate) fn amount(value: f64, unit: Unit) -> String {
    let (names, step) = match unit {
        Unit::Nanoseconds => (["ns", "us", "ms", "s"], 1e3),
        Unit::Bytes => (["B", "KiB", "MiB", "GiB"], 1024.0),
    };
    let mut value = value;
    let mut names = names.into_iter();
    let mut name = names.next().unwrap_or_default();
    for larger in names {
        if value < step {
            break;
        }
        value /= step;
        name = larger;
    }
    let is_whole = value.fract() == 0.0 || value >= 100.0;
    if is_whole {
        format!("{value:.0} {name}")
    } else {
        format!("{value:.1} {name}")
    }
}

/// A table in Markdown.
pub(crate) struct Table(String);

impl Table {
    pub(crate) fn new<S: AsRef<str>>(heads: &[S]) -> Self {
        let mut table = Self(String::new());
        table.row(heads);
        table.row(&vec!["---"; heads.len()]);
        table
    }

    pub(crate) fn row<S: AsRef<str>>(&mut self, cells: &[S]) {
        let cells: Vec<&str> = cells.iter().map(AsRef::as_ref).collect();
        self.0.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{Unit, amount};

    #[test]
    fn amounts_are_in_the_unit_that_fits() {
        assert_eq!(amount(3.04, Unit::Nanoseconds), "3.0 ns");
        assert_eq!(amount(1500.0, Unit::Nanoseconds), "1.5 us");
        assert_eq!(amount(40_468.0, Unit::Nanoseconds), "40.5 us");
        assert_eq!(amount(65_536.0, Unit::Bytes), "64 KiB");
        assert_eq!(amount(0.0, Unit::Bytes), "0 B");
    }
}
