//! What the host and its mappers tell each other, in messages of four words.

/// The port on which either waits for the other.
pub const PORT: u8 = 0;

/// What the host tells a mapper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// These pages are yours: count the text in them, and give them back.
    Count {
        /// Which piece of the text it is, from 0.
        number: u32,
        /// Where it begins.
        address: u32,
        /// How long the text is, in bytes.
        len: u32,
    },
    /// There are no more. Give me what you have counted.
    Finish,
}

/// What a mapper tells the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// I listen.
    Ready,
    /// The pages of this piece are yours again.
    Counted(u32),
    /// The tally is in pages that are yours now.
    Tally {
        /// Where they begin.
        address: u32,
        /// How long it is, in bytes.
        len: u32,
    },
}

impl Order {
    /// As words of a message.
    #[must_use]
    pub fn words(self) -> [i32; 4] {
        match self {
            Self::Count {
                number,
                address,
                len,
            } => [0, number, address, len],
            Self::Finish => [1, 0, 0, 0],
        }
        .map(u32::cast_signed)
    }

    /// What a message says; `None`: nothing that an order says.
    #[must_use]
    pub fn from_words(words: [i32; 4]) -> Option<Self> {
        match words.map(i32::cast_unsigned) {
            [0, number, address, len] => Some(Self::Count {
                number,
                address,
                len,
            }),
            [1, 0, 0, 0] => Some(Self::Finish),
            _ => None,
        }
    }
}

impl Answer {
    /// As words of a message.
    #[must_use]
    pub fn words(self) -> [i32; 4] {
        match self {
            Self::Ready => [0, 0, 0, 0],
            Self::Counted(number) => [1, number, 0, 0],
            Self::Tally { address, len } => [2, address, len, 0],
        }
        .map(u32::cast_signed)
    }

    /// What a message says; `None`: nothing that an answer says.
    #[must_use]
    pub fn from_words(words: [i32; 4]) -> Option<Self> {
        match words.map(i32::cast_unsigned) {
            [0, 0, 0, 0] => Some(Self::Ready),
            [1, number, 0, 0] => Some(Self::Counted(number)),
            [2, address, len, 0] => Some(Self::Tally { address, len }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, Order};

    #[test]
    fn what_is_said_is_understood() {
        let order = Order::Count {
            number: 7,
            address: 0x8000_0000,
            len: 5,
        };
        for order in [order, Order::Finish] {
            assert_eq!(Order::from_words(order.words()), Some(order));
        }
        let tally = Answer::Tally {
            address: 0xffff_0000,
            len: 9,
        };
        for answer in [Answer::Ready, Answer::Counted(3), tally] {
            assert_eq!(Answer::from_words(answer.words()), Some(answer));
        }
        assert_eq!(Order::from_words([2, 0, 0, 0]), None);
        assert_eq!(Answer::from_words([0, 1, 0, 0]), None);
    }
}
