//! Scaling: a Lanczos filter over the samples, alpha respected.

use alloc::format;
use core::ops::{Deref, DerefMut};

use thumbnail_chain::{Fault, Picture, Shape};

use crate::filter::{self, Sides};

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
        .ok_or_else(|| impossible("there is no room for the result"))?;
    let sides = |shape: Shape| {
        let size = shape.size();
        (size.width() as usize, size.height() as usize)
    };
    let (large, result) = ((samples, sides(from)), (small, sides(to)));
    match from.channels() {
        _ if from == to => result.0.copy_from_slice(samples),
        1 => filter::scale::<1>(large, result),
        2 => visible::<2>(large, result),
        3 => filter::scale::<3>(large, result),
        _ => visible::<4>(large, result),
    }
    Picture::new(to, room).ok_or_else(|| impossible("the result has another size"))
}

/// The same for pixels whose last sample is alpha.
fn visible<const CHANNELS: usize>((large, from): (&[u8], Sides), (small, to): (&mut [u8], Sides)) {
    let weighed = filter::weigh::<CHANNELS>(large);
    filter::scale::<CHANNELS>((&weighed, from), (small, to));
    filter::unweigh::<CHANNELS>(small);
}

fn impossible(why: &str) -> Fault {
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

    /// The result of the crate `fast_image_resize`, which the filter is after.
    fn theirs<P: fast_image_resize::PixelTrait>(picture: &Picture<Vec<u8>>, to: Size) -> Vec<u8> {
        use fast_image_resize::images::{TypedImage, TypedImageRef};
        let (from, samples) = (picture.shape().size(), picture.samples());
        let large = TypedImageRef::<P>::from_buffer(from.width(), from.height(), samples).unwrap();
        let mut result = vec![0; to.bytes(picture.shape().channels())];
        let mut small = TypedImage::<P>::from_buffer(to.width(), to.height(), &mut result).unwrap();
        fast_image_resize::Resizer::new()
            .resize_typed(&large, &mut small, None)
            .unwrap();
        result
    }

    #[test]
    fn no_byte_differs_from_what_the_usual_scaler_makes() {
        use fast_image_resize::pixels::{U8, U8x2, U8x3, U8x4};
        let noise = |n: u32| (n.wrapping_mul(0x9e37_79b9) >> 11).to_le_bytes()[0];
        for (width, height) in [
            (1, 1),
            (640, 427),
            (427, 640),
            (257, 256),
            (256, 257),
            (300, 255),
            (5000, 3),
            (2, 4001),
            (1111, 1111),
        ] {
            for channels in 1..=4 {
                let shape = shape(width, height, channels);
                let count = u32::try_from(shape.bytes()).unwrap();
                let picture = Picture::new(shape, (0..count).map(noise).collect()).unwrap();
                let small = thumbnail(&picture);
                let size = small.shape().size();
                let want = match channels {
                    1 => theirs::<U8>(&picture, size),
                    2 => theirs::<U8x2>(&picture, size),
                    3 => theirs::<U8x3>(&picture, size),
                    _ => theirs::<U8x4>(&picture, size),
                };
                assert!(small.samples() == want, "{width} x {height} of {channels}");
            }
        }
    }
}
