//! The decoder has been taken over.

use std::fs;

use serde::Deserialize;

use crate::run::{Run, example, folder, rocket, run};

#[derive(Deserialize)]
struct List {
    attempt: Vec<Attempt>,
}

#[derive(Deserialize)]
struct Attempt {
    name: String,
    ends: Option<String>,
    task: Option<String>,
}

#[test]
fn no_attempt_succeeds_and_the_thumbnail_is_that_of_the_friendly_run() {
    let friendly = run(
        &example().join("system.toml"),
        &folder("friendly"),
        "a.jpg",
        &rocket(),
    );
    let hostile = run(
        &example().join("hostile.toml"),
        &folder("hostile"),
        "a.jpg",
        &rocket(),
    );
    let Run { code, out, err, .. } = &hostile;
    assert_eq!(*code, Some(0), "{out}{err}");
    assert!(friendly.thumbnail.is_some());
    assert!(
        friendly.thumbnail == hostile.thumbnail,
        "the thumbnails differ"
    );

    let list = fs::read_to_string(example().join("attempts.toml")).unwrap();
    let list: List = toml::from_str(&list).unwrap();
    let mut life = 0;
    for Attempt { name, ends, task } in list.attempt {
        let begin = format!("attempt {name}");
        let line = |line: &&str| {
            let rest = line.strip_prefix(&begin);
            rest.is_some_and(|rest| rest.starts_with([':', ' ']))
        };
        let lines: Vec<&str> = out.lines().filter(line).collect();
        let [line] = lines[..] else {
            panic!("{name} is not reported once: {out}");
        };
        let Some(ends) = ends else {
            assert!(line.contains(" -> refused: "), "{line}");
            continue;
        };
        assert!(line.ends_with(" -> this life ends"), "{line}");
        let report = match task {
            Some(task) => format!("task `{task}`, life 0, {ends}"),
            None => {
                life += 1;
                format!("task `decoder`, life {life}, {ends}")
            }
        };
        assert_eq!(err.matches(&report).count(), 1, "{name}: {err}");
    }
    for line in [
        "decoder: a store before the fence landed, and was seen",
        "witness: its own pages and 3 deliveries are what they were",
    ] {
        assert_eq!(out.matches(line).count(), 1, "{line}: {out}");
    }
}

#[test]
fn a_decoder_that_does_not_come_back_gets_one_clear_line() {
    let system = fs::read_to_string(example().join("hostile.toml")).unwrap();
    // The last task comes back as well, and is not what this is about.
    let (system, _) = system.rsplit_once("[[task]]").unwrap();
    let guests = example().join("../../target/thumbnail");
    let system = system
        .lines()
        .filter(|line| !line.starts_with("restart"))
        .map(|line| line.replace("../../target/thumbnail", &guests.to_string_lossy()))
        .collect::<Vec<_>>()
        .join("\n");
    let folder = folder("gone");
    let path = folder.join("system.toml");
    fs::write(&path, system).unwrap();

    let Run { code, err, .. } = run(&path, &folder, "a.jpg", &rocket());
    assert_eq!(code, Some(1));
    let line = "reader: the decoder: exited with 3 and did not come back; ";
    assert_eq!(err.matches(line).count(), 1, "{err}");
    assert_eq!(err.lines().count(), 2, "{err}");
}
