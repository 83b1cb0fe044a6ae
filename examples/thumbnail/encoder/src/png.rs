//! PNG files: eight bits a sample, each row with the filter that suits it best.

use alloc::vec;
use alloc::vec::Vec;
use core::ops::Deref;

use miniz_oxide::deflate::compress_to_vec_zlib;
use thumbnail_chain::Picture;

const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";
/// How hard to compress, of 10.
const LEVEL: u8 = 6;
/// What stands between the keyword `Title` of an `iTXt` chunk and its text: the end of the
/// keyword, that the text is not compressed and how it would be, and no language.
const PLAIN_TEXT: [u8; 5] = [0; 5];

/// A PNG file. The same bytes for the same picture and title, always.
pub(crate) fn encode(picture: &Picture<impl Deref<Target = [u8]>>, title: &str) -> Vec<u8> {
    let size = picture.shape().size();
    let colours = match picture.shape().channels() {
        1 => 0,
        2 => 4,
        3 => 2,
        _ => 6,
    };
    let (width, height) = (size.width().to_be_bytes(), size.height().to_be_bytes());
    // Eight bits a sample; the only ways to compress and to filter; not interlaced.
    let ways = [8, colours, 0, 0, 0];
    let mut file = SIGNATURE.to_vec();
    chunk(&mut file, *b"IHDR", &[&width, &height, &ways]);
    chunk(
        &mut file,
        *b"iTXt",
        &[b"Title", &PLAIN_TEXT, title.as_bytes()],
    );
    let samples = compress_to_vec_zlib(&filtered(picture), LEVEL);
    chunk(&mut file, *b"IDAT", &[&samples]);
    chunk(&mut file, *b"IEND", &[]);
    file
}

/// Length, kind, content, checksum. A thumbnail's chunks are far from the format's limit.
fn chunk(file: &mut Vec<u8>, kind: [u8; 4], content: &[&[u8]]) {
    let bytes: usize = content.iter().map(|part| part.len()).sum();
    file.extend(u32::try_from(bytes).unwrap_or(u32::MAX).to_be_bytes());
    let begin = file.len();
    file.extend(kind);
    for part in content {
        file.extend_from_slice(part);
    }
    let checksum = crc32fast::hash(file.get(begin..).unwrap_or_default());
    file.extend(checksum.to_be_bytes());
}

/// A sample's neighbours: to the left, above, and above to the left. 0 outside.
type Neighbours = (u8, u8, u8);

/// How samples may be foretold from them: the format's numbers, in the order of trying.
const UP: u8 = 2;
const LEFT: u8 = 1;
const MIDDLE: u8 = 3;
const NEAREST: u8 = 4;

/// Paeth's: whichever neighbour is nearest to `left + above - corner`; of equals the first.
fn nearest((left, above, corner): Neighbours) -> u8 {
    let [a, b, c] = [left, above, corner].map(i16::from);
    let (to_left, to_above) = ((b - c).abs(), (a - c).abs());
    let to_corner = (a + b - 2 * c).abs();
    if to_left <= to_above && to_left <= to_corner {
        left
    } else if to_above <= to_corner {
        above
    } else {
        corner
    }
}

/// The rows, each with the number of its filter before it.
fn filtered(picture: &Picture<impl Deref<Target = [u8]>>) -> Vec<u8> {
    let channels = usize::from(picture.shape().channels());
    let row_bytes = picture.shape().size().width() as usize * channels;
    let mut filtered = Vec::with_capacity(picture.samples().len() + picture.samples().len() / 64);
    let nothing = vec![0; row_bytes];
    let mut above = nothing.as_slice();
    let (mut best, mut candidate) = (nothing.clone(), nothing.clone());
    for row in picture.samples().chunks_exact(row_bytes) {
        let (mut least, mut chosen) = (u64::MAX, UP);
        for number in [UP, LEFT, MIDDLE, NEAREST] {
            let rows = (above, row);
            match number {
                UP => differences(|(_, above, _)| above, rows, channels, &mut candidate),
                LEFT => differences(|(left, _, _)| left, rows, channels, &mut candidate),
                MIDDLE => differences(
                    |(left, above, _)| left.midpoint(above),
                    rows,
                    channels,
                    &mut candidate,
                ),
                _ => differences(nearest, rows, channels, &mut candidate),
            }
            let weight = weight(&candidate);
            // Of equals the last.
            if weight <= least {
                (least, chosen) = (weight, number);
                core::mem::swap(&mut best, &mut candidate);
            }
            if least == 0 {
                break;
            }
        }
        filtered.push(chosen);
        filtered.extend_from_slice(&best);
        above = row;
    }
    filtered
}

