//! What the target of an object may do with it.

use core::fmt;

/// READ, WRITE or both. WRITE does not imply READ. (Sartoris, `share_mem`)
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Permissions(u8);

impl Permissions {
    /// The target may read.
    pub const READ: Self = Self(2);
    /// The target may write.
    pub const WRITE: Self = Self(4);
    /// The target may do both.
    pub const READ_WRITE: Self = Self(6);

    /// What a guest's word means; `None` for all but 2, 4 and 6.
    #[must_use]
    pub const fn from_raw(raw: i32) -> Option<Self> {
        match raw {
            2 => Some(Self::READ),
            4 => Some(Self::WRITE),
            6 => Some(Self::READ_WRITE),
            _ => None,
        }
    }

    /// The word that guests use for it.
    #[must_use]
    pub const fn raw(self) -> i32 {
        self.0 as i32
    }

    /// The published form, in a record.
    pub(crate) const fn bits(self) -> u32 {
        self.0 as u32
    }
}

impl fmt::Debug for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            2 => "READ",
            4 => "WRITE",
            _ => "READ|WRITE",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Permissions;
    use usufruct_abi::{READ_PERM, WRITE_PERM};

    #[test]
    fn the_words_are_those_of_the_abi() {
        for raw in -2..10 {
            let known = [READ_PERM, WRITE_PERM, READ_PERM | WRITE_PERM].contains(&raw);
            assert_eq!(
                Permissions::from_raw(raw).map(Permissions::raw),
                known.then_some(raw)
            );
        }
    }
}
