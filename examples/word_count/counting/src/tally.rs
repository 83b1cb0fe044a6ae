//! The words of some pieces of a text, and the words that the pieces' seams may have cut.

use std::fmt;

use crate::block::{Block, is_in_word};
use crate::table::Words;

/// What somebody has counted: whole words, and what stands at the seams.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    words: Words,
    edges: Vec<Edge>,
    block: Box<Block>,
}

/// What stands at the two ends of a piece and may be part of a word there.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Edge {
    /// Which piece of the text.
    number: u32,
    /// From its beginning to the first byte that is in no word.
    head: Vec<u8>,
    /// From behind the last such byte to its end. `None`: all of it is in `head`.
    tail: Option<Vec<u8>>,
}

/// Bytes that are no tally, or tallies that are not of one text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damaged;

impl fmt::Display for Damaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this is not what somebody counts who counts each piece of a text once")
    }
}

impl std::error::Error for Damaged {}

impl Tally {
    /// Counts the words of the piece of a text that comes as `number`, from 0.
    pub fn count(&mut self, number: u32, piece: &[u8]) {
        let first = piece.iter().position(|byte| !is_in_word(*byte));
        let last = piece.iter().rposition(|byte| !is_in_word(*byte));
        let (head, tail) = match (first, last) {
            (Some(first), Some(last)) => {
                self.words.count(&mut self.block, &piece[first..=last]);
                (&piece[..first], Some(piece[last + 1..].to_vec()))
            }
            _ => (piece, None),
        };
        self.edges.push(Edge {
            number,
            head: head.to_vec(),
            tail,
        });
    }

    /// All of it as bytes, for [`Self::from_bytes`]: numbers with their low byte first, and
    /// before each run of bytes its length.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        put_number(&mut bytes, self.edges.len() as u64);
        for edge in &self.edges {
            put_number(&mut bytes, u64::from(edge.number));
            put_run(&mut bytes, &edge.head);
            put_number(&mut bytes, u64::from(edge.tail.is_some()));
            if let Some(tail) = &edge.tail {
                put_run(&mut bytes, tail);
            }
        }
        put_number(&mut bytes, self.words.different() as u64);
        self.words.for_each(|word, count| {
            put_number(&mut bytes, count);
            put_run(&mut bytes, word);
        });
        bytes
    }

    /// What [`Self::to_bytes`] has made, or somebody says so.
    ///
    /// # Errors
    ///
    /// [`Damaged`]: it is something else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Damaged> {
        let mut tally = Self::default();
        let mut rest = bytes;
        for _ in 0..take_number(&mut rest)? {
            let number = take_number(&mut rest)?;
            let head = take_run(&mut rest)?.to_vec();
            let tail = match take_number(&mut rest)? {
                0 => None,
                _ => Some(take_run(&mut rest)?.to_vec()),
            };
            let number = u32::try_from(number).map_err(|_| Damaged)?;
            tally.edges.push(Edge { number, head, tail });
        }
        let mut all: u64 = 0;
        for _ in 0..take_number(&mut rest)? {
            let count = take_number(&mut rest)?;
            all = all.checked_add(count).ok_or(Damaged)?;
            let word = take_run(&mut rest)?;
            tally.words.add_bytes(&mut tally.block, word, count);
        }
        Ok(tally)
    }
}

/// The words of a text whose pieces were counted in any order, each by somebody.
///
/// # Errors
///
/// [`Damaged`]: not every piece from 0 to the last was counted once.
pub fn join(tallies: impl IntoIterator<Item = Tally>) -> Result<Words, Damaged> {
    let mut all = Tally::default();
    for tally in tallies {
        if all.words.different() == 0 {
            all.words = tally.words;
        } else {
            all.words.add_all(&mut all.block, &tally.words);
        }
        all.edges.extend(tally.edges);
    }
    all.edges.sort_unstable_by_key(|edge| edge.number);
    let mut open = Vec::new();
    for (expected, edge) in (0..).zip(&all.edges) {
        if edge.number != expected {
            return Err(Damaged);
        }
        open.extend_from_slice(&edge.head);
        if let Some(tail) = &edge.tail {
            all.words.add_bytes(&mut all.block, &open, 1);
            open.clone_from(tail);
        }
    }
    all.words.add_bytes(&mut all.block, &open, 1);
    Ok(all.words)
}

fn put_number(bytes: &mut Vec<u8>, number: u64) {
    bytes.extend(number.to_le_bytes());
}

fn put_run(bytes: &mut Vec<u8>, run: &[u8]) {
    put_number(bytes, run.len() as u64);
    bytes.extend_from_slice(run);
}

fn take_number(rest: &mut &[u8]) -> Result<u64, Damaged> {
    let (number, behind) = rest.split_first_chunk().ok_or(Damaged)?;
    *rest = behind;
    Ok(u64::from_le_bytes(*number))
}

fn take_run<'bytes>(rest: &mut &'bytes [u8]) -> Result<&'bytes [u8], Damaged> {
    let len = usize::try_from(take_number(rest)?).map_err(|_| Damaged)?;
    let (run, behind) = rest.split_at_checked(len).ok_or(Damaged)?;
    *rest = behind;
    Ok(run)
}

#[cfg(test)]
mod tests {
    use super::{Damaged, Tally, Words, join};

    const TEXT: &[u8] =
        "A text, with se\u{e4}ms: every\nwhere. Antidisestablishmentarianism!".as_bytes();

    fn whole() -> Words {
        let mut tally = Tally::default();
        tally.count(0, TEXT);
        join([tally]).unwrap()
    }

    #[test]
    fn words_at_seams_are_counted_once_wherever_the_seams_are() {
        for len in 1..=TEXT.len() {
            // Two that count by turns.
            let mut tallies = [Tally::default(), Tally::default()];
            for (number, piece) in (0..).zip(TEXT.chunks(len)) {
                tallies[number as usize % 2].count(number, piece);
            }
            let [one, other] = tallies.map(|tally| Tally::from_bytes(&tally.to_bytes()).unwrap());
            assert_eq!(
                join([other, one]).unwrap(),
                whole(),
                "pieces of {len} bytes"
            );
        }
        assert_eq!(whole().different(), 7);
        assert_eq!(join([]).unwrap().all(), 0);
    }

    #[test]
    fn a_piece_that_was_counted_twice_or_never_is_noticed() {
        let tally = |numbers: &[u32]| {
            let mut tally = Tally::default();
            numbers.iter().for_each(|number| tally.count(*number, TEXT));
            tally
        };
        assert!(join([tally(&[1]), tally(&[0, 2])]).is_ok());
        assert_eq!(join([tally(&[0]), tally(&[0])]), Err(Damaged));
        assert_eq!(join([tally(&[0]), tally(&[2])]), Err(Damaged));
        assert_eq!(join([tally(&[1])]), Err(Damaged));
    }

    #[test]
    fn bytes_that_are_cut_short_are_no_tally() {
        let mut tally = Tally::default();
        tally.count(0, TEXT);
        let bytes = tally.to_bytes();
        for len in 0..bytes.len() {
            assert_eq!(Tally::from_bytes(&bytes[..len]).err(), Some(Damaged));
        }
        assert_eq!(Tally::from_bytes(&[0xff; 64]).err(), Some(Damaged));
    }
}
