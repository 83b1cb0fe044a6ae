//! Scaling: a Lanczos filter over the samples, alpha respected.

use std::ops::{Deref, DerefMut};

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::{U8, U8x2, U8x3, U8x4};
use fast_image_resize::{PixelTrait, ResizeOptions, Resizer};
use thumbnail_chain::{Fault, Picture, Shape};

/// The picture with its longer side brought down to `longest` pixels, in `room`. The same
/// bytes for the same picture, always.
pub(crate) fn down<S: DerefMut<Target = [u8]>>(
    picture: &Picture<impl Deref<Target = [u8]>>,
    longest: u16,
    mut room: S,
) -> Result<Picture<S>, Fault> {
    let from = picture.shape();
    let to = from.of_size(from.size().within(longest));
    let samples = picture.samples();
    let small = room
        .get_mut(..to.bytes())
        .ok_or_else(|| impossible(&"there is no room for the result"))?;
    match from.channels() {
        1 => filter::<U8>((samples, from), (small, to)),
        2 => filter::<U8x2>((samples, from), (small, to)),
        3 => filter::<U8x3>((samples, from), (small, to)),
        _ => filter::<U8x4>((samples, from), (small, to)),
    }?;
    Picture::new(to, room).ok_or_else(|| impossible(&"the result has another size"))
}

/// By type of pixel: the function for any type brings along the code for all of them.
fn filter<P: PixelTrait>(
    (large, from): (&[u8], Shape),
    (small, to): (&mut [u8], Shape),
) -> Result<(), Fault> {
    let (from, to) = (from.size(), to.size());
    let large = TypedImageRef::<P>::from_buffer(from.width(), from.height(), large)
        .map_err(|why| impossible(&why))?;
    let mut small = TypedImage::<P>::from_buffer(to.width(), to.height(), small)
        .map_err(|why| impossible(&why))?;
    Resizer::new()
        .resize_typed(&large, &mut small, &ResizeOptions::new())
        .map_err(|why| impossible(&why))
}

fn impossible(why: &impl std::fmt::Display) -> Fault {
    let cause = format!("it can not be scaled: {why}");
    Fault::new("the picture", cause, "use another picture")
}

#[cfg(test)]
mod tests {
    use thumbnail_chain::Size;

    use super::*;

    fn shape(width: u32, height: u32, channels: usize) -> Shape {
        let size = Size::new(width, height).unwrap();
        Shape::new(size, u8::try_from(channels).unwrap()).unwrap()
    }

    fn picture(width: u32, height: u32, pixel: &[u8]) -> Picture<Vec<u8>> {
        let shape = shape(width, height, pixel.len());
        Picture::new(shape, pixel.repeat(shape.size().bytes(1))).unwrap()
    }

    fn thumbnail(picture: &Picture<Vec<u8>>) -> Picture<Vec<u8>> {
        down(picture, 256, vec![0xee; 300_000]).unwrap()
    }

    #[test]
    fn one_colour_stays_that_colour() {
        for pixel in [&[9][..], &[9, 255], &[9, 90, 200], &[9, 90, 200, 255]] {
            let small = thumbnail(&picture(600, 300, pixel));
            let want = picture(256, 128, pixel);
            assert_eq!(small.shape(), want.shape());
            assert_eq!(small.samples(), want.samples());
        }
    }

    #[test]
    fn what_is_invisible_does_not_colour_its_neighbours() {
        let row = [[255, 0, 0, 0].repeat(256), [0, 0, 255, 255].repeat(256)].concat();
        let samples = row.repeat(512);
        let small = thumbnail(&Picture::new(shape(512, 512, 4), samples).unwrap());
        let visible = small.samples().chunks_exact(4).filter(|pixel| pixel[3] > 8);
        for pixel in visible {
            assert!(
                pixel[0] == 0,
                "red came out of the transparent half: {pixel:?}"
            );
        }
    }

    #[test]
    fn the_smallest_and_the_longest_pictures_work() {
        for (width, height) in [(1, 1), (65_535, 1), (1, 65_535), (257, 256)] {
            let size = thumbnail(&picture(width, height, &[1, 2, 3]))
                .shape()
                .size();
            assert!(size.width() <= 256 && size.height() <= 256);
        }
    }
}
