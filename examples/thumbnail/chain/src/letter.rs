//! The messages, as values. Words get their meaning here and nowhere else.

use usufruct_guest::SmoId;

use crate::Size;

const FILE: i32 = 1;
const PICTURE: i32 = 2;
const DONE: i32 = 3;
const REFUSED: i32 = 4;

/// What one program tells another in the four words of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Letter {
    /// The bytes of a picture's file are lent to you.
    File {
        /// The bytes.
        object: SmoId,
        /// The picture's title: an object that is lent to the scaler and not to the
        /// decoder, which only carries its number along. The number gives no right.
        title: SmoId,
    },
    /// The samples of a picture are lent to you, rows from the top, pixels from the
    /// left, one byte a sample. The object's size tells how many a pixel has.
    Picture {
        /// The samples.
        object: SmoId,
        /// Width and height.
        size: Size,
        /// The picture's title.
        title: SmoId,
    },
    /// What you lent has been used; take it back.
    Done,
    /// What you lent is not what your letter says; take it back.
    Refused,
}

impl Letter {
    /// The words to send.
    #[must_use]
    pub fn words(self) -> [i32; 4] {
        match self {
            Self::File { object, title } => [FILE, object.word(), title.word(), 0],
            Self::Picture {
                object,
                size,
                title,
            } => [PICTURE, object.word(), size.word(), title.word()],
            Self::Done => [DONE, 0, 0, 0],
            Self::Refused => [REFUSED, 0, 0, 0],
        }
    }

    /// Reads words that somebody sent. `None`: they are no letter.
    #[must_use]
    pub fn from_words(words: [i32; 4]) -> Option<Self> {
        match words {
            [FILE, object, title, 0] => Some(Self::File {
                object: SmoId::from_word(object)?,
                title: SmoId::from_word(title)?,
            }),
            [PICTURE, object, size, title] => Some(Self::Picture {
                object: SmoId::from_word(object)?,
                size: Size::from_word(size)?,
                title: SmoId::from_word(title)?,
            }),
            [DONE, 0, 0, 0] => Some(Self::Done),
            [REFUSED, 0, 0, 0] => Some(Self::Refused),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_survive_the_way_through_words() {
        let object = SmoId::from_word(17).unwrap();
        let title = SmoId::from_word(i32::MAX).unwrap();
        let size = Size::new(65_535, 1).unwrap();
        for letter in [
            Letter::File { object, title },
            Letter::Picture {
                object,
                size,
                title,
            },
            Letter::Done,
            Letter::Refused,
        ] {
            assert_eq!(Letter::from_words(letter.words()), Some(letter));
        }
    }

    #[test]
    fn made_up_words_are_no_letters() {
        for words in [
            [0, 0, 0, 0],
            [5, 1, 1, 1],
            [FILE, 0, 1, 0],
            [FILE, 1, -1, 0],
            [FILE, 1, 1, 1],
            [PICTURE, 1, 0x0001_0000, 1],
            [PICTURE, -1, 0x0001_0001, 1],
            [DONE, 0, 0, 1],
        ] {
            assert_eq!(Letter::from_words(words), None, "{words:?}");
        }
    }
}
