//! Files whose chunks are changed, with the checksums that go with them.

use png::{BitDepth, ColorType};

use super::{Chunk, Header};
use crate::tests::{INTERLACED, picture, png, refused};

/// The chunks of a file.
fn split(file: &[u8]) -> Vec<Chunk<'_>> {
    let mut rest = &file[8..];
    let mut chunks = Vec::new();
    while !rest.is_empty() {
        let (chunk, behind) = super::next(rest).unwrap();
        chunks.push(chunk);
        rest = behind;
    }
    chunks
}

/// A file of these chunks.
fn join(chunks: &[Chunk<'_>]) -> Vec<u8> {
    let mut file = super::SIGNATURE.to_vec();
    for (name, data) in chunks {
        let checked = [&name[..], data].concat();
        file.extend(u32::try_from(data.len()).unwrap().to_be_bytes());
        file.extend(&checked);
        file.extend(crc32fast::hash(&checked).to_be_bytes());
    }
    file
}

fn with(file: &[u8], at: usize, chunk: Chunk<'_>) -> Vec<u8> {
    let mut chunks = split(file);
    chunks.insert(at, chunk);
    join(&chunks)
}

fn grey(depth: BitDepth) -> Vec<u8> {
    png(ColorType::Grayscale, depth, &[], &[7; 37 * 21 * 2])
}

fn palette() -> Vec<u8> {
    let samples = [0b0001_1011; 10 * 21];
    png(ColorType::Indexed, BitDepth::Two, &[9; 12], &samples)
}

const RED: Chunk<'_> = (*b"PLTE", &[255, 0, 0]);

#[track_caller]
fn refused_for(file: &[u8], why: &str) {
    let cause = refused(file);
    let all = format!("the PNG file is broken or cut short: {why}");
    assert!(cause.starts_with(&all), "{cause}");
}

#[test]
fn a_palette_stands_before_the_samples_of_those_that_need_it() {
    let file = palette();
    let chunks = split(&file);
    let [header, palette, samples, end] = chunks[..] else {
        panic!("{chunks:?}");
    };
    assert_eq!(palette.0, *b"PLTE");
    assert!(picture(&file).unwrap().samples() == [9; 37 * 21 * 3]);
    let missing = "it has no palette before its samples";
    refused_for(&join(&[header, samples, end]), missing);
    refused_for(&join(&[header, samples, palette, end]), missing);
    let late = "its palette is not the first, or comes too late";
    refused_for(&join(&[header, palette, palette, samples, end]), late);
    for bytes in [0, 1, 2, 4, 15] {
        let cause = format!("its palette has {bytes} bytes; 4 colours fit");
        let palette = (*b"PLTE", &[0; 15][..bytes]);
        refused_for(&join(&[header, palette, samples, end]), &cause);
    }
}

#[test]
fn a_palette_is_advice_with_colours_and_forbidden_with_greys() {
    for kind in [ColorType::Grayscale, ColorType::GrayscaleAlpha] {
        let file = png(kind, BitDepth::Eight, &[], &[7; 37 * 21 * 2]);
        refused_for(&with(&file, 1, RED), "its palette has 3 bytes; 0 colours");
    }
    refused_for(
        &with(&grey(BitDepth::Four), 1, RED),
        "its palette has 3 bytes",
    );
    for kind in [ColorType::Rgb, ColorType::Rgba] {
        let file = png(kind, BitDepth::Sixteen, &[], &[7; 37 * 21 * 8]);
        assert_eq!(picture(&with(&file, 1, RED)), picture(&file));
    }
}

#[test]
fn transparency_is_only_where_it_may_be() {
    let forbidden = "its transparency is not the first, comes too late, or does not fit";
    let four = (*b"tRNS", &[0; 4][..]);
    let file = palette();
    assert!(picture(&with(&file, 2, four)).is_ok());
    refused_for(&with(&file, 1, four), forbidden);
    refused_for(&with(&file, 3, four), forbidden);
    refused_for(&with(&with(&file, 2, four), 3, four), forbidden);
    refused_for(&with(&file, 2, (*b"tRNS", &[0; 5])), forbidden);
    refused_for(&with(&grey(BitDepth::Sixteen), 1, four), forbidden);
    let alpha = png(ColorType::Rgba, BitDepth::Eight, &[], &[7; 37 * 21 * 4]);
    refused_for(&with(&alpha, 1, (*b"tRNS", &[0; 6])), forbidden);
}

#[test]
fn headers_that_the_specification_does_not_list_are_refused() {
    let file = grey(BitDepth::Eight);
    let stored = split(&file)[0].1;
    for kind in 0..=8 {
        for depth in 0..=17 {
            let is_listed = match kind {
                0 => [1, 2, 4, 8, 16].contains(&depth),
                3 => [1, 2, 4, 8].contains(&depth),
                2 | 4 | 6 => [8, 16].contains(&depth),
                _ => false,
            };
            let mut header = stored.to_vec();
            header[8..10].copy_from_slice(&[depth, kind]);
            let is_taken = Header::read(&header).is_ok();
            assert_eq!(is_taken, is_listed, "{kind} {depth}");
        }
    }
    for way in 10..13 {
        let mut header = stored.to_vec();
        header[way] = 2;
        assert!(Header::read(&header).is_err(), "{way}");
    }
    for bytes in [0, 8, 12, 14] {
        let header = [stored, &[0]].concat();
        assert!(Header::read(&header[..bytes]).is_err(), "{bytes}");
    }
    let mut header = stored.to_vec();
    header[8..10].copy_from_slice(&[4, 2]);
    let mut chunks = split(&file);
    chunks[0].1 = &header;
    let why = "there are no 4 bits a sample with colours of type 2";
    refused_for(&join(&chunks), why);
}

#[test]
fn chunks_stand_in_their_order() {
    let file = grey(BitDepth::Eight);
    let chunks = split(&file);
    let [header, samples, end] = chunks[..] else {
        panic!("{chunks:?}");
    };
    let (left, right) = samples.1.split_at(9);
    let (left, right) = ((*b"IDAT", left), (*b"IDAT", right));
    let pieces = [header, left, (*b"IDAT", &[]), right, end];
    assert_eq!(picture(&join(&pieces)), picture(&file));
    let between = [header, left, (*b"tEXt", &[]), right, end];
    refused_for(&join(&between), "there is something between its samples");
    refused_for(&join(&[samples, end]), "it does not begin with its header");
    refused_for(&join(&[header, end]), "it has no samples");
    refused_for(&join(&[header, samples]), "it ends too early");
    refused_for(&with(&file, 1, header), "no chunk IHDR belongs there");
    refused_for(
        &with(&file, 1, (*b"NEWS", &[])),
        "no chunk NEWS belongs there",
    );
    refused_for(
        &with(&file, 1, (*b"\n\0\xff!", &[])),
        "no chunk \\n\\x00\\xff! ",
    );
    let loud = (*b"IEND", &[1][..]);
    refused_for(&join(&[header, samples, loud]), "its end is not empty");
    let behind = [&file[..], b"IDAT and so on"].concat();
    assert_eq!(picture(&behind), picture(&file));

    let mut flipped = file.clone();
    flipped[50] ^= 1;
    refused_for(&flipped, "the checksum of its chunk IDAT is wrong");
}

/// Chunks that the samples do not need are not even looked at: neither inflated (a profile
/// that is not compressed would not be one) nor refused.
#[test]
fn what_the_samples_do_not_need_is_skipped() {
    let file = grey(BitDepth::Eight);
    for name in [
        *b"iCCP", *b"zTXt", *b"iTXt", *b"tIME", *b"gAMA", *b"acTL", *b"fcTL", *b"fdAT",
    ] {
        let odd = with(&file, 1, (name, b"a\0\0nothing"));
        assert_eq!(picture(&odd), picture(&file));
    }
}

#[test]
fn a_picture_is_turned_as_its_exif_data_says_with_a_prefix_or_not() {
    let turned = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let sides = |exif: &[u8]| {
        let picture = picture(&with(&INTERLACED, 1, (*b"eXIf", exif))).unwrap();
        let size = picture.shape().size();
        (size.width(), size.height())
    };
    assert_eq!(sides(turned), (3, 5));
    assert_eq!(sides(&turned[6..]), (3, 5));
    for nothing in [
        &b""[..],
        b"Exif\0\0",
        b"Exif\0\0Exif\0\0",
        &[0xff; 40],
        &turned[5..],
    ] {
        assert_eq!(sides(nothing), (5, 3));
    }
}
