//! JPEG files: baseline and progressive, grey, colour, CMYK.

use alloc::vec::Vec;
use core::ops::DerefMut;

use thumbnail_chain::{Fault, Picture, Shape};
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

use crate::decode::{broken, size};
use crate::turn::Turn;

/// Decodes to grey if the file is grey, and to red, green and blue otherwise; and how
/// to turn it.
pub(crate) fn decode<S: DerefMut<Target = [u8]>>(
    file: &[u8],
    room: &impl Fn(usize) -> Result<S, Fault>,
) -> Result<(Picture<S>, Turn), Fault> {
    // Strict: most files that are cut short are errors then (see also `ends`). The
    // largest sides here are those that the format has; `size` refuses what is too much.
    let options = DecoderOptions::new_safe()
        .set_strict_mode(true)
        .set_max_width(65_535)
        .set_max_height(65_535);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(file), options);
    decoder
        .decode_headers()
        .map_err(|why| broken("JPEG", &why))?;
    let Some(info) = decoder.info() else {
        return Err(broken("JPEG", &"it has no frame header"));
    };
    let size = size(u32::from(info.width), u32::from(info.height))?;
    if !ends(file) {
        return Err(broken("JPEG", &"its last scan has no end"));
    }

    let (colours, channels) = match decoder.input_colorspace() {
        Some(ColorSpace::Luma) => (ColorSpace::Luma, 1),
        _ => (ColorSpace::RGB, 3),
    };
    decoder.set_options(options.jpeg_set_out_colorspace(colours));
    let shape = Shape::new(size, channels)
        .filter(|shape| decoder.output_buffer_size() == Some(shape.bytes()))
        .ok_or_else(unfilled)?;
    let mut samples = room(shape.bytes())?;
    decoder
        .decode_into(&mut samples)
        .map_err(|why| broken("JPEG", &why))?;
    let turn = Turn::read(decoder.exif().map(Vec::as_slice));
    let picture = Picture::new(shape, samples).ok_or_else(unfilled)?;
    Ok((picture, turn))
}

fn unfilled() -> Fault {
    broken("JPEG", &"its rows do not fill its size")
}

/// Whether the last scan is followed by the marker of the end. The decoder paints what
/// a file that is cut short lacks in grey, and does not say so.
fn ends(file: &[u8]) -> bool {
    // Inside a scan, 0xff is followed by 0 or a restart marker, so neither pair occurs.
    let last_scan = file.windows(2).rposition(|marker| marker == [0xff, 0xda]);
    last_scan.is_some_and(|scan| file[scan..].windows(2).any(|marker| marker == [0xff, 0xd9]))
}