/// What is left of a row when what is foretold has been taken away.
fn differences(
    filter: impl Fn(Neighbours) -> u8,
    (above, row): (&[u8], &[u8]),
    channels: usize,
    into: &mut [u8],
) {
    let none = [0; 4];
    let (first, others) = row.split_at(channels.min(row.len()));
    let (above_first, above_others) = above.split_at(first.len());
    let (into_first, into_others) = into.split_at_mut(first.len());
    let first = first.iter().zip(&none).zip(above_first.iter().zip(&none));
    let others = others.iter().zip(row).zip(above_others.iter().zip(above));
    let into_first = into_first.iter_mut().zip(first);
    for (into, ((sample, left), (above, corner))) in into_first {
        *into = sample.wrapping_sub(filter((*left, *above, *corner)));
    }
    let into_others = into_others.iter_mut().zip(others);
    for (into, ((sample, left), (above, corner))) in into_others {
        *into = sample.wrapping_sub(filter((*left, *above, *corner)));
    }
}

/// How far from nothing the differences are together, up or down: what compresses badly.
fn weight(differences: &[u8]) -> u64 {
    let distances = differences
        .iter()
        .map(|byte| byte.cast_signed().unsigned_abs());
    distances.map(u64::from).sum()
}

#[cfg(test)]
mod tests {
    use std::borrow::ToOwned;
    use std::io::Cursor;

    use png::{BitDepth, ColorType, Decoder, Encoder};
    use thumbnail_chain::{Shape, Size};

    use super::*;

    /// Smooth in one part, noisy in another, plain in a third.
    fn picture(width: u32, height: u32, channels: u8) -> Picture<Vec<u8>> {
        let shape = Shape::new(Size::new(width, height).unwrap(), channels).unwrap();
        let sample = |n: usize| match n * 3 / shape.bytes() {
            0 => (n / 5).to_le_bytes()[0],
            1 => n.wrapping_mul(0x9e37_79b9).to_le_bytes()[2],
            _ => 77,
        };
        Picture::new(shape, (0..shape.bytes()).map(sample).collect()).unwrap()
    }

    #[test]
    fn what_is_written_reads_back_the_same() {
        for channels in 1..=4 {
            let picture = picture(53, 31, channels);
            let file = encode(&picture, "rocket \u{1f680}");

            let mut reader = Decoder::new(Cursor::new(file)).read_info().unwrap();
            let mut back = vec![0; reader.output_buffer_size().unwrap()];
            reader.next_frame(&mut back).unwrap();
            assert_eq!(back, picture.samples());
            let title = reader.info().utf8_text[0].get_text().unwrap();
            assert_eq!(title, "rocket \u{1f680}");
        }
    }

    #[test]
    fn no_byte_differs_from_what_the_usual_encoder_writes() {
        for (channels, colours) in [
            (1, ColorType::Grayscale),
            (2, ColorType::GrayscaleAlpha),
            (3, ColorType::Rgb),
            (4, ColorType::Rgba),
        ] {
            for (width, height) in [(1, 1), (53, 31), (256, 171)] {
                let picture = picture(width, height, channels);
                let mut file = Vec::new();
                let mut encoder = Encoder::new(&mut file, width, height);
                encoder.set_color(colours);
                encoder.set_depth(BitDepth::Eight);
                let title = ("Title".to_owned(), "t".to_owned());
                encoder.add_itxt_chunk(title.0, title.1).unwrap();
                let mut writer = encoder.write_header().unwrap();
                writer.write_image_data(picture.samples()).unwrap();
                writer.finish().unwrap();
                assert!(encode(&picture, "t") == file, "{width} {height} {channels}");
            }
        }
    }
}
