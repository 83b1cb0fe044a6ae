//! Scaling: a Lanczos filter over the samples, alpha respected.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::{U8, U8x2, U8x3, U8x4};
use fast_image_resize::{PixelTrait, ResizeOptions, Resizer};
use thumbnail_chain::{Fault, Picture, Size};

/// The picture with its longer side brought down to `longest` pixels. The same bytes
/// for the same picture, always.
pub(crate) fn down(picture: &Picture, longest: u16) -> Result<Picture, Fault> {
    let to = picture.size().within(longest);
    let samples = match picture.channels() {
        1 => filter::<U8>(picture, to),
        2 => filter::<U8x2>(picture, to),
        3 => filter::<U8x3>(picture, to),
        _ => filter::<U8x4>(picture, to),
    }?;
    Picture::new(to, samples).ok_or_else(|| impossible(&"the result has another size"))
}

/// By type of pixel: the function for any type brings along the code for all of them.
fn filter<P: PixelTrait>(picture: &Picture, to: Size) -> Result<Vec<u8>, Fault> {
    let from = picture.size();
    let large = TypedImageRef::<P>::from_buffer(from.width(), from.height(), picture.samples())
        .map_err(|why| impossible(&why))?;
    let mut samples = vec![0; to.bytes(picture.channels())];
    let mut small = TypedImage::<P>::from_buffer(to.width(), to.height(), &mut samples)
        .map_err(|why| impossible(&why))?;
    Resizer::new()
        .resize_typed(&large, &mut small, &ResizeOptions::new())
        .map_err(|why| impossible(&why))?;
    Ok(samples)
}

fn impossible(why: &impl std::fmt::Display) -> Fault {
    let cause = format!("it can not be scaled: {why}");
    Fault::new("the picture", cause, "use another picture")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: u32, height: u32, pixel: &[u8]) -> Picture {
        let size = Size::new(width, height).unwrap();
        let count = size.bytes(1);
        Picture::new(size, pixel.repeat(count)).unwrap()
    }

    #[test]
    fn one_colour_stays_that_colour() {
        for pixel in [&[9][..], &[9, 255], &[9, 90, 200], &[9, 90, 200, 255]] {
            let small = down(&picture(600, 300, pixel), 256).unwrap();
            assert_eq!(small, picture(256, 128, pixel));
        }
    }

    #[test]
    fn what_is_invisible_does_not_colour_its_neighbours() {
        let size = Size::new(512, 512).unwrap();
        let row = [[255, 0, 0, 0].repeat(256), [0, 0, 255, 255].repeat(256)].concat();
        let samples = row.repeat(512);
        let small = down(&Picture::new(size, samples).unwrap(), 256).unwrap();
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
            let small = down(&picture(width, height, &[1, 2, 3]), 256).unwrap();
            assert!(small.size().width() <= 256 && small.size().height() <= 256);
        }
    }
}
