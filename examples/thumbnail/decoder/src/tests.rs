//! The real decoders on good and on broken files.

use std::fs;
use std::path::Path;

use jpeg_encoder::{ColorType as JpegColor, Encoder as JpegEncoder};
use png::{BitDepth, ColorType, Encoder as PngEncoder};
use thumbnail_chain::{Fault, Picture};

use crate::decode;

const WIDTH: u16 = 37;
const HEIGHT: u16 = 21;

fn noise(n: usize) -> u8 {
    (n.wrapping_mul(0x9e37_79b9) >> 13).to_le_bytes()[0]
}

/// Of `bytes`, as many as the rows take.
pub(crate) fn png(color: ColorType, depth: BitDepth, palette: &[u8], bytes: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = PngEncoder::new(&mut file, WIDTH.into(), HEIGHT.into());
    encoder.set_color(color);
    encoder.set_depth(depth);
    if color == ColorType::Indexed {
        encoder.set_palette(palette);
    }
    let mut writer = encoder.write_header().unwrap();
    let row_bits = usize::from(WIDTH) * color.samples() * depth as usize;
    let rows_bytes = row_bits.div_ceil(8) * usize::from(HEIGHT);
    writer.write_image_data(&bytes[..rows_bytes]).unwrap();
    drop(writer);
    file
}

fn jpeg(color: JpegColor, progressive: bool) -> Vec<u8> {
    let channels = match color {
        JpegColor::Luma => 1,
        JpegColor::Rgb => 3,
        _ => 4,
    };
    let count = usize::from(WIDTH) * usize::from(HEIGHT) * channels;
    let samples: Vec<u8> = (0..count).map(|n| n.to_le_bytes()[0]).collect();
    let mut file = Vec::new();
    let mut encoder = JpegEncoder::new(&mut file, 90);
    encoder.set_progressive(progressive);
    encoder.encode(&samples, WIDTH, HEIGHT, color).unwrap();
    file
}

/// Decodes into what is longer than it has to be and not empty, as pages may be.
pub(crate) fn picture(file: &[u8]) -> Result<Picture<Vec<u8>>, Fault> {
    decode::picture(file.to_vec(), &|bytes| Ok(vec![0xee; bytes + 4096]))
}

fn rocket() -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/rocket.jpg");
    fs::read(path).unwrap()
}

/// Width, height, samples a pixel.
fn shape(picture: &Picture<Vec<u8>>) -> (u32, u32, u8) {
    let (size, channels) = (picture.shape().size(), picture.shape().channels());
    (size.width(), size.height(), channels)
}

#[track_caller]
pub(crate) fn refused(file: &[u8]) -> String {
    let Err(fault) = picture(file) else {
        panic!("{} bytes were taken for a picture", file.len());
    };
    let Fault {
        thing,
        cause,
        way_out,
    } = fault;
    assert_eq!(thing, "the picture");
    assert!(!cause.contains('\n') && !way_out.is_empty(), "{cause:?}");
    cause
}

#[test]
fn every_kind_of_png_comes_out_as_bytes() {
    let rows = |bits: usize| (usize::from(WIDTH) * bits).div_ceil(8) * usize::from(HEIGHT);
    for (color, depth, bits, channels) in [
        (ColorType::Grayscale, BitDepth::One, 1, 1),
        (ColorType::Grayscale, BitDepth::Eight, 8, 1),
        (ColorType::Grayscale, BitDepth::Sixteen, 16, 1),
        (ColorType::GrayscaleAlpha, BitDepth::Eight, 16, 2),
        (ColorType::Rgb, BitDepth::Eight, 24, 3),
        (ColorType::Rgb, BitDepth::Sixteen, 48, 3),
        (ColorType::Rgba, BitDepth::Sixteen, 64, 4),
        (ColorType::Indexed, BitDepth::Two, 2, 3),
    ] {
        let file = png(
            color,
            depth,
            &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
            &vec![0; rows(bits)],
        );
        let picture = picture(&file).unwrap();
        assert_eq!(shape(&picture), (37, 21, channels), "{color:?} {depth:?}");
    }
}

