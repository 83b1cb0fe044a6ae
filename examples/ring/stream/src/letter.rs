//! What the supervisor and the two ends tell each other, in messages of four words.

/// The port on which everybody listens.
pub const PORT: u8 = 0;

/// What the supervisor tells an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Store nothing more, say so, and wait until you are let on by the same number.
    Pause(i32),
    /// You may store.
    GoOn(i32),
}

/// What an end tells the supervisor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// I listen, and have stored nothing yet.
    Ready,
    /// I store nothing more: the answer to the order of that number.
    Paused(i32),
    /// I wanted to store and may not. I wait.
    Refused,
}

impl Order {
    /// As words of a message.
    #[must_use]
    pub fn words(self) -> [i32; 4] {
        match self {
            Self::Pause(number) => [0, number, 0, 0],
            Self::GoOn(number) => [1, number, 0, 0],
        }
    }

    /// What a message says; `None`: nothing that an order says.
    #[must_use]
    pub fn from_words(words: [i32; 4]) -> Option<Self> {
        match words {
            [0, number, 0, 0] => Some(Self::Pause(number)),
            [1, number, 0, 0] => Some(Self::GoOn(number)),
            _ => None,
        }
    }
}

impl Word {
    /// As words of a message.
    #[must_use]
    pub fn words(self) -> [i32; 4] {
        match self {
            Self::Ready => [0; 4],
            Self::Paused(number) => [1, number, 0, 0],
            Self::Refused => [2, 0, 0, 0],
        }
    }

    /// What a message says; `None`: nothing that an end says.
    #[must_use]
    pub fn from_words(words: [i32; 4]) -> Option<Self> {
        match words {
            [0, 0, 0, 0] => Some(Self::Ready),
            [1, number, 0, 0] => Some(Self::Paused(number)),
            [2, 0, 0, 0] => Some(Self::Refused),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Order, Word};

    #[test]
    fn what_is_said_is_understood() {
        for order in [Order::Pause(3), Order::GoOn(-4)] {
            assert_eq!(Order::from_words(order.words()), Some(order));
        }
        for word in [Word::Ready, Word::Paused(9), Word::Refused] {
            assert_eq!(Word::from_words(word.words()), Some(word));
        }
        assert_eq!(Order::from_words([2, 0, 0, 0]), None);
        assert_eq!(Word::from_words([0, 1, 0, 0]), None);
    }
}
