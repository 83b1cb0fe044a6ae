//! What a decoder that has been taken over may try, and what comes of it.
//!
//! In its first life it makes all the calls that are refused. Each attempt that ends a
//! life has one of its own. After those the decoder is honest, and the picture comes
//! out as if nothing had happened.
//!
//! ```text
//!   objects.rs   other tasks' objects, and its own when they are gone
//!   memory.rs    memory that it does not have
//!   tables.rs    more than its share of what all tasks use
//!   pages.rs     pages that are not its own, and more of them than its share
//!   stores.rs    stores to pages that it may not write
//!   ending.rs    other attempts that do not end well for the decoder
//!   witness.rs   asks the task whose pages those are
//!   wild.rs      addresses that no honest program makes; wild_page.rs the same in the pool
//! ```
//!
//! `attempts.toml` lists the same for the reader, with what stops each; a test compares.

mod ending;
mod memory;
mod objects;
mod pages;
mod stores;
mod tables;
mod wild;
mod wild_page;
mod witness;

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use usufruct_guest::program::{exit, variable};
use usufruct_guest::{Error, SmoId, TaskId, println, raw};

/// The exit status of a hostile life that has nothing more to try. Not 0 or 1, by
/// which an honest decoder says that it is done or has reported a fault.
const NEXT_LIFE: i32 = 3;

/// What the decoder knows of the others.
#[derive(Debug)]
pub(crate) struct Surroundings {
    /// The picture's file, lent to the decoder to be read.
    pub(crate) file: SmoId,
    /// The picture's title, lent to the scaler. The decoder was told the number.
    pub(crate) title: SmoId,
    pub(crate) reader: TaskId,
    pub(crate) scaler: TaskId,
}

/// What came of an attempt.
#[derive(Debug)]
enum Answer {
    Refused(String),
    Succeeded(String),
    /// Something that the attempt needs, and has a right to, did not work.
    NotTried(String),
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(how) => write!(f, "refused: {how}"),
            Self::Succeeded(what) => write!(f, "SUCCEEDED: {what}"),
            Self::NotTried(why) => write!(f, "not tried: {why}"),
        }
    }
}

/// One thing to try.
struct Attempt {
    name: &'static str,
    tries: &'static str,
    make: fn(&Surroundings) -> Answer,
}

/// Those of the first life.
const REFUSED: [&[Attempt]; 4] = [
    objects::ATTEMPTS,
    memory::ATTEMPTS,
    tables::ATTEMPTS,
    pages::ATTEMPTS,
];

/// Those of the lives after it, one each.
const ENDINGS: [&[Attempt]; 2] = [stores::ATTEMPTS, ending::ATTEMPTS];

/// Lives up to the last hostile one make attempts and do not return; later ones do.
pub(crate) fn take_over(around: &Surroundings) {
    let hostile = variable("DECODER").is_some_and(|mode| mode == "hostile");
    let life = variable("USUFRUCT_LIFE");
    let life: Option<usize> = life.and_then(|life| life.parse().ok());
    let (true, Some(life)) = (hostile, life) else {
        return;
    };
    let all_tried = match life.checked_sub(1) {
        None => {
            let attempts = REFUSED.into_iter().flatten();
            let tried = attempts.map(|attempt| {
                let Attempt { name, tries, make } = attempt;
                report(&format!("{name}: {tries}"), &make(around))
            });
            // Every one is made, whatever comes of those before it.
            tried.fold(true, |all, tried| all & tried)
        }
        Some(number) => {
            let attempt = ENDINGS.into_iter().flatten().nth(number);
            let Some(Attempt { name, tries, make }) = attempt else {
                return;
            };
            println!("attempt {name}: {tries} -> this life ends");
            report(name, &make(around))
        }
    };
    exit(if all_tried { NEXT_LIFE } else { 1 });
}

/// Whether it has been tried. If not, the demonstration shows nothing, and must fail.
fn report(what: &str, answer: &Answer) -> bool {
    println!("attempt {what} -> {answer}");
    !matches!(answer, Answer::NotTried(_))
}

/// The kernel's answer to a raw call.
fn answer(word: i32) -> Result<i32, Error> {
    if word >= 0 {
        return Ok(word);
    }
    Err(Error::from_code(raw::last_error()).unwrap_or(Error::NoPermission))
}

