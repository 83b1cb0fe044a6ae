//! There is none, so nothing is ever done with one.

use std::ops::Range;

use usufruct_core::NoMapping;

#[derive(Debug)]
pub(crate) enum View {}

impl View {
    pub(crate) fn shut(&self) {
        match *self {}
    }

    pub(crate) fn allow(&self, _: &Range<u32>) -> Result<(), NoMapping> {
        match *self {}
    }

    pub(crate) fn restore(&self, _: &Range<u32>) -> Result<(), NoMapping> {
        match *self {}
    }

    pub(crate) fn forbid(&self, _: &Range<u32>) {
        match *self {}
    }
}