/// Filters of all kinds, and every depth that each kind of colours has.
#[test]
fn no_sample_of_a_png_differs_from_what_the_usual_decoder_makes() {
    use png::Filter::{Adaptive, Avg, NoFilter, Paeth, Sub, Up};
    let depths = [
        BitDepth::One,
        BitDepth::Two,
        BitDepth::Four,
        BitDepth::Eight,
        BitDepth::Sixteen,
    ];
    // With one channel more than the colours have, some pixels are clear.
    let kinds = [
        (ColorType::Grayscale, &depths[..], 1),
        (ColorType::Grayscale, &depths[..], 2),
        (ColorType::Indexed, &depths[..4], 3),
        (ColorType::Indexed, &depths[..4], 4),
        (ColorType::Rgb, &depths[3..], 3),
        (ColorType::Rgb, &depths[3..], 4),
        (ColorType::GrayscaleAlpha, &depths[3..], 2),
        (ColorType::Rgba, &depths[3..], 4),
    ];
    for (color, depths, channels) in kinds {
        let is_alpha_stored = matches!(color, ColorType::GrayscaleAlpha | ColorType::Rgba);
        for depth in depths.iter().copied() {
            for filter in [NoFilter, Sub, Up, Avg, Paeth, Adaptive] {
                let file = noisy(color, channels, depth, filter);
                let picture = picture(&file).unwrap();
                let kind = format!("{color:?} {depth:?} {filter:?}");
                assert_eq!(shape(&picture), (37, 21, channels), "{kind}");
                assert!(picture.samples() == usual(&file), "{kind}");
                if channels % 2 == 0 && !is_alpha_stored {
                    let mut alphas = picture.samples().chunks_exact(channels.into());
                    let is_clear = |pixel: &[u8]| pixel.last() == Some(&0);
                    assert!(alphas.clone().any(is_clear), "{kind}: nothing is clear");
                    assert!(!alphas.all(is_clear), "{kind}: all is clear");
                }
            }
        }
    }
    assert!(picture(&INTERLACED).unwrap().samples() == usual(&INTERLACED));
}

/// A file of noise.
fn noisy(color: ColorType, channels: u8, depth: BitDepth, filter: png::Filter) -> Vec<u8> {
    let bits = depth as usize;
    let row_bytes = (usize::from(WIDTH) * color.samples() * bits).div_ceil(8);
    let mut bytes: Vec<u8> = (0..row_bytes * usize::from(HEIGHT)).map(noise).collect();
    let mut file = Vec::new();
    let mut encoder = PngEncoder::new(&mut file, WIDTH.into(), HEIGHT.into());
    encoder.set_color(color);
    encoder.set_depth(depth);
    encoder.set_filter(filter);
    if color == ColorType::Indexed {
        encoder.set_palette((0..3 << bits).map(noise).collect::<Vec<u8>>());
    }
    // One colour that can be seen through, or the palette's alphas.
    let transparent: Option<&[u8]> = match (color, channels, depth) {
        (ColorType::Grayscale, 2, BitDepth::Sixteen) => Some(&[0x12, 0x34]),
        (ColorType::Rgb, 4, BitDepth::Sixteen) => Some(b"uvwxyz"),
        (ColorType::Grayscale, 2, _) => Some(&[0, 1]),
        (ColorType::Rgb, 4, _) => Some(&[0, 1, 0, 2, 0, 3]),
        (ColorType::Indexed, 4, BitDepth::One) => Some(&[0]),
        (ColorType::Indexed, 4, _) => Some(&[0, 100, 200]),
        _ => None,
    };
    if let Some(alpha) = transparent {
        encoder.set_trns(alpha);
        // Noise holds each palette index and each grey of few bits anyway.
        let pixel: Vec<u8> = match depth {
            BitDepth::Sixteen => alpha.to_vec(),
            _ => alpha.iter().skip(1).step_by(2).copied().collect(),
        };
        if bits >= 8 && color != ColorType::Indexed {
            for place in bytes.chunks_exact_mut(pixel.len()).step_by(5) {
                place.copy_from_slice(&pixel);
            }
        }
    }
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&bytes).unwrap();
    drop(writer);
    file
}

