//! Nothing: no engine makes a memory here.

#[derive(Debug, Default)]
pub(crate) struct Places;
