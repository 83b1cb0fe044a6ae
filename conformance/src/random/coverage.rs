//! Which call was answered how, how often.

use crate::world::Answer;
use std::collections::BTreeMap;
use std::fmt;
use usufruct_abi::{Error, Number};

/// Every error that `docs/calls.md` has for a call. Left out is what can not happen yet: without
/// a pool, the memory of an object's owner does not become inaccessible.
const ERRORS: &[(Number, &[Error])] = &[
    (
        Number::ShareMem,
        &[
            Error::InvalidPerms,
            Error::InvalidSize,
            Error::InvalidTsk,
            Error::InvalidPtr,
            Error::TooManySmos,
            Error::NoMem,
        ],
    ),
    (
        Number::ClaimMem,
        &[Error::InvalidId, Error::InvalidSmo, Error::SmoNotOwned],
    ),
    (
        Number::PassMem,
        &[
            Error::InvalidId,
            Error::InvalidSmo,
            Error::NotSmoTarget,
            Error::InvalidTsk,
        ],
    ),
    (Number::ReadMem, COPY_ERRORS),
    (Number::WriteMem, COPY_ERRORS),
    (
        Number::MemSize,
        &[Error::InvalidId, Error::InvalidSmo, Error::NotSmoTarget],
    ),
    (
        Number::WatchTask,
        &[
            Error::InvalidPort,
            Error::PortDisabled,
            Error::InvalidTsk,
            Error::NoMem,
            Error::PortFull,
        ],
    ),
    (Number::FindTask, &[Error::InvalidTsk, Error::InvalidPtr]),
    (
        Number::OpenPort,
        &[Error::InvalidPort, Error::PortDisabled, Error::NoMem],
    ),
    (
        Number::ClosePort,
        &[Error::InvalidPort, Error::PortDisabled],
    ),
    (
        Number::SendMsg,
        &[
            Error::InvalidPort,
            Error::InvalidTsk,
            Error::PortDisabled,
            Error::InvalidPtr,
            Error::PortFull,
        ],
    ),
    (
        Number::GetMsg,
        &[
            Error::InvalidPort,
            Error::PortDisabled,
            Error::NoMsg,
            Error::InvalidPtr,
        ],
    ),
    (
        Number::GetMsgCount,
        &[Error::InvalidPort, Error::PortDisabled],
    ),
    (
        Number::WaitMsg,
        &[Error::InvalidPort, Error::PortDisabled, Error::NoMsg],
    ),
    (Number::LastError, &[]),
    (Number::GetCurrentTask, &[]),
];

const COPY_ERRORS: &[Error] = &[
    Error::InvalidId,
    Error::InvalidSmo,
    Error::NotSmoTarget,
    Error::NoPermission,
    Error::InvalidSize,
    Error::InvalidPtr,
];

/// How often each call was answered how.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    /// By call number, and the error's number (0: success).
    answers: BTreeMap<(u32, i32), u64>,
    /// Tasks that have ended.
    pub ends: u64,
    /// Steps of the border that were made to fail or to wait, and did.
    pub troubles: u64,
}

impl Coverage {
    pub(super) fn note(&mut self, number: Number, answer: Answer) {
        let error = answer.err().map_or(0, Error::code);
        *self.answers.entry((number as u32, error)).or_default() += 1;
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (key, times) in &other.answers {
            *self.answers.entry(*key).or_default() += times;
        }
        self.ends += other.ends;
        self.troubles += other.troubles;
    }

    /// Calls made.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.answers.values().sum()
    }

    /// Of these, those that succeeded, in per cent.
    #[must_use]
    pub fn per_cent_successful(&self) -> u64 {
        let successes = self.answers.iter().filter(|((_, error), _)| *error == 0);
        successes.map(|(_, times)| times).sum::<u64>() * 100 / self.calls().max(1)
    }

    /// The answers of the contract, success included, that came less often than `times`.
    #[must_use]
    pub fn rarer_than(&self, times: u64) -> Vec<(&'static str, Error, u64)> {
        let pairs = ERRORS.iter().flat_map(|(number, errors)| {
            let answers = [Error::Ok].into_iter().chain(errors.iter().copied());
            answers.map(|error| (*number, error))
        });
        let counted = pairs.map(|(number, error)| {
            let seen = self.answers.get(&(number as u32, error.code()));
            (number.name(), error, seen.copied().unwrap_or(0))
        });
        counted.filter(|(_, _, seen)| *seen < times).collect()
    }

    /// Whether there was enough of everything.
    ///
    /// # Panics
    ///
    /// If fewer than 40 % of the calls succeeded, or an answer came less often than `times`.
    pub fn assert_wide(&self, times: u64) {
        let successes = self.per_cent_successful();
        assert!(successes >= 40, "only {successes} % of the calls succeeded");
        let rare = self.rarer_than(times);
        assert!(
            rare.is_empty(),
            "answers that came less than {times} times: {rare:?}"
        );
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (calls, successes) = (self.calls(), self.per_cent_successful());
        writeln!(
            f,
            "{calls} calls, {successes} % successful, {} ends, {} troubles",
            self.ends, self.troubles
        )?;
        for ((number, error), times) in &self.answers {
            let call = Number::from_raw(*number).map_or("?", Number::name);
            let error = Error::from_code(*error).map_or("?", Error::name);
            writeln!(f, "{times:>9}  {call} {error}")?;
        }
        Ok(())
    }
}
