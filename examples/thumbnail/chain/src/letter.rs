//! The messages, as values. Words get their meaning here and nowhere else.

use usufruct_guest::SmoId;

use crate::{Shape, Size};

const FILE: i32 = 1;
/// And in the byte above, how many samples a pixel has.
const PICTURE: i32 = 2;
const MAKE_ROOM: i32 = 3;
const DONE: i32 = 4;
const REFUSED: i32 = 5;

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
    /// The samples of a picture are yours: pages that have been given to you.
    Picture {
        /// Where they begin: the number of a byte, and nothing to be believed.
        address: u32,
        /// Width, height, and samples of a pixel.
        shape: Shape,
        /// The picture's title.
        title: SmoId,
    },
    /// You can not be given what I have for you: you own too many pages. Discard those
    /// that nobody told you of.
    MakeRoom,
    /// What your letter asks for has been done. Take back what you lent.
    Done,
    /// What you lent or gave is not what your letter says.
    Refused,
}

impl Letter {
    /// The words to send.
    #[must_use]
    pub fn words(self) -> [i32; 4] {
        match self {
            Self::File { object, title } => [FILE, object.word(), title.word(), 0],
            Self::Picture {
                address,
                shape,
                title,
            } => [
                PICTURE | i32::from(shape.channels()) << 8,
                address.cast_signed(),
                shape.size().word(),
                title.word(),
            ],
            Self::MakeRoom => [MAKE_ROOM, 0, 0, 0],
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
            [kind, address, size, title] if kind & 0xff == PICTURE => Some(Self::Picture {
                address: address.cast_unsigned(),
                shape: Shape::new(Size::from_word(size)?, u8::try_from(kind >> 8).ok()?)?,
                title: SmoId::from_word(title)?,
            }),
            [MAKE_ROOM, 0, 0, 0] => Some(Self::MakeRoom),
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
                address: 0xffff_f000,
                shape: Shape::new(size, 4).unwrap(),
                title,
            },
            Letter::MakeRoom,
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
            [9, 1, 1, 1],
            [FILE, 0, 1, 0],
            [FILE, 1, -1, 0],
            [FILE, 1, 1, 1],
            [PICTURE | 3 << 8, 1, 0x0001_0000, 1],
            [PICTURE | 3 << 8, 1, 0x0001_0001, -1],
            [PICTURE, 1, 0x0001_0001, 1],
            [PICTURE | 5 << 8, 1, 0x0001_0001, 1],
            [PICTURE | 0x0103 << 8, 1, 0x0001_0001, 1],
            [PICTURE | -0x100, 1, 0x0001_0001, 1],
            [MAKE_ROOM, 1, 0, 0],
            [DONE, 0, 0, 1],
        ] {
            assert_eq!(Letter::from_words(words), None, "{words:?}");
        }
    }
}
