//! The C headers, for tools that hand them out.

/// Tasks, shared memory objects and ports: `sartoris.h`.
pub const SARTORIS: &str = include_str!("../include/sartoris.h");

/// Page control: `portfolio.h`.
pub const PORTFOLIO: &str = include_str!("../include/portfolio.h");

/// The name that the document on page control gives its header: `mem.h`.
pub const MEM: &str = include_str!("../include/mem.h");

/// The names of the errors: `serr_name.h`.
pub const SERR_NAME: &str = include_str!("../include/serr_name.h");
