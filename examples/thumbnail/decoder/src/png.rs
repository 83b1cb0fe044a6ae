//! PNG files: any depth, palettes, interlacing, alpha.

use alloc::format;
use alloc::vec::Vec;
use core::ops::DerefMut;

use thumbnail_chain::{Fault, Picture, Shape};
use zune_core::bytestream::ZCursor;
use zune_core::options::DecoderOptions;
use zune_png::PngDecoder;

use crate::chunks::Chunks;
use crate::decode::broken;
use crate::inflated::inflated_bytes;
use crate::turn::Turn;

/// The most memory that decoding may take, in bytes: what the system file gives this
/// program (`memory`), less what the program takes itself.
const MAX_MEMORY_BYTES: u64 = 960 << 20;

/// As much as the decoder wants free behind what it inflates, and more.
const BEHIND_BYTES: u64 = 512;

/// Decodes to one byte a sample. Of an animation, its still picture. And how to turn it.
pub(crate) fn decode<S: DerefMut<Target = [u8]>>(
    file: Vec<u8>,
    room: &impl Fn(usize) -> Result<S, Fault>,
) -> Result<(Picture<S>, Turn), Fault> {
    let chunks = Chunks::read(&file)?;
    let shape = Shape::new(chunks.header.size, chunks.channels()).ok_or_else(unfilled)?;
    check_memory(&chunks, shape, file.len())?;
    drop(file);
    // The largest sides are those that a picture may have; others have been refused, and so
    // have wrong checksums.
    let options = DecoderOptions::new_safe()
        .set_strict_mode(true)
        .set_max_width(65_535)
        .set_max_height(65_535)
        .png_set_confirm_crc(false)
        .inflate_set_confirm_adler(true)
        .png_set_strip_to_8bit(true);
    let mut decoder = PngDecoder::new_with_options(ZCursor::new(&chunks.file), options);
    decoder
        .decode_headers()
        .map_err(|why| broken("PNG", &why))?;
    if decoder.output_buffer_size() != Some(shape.bytes()) {
        return Err(unfilled());
    }
    let mut samples = room(shape.bytes())?;
    decoder
        .decode_into(&mut samples)
        .map_err(|why| broken("PNG", &why))?;
    let turn = Turn::read(chunks.exif.as_deref());
    let picture = Picture::new(shape, samples).ok_or_else(unfilled)?;
    Ok((picture, turn))
}

/// Refuses what would take more memory than there is. Decoding holds the file in two pieces,
/// the inflated samples, and copies of them if they have 16 bits or are interlaced.
fn check_memory(chunks: &Chunks, shape: Shape, file_bytes: usize) -> Result<(), Fault> {
    let header = &chunks.header;
    let (width, height) = (header.size.width(), header.size.height());
    let sample_bytes = u64::from(header.depth.div_ceil(8));
    let pixel_bytes = sample_bytes * u64::from(header.samples);
    // As much as the decoder sets aside, which is a pixel too many in each row.
    let mut inflated = (u64::from(width) + 1) * u64::from(height) * pixel_bytes;
    if pixel_bytes == 1 {
        // It forgets the filters' bytes then, and has to double it: old and new stand at once.
        inflated *= 3;
    }
    let copies = u64::from(header.depth == 16) + u64::from(header.is_interlaced);
    let copied = copies * sample_bytes * shape.bytes() as u64;
    let needed = inflated + copied + 2 * file_bytes as u64;
    // Where it meets more than it has set aside it doubles that, before it gives up.
    if needed + 2 * inflated <= MAX_MEMORY_BYTES {
        return Ok(());
    }
    let most = inflated.saturating_sub(BEHIND_BYTES);
    let doubles = header.stream_bytes() > most;
    if needed <= MAX_MEMORY_BYTES && !doubles {
        let fits = inflated_bytes(chunks.compressed(), most).is_some();
        return if fits { Ok(()) } else { Err(unfilled()) };
    }
    let needed = needed + if doubles { 2 * inflated } else { 0 };
    let cause = format!(
        "to decode it takes {} MiB of memory; the most is {}",
        needed.div_ceil(1 << 20),
        MAX_MEMORY_BYTES >> 20
    );
    let way_out = "make it smaller first, or save it with 8 bits a sample and not interlaced";
    Err(Fault::new("the picture", cause, way_out))
}

fn unfilled() -> Fault {
    broken("PNG", &"its rows do not fill its size")
}
