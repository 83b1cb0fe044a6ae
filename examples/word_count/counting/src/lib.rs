//! Counts the words of a text that is cut into pieces anywhere, in the middle of a word too.
//!
//! ```text
//!   a piece of text -> block.rs   where words begin and end, in lower case
//!                      table.rs   how often each word was there
//!                      tally.rs   the words of some pieces, and what their seams cut
//!   all tallies     -> join       one table for the whole text
//!   letter.rs       what a host and its mappers tell each other
//! ```
//!
//! A word is a run of ASCII letters, ASCII digits and bytes from 0x80 on, so that what UTF-8
//! makes of other letters stays together. ASCII capitals count as small letters.

#![forbid(unsafe_code)]

mod block;
pub mod letter;
mod table;
mod tally;

pub use table::Words;
pub use tally::{Damaged, Tally, join};