/// What the crate `png` makes of a file, one byte a sample.
fn usual(file: &[u8]) -> Vec<u8> {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(file));
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().unwrap();
    let mut samples = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut samples).unwrap();
    samples
}

#[test]
fn sixteen_bits_keep_their_high_half() {
    let samples = [0xab, 0xcd].repeat(usize::from(WIDTH) * usize::from(HEIGHT));
    let file = png(ColorType::Grayscale, BitDepth::Sixteen, &[], &samples);
    assert!(
        picture(&file)
            .unwrap()
            .samples()
            .iter()
            .all(|&sample| sample == 0xab)
    );
}

#[test]
fn an_interlaced_png_comes_out_in_order() {
    let picture = picture(&INTERLACED).unwrap();
    assert_eq!(shape(&picture), (5, 3, 3));
    for (n, pixel) in (0_u8..).zip(picture.samples().chunks_exact(3)) {
        assert_eq!(pixel, [n % 5 * 50, n / 5 * 100, 7], "pixel {n}");
    }
}

#[test]
fn every_kind_of_jpeg_comes_out_as_grey_or_colour() {
    for progressive in [false, true] {
        for (color, channels) in [
            (JpegColor::Luma, 1),
            (JpegColor::Rgb, 3),
            (JpegColor::Cmyk, 3),
            (JpegColor::Ycck, 3),
        ] {
            let picture = picture(&jpeg(color, progressive)).unwrap();
            assert_eq!(
                shape(&picture),
                (37, 21, channels),
                "{color:?} {progressive}"
            );
        }
    }
    assert_eq!(shape(&picture(&rocket()).unwrap()), (640, 427, 3));
}

#[test]
fn a_file_that_is_cut_short_is_refused_wherever_the_cut_is() {
    let colour = vec![99; usize::from(WIDTH) * usize::from(HEIGHT) * 3];
    // The last bytes of a PNG are its empty end chunk: all samples are there without it.
    let png_end = 12;
    // A JPEG's last two bytes only say that it ends.
    let jpeg_end = 2;
    for (file, end) in [
        (png(ColorType::Rgb, BitDepth::Eight, &[], &colour), png_end),
        (jpeg(JpegColor::Rgb, false), jpeg_end),
        (jpeg(JpegColor::Luma, true), jpeg_end),
    ] {
        for length in 0..file.len() - end - 1 {
            refused(&file[..length]);
        }
    }
}

#[test]
fn half_a_photograph_is_refused() {
    let rocket = rocket();
    assert!(refused(&rocket[..rocket.len() / 2]).contains("cut short"));
}

#[test]
fn other_formats_are_refused_by_name_of_what_is_expected() {
    for file in [
        &b"GIF89a"[..],
        b"",
        b"\x89",
        b"BM",
        b"\xff\xfe",
        b"RIFF....WEBP",
    ] {
        assert!(refused(file).contains("neither JPEG nor PNG"));
    }
}

