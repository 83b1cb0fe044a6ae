//! The samples change hands as pages, and whoever takes them fences them off first.

use std::fs;
use std::io::Cursor;

use crate::run::{Run, example, folder, rocket, run, run_traced};

/// What so many bytes take in pages of 4 KiB. Larger ones are a multiple of these.
const PAGE_BYTES: usize = 4096;

/// The samples of the photograph and of its thumbnail.
const PHOTOGRAPH_BYTES: usize = 640 * 427 * 3;
const THUMBNAIL_BYTES: usize = 256 * 171 * 3;

fn pages(bytes: usize) -> usize {
    bytes.div_ceil(PAGE_BYTES)
}

/// A task's number under a heading of the table.
#[track_caller]
fn cell(table: &str, task: &str, heading: &str) -> usize {
    let mut lines = table.lines().map(str::split_whitespace);
    let headings = lines.find(|line| line.clone().next() == Some("task"));
    let column = headings.and_then(|mut line| line.position(|word| word == heading));
    let mut line = lines.find(|line| line.clone().next() == Some(task));
    let cell = line.as_mut().and_then(|line| line.nth(column?));
    cell.and_then(|cell| cell.parse().ok())
        .unwrap_or_else(|| panic!("{task}, {heading}: {table}"))
}

#[test]
fn samples_are_given_and_only_the_file_and_its_title_are_copied() {
    let Run { out, err, .. } = run(
        &example().join("system.toml"),
        &folder("given"),
        "rocket.jpg",
        &rocket(),
    );
    let photograph = pages(PHOTOGRAPH_BYTES) * PAGE_BYTES;
    let thumbnail = pages(THUMBNAIL_BYTES) * PAGE_BYTES;
    for (task, given, received, read) in [
        ("reader", 0, 0, 0),
        ("decoder", photograph, 0, rocket().len()),
        ("scaler", thumbnail, photograph, 0),
        ("encoder", 0, thumbnail, "rocket.jpg".len()),
    ] {
        assert_eq!(cell(&out, task, "given"), given, "{task} {err}");
        assert_eq!(cell(&out, task, "received"), received, "{task} {err}");
        assert_eq!(cell(&out, task, "read"), read, "{task} {err}");
        // The rest are messages.
        assert!(cell(&out, task, "copied") < read + 256, "{task}: {out}");
    }
}

#[test]
fn whoever_is_given_pages_fences_them_off_and_the_giver_lets_go() {
    let trace = run_traced(
        &example().join("system.toml"),
        &folder("fenced"),
        "rocket.jpg",
        &rocket(),
    );
    for (giver, receiver, count) in [
        ("decoder", "scaler", pages(PHOTOGRAPH_BYTES)),
        ("scaler", "encoder", pages(THUMBNAIL_BYTES)),
    ] {
        let place = |task: &str, end: &str| {
            let is_it = |line: &&str| line.starts_with(task) && line.ends_with(end);
            let line = trace.lines().find(is_it);
            line.unwrap_or_else(|| panic!("{task}: {end}: {trace}"))
        };
        let given = place(giver, &format!("cmd MEMC_GIVE, task {receiver}) = 0"));
        let of = given
            .split_once('(')
            .and_then(|(_, call)| call.split_once(','));
        let (pages, _) = of.unwrap();
        let numbers: Vec<usize> = pages
            .split(' ')
            .filter_map(|word| word.parse().ok())
            .collect();
        assert_eq!(numbers[1] - numbers[0] + 1, count, "{given}");
        let fence = format!("ControlMem({pages}, cmd MEMC_NOWRITE, task 0) = 0");
        let let_go = format!("ControlMem({pages}, cmd MEMC_NOWRITE, task {giver}) = 0");
        place(receiver, &fence);
        place(giver, &let_go);
    }
}

/// The photograph with a note of the camera's that it was held upright.
fn upright() -> Vec<u8> {
    let exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
    let rocket = rocket();
    let (begin, rest) = rocket.split_at(2);
    [begin, b"\xff\xe1", &length, exif, rest].concat()
}

#[test]
fn a_picture_that_is_turned_is_given_once_and_stands_upright() {
    let Run {
        out,
        err,
        thumbnail,
        ..
    } = run(
        &example().join("system.toml"),
        &folder("turned"),
        "upright.jpg",
        &upright(),
    );
    let reader = png::Decoder::new(Cursor::new(thumbnail.expect(&err))).read_info();
    assert_eq!(reader.unwrap().info().size(), (171, 256));
    let photograph = pages(PHOTOGRAPH_BYTES) * PAGE_BYTES;
    assert_eq!(cell(&out, "decoder", "given"), photograph);
}

/// Runs the friendly system with this line of it changed: what is said of it.
#[track_caller]
fn said_with(name: &str, line: &str, instead: &str) -> String {
    let system = fs::read_to_string(example().join("system.toml")).unwrap();
    assert!(system.contains(line), "{line}");
    let guests = example().join("../../target/thumbnail");
    let system = system
        .replace("../../target/thumbnail", &guests.to_string_lossy())
        .replace(line, instead);
    let folder = folder(name);
    let path = folder.join("system.toml");
    fs::write(&path, system).unwrap();
    let Run { code, err, .. } = run(&path, &folder, "rocket.jpg", &rocket());
    assert_eq!(code, Some(1), "{err}");
    assert_eq!(err.lines().count(), 2, "one line, and the verdict: {err}");
    err
}

#[test]
fn a_pool_that_is_too_small_gets_one_clear_line_with_the_way_out() {
    let pool = "pool = \"769 MiB\"";
    let quota = "pool_quota = \"512 MiB\"";
    let scalers = "pool_quota = \"262400 KiB\"";
    let encoders = "pool_quota = \"256 KiB\"";
    for (name, line, instead, begin) in [
        (
            "small",
            pool,
            "pool = \"512 KiB\"",
            "decoder: the pages for samples: 819840 bytes are wanted, and 262144 are to be had \
             in one piece; raise pool under [limits] in the system file, and pool_quota of ",
        ),
        (
            "quota",
            quota,
            "pool_quota = \"64 KiB\"",
            "decoder: the pages for samples: 819840 bytes are wanted, and 65536 are to be had ",
        ),
        (
            "no_gifts",
            scalers,
            "pool_quota = \"256 KiB\"",
            "decoder: the samples: the next program can not be given so many pages; raise its ",
        ),
        (
            "no_pool",
            encoders,
            "pool = false",
            "scaler: the samples: the next program has no pool; write pool = ",
        ),
        (
            "no_pool_of_its_own",
            scalers,
            "pool = false",
            "scaler: the pages for samples: this task has no pool; write pool = ",
        ),
    ] {
        let said = said_with(name, line, instead);
        assert!(said.starts_with(begin), "{name}: {said}");
    }
}
