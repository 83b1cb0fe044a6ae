//! What the four programs of the thumbnail example say to each other.
//!
//! ```text
//!            File                Picture              Picture
//!   reader ---------> decoder ------------> scaler -----------> encoder
//!          <---------         <------------        <-----------
//!             Done              Done or Refused    Done or Refused
//! ```
//!
//! The file and its title are lent: a letter names a shared memory object of its sender,
//! and the receiver copies the bytes out of it. Samples are given: a letter names pages
//! that are the receiver's by then, who fences them off and works on them where they lie.
//! Orders come down on the port [`WORK`], answers go back up to [`ANSWER`]; a lender keeps
//! its object standing until it has the answer.
//!
//! Each program watches its neighbours, so that the end of one, however it came
//! about, ends the others in turn and nobody waits for ever. One failed: it alone
//! tells the person, and the others stop quietly (see [`Stop`]).
//!
//! The decoder is expected to be hostile or to break, and may be started again.
//! Nobody takes its word: letters count only from a task that has the name they
//! expect, and objects and pages only if they hold what the letter says.

#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod fault;
mod gift;
mod letter;
mod neighbour;
mod picture;

pub use fault::{Fault, Stop, run};
pub use gift::{accept, give, pages};
pub use letter::Letter;
pub use neighbour::{
    ANSWER, DECODER, ENCODER, News, READER, SCALER, WORK, answered, find, next, open, tell,
};
pub use picture::{MAX_FILE_BYTES, MAX_PIXELS, Picture, Shape, Size};

/// The last part of a path: a file's name without the folders. `None`: it has none.
#[must_use]
pub fn file_name(path: &str) -> Option<&str> {
    let name = path.trim_end_matches('/').rsplit('/').next()?;
    (!matches!(name, "" | "." | "..")).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn a_path_that_ends_in_no_file_has_no_name() {
        for path in ["", "/", "..", "/out/..", "/out/."] {
            assert_eq!(file_name(path), None, "{path}");
        }
        for path in ["small.png", "/out/small.png", "out/small.png/"] {
            assert_eq!(file_name(path), Some("small.png"), "{path}");
        }
    }
}
