//! What can go wrong, all in one, for who wants one type.

use thiserror::Error;
use usufruct_wasm::{HostError, LoadError, MakeError, StartError};

/// Whatever this library answers instead of a result. Each says what is at
/// fault, why, and what to do about it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The kernel can not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A file can not become a program.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A task can not be made.
    #[error(transparent)]
    Make(#[from] MakeError),
    /// The host does not get what it asks for.
    #[error(transparent)]
    Host(#[from] HostError),
}
