//! What the test says to two programs that count instructions, and what they answer. Words of
//! 64 bits, one behind the other.

/// How often each thing is done.
pub const TIMES: usize = 64;
/// Bytes that one lends the other.
pub const LENT_BYTES: usize = 128 << 10;

/// Declares what is counted once: its number, and its name for a person.
macro_rules! things {
    ($($(#[$doc:meta])* $variant:ident = $number:literal, $name:literal;)*) => {
        /// What is counted.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u64)]
        pub enum Thing {
            $($(#[$doc])* $variant = $number,)*
        }

        impl Thing {
            /// All of them, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// What a person calls it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The thing that has this number.
            #[must_use]
            pub const fn from_raw(raw: u64) -> Option<Self> {
                match raw { $($number => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

things! {
    /// Two looks at the counter.
    Nothing = 0, "nothing";
    /// `get_current_task`.
    NullCall = 1, "null call (get_current_task)";
    /// `share_mem` and `claim_mem`.
    ShareClaim = 2, "share_mem + claim_mem";
    /// `read_mem`.
    Read8 = 3, "read_mem, 8 B";
    /// `read_mem`.
    Read64 = 4, "read_mem, 64 B";
    /// `read_mem`, both sides at the begin of a page.
    Read4K = 5, "read_mem, 4 KiB";
    /// `read_mem`, both sides in the middle of one.
    Read4KUnaligned = 6, "read_mem, 4 KiB, unaligned";
    /// `read_mem`.
    Read64K = 7, "read_mem, 64 KiB";
    /// `write_mem`.
    Write64 = 8, "write_mem, 64 B";
    /// `ControlMem(MEMC_OKWRITE)` and `ControlMem(MEMC_NOWRITE)` of one page.
    GrantRevoke = 9, "page grant + revoke";
    /// A message to a task that waits, and its answer.
    RoundTrip = 10, "message there and back, two task switches";
    /// The first store to a page that has been given: it faults, and is executed again.
    FirstStore = 11, "first store to a page that was given";
}

/// What the test wants. Each is answered once, if nothing else is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Say your task's id.
    WhoAreYou,
    /// Lend `peer` [`LENT_BYTES`] to read and write: the object's id.
    Lend {
        /// To whom.
        peer: u64,
    },
    /// Answer so many messages; the answer to the order comes when the first is waited for.
    Echo,
    /// Do a thing [`TIMES`] times: least, median, most.
    Count {
        /// What.
        thing: Thing,
        /// With whom.
        peer: u64,
        /// The object that it has lent.
        smo: u64,
    },
    /// Allocate a page, and let `peer` write it: its address.
    Page {
        /// Who else may.
        peer: u64,
    },
    /// Compute, and note in a page how long each switch between two tasks takes that do so;
    /// the answer comes at once, and from task 0 again at the end: least, median, most.
    TakeTurns {
        /// One that both may write, with nothing in it yet.
        page: u64,
        /// 0 or 1: which of the two this is.
        number: u64,
    },
    /// Let `peer` write a page, and wait for its end: answered when it is waited for, and then
    /// with what has gone by since the clock that `peer` has noted.
    Hear {
        /// Whose.
        peer: u64,
        /// Where it is noted.
        page: u64,
    },
    /// Note the clock in a page, and end. Not answered.
    End {
        /// Where it is noted.
        page: u64,
        /// Where to store what may not be stored; 0: to end in peace.
        forbidden: u64,
    },
}

impl Order {
    /// As it is posted.
    #[must_use]
    pub fn encode(self) -> [u64; 4] {
        match self {
            Self::WhoAreYou => [0; 4],
            Self::Lend { peer } => [1, peer, 0, 0],
            Self::Echo => [2, 0, 0, 0],
            Self::Count { thing, peer, smo } => [3, thing as u64, peer, smo],
            Self::Page { peer } => [4, peer, 0, 0],
            Self::TakeTurns { page, number } => [5, page, number, 0],
            Self::Hear { peer, page } => [6, peer, page, 0],
            Self::End { page, forbidden } => [7, page, forbidden, 0],
        }
    }

    /// `None` if the words are no order.
    #[must_use]
    pub const fn decode(words: [u64; 4]) -> Option<Self> {
        match words {
            [0, ..] => Some(Self::WhoAreYou),
            [1, peer, ..] => Some(Self::Lend { peer }),
            [2, ..] => Some(Self::Echo),
            [3, thing, peer, smo] => match Thing::from_raw(thing) {
                Some(thing) => Some(Self::Count { thing, peer, smo }),
                None => None,
            },
            [4, peer, ..] => Some(Self::Page { peer }),
            [5, page, number, _] => Some(Self::TakeTurns { page, number }),
            [6, peer, page, _] => Some(Self::Hear { peer, page }),
            [7, page, forbidden, _] => Some(Self::End { page, forbidden }),
            _ => None,
        }
    }
}
