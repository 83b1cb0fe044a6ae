//! Which side of a picture is up.
//!
//! Cameras store the samples as the sensor gives them, and say in a field of the file
//! (Exif, Orientation) how to turn them.

use exif::{In, Reader, Tag};
use thumbnail_chain::{Picture, Size};

/// How the stored samples become the picture. The numbers are those of Exif.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Turn(u32);

impl Turn {
    /// What a file's Exif data says; as stored, if it says nothing that makes sense.
    pub(crate) fn read(exif: Option<Vec<u8>>) -> Self {
        let number = exif.and_then(|exif| {
            let fields = Reader::new().read_raw(exif).ok()?;
            let orientation = fields.get_field(Tag::Orientation, In::PRIMARY)?;
            orientation.value.get_uint(0)
        });
        Self(
            number
                .filter(|number| (1..=8).contains(number))
                .unwrap_or(1),
        )
    }

    /// The picture with its upper side up. `None` only if memory for it is missing.
    pub(crate) fn apply(self, picture: Picture) -> Option<Picture> {
        if self.0 == 1 {
            return Some(picture);
        }
        let (width, height) = (picture.size().width(), picture.size().height());
        let (to_width, to_height) = if self.0 >= 5 {
            (height, width)
        } else {
            (width, height)
        };
        let channels = usize::from(picture.channels());
        let samples = picture.samples();
        let mut turned = Vec::new();
        turned.try_reserve_exact(samples.len()).ok()?;
        for y in 0..to_height {
            for x in 0..to_width {
                let (from_x, from_y) = self.origin((x, y), (width, height));
                let pixel = from_y as usize * width as usize + from_x as usize;
                turned.extend_from_slice(samples.get(pixel * channels..)?.get(..channels)?);
            }
        }
        Picture::new(Size::new(to_width, to_height)?, turned)
    }

    /// Where the pixel at `(x, y)` is stored, in a picture stored as width by height.
    fn origin(self, (x, y): (u32, u32), (width, height): (u32, u32)) -> (u32, u32) {
        let (right, bottom) = (width - 1, height - 1);
        match self.0 {
            2 => (right - x, y),
            3 => (right - x, bottom - y),
            4 => (x, bottom - y),
            5 => (y, x),
            6 => (y, bottom - x),
            7 => (right - y, bottom - x),
            8 => (right - y, x),
            _ => (x, y),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The smallest Exif data that has an orientation.
    fn exif(orientation: u8) -> Vec<u8> {
        let mut bytes = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\0\0\0\0\0\0\0".to_vec();
        bytes[19] = orientation;
        bytes
    }

    /// Two rows of three pixels, one letter each.
    fn turned(orientation: u8) -> (u32, u32, String) {
        let stored = Picture::new(Size::new(3, 2).unwrap(), b"abcdef".to_vec()).unwrap();
        let picture = Turn::read(Some(exif(orientation))).apply(stored).unwrap();
        let letters = String::from_utf8(picture.samples().to_vec()).unwrap();
        (picture.size().width(), picture.size().height(), letters)
    }

    #[test]
    fn each_orientation_puts_the_upper_side_up() {
        for (orientation, width, height, letters) in [
            (1, 3, 2, "abcdef"),
            (2, 3, 2, "cbafed"),
            (3, 3, 2, "fedcba"),
            (4, 3, 2, "defabc"),
            (5, 2, 3, "adbecf"),
            (6, 2, 3, "daebfc"),
            (7, 2, 3, "fcebda"),
            (8, 2, 3, "cfbead"),
        ] {
            let want = (width, height, letters.to_owned());
            assert_eq!(turned(orientation), want, "orientation {orientation}");
        }
    }

    #[test]
    fn nonsense_leaves_a_picture_as_it_is_stored() {
        assert_eq!(turned(0), turned(1));
        assert_eq!(turned(9), turned(1));
        assert_eq!(Turn::read(None), Turn(1));
        assert_eq!(Turn::read(Some(b"MM\0*".to_vec())), Turn(1));
        assert_eq!(Turn::read(Some(vec![0xff; 64])), Turn(1));
    }

    #[test]
    fn colours_stay_together() {
        let stored = Picture::new(Size::new(2, 1).unwrap(), vec![1, 2, 3, 4, 5, 6]).unwrap();
        let picture = Turn(6).apply(stored).unwrap();
        assert_eq!(picture.samples(), [1, 2, 3, 4, 5, 6]);
        assert_eq!((picture.size().width(), picture.size().height()), (1, 2));
    }
}