#[test]
fn an_absurd_size_is_refused_before_memory_is_set_aside() {
    let mut file = png(ColorType::Grayscale, BitDepth::Eight, &[], &[0; 37 * 21]);
    // Width and height in the header chunk, and the checksum that goes with them.
    file[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    file[29..33].copy_from_slice(&[0xa5, 0xb9, 0x2a, 0x9e]);
    let cause = refused(&file);
    assert!(cause.contains("60000 x 60000"), "{cause}");

    let mut file = jpeg(JpegColor::Luma, false);
    let frame = file
        .windows(2)
        .position(|marker| marker == [0xff, 0xc0])
        .unwrap();
    file[frame + 5..frame + 9].copy_from_slice(&[0xff, 0xff, 0xff, 0xff]);
    let cause = refused(&file);
    assert!(cause.contains("65535 x 65535"), "{cause}");
}

#[test]
fn a_picture_that_takes_too_much_memory_is_refused_before_it_is_decoded() {
    let room = |_| -> Result<Vec<u8>, Fault> { panic!("it is decoded") };
    let wide = [0, 0, 0x20, 0, 0, 0, 0x20, 0, 16, 6, 0, 0, 0];
    let interlaced = [0, 0, 0x20, 0, 0, 0, 0x20, 0, 16, 2, 0, 0, 1];
    for (header, takes) in [(wide, 1025), (interlaced, 1153)] {
        let mut file = png(ColorType::Rgba, BitDepth::Sixteen, &[], &[7; 37 * 21 * 8]);
        file[16..29].copy_from_slice(&header);
        mend_checksums(&mut file);
        let fault = decode::picture(file, &room).unwrap_err();
        let cause = format!("to decode it takes {takes} MiB of memory; the most is 960");
        assert_eq!(fault.cause, cause);
    }
}

/// Two bytes a pixel, interlaced: less than the decoder's spare bytes beside the rows, but not
/// broken.
#[test]
fn a_picture_that_leaves_too_little_spare_memory_is_refused_for_that() {
    const SAMPLES_BYTES: u32 = 40 << 20;
    let room = |_| -> Result<Vec<u8>, Fault> { panic!("it is decoded") };
    let mut file = png(
        ColorType::Grayscale,
        BitDepth::Sixteen,
        &[],
        &[7; 37 * 21 * 2],
    );
    file.truncate(8 + 25);
    // 65,535 x 1,022.
    file[16..29].copy_from_slice(&[0, 0, 0xff, 0xff, 0, 0, 3, 0xfe, 16, 0, 0, 0, 1]);
    file.extend(*b"\0\0\0\x02tRNS\0\0\0\0\0\0");
    file.extend(SAMPLES_BYTES.to_be_bytes());
    file.extend(b"IDAT");
    file.resize(file.len() + SAMPLES_BYTES as usize + 4, 0);
    file.extend([0, 0, 0, 0, b'I', b'E', b'N', b'D', 0, 0, 0, 0]);
    mend_checksums(&mut file);
    let fault = decode::picture(file, &room).unwrap_err();
    let cause = "to decode it takes 975 MiB of memory; the most is 960";
    assert_eq!(fault.cause, cause);
}

/// The decoder would double what it has set aside for the samples, which may be more memory
/// than there is, before it notices.
#[test]
fn samples_that_inflate_past_the_size_are_refused_before_they_are_decoded() {
    let room = |_| -> Result<Vec<u8>, Fault> { panic!("it is decoded") };
    let (width, height) = (7000_u32, 5500_u32);
    let samples_bytes = u64::from(width) * u64::from(height) * 8;
    let mut file = png(ColorType::Rgba, BitDepth::Sixteen, &[], &[7; 37 * 21 * 8]);
    file.truncate(8 + 4 + 4);
    file.extend(width.to_be_bytes());
    file.extend(height.to_be_bytes());
    file.extend([16, 6, 0, 0, 0]);
    file.extend([0; 4]);
    let stream = zeros(samples_bytes + u64::from(8 * height));
    file.extend(u32::try_from(stream.len()).unwrap().to_be_bytes());
    file.extend(b"IDAT");
    file.extend(stream);
    file.extend([0; 4]);
    file.extend([0, 0, 0, 0, b'I', b'E', b'N', b'D', 0, 0, 0, 0]);
    mend_checksums(&mut file);
    let fault = decode::picture(file, &room).unwrap_err();
    assert!(
        fault.cause.contains("its rows do not fill its size"),
        "{}",
        fault.cause
    );
    // Less than there may be, and small enough to be decoded whatever it holds.
    let colour = vec![99; usize::from(WIDTH) * usize::from(HEIGHT) * 3];
    let mut small = png(ColorType::Rgb, BitDepth::Eight, &[], &colour);
    small.truncate(8 + 25);
    let stream = zeros(1 << 20);
    small.extend(u32::try_from(stream.len()).unwrap().to_be_bytes());
    small.extend(b"IDAT");
    small.extend(stream);
    small.extend([0; 4]);
    small.extend([0, 0, 0, 0, b'I', b'E', b'N', b'D', 0, 0, 0, 0]);
    mend_checksums(&mut small);
    refused(&small);
}

/// A zlib stream of at least so many zeros, and no checksum: nobody gets so far.
fn zeros(bytes: u64) -> Vec<u8> {
    /// 258 times the byte before, by the codes that every decoder knows: thirteen bits.
    const REPEAT: u64 = 0b0_0000_1010_0011;
    let mut stream = vec![0x78, 0x01];
    // The last block, those codes; a zero.
    let (mut bits, mut count) = (0b0000_1100 << 3 | 0b011_u64, 11);
    for _ in 0..=bytes / 258 {
        bits |= REPEAT << count;
        count += 13;
        while count >= 8 {
            stream.push(bits.to_le_bytes()[0]);
            bits >>= 8;
            count -= 8;
        }
    }
    stream.extend([bits.to_le_bytes()[0], 0, 0]);
    stream
}

/// The checksums of a PNG's chunks are mended after each flip: else nothing behind them sees it.
#[test]
fn flipped_bits_never_bring_a_decoder_down() {
    let noise: Vec<u8> = (0..usize::from(WIDTH) * usize::from(HEIGHT) * 8)
        .map(noise)
        .collect();
    for file in [
        png(ColorType::Rgb, BitDepth::Eight, &[], &noise),
        png(ColorType::Rgba, BitDepth::Sixteen, &[], &[99; 37 * 21 * 8]),
        png(ColorType::Indexed, BitDepth::Four, &[7; 48], &noise),
        png(ColorType::Grayscale, BitDepth::One, &[], &noise),
        INTERLACED.to_vec(),
        jpeg(JpegColor::Rgb, false),
        jpeg(JpegColor::Rgb, true),
    ] {
        for at in 0..file.len() {
            for bit in [at % 8, (at + 3) % 8] {
                let mut flipped = file.clone();
                flipped[at] ^= 1 << bit;
                if file.starts_with(b"\x89PNG") {
                    mend_checksums(&mut flipped);
                }
                // Many flips are harmless; what counts is that this returns.
                drop(picture(&flipped));
            }
        }
    }
}

/// Gives each chunk of a PNG file, as far as they follow each other, its right checksum.
fn mend_checksums(file: &mut [u8]) {
    let mut rest = &mut file[8..];
    while let Some((length, behind)) = rest.split_first_chunk_mut() {
        let length = u32::from_be_bytes(*length) as usize;
        let Some((checked, behind)) = behind.split_at_mut_checked(length.saturating_add(4)) else {
            return;
        };
        let Some((checksum, behind)) = behind.split_first_chunk_mut() else {
            return;
        };
        *checksum = crc32fast::hash(checked).to_be_bytes();
        rest = behind;
    }
}

/// Five by three pixels in the seven passes of Adam7; the encoder at hand writes none.
pub(crate) const INTERLACED: [u8; 101] = [
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52,
    0x00, 0x00, 0x00, 0x05, 0x00, 0x00, 0x00, 0x03, 0x08, 0x02, 0x00, 0x00, 0x01, 0xa3, 0x53, 0x62,
    0x39, 0x00, 0x00, 0x00, 0x2c, 0x49, 0x44, 0x41, 0x54, 0x78, 0xda, 0x0d, 0xc8, 0x31, 0x01, 0x00,
    0x00, 0x08, 0x84, 0x40, 0x36, 0xfa, 0x98, 0xe9, 0x33, 0x99, 0xe9, 0x63, 0xe9, 0x70, 0x03, 0x00,
    0xd2, 0x97, 0x47, 0x4d, 0x6d, 0x65, 0x70, 0x7f, 0x4c, 0xdd, 0x2f, 0xe2, 0xc4, 0xc4, 0x8d, 0x8d,
    0x07, 0x17, 0xa3, 0x0c, 0x22, 0xb1, 0x98, 0x7a, 0x16, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e,
    0x44, 0xae, 0x42, 0x60, 0x82,
];
