//! How thoroughly everything is measured.

use crate::rival::Rivals;

/// About how long the calls of one sample take together, in nanoseconds.
const SAMPLE_NS: f64 = 3e6;
const QUICK_SAMPLE_NS: f64 = 1e5;

/// What a run does.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Only to see that all of it works: a few rounds of everything.
    pub(crate) is_quick: bool,
    pub(crate) rivals: Rivals,
}

impl Plan {
    /// How many rounds, where `usual` are the usual number.
    pub(crate) fn rounds(&self, usual: u32) -> u32 {
        if self.is_quick { usual.min(2) } else { usual }
    }

    /// How many in a row make a sample, of what takes about `ns` each.
    pub(crate) fn times(&self, ns: f64) -> u32 {
        let sample_ns = if self.is_quick {
            QUICK_SAMPLE_NS
        } else {
            SAMPLE_NS
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is between these bounds"
        )]
        let times = (sample_ns / ns).clamp(3.0, 200_000.0) as u32;
        times
    }

    /// Says how far a run is, now and then.
    pub(crate) fn tell(&self, section: &str, round: u32) {
        if round.is_multiple_of(5) {
            eprintln!("{section}, round {round} ...");
        }
    }
}
