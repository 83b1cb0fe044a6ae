//! All arithmetic on guest addresses.

/// A range of guest memory, in bytes, as claimed by a guest.
///
/// A `Span` proves that the range does not wrap. It does not prove that the
/// memory is there or that anybody may touch it.
///
/// Invariant: `start + len <= u64::MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    start: u64,
    len: u64,
}

impl Span {
    /// Nowhere: the end of all memory.
    pub(crate) const NOWHERE: Self = Self {
        start: u64::MAX,
        len: 0,
    };

    /// The `len` bytes from address `start`, unless they wrap.
    #[must_use]
    #[inline]
    pub const fn new(start: u64, len: u64) -> Option<Self> {
        match start.checked_add(len) {
            Some(_) => Some(Self { start, len }),
            None => None,
        }
    }

    /// Its first address.
    #[must_use]
    #[inline]
    pub const fn start(self) -> u64 {
        self.start
    }

    /// Its length, in bytes.
    #[must_use]
    #[inline]
    #[allow(
        clippy::len_without_is_empty,
        reason = "an empty span is an ordinary one"
    )]
    pub const fn len(self) -> u64 {
        self.len
    }

    /// The first address behind it.
    #[must_use]
    #[inline]
    pub const fn end(self) -> u64 {
        // Can not wrap: the invariant.
        self.start.wrapping_add(self.len)
    }

    /// Whether the two have an address in common. An empty one has none.
    #[must_use]
    #[inline(always)]
    pub(crate) const fn meets(self, other: Self) -> bool {
        self.start < other.end() && other.start < self.end()
    }

    /// Whether it lies in an address space of `size` bytes that begins at 0. Of
    /// an empty span, its first address must lie there.
    #[must_use]
    #[inline]
    pub const fn lies_below(self, size: u64) -> bool {
        self.end() <= size && self.start < size
    }
}

#[cfg(test)]
mod tests {
    use super::Span;

    #[test]
    fn a_span_never_wraps() {
        assert!(Span::new(u64::MAX, 0).is_some());
        assert!(Span::new(u64::MAX, 1).is_none());
        assert!(Span::new(1, u64::MAX).is_none());
        assert_eq!(Span::new(0, u64::MAX).unwrap().end(), u64::MAX);
    }

    #[test]
    fn an_empty_span_needs_its_first_address() {
        let at = |start, len| Span::new(start, len).unwrap();
        assert!(at(99, 0).lies_below(100));
        assert!(!at(100, 0).lies_below(100));
        assert!(at(99, 1).lies_below(100));
        assert!(!at(99, 2).lies_below(100));
        assert!(!at(0, 0).lies_below(0));
    }
}
