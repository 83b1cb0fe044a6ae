//! The values of the host's beside tasks that use what they stand for at the same time.

mod buffers;
mod forgotten;
mod messages;
mod pages;

/// How often something is tried that threads do to each other.
const ROUNDS: usize = if cfg!(miri) { 4 } else { 1000 };
