//! Pages that nobody can change.

use std::fmt;
use std::ops::Deref;

use super::pages::Pages;

/// The bytes of a block of pages that nobody may write, and that no call, object
/// or stream can make writable while this lives. Forgotten instead of dropped,
/// the block stays frozen until it is next granted, given, frozen or dropped.
pub struct Frozen<'pages> {
    pages: &'pages mut Pages,
}

impl<'pages> Frozen<'pages> {
    /// Of pages that core has frozen.
    pub(super) fn new(pages: &'pages mut Pages) -> Self {
        Self { pages }
    }
}

impl Deref for Frozen<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        let len = self.pages.len();
        let Ok(start) = self.pages.at(0, len) else {
            return &[];
        };
        // SAFETY:
        // 1. The bytes lie in the kernel's mapping of the pool, which stays mapped
        //    as long as `pages`, and are initialised: the pool began as zeroes.
        // 2. Nobody stores to them while this lives. The processor stops tasks, for
        //    no page is mapped writable for anybody: NOWRITE 0 has returned, and its
        //    barrier has passed. Core lets no copy, message or stream store where
        //    nobody may write, refuses to let anybody write a frozen page, and fills
        //    only pages that change hands, which frozen ones do not. The host's own
        //    stores and atomic references need `pages`, which is borrowed for good.
        // 3. `pages` is the only value for them: `InHand`.
        unsafe { std::slice::from_raw_parts(start, len) }
    }
}

impl AsRef<[u8]> for Frozen<'_> {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl Drop for Frozen<'_> {
    fn drop(&mut self) {
        // If the host's own right can not come back, its next store is refused.
        let _ = self.pages.thaw();
    }
}

impl fmt::Debug for Frozen<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frozen({:?})", self.pages)
    }
}
