//! Files of a whole program, where the standard library reads and writes them.

use std::fs;
use std::path::PathBuf;

use usufruct_guest::program::{File, now, read_file, replace_file, sleep, variable};

/// An empty folder of that name, and a path in it.
fn place(name: &str) -> (PathBuf, String) {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join("file").to_string_lossy().into_owned();
    (folder, path)
}

fn files(folder: &PathBuf) -> usize {
    fs::read_dir(folder).unwrap().count()
}

#[test]
fn what_is_written_is_read_back_up_to_as_much_as_is_wanted() {
    let (folder, path) = place("written");
    let contents: Vec<u8> = (0..300_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    replace_file(&path, b"before").unwrap();
    replace_file(&path, &contents).unwrap();
    assert_eq!(files(&folder), 1, "nothing is left beside it");
    assert_eq!(read_file(&path, usize::MAX).unwrap(), contents);
    for most in [0, 1, 65_536, 299_999, 300_000, 300_001] {
        let read = read_file(&path, most).unwrap();
        assert_eq!(read, contents[..most.min(contents.len())], "{most}");
    }
}

#[test]
fn a_file_that_can_not_be_had_says_why_in_numbers_of_wasi() {
    let (folder, path) = place("not_there");
    let missing = File::open(&path).unwrap_err();
    assert_eq!(missing.number(), 44);
    assert_eq!(missing.to_string(), "there is no such file (WASI error 44)");

    // A folder stands where the file should be: what was written beside it goes again.
    fs::create_dir(&path).unwrap();
    let occupied = replace_file(&path, b"contents").unwrap_err();
    assert_eq!(occupied.number(), 31);
    assert_eq!(files(&folder), 1);
}

#[test]
fn time_passes_and_variables_that_are_not_there_are_none() {
    let pause = std::time::Duration::from_millis(3);
    let before = now();
    sleep(pause);
    assert!(now() - before >= pause);
    assert_eq!(variable("USUFRUCT_NO_SUCH_VARIABLE"), None);
}
