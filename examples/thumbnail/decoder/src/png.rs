//! PNG files: any depth, palettes, interlacing, alpha.

use core::ops::DerefMut;

use thumbnail_chain::{Fault, Picture, Shape};
use zune_core::bytestream::ZCursor;
use zune_core::options::DecoderOptions;
use zune_png::PngDecoder;

use crate::decode::{broken, size};
use crate::turn::Turn;

/// Decodes to one byte a sample. Of an animation, its still picture or first frame. And
/// how to turn it.
pub(crate) fn decode<S: DerefMut<Target = [u8]>>(
    file: &[u8],
    room: &impl Fn(usize) -> Result<S, Fault>,
) -> Result<(Picture<S>, Turn), Fault> {
    let (width, height) = sides(file).ok_or_else(|| broken("PNG", &"it has no header"))?;
    let size = size(width, height)?;
    // The largest sides are those that a picture may have; `size` has refused the others.
    let options = DecoderOptions::new_safe()
        .set_strict_mode(true)
        .set_max_width(65_535)
        .set_max_height(65_535)
        .png_set_confirm_crc(true)
        .inflate_set_confirm_adler(true)
        .png_set_strip_to_8bit(true);
    let mut decoder = PngDecoder::new_with_options(ZCursor::new(file), options);
    decoder
        .decode_headers()
        .map_err(|why| broken("PNG", &why))?;
    let frame = decoder.frame_info().ok_or_else(unfilled)?;
    let is_whole = frame.width == width as usize && frame.height == height as usize;
    let channels = decoder
        .colorspace()
        .map_or(0, |colours| colours.num_components());
    let shape = u8::try_from(channels)
        .ok()
        .and_then(|channels| Shape::new(size, channels))
        .filter(|shape| is_whole && decoder.output_buffer_size() == Some(shape.bytes()))
        .ok_or_else(unfilled)?;
    let mut samples = room(shape.bytes())?;
    decoder
        .decode_into(&mut samples)
        .map_err(|why| broken("PNG", &why))?;
    let turn = Turn::read(decoder.info().and_then(|info| info.exif.as_deref()));
    let picture = Picture::new(shape, samples).ok_or_else(unfilled)?;
    Ok((picture, turn))
}

/// Width and height, which stand in the file's first chunk. Looked at before any decoder
/// sets memory aside for them.
fn sides(file: &[u8]) -> Option<(u32, u32)> {
    let header = file.get(12..)?.strip_prefix(b"IHDR")?;
    let (width, rest) = header.split_first_chunk()?;
    let height = rest.first_chunk()?;
    Some((u32::from_be_bytes(*width), u32::from_be_bytes(*height)))
}

fn unfilled() -> Fault {
    broken("PNG", &"its rows do not fill its size")
}
