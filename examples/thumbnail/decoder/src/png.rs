//! PNG files: any depth, palettes, interlacing, alpha.

use std::io::Cursor;

use png::{Decoder, Limits, Transformations};
use thumbnail_chain::{Fault, Picture};

use crate::decode::{broken, size};
use crate::turn::Turn;

/// What the decoder may allocate besides the samples: rows, palettes, text, colour
/// profiles.
const WORKING_BYTES: usize = 64 << 20;

/// Decodes to one byte a sample. Of an animation, its still picture or first frame. And
/// how to turn it.
pub(crate) fn decode(file: &[u8]) -> Result<(Picture, Turn), Fault> {
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
    let channels = reader.output_color_type().0.samples();
    let mut samples = vec![0; u8::try_from(channels).map_or(0, |channels| size.bytes(channels))];
    reader.next_frame(&mut samples).map_err(broken)?;
    let turn = Turn::read(reader.info().exif_metadata.as_deref().map(<[u8]>::to_vec));
    let picture = Picture::new(size, samples)
        .ok_or_else(|| crate::decode::broken("PNG", &"its rows do not fill its size"))?;
    Ok((picture, turn))
}
