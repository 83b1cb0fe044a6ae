//! Where in the guest's own file an instruction stood that was compiled.
//!
//! The loader writes most instructions again as they were, but not all in the same
//! length, and for some it writes others. So it keeps the offsets at which the two files
//! go apart, and only those.

/// An instruction of the compiled function from which on the distance to the guest's own
/// one is another.
#[derive(Clone, Copy, Debug)]
struct Mark {
    /// Bytes from the beginning of the body, as compiled.
    compiled: u32,
    /// The same in the guest's file.
    original: u32,
    /// All up to the next mark stands for this one instruction.
    is_one: bool,
}

impl Mark {
    /// What an instruction before the next mark stands for.
    fn original(self, compiled: u32) -> u32 {
        if self.is_one {
            self.original
        } else {
            self.original + (compiled - self.compiled)
        }
    }
}

/// The marks of one function, in order.
#[derive(Debug, Default)]
pub(super) struct BodyOffsets(Vec<Mark>);

impl BodyOffsets {
    /// An instruction begins. `is_one`: others will stand for it.
    pub(super) fn begin(&mut self, compiled: usize, original: usize, is_one: bool) {
        let (Ok(compiled), Ok(original)) = (u32::try_from(compiled), u32::try_from(original))
        else {
            // The validator has seen that no function is as large.
            return;
        };
        let goes_on = |mark: &Mark| !mark.is_one && mark.original(compiled) == original;
        if is_one || !self.0.last().is_some_and(goes_on) {
            self.0.push(Mark {
                compiled,
                original,
                is_one,
            });
        }
    }

    fn original(&self, compiled: u32) -> Option<u32> {
        let behind = self.0.partition_point(|mark| mark.compiled <= compiled);
        let mark = self.0.get(behind.checked_sub(1)?)?;
        Some(mark.original(compiled))
    }
}

/// The marks of a module's own functions.
#[derive(Debug, Default)]
pub(crate) struct Offsets {
    /// How many functions come before them: those that are imported.
    pub(super) imported: u32,
    pub(super) bodies: Vec<BodyOffsets>,
}

impl Offsets {
    /// Where an instruction of a function stood in the guest's file, in bytes from the
    /// beginning of the function's body. `None`: the function is not the guest's.
    pub(crate) fn original(&self, function: u32, compiled: usize) -> Option<u32> {
        let body = function.checked_sub(self.imported)?;
        let body = self.bodies.get(body as usize)?;
        body.original(u32::try_from(compiled).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_where_the_files_go_apart_there_is_a_mark() {
        let mut body = BodyOffsets::default();
        // A constant in five bytes that needs two, then one that stands for another.
        for (compiled, original, is_one) in [
            (1, 1, false),
            (3, 3, false),
            (5, 8, false),
            (7, 10, true),
            (30, 13, false),
            (31, 14, false),
        ] {
            body.begin(compiled, original, is_one);
        }
        assert_eq!(body.0.len(), 4);
        let offsets = Offsets {
            imported: 2,
            bodies: vec![body],
        };
        for (compiled, original) in [
            (1, 1),
            (3, 3),
            (5, 8),
            (7, 10),
            (20, 10),
            (30, 13),
            (31, 14),
        ] {
            assert_eq!(offsets.original(2, compiled), Some(original), "{compiled}");
        }
        assert_eq!(offsets.original(2, 0), None);
        assert_eq!(offsets.original(1, 5), None, "imported");
        assert_eq!(offsets.original(3, 5), None, "added by the loader");
    }
}
