//! What a measurement comes to: figures by case, each beside the case's floor.

use std::fmt;

use crate::words::amount;

/// What a figure's samples are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Nanoseconds,
    Bytes,
}

/// What a figure is compared as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// What the others of its case are divided by.
    Floor,
    /// Ours: must not become worse.
    Ours,
    /// What one would use instead.
    Rival,
}

/// What is measured: by a name, or by a size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    Named(String),
    Bytes(u32),
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => f.write_str(name),
            Self::Bytes(bytes) => f.write_str(&amount(f64::from(*bytes), Unit::Bytes)),
        }
    }
}

/// One thing measured in one case, as often as there were rounds.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    pub(crate) case: Case,
    pub(crate) what: String,
    pub(crate) role: Role,
    pub(crate) unit: Unit,
    /// By round: those of one case and round were taken one after the other.
    pub(crate) samples: Vec<f64>,
}

impl Figure {
    /// A time, in nanoseconds.
    pub(crate) fn time(case: Case, what: &str, role: Role, ns: Vec<f64>) -> Self {
        Self {
            case,
            what: what.to_owned(),
            role,
            unit: Unit::Nanoseconds,
            samples: ns,
        }
    }

    pub(crate) fn spread(&self) -> Spread {
        Spread::new(self.samples.iter().copied())
    }

    /// How many times the other it is: the median over the rounds.
    pub(crate) fn ratio_to(&self, other: &Self) -> f64 {
        if self.samples.len() == other.samples.len() {
            let pairs = self.samples.iter().zip(&other.samples);
            Spread::new(pairs.map(|(ours, theirs)| ours / theirs)).median
        } else {
            self.spread().median / other.spread().median
        }
    }
}

/// Adds samples to the figure of the same name and case, or the figure.
pub(crate) fn add(figures: &mut Vec<Figure>, more: Figure) {
    let mut known = figures.iter_mut();
    match known.find(|figure| figure.case == more.case && figure.what == more.what) {
        Some(figure) => figure.samples.extend(more.samples),
        None => figures.push(more),
    }
}

/// The figures of one subject.
#[derive(Debug)]
pub(crate) struct Section {
    /// Names its file of figures.
    pub(crate) name: &'static str,
    /// What was done, for whoever reads the table.
    pub(crate) about: String,
    pub(crate) figures: Vec<Figure>,
    /// What its picture shows, if it has one: figures whose cases are sizes.
    pub(crate) picture: Option<Picture>,
}

/// What a picture shows: medians over sizes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Picture {
    pub(crate) caption: &'static str,
    pub(crate) lines: &'static [&'static str],
}

impl Section {
    /// The figure of that name in that case.
    pub(crate) fn figure(&self, case: &Case, what: &str) -> Option<&Figure> {
        self.figures
            .iter()
            .find(|figure| figure.case == *case && figure.what == what)
    }

    /// How many times its case's floor a figure is; `None` for a floor, and
    /// where there is none.
    pub(crate) fn ratio(&self, figure: &Figure) -> Option<f64> {
        let mut others = self.figures.iter();
        let floor = others.find(|other| other.case == figure.case && other.role == Role::Floor)?;
        (figure.role != Role::Floor).then(|| figure.ratio_to(floor))
    }
}

/// The middle of some figures, the least of them and the most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Spread {
    /// Of no figures at all: not a number.
    pub(crate) fn new(figures: impl Iterator<Item = f64>) -> Self {
        let mut figures: Vec<f64> = figures.collect();
        figures.sort_by(f64::total_cmp);
        let at = |index: usize| figures.get(index).copied().unwrap_or(f64::NAN);
        Self {
            median: at(figures.len() / 2),
            least: at(0),
            most: at(figures.len().saturating_sub(1)),
        }
    }
}
