//! Which call was answered how, how often.

use crate::world::Answer;
use std::collections::BTreeMap;
use std::fmt;
use usufruct_abi::{Error, Number, PortfolioError};

/// Every error that `docs/calls.md` has for a call of sections 1, 2 and 6.
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

/// NULL, or a no.
const NOTHING: &str = "nothing";

/// What `docs/calls.md` has for the calls of section 3, success apart. AvailMem says nothing.
const PAGE_ANSWERS: &[(Number, &[&str])] = &[
    (
        Number::ControlMem,
        &[
            PortfolioError::BadItem.name(),
            PortfolioError::BadPtr.name(),
            PortfolioError::NoMem.name(),
            PortfolioError::BadMemCmd.name(),
        ],
    ),
    (Number::AllocMemBlocks, &[NOTHING]),
    (Number::GetPageSize, &[NOTHING]),
    (Number::IsMemReadable, &[NOTHING]),
    (Number::IsMemWritable, &[NOTHING]),
    (Number::IsMemOwned, &[NOTHING]),
    (Number::AvailMem, &[]),
];

/// How a page call was answered.
fn page_answer(number: Number, word: i32) -> &'static str {
    match (number, word) {
        (Number::ControlMem, 0) | (Number::AvailMem, _) => Error::Ok.name(),
        (Number::ControlMem, word) => {
            PortfolioError::from_code(word).map_or("no error word", PortfolioError::name)
        }
        (_, 0) => NOTHING,
        _ => Error::Ok.name(),
    }
}

/// How often each call was answered how.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    /// By call number, and the error's name (`SERR_OK`: success).
    answers: BTreeMap<(u32, &'static str), u64>,
    /// Stores to the pool that were allowed, and that were not.
    pub stores: [u64; 2],
    /// Tasks that have ended.
    pub ends: u64,
    /// Steps of the border that were made to fail or to wait, and did.
    pub troubles: u64,
}

impl Coverage {
    pub(super) fn note(&mut self, number: Number, answer: Answer) {
        let error = match answer {
            Ok(word) if number as u32 >= Number::ControlMem as u32 => page_answer(number, word),
            Ok(_) => Error::Ok.name(),
            Err(error) => error.name(),
        };
        *self.answers.entry((number as u32, error)).or_default() += 1;
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (key, times) in &other.answers {
            *self.answers.entry(*key).or_default() += times;
        }
        for (sum, stores) in self.stores.iter_mut().zip(other.stores) {
            *sum += stores;
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
        let successes = self
            .answers
            .iter()
            .filter(|((_, error), _)| *error == Error::Ok.name());
        successes.map(|(_, times)| times).sum::<u64>() * 100 / self.calls().max(1)
    }

    /// The answers of the contract, success included, that came less often than `times`. Those
    /// of page calls count where there is a pool.
    #[must_use]
    pub fn rarer_than(&self, times: u64) -> Vec<(&'static str, &'static str, u64)> {
        let has_pool = self.stores[0] > 0;
        let errors = ERRORS
            .iter()
            .flat_map(|(number, errors)| errors.iter().map(|error| (*number, error.name())));
        let pages = PAGE_ANSWERS.iter().filter(|_| has_pool);
        let calls = ERRORS.iter().map(|(number, _)| *number);
        let successes = calls.chain(pages.clone().map(|(number, _)| *number));
        let of_pages = pages.flat_map(|(number, names)| names.iter().map(|name| (*number, *name)));
        let all = successes
            .map(|number| (number, Error::Ok.name()))
            .chain(errors)
            .chain(of_pages);
        let counted = all.map(|(number, error)| {
            let seen = self.answers.get(&(number as u32, error));
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
            "{calls} calls, {successes} % successful, {} ends, {} troubles, {} stores to pages, \
             {} forbidden",
            self.ends, self.troubles, self.stores[0], self.stores[1]
        )?;
        for ((number, error), times) in &self.answers {
            let call = Number::from_raw(*number).map_or("?", Number::name);
            writeln!(f, "{times:>9}  {call} {error}")?;
        }
        Ok(())
    }
}
