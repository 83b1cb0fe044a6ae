//! Good and bad pictures with the friendly system.

use std::fs;
use std::io::Cursor;

use zune_jpeg::zune_core::bytestream::ZCursor;

use crate::run::{Run, example, folder, rocket, run, run_on};

fn friendly(name: &str, picture: &[u8]) -> Run {
    run(&example().join("system.toml"), &folder(name), name, picture)
}

/// One line of a program, the verdict, and nothing else; and no thumbnail.
#[track_caller]
fn one_clear_line(run: &Run, line: &str) {
    let Run { code, err, .. } = run;
    assert_eq!(*code, Some(1), "{err}");
    let lines: Vec<&str> = err.lines().collect();
    let [said, verdict] = lines[..] else {
        panic!("more or less than two lines: {err}");
    };
    assert!(said.starts_with(line), "{said}");
    let program = line.split(':').next().unwrap();
    let failed = format!("error: task `{program}` failed: ");
    assert!(verdict.starts_with(&failed), "{verdict}");
    assert_eq!(run.thumbnail, None);
}

#[test]
fn a_photograph_becomes_a_thumbnail_with_its_title() {
    let Run {
        code,
        err,
        thumbnail,
        ..
    } = friendly("rocket.jpg", &rocket());
    assert_eq!((code, err.as_str()), (Some(0), ""));

    let thumbnail = thumbnail.unwrap();
    let expected = fs::read(example().join("data/rocket-thumbnail.png")).unwrap();
    assert!(thumbnail == expected, "not byte for byte what it has been");
    let decoder = png::Decoder::new(Cursor::new(thumbnail));
    let mut reader = decoder.read_info().unwrap();
    let mut samples = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut samples).unwrap();
    assert_eq!(reader.info().size(), (256, 171));
    assert_eq!(reader.info().utf8_text[0].get_text().unwrap(), "rocket.jpg");

    let far = mean_distance(&samples, &boxed(&rocket(), (256, 171)));
    assert!(far < 4.0, "it does not look like the photograph: {far}");
}

/// The photograph made small in the simplest way: each pixel is the mean of those that
/// it covers.
fn boxed(file: &[u8], (width, height): (usize, usize)) -> Vec<u8> {
    let mut decoder = zune_jpeg::JpegDecoder::new(ZCursor::new(file));
    let samples = decoder.decode().unwrap();
    let (large_width, large_height) = decoder.dimensions().unwrap();
    let mut small = Vec::new();
    for (y, x, channel) in places((width, height)) {
        let rows = y * large_height / height..(y + 1) * large_height / height;
        let columns = x * large_width / width..(x + 1) * large_width / width;
        let covered = rows.flat_map(|row| columns.clone().map(move |column| (row, column)));
        let covered: Vec<u32> = covered
            .map(|(row, column)| samples[(row * large_width + column) * 3 + channel].into())
            .collect();
        let mean = covered.iter().sum::<u32>() / u32::try_from(covered.len()).unwrap();
        small.push(u8::try_from(mean).unwrap());
    }
    small
}

fn places((width, height): (usize, usize)) -> impl Iterator<Item = (usize, usize, usize)> {
    let pixels = (0..height).flat_map(move |y| (0..width).map(move |x| (y, x)));
    pixels.flat_map(|(y, x)| (0..3).map(move |channel| (y, x, channel)))
}

/// How far the samples are from each other, 0 to 255.
fn mean_distance(one: &[u8], other: &[u8]) -> f64 {
    assert_eq!(one.len(), other.len());
    let pairs = one.iter().zip(other);
    let sum: f64 = pairs
        .map(|(&one, &other)| f64::from(one.abs_diff(other)))
        .sum();
    sum / f64::from(u32::try_from(one.len()).unwrap())
}

#[test]
fn bad_pictures_get_one_clear_line() {
    let rocket = rocket();
    for (name, picture, line) in [
        (
            "empty.jpg",
            &b""[..],
            "reader: empty.jpg: the file is empty; ",
        ),
        // Almost half of the reader's memory: there is room for it once.
        (
            "zeros.jpg",
            &vec![0; 150 << 20],
            "decoder: the picture: it is neither JPEG nor PNG: ",
        ),
        (
            "half.jpg",
            &rocket[..rocket.len() / 2],
            "decoder: the picture: the JPEG file is broken or cut short: ",
        ),
        (
            "begin.png",
            b"\x89PNG\r\n\x1a\n",
            "decoder: the picture: the PNG file is broken or cut short: ",
        ),
        (
            "animation.gif",
            b"GIF89a",
            "decoder: the picture: it is neither JPEG nor PNG: ",
        ),
        (
            "absurd.png",
            &ABSURD,
            "decoder: the picture: its header says 60000 x 60000 pixels; ",
        ),
    ] {
        one_clear_line(&friendly(name, picture), line);
    }
}

#[test]
fn a_file_that_is_not_there_gets_one_clear_line() {
    let run = run_on(
        &example().join("system.toml"),
        &folder("missing"),
        "missing.jpg",
    );
    one_clear_line(&run, "reader: missing.jpg: can not be read: ");
}

#[test]
fn a_thumbnail_that_can_not_be_written_gets_one_clear_line_and_nobody_waits() {
    let folder = folder("occupied");
    fs::create_dir(folder.join("thumbnail.png")).unwrap();
    let run = run(
        &example().join("system.toml"),
        &folder,
        "rocket.jpg",
        &rocket(),
    );
    one_clear_line(&run, "encoder: thumbnail.png: it can not be written: ");
    assert!(!folder.join("thumbnail.png.part").exists());
}

/// A PNG file of one header, which says 60,000 pixels each way.
const ABSURD: [u8; 45] = *b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\xea\x60\0\0\xea\x60\x08\0\0\0\0\
    \xa5\xb9\x2a\x9e\0\0\0\0IEND\xae\x42\x60\x82";
