//! What one would use instead, in processes of their own: asked by a line on their
//! standard input, they answer by a line on their standard output.
//!
//! ```text
//!   child.rs    a program of `rivals/`, and the lines
//!   stream.rs   bytes through a pipe or a socket, from a process that is this program
//! ```

mod child;
pub(crate) mod stream;

pub(crate) use child::{Child, Rivals};
