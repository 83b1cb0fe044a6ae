//! PNG files: any depth, palettes, interlacing, alpha.

use std::io::Cursor;
use std::ops::DerefMut;

use png::{Decoder, Limits, Transformations};
use thumbnail_chain::{Fault, Picture, Shape};

use crate::decode::{broken, size};
use crate::turn::Turn;

/// What the decoder may allocate besides the samples: rows, palettes, text, colour
/// profiles.
const WORKING_BYTES: usize = 64 << 20;

/// Decodes to one byte a sample. Of an animation, its still picture or first frame. And
/// how to turn it.
pub(crate) fn decode<S: DerefMut<Target = [u8]>>(
    file: &[u8],
    room: &impl Fn(usize) -> Result<S, Fault>,
) -> Result<(Picture<S>, Turn), Fault> {
    let broken = |why: png::DecodingError| broken("PNG", &why);
    let limits = Limits {
        bytes: WORKING_BYTES,
    };
    let mut decoder = Decoder::new_with_limits(Cursor::new(file), limits);
    decoder.set_transformations(Transformations::normalize_to_color8());
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);

    let header = decoder.read_header_info().map_err(broken)?;
    let size = size(header.width, header.height)?;

    let mut reader = decoder.read_info().map_err(broken)?;
    let channels = u8::try_from(reader.output_color_type().0.samples()).unwrap_or(0);
    let shape = Shape::new(size, channels).ok_or_else(unfilled)?;
    let mut samples = room(shape.bytes())?;
    reader.next_frame(&mut samples).map_err(broken)?;
    let turn = Turn::read(reader.info().exif_metadata.as_deref().map(<[u8]>::to_vec));
    let picture = Picture::new(shape, samples).ok_or_else(unfilled)?;
    Ok((picture, turn))
}

fn unfilled() -> Fault {
    broken("PNG", &"its rows do not fill its size")
}
