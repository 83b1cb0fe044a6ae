//! Which side of a picture is up.
//!
//! Cameras store the samples as the sensor gives them, and say in a field of the file
//! (Exif, Orientation) how to turn them.

use core::ops::DerefMut;

use thumbnail_chain::{Fault, Picture, Size};

use crate::decode::broken;

/// How the stored samples become the picture. The numbers are those of Exif.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Turn(u32);

impl Turn {
    /// What a file's Exif data says; as stored, if it says nothing that makes sense.
    pub(crate) fn read(exif: Option<&[u8]>) -> Self {
        let number = exif.and_then(orientation);
        let number = number.filter(|number| (1..=8).contains(number));
        Self(number.unwrap_or(1))
    }

    /// The picture with its upper side up; in new room, if it has to be turned.
    pub(crate) fn apply<S: DerefMut<Target = [u8]>>(
        self,
        picture: Picture<S>,
        room: &impl Fn(usize) -> Result<S, Fault>,
    ) -> Result<Picture<S>, Fault> {
        if self.0 == 1 {
            return Ok(picture);
        }
        let shape = picture.shape();
        let (width, height) = (shape.size().width(), shape.size().height());
        let (to_width, to_height) = if self.0 >= 5 {
            (height, width)
        } else {
            (width, height)
        };
        let to = Size::new(to_width, to_height).map(|size| shape.of_size(size));
        let to = to.ok_or_else(unturnable)?;
        let channels = usize::from(shape.channels());
        let samples = picture.samples();
        let mut turned = room(to.bytes())?;
        let places = (0..to_height).flat_map(|y| (0..to_width).map(move |x| (x, y)));
        for (pixel, place) in turned.chunks_exact_mut(channels).zip(places) {
            let (from_x, from_y) = self.origin(place, (width, height));
            let from = (from_y as usize * width as usize + from_x as usize) * channels;
            let stored = samples.get(from..from + channels);
            pixel.copy_from_slice(stored.ok_or_else(unturnable)?);
        }
        Picture::new(to, turned).ok_or_else(unturnable)
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

/// The field Orientation in the first directory of Exif data, which is built like a TIFF file.
fn orientation(exif: &[u8]) -> Option<u32> {
    const ORIENTATION: u16 = 0x0112;
    /// Numbers of 16 bits, the type that the field must have.
    const SHORT: u16 = 3;
    const ENTRY_BYTES: usize = 12;
    let is_little = match exif.first_chunk()? {
        b"II*\0" => true,
        b"MM\0*" => false,
        _ => return None,
    };
    let bytes = |at: usize| exif.get(at..);
    let short = |at: usize| {
        let bytes = *bytes(at)?.first_chunk()?;
        Some(match is_little {
            true => u16::from_le_bytes(bytes),
            false => u16::from_be_bytes(bytes),
        })
    };
    let directory = *bytes(4)?.first_chunk()?;
    let directory = match is_little {
        true => u32::from_le_bytes(directory),
        false => u32::from_be_bytes(directory),
    };
    let directory = usize::try_from(directory).ok()?;
    let entries = usize::from(short(directory)?);
    let entries = (0..entries).map_while(|entry| {
        let at = directory.checked_add(2 + entry * ENTRY_BYTES)?;
        exif.get(at..).map(|_| at)
    });
    // Type, count, and then the number itself, as it has room there.
    let mut found = entries.filter(|at| short(*at) == Some(ORIENTATION));
    let at = found.find(|at| short(at + 2) == Some(SHORT))?;
    short(at + 8).map(u32::from)
}

/// Neither its sides nor its samples are more or fewer when they change places.
fn unturnable() -> Fault {
    broken("picture", &"its samples do not fill its size")
}

#[cfg(test)]
mod tests {
    use thumbnail_chain::Shape;

    use super::*;

    fn picture(width: u32, height: u32, channels: u8, samples: &[u8]) -> Picture<Vec<u8>> {
        let shape = Shape::new(Size::new(width, height).unwrap(), channels);
        Picture::new(shape.unwrap(), samples.to_vec()).unwrap()
    }

    /// More than is asked for, as whole pages are.
    fn room(bytes: usize) -> Result<Vec<u8>, Fault> {
        Ok(vec![b'!'; bytes.next_multiple_of(4096)])
    }

    /// The smallest Exif data that has an orientation.
    fn exif(orientation: u8) -> Vec<u8> {
        let mut bytes = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\0\0\0\0\0\0\0".to_vec();
        bytes[19] = orientation;
        bytes
    }

    /// Two rows of three pixels, one letter each.
    fn turned(orientation: u8) -> (u32, u32, String) {
        let stored = picture(3, 2, 1, b"abcdef");
        let turn = Turn::read(Some(&exif(orientation)));
        let picture = turn.apply(stored, &room).unwrap();
        let letters = String::from_utf8(picture.samples().to_vec()).unwrap();
        let size = picture.shape().size();
        (size.width(), size.height(), letters)
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
        assert_eq!(Turn::read(Some(b"MM\0*")), Turn(1));
        assert_eq!(Turn::read(Some(&[0xff; 64])), Turn(1));
    }

    #[test]
    fn colours_stay_together() {
        let stored = picture(2, 1, 3, &[1, 2, 3, 4, 5, 6]);
        let turned = Turn(6).apply(stored, &room).unwrap();
        assert_eq!(turned.samples(), [1, 2, 3, 4, 5, 6]);
        let size = turned.shape().size();
        assert_eq!((size.width(), size.height()), (1, 2));
    }
}
