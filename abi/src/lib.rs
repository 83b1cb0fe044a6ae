//! The words of usufruct: every number that crosses the border between a guest
//! and the kernel, stated once.
//!
//! ```text
//!   number.rs      which call                    share_mem, ControlMem, ...
//!   constant.rs    what its arguments may say    READ, MEMC_GIVE, ...
//!   error.rs       what it may answer            SERR_*, and the words of Portfolio
//!   native.rs      what programs without WASI have in its place
//! ```
//!
//! The C headers in `include/` (`header.rs`) say the same; `tests/c_headers.rs` compares them.
//! A number that has been released is never given another meaning.

#![no_std]
#![forbid(unsafe_code)]

mod constant;
mod error;
pub mod header;
mod native;
mod number;

pub use constant::*;
pub use error::{Error, PortfolioError};
pub use native::{NativeCall, STREAM_READ, STREAM_WRITE, StreamError};
pub use number::Number;
