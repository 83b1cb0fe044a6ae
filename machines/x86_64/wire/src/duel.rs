//! What the test says to two programs that fight over pages, and what they answer.

/// The size of a page, in bytes.
pub const PAGE_BYTES: usize = 4096;

/// What the test wants. Each is answered once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Say your task's id (i32).
    WhoAreYou,
    /// Take a page, and lend something to `peer`: [`Terms`].
    Prepare {
        /// Who may read what is lent.
        peer: i32,
    },
    /// Let `peer` write your page, copy what it has lent into its page, and take the right
    /// away again, so many times: [`Score`].
    Fight {
        /// The other one.
        peer: i32,
        /// What it has said.
        terms: Terms,
        /// How many times.
        rounds: u32,
    },
    /// Let a task write your page: what `ControlMem` answers (i32).
    Allow {
        /// Which task.
        task: i32,
    },
    /// Answer anything, then store to the page for ever.
    Store {
        /// Its address.
        page: u32,
    },
    /// Take a task's right to your page, and look whether it changes afterwards: [`Score`],
    /// whose `copies` is 1 if the page had changed before.
    Strike {
        /// Which task.
        task: i32,
    },
}

/// What one fighter must know of the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// The address of its page.
    pub page: u32,
    /// The object that it has lent, a page long.
    pub smo: i32,
}

/// How a fight went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Score {
    /// Rights given and taken.
    pub rounds: u32,
    /// Copies into the other's page.
    pub copies: u32,
    /// Copies that were refused, for the right was gone.
    pub refusals: u32,
    /// Words that came when the right was gone.
    pub late: u32,
    /// Calls that answered what they may not.
    pub wrong: u32,
}

/// Puts 32-bit words one behind the other.
fn join<const WORDS: usize, const BYTES: usize>(words: [u32; WORDS]) -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    for (place, word) in bytes.chunks_exact_mut(4).zip(words) {
        place.copy_from_slice(&word.to_le_bytes());
    }
    bytes
}

/// The 32-bit words of a message; 0 where it has ended.
fn split<const WORDS: usize>(bytes: &[u8]) -> [u32; WORDS] {
    let mut chunks = bytes.chunks_exact(4);
    core::array::from_fn(|_| {
        let chunk = chunks.next().and_then(|chunk| chunk.first_chunk());
        chunk.map_or(0, |chunk| u32::from_le_bytes(*chunk))
    })
}

impl Order {
    /// As it is posted.
    #[must_use]
    pub fn encode(self) -> [u8; 20] {
        join(match self {
            Self::WhoAreYou => [0; 5],
            Self::Prepare { peer } => [1, peer.cast_unsigned(), 0, 0, 0],
            Self::Fight {
                peer,
                terms: Terms { page, smo },
                rounds,
            } => [2, peer.cast_unsigned(), page, smo.cast_unsigned(), rounds],
            Self::Allow { task } => [3, task.cast_unsigned(), 0, 0, 0],
            Self::Store { page } => [4, page, 0, 0, 0],
            Self::Strike { task } => [5, task.cast_unsigned(), 0, 0, 0],
        })
    }

    /// `None` if the bytes are no order.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let [number, first, page, smo, rounds] = split(bytes);
        let task = first.cast_signed();
        let smo = smo.cast_signed();
        Some(match number {
            0 => Self::WhoAreYou,
            1 => Self::Prepare { peer: task },
            2 => Self::Fight {
                peer: task,
                terms: Terms { page, smo },
                rounds,
            },
            3 => Self::Allow { task },
            4 => Self::Store { page: first },
            5 => Self::Strike { task },
            _ => return None,
        })
    }
}

impl Terms {
    /// As they are answered.
    #[must_use]
    pub fn encode(self) -> [u8; 8] {
        join([self.page, self.smo.cast_unsigned()])
    }

    /// What the bytes say.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Self {
        let [page, smo] = split(bytes);
        let smo = smo.cast_signed();
        Self { page, smo }
    }
}

impl Score {
    /// As it is answered.
    #[must_use]
    pub fn encode(self) -> [u8; 20] {
        let Self {
            rounds,
            copies,
            refusals,
            late,
            wrong,
        } = self;
        join([rounds, copies, refusals, late, wrong])
    }

    /// What the bytes say.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Self {
        let [rounds, copies, refusals, late, wrong] = split(bytes);
        Self {
            rounds,
            copies,
            refusals,
            late,
            wrong,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Order, Terms};

    #[test]
    fn orders_survive_the_postbox() {
        let terms = Terms {
            page: 0x8000_1000,
            smo: 77,
        };
        for order in [
            Order::WhoAreYou,
            Order::Prepare { peer: 5 },
            Order::Fight {
                peer: i32::MAX,
                terms,
                rounds: 9,
            },
            Order::Allow { task: 6 },
            Order::Store { page: terms.page },
            Order::Strike { task: 8 },
        ] {
            assert_eq!(Order::decode(&order.encode()), Some(order));
        }
        assert_eq!(Order::decode(&[9, 0, 0, 0]), None);
    }
}
