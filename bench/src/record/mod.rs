//! What is kept of a run: figures for programs, a page for people, pictures.
//!
//! ```text
//!   csv.rs      results/*.csv, and whether a run is worse than what they say
//!   page.rs     RESULTS.md
//!   chart.rs    results/*.svg
//! ```

mod chart;
pub(crate) mod csv;
mod page;

use std::path::PathBuf;

use crate::figure::Section;

/// Writes all that is kept of a section.
pub(crate) fn keep(section: &Section) -> Result<(), String> {
    csv::write(section)?;
    let picture = chart::draw(section)?;
    page::write(section, picture)
}

/// A file of this folder's.
fn file(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/")).join(name)
}

pub(crate) use page::text;