/// What one call says about an attempt: it must be refused.
fn one<T>(result: Result<T, Error>, success: impl FnOnce(T) -> String) -> Answer {
    match result {
        Ok(value) => Answer::Succeeded(success(value)),
        Err(error) => Answer::Refused(error.name().to_owned()),
    }
}

/// What several calls say: each must be refused. The description goes with its call.
fn all(results: impl IntoIterator<Item = (String, Result<i32, Error>)>) -> Answer {
    let mut names: Vec<&'static str> = Vec::new();
    for (call, result) in results {
        match result {
            Ok(_) => return Answer::Succeeded(call),
            Err(error) if names.contains(&error.name()) => {}
            Err(error) => names.push(error.name()),
        }
    }
    Answer::Refused(names.join(", "))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use serde::Deserialize;

    use super::{Attempt, ENDINGS, REFUSED, pages, tables};

    #[derive(Deserialize)]
    struct List {
        attempt: Vec<Entry>,
    }

    #[derive(Deserialize)]
    struct Entry {
        name: String,
        tries: String,
        ends: Option<String>,
        task: Option<String>,
    }

    fn read(name: &str) -> String {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        fs::read_to_string(folder.join(name)).unwrap()
    }

    #[test]
    fn the_list_for_readers_names_every_attempt_in_order() {
        let listed: List = toml::from_str(&read("attempts.toml")).unwrap();
        let listed: Vec<_> = listed
            .attempt
            .into_iter()
            .filter(|entry| entry.task.is_none())
            .map(|entry| (entry.name, entry.tries, entry.ends.is_some()))
            .collect();
        let made = |ends_life| {
            move |attempt: &Attempt| (attempt.name.to_owned(), attempt.tries.to_owned(), ends_life)
        };
        let refused = REFUSED.into_iter().flatten().map(made(false));
        let ending = ENDINGS.into_iter().flatten().map(made(true));
        let made: Vec<_> = refused.chain(ending).collect();
        assert_eq!(listed, made);
    }

    #[test]
    fn the_hostile_system_gives_a_life_to_each_attempt_that_ends_one() {
        let system: toml::Table = read("hostile.toml").parse().unwrap();
        let tasks = system["task"].as_array().unwrap();
        let decoder = tasks
            .iter()
            .find(|task| task["name"].as_str() == Some("decoder"));
        let decoder = decoder.unwrap();
        // One after the calls that are refused, and one after each ending.
        let endings = ENDINGS.into_iter().flatten().count();
        let restarts = i64::try_from(endings).unwrap() + 1;
        assert_eq!(decoder["restart"].as_integer(), Some(restarts));
        assert_eq!(
            decoder["smos"].as_integer(),
            i64::try_from(tables::QUOTA).ok()
        );
        let share = |task: &str| {
            let found = tasks
                .iter()
                .find(|found| found["name"].as_str() == Some(task));
            found.unwrap()["pool_quota"].as_str().unwrap()
        };
        assert_eq!(
            share("decoder"),
            format!("{} MiB", pages::QUOTA_BYTES >> 20)
        );
        assert_eq!(
            share("witness"),
            format!("{} KiB", pages::WITNESS_BYTES >> 10)
        );
    }

    #[test]
    fn but_for_the_decoder_and_its_company_the_hostile_system_is_the_friendly_one() {
        let [mut friendly, mut hostile] = ["system.toml", "hostile.toml"].map(|name| {
            let system: toml::Table = read(name).parse().unwrap();
            system
        });
        for name in ["initializer", "witness"] {
            let other = hostile["task"].as_array_mut().unwrap().pop().unwrap();
            assert_eq!(other["name"].as_str(), Some(name));
        }
        for system in [&mut friendly, &mut hostile] {
            let decoder = system["task"].as_array_mut().unwrap();
            let decoder = decoder[1].as_table_mut().unwrap();
            assert_eq!(decoder["name"].as_str(), Some("decoder"));
            for key in ["env", "restart", "time_limit_ms", "pool_quota"] {
                decoder.remove(key);
            }
        }
        assert_eq!(friendly, hostile);
    }
}
