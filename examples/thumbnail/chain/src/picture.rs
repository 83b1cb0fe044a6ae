//! Pictures in memory, and the arithmetic of their sizes.

use core::ops::Deref;

/// The most pixels that the programs take on. The pool of the system file and the shares in
/// it are made for them. A PNG file of more than eight bits a sample may need more memory
/// than the decoder has although it has no more pixels; the decoder refuses it.
pub const MAX_PIXELS: u64 = 64 << 20;

/// The largest file that the reader takes on, in bytes.
pub const MAX_FILE_BYTES: usize = 256 << 20;

/// Width and height in pixels, 1 to 65,535 each, and no more than [`MAX_PIXELS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    width: u16,
    height: u16,
}

impl Size {
    /// `None`: empty, or too large.
    #[must_use]
    pub fn new(width: u32, height: u32) -> Option<Self> {
        let size = Self {
            width: u16::try_from(width).ok()?,
            height: u16::try_from(height).ok()?,
        };
        let pixels = u64::from(width) * u64::from(height);
        (1..=MAX_PIXELS).contains(&pixels).then_some(size)
    }

    pub(crate) fn word(self) -> i32 {
        (u32::from(self.width) << 16 | u32::from(self.height)).cast_signed()
    }

    pub(crate) fn from_word(word: i32) -> Option<Self> {
        let bits = word.cast_unsigned();
        Self::new(bits >> 16, bits & 0xffff)
    }

    /// Pixels from left to right.
    #[must_use]
    pub fn width(self) -> u32 {
        u32::from(self.width)
    }

    /// Pixels from top to bottom.
    #[must_use]
    pub fn height(self) -> u32 {
        u32::from(self.height)
    }

    /// How many bytes the samples take, one byte each.
    #[must_use]
    pub fn bytes(self, channels: u8) -> usize {
        // At most 64 Mi pixels of 255 bytes: that fits in 64 bits, and for the four
        // channels that a picture may have, in the 32 of a guest's `usize`.
        let bytes = u64::from(self.width) * u64::from(self.height) * u64::from(channels);
        usize::try_from(bytes).unwrap_or(usize::MAX)
    }

    /// The size of this picture when its longer side is made `longest` pixels, the
    /// shorter one in proportion, rounded to the nearest and at least 1. A picture that
    /// is small enough stays as it is.
    #[must_use]
    pub fn within(self, longest: u16) -> Self {
        let longer = self.width.max(self.height);
        if longer <= longest {
            return self;
        }
        let scaled = |side: u16| {
            let product = u32::from(side) * u32::from(longest);
            let rounded = (product + u32::from(longer) / 2) / u32::from(longer);
            u16::try_from(rounded).map_or(longest, |side| side.clamp(1, longest))
        };
        Self {
            width: scaled(self.width),
            height: scaled(self.height),
        }
    }
}

/// Width, height, and samples of one pixel: 1 grey, 2 grey and alpha, 3 colour, 4 colour
/// and alpha.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    size: Size,
    channels: u8,
}

impl Shape {
    /// `None`: no pixel has so many samples.
    #[must_use]
    pub fn new(size: Size, channels: u8) -> Option<Self> {
        (1..=4)
            .contains(&channels)
            .then_some(Self { size, channels })
    }

    /// Width and height.
    #[must_use]
    pub fn size(self) -> Size {
        self.size
    }

    /// Samples of one pixel, 1 to 4.
    #[must_use]
    pub fn channels(self) -> u8 {
        self.channels
    }

    /// How many bytes the samples take.
    #[must_use]
    pub fn bytes(self) -> usize {
        self.size.bytes(self.channels)
    }

    /// The same, with sides as in `size`.
    #[must_use]
    pub fn of_size(self, size: Size) -> Self {
        Self { size, ..self }
    }
}

/// Samples and what they are: rows from the top, pixels from the left, one byte a sample.
#[derive(Debug, PartialEq, Eq)]
pub struct Picture<S> {
    shape: Shape,
    samples: S,
}

impl<S: Deref<Target = [u8]>> Picture<S> {
    /// The picture of this shape that stands at the beginning of `samples`. `None`: it is
    /// longer than they are.
    #[must_use]
    pub fn new(shape: Shape, samples: S) -> Option<Self> {
        (shape.bytes() <= samples.len()).then_some(Self { shape, samples })
    }

    /// Width, height, and samples of a pixel.
    #[must_use]
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Rows from the top, pixels from the left.
    #[must_use]
    pub fn samples(&self) -> &[u8] {
        self.samples.get(..self.shape.bytes()).unwrap_or_default()
    }

    /// Hands over what the samples stand in.
    #[must_use]
    pub fn into_samples(self) -> S {
        self.samples
    }
}

#[cfg(test)]
mod tests {
    use std::vec;

    use super::*;

    fn size(width: u32, height: u32) -> Size {
        Size::new(width, height).unwrap()
    }

    #[test]
    fn sizes_that_can_not_be_worked_on_are_none() {
        for (width, height) in [
            (0, 1),
            (1, 0),
            (65_536, 1),
            (60_000, 60_000),
            (8192, 8193),
            (u32::MAX, u32::MAX),
        ] {
            assert_eq!(Size::new(width, height), None, "{width} x {height}");
        }
        assert!(Size::new(8192, 8192).is_some());
        assert!(Size::new(65_535, 1).is_some());
    }

    #[test]
    fn words_are_sizes_only_if_both_sides_are_there() {
        for word in [0, 0x0001_0000, 1, -1] {
            assert_eq!(Size::from_word(word), None, "{word:#x}");
        }
        let wide = size(65_535, 2);
        assert_eq!(Size::from_word(wide.word()), Some(wide));
    }

    #[test]
    fn a_thumbnail_keeps_the_proportions() {
        for (from, to) in [
            ((640, 427), (256, 171)),
            ((427, 640), (171, 256)),
            ((512, 512), (256, 256)),
            ((257, 1), (256, 1)),
            ((65_535, 1), (256, 1)),
            ((1, 65_535), (1, 256)),
            ((256, 200), (256, 200)),
            ((3, 2), (3, 2)),
        ] {
            assert_eq!(
                size(from.0, from.1).within(256),
                size(to.0, to.1),
                "{from:?}"
            );
        }
    }

    #[test]
    fn every_thumbnail_fits_and_none_is_empty() {
        for longer in (257..=65_535).step_by(97) {
            for shorter in [1, 2, 127, 128, 255, 256, 257, 1000] {
                let thumbnail = size(longer, shorter).within(256);
                assert!((1..=256).contains(&thumbnail.height()));
                assert_eq!(thumbnail.width().max(thumbnail.height()), 256);
            }
        }
    }

    #[test]
    fn a_pixel_has_one_to_four_samples() {
        for (channels, bytes) in [(1, 6), (2, 12), (3, 18), (4, 24)] {
            let shape = Shape::new(size(3, 2), channels).unwrap();
            assert_eq!(shape.bytes(), bytes);
        }
        for channels in [0, 5, 255] {
            assert_eq!(Shape::new(size(3, 2), channels), None, "{channels}");
        }
    }

    #[test]
    fn what_is_behind_the_samples_is_not_the_picture() {
        let shape = Shape::new(size(3, 2), 1).unwrap();
        let picture = Picture::new(shape, vec![7; 4096]).unwrap();
        assert_eq!(picture.samples(), [7; 6]);
        assert_eq!(Picture::new(shape, vec![7; 5]), None);
    }
}
