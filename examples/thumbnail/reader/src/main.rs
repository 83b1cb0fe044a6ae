//! Reads the picture's file and lends its bytes to the decoder.
//!
//! The decoder may die under it: then the bytes are taken back, and lent anew to its
//! next life. The title is lent to the scaler, which the decoder can not look into.

#![cfg_attr(target_os = "none", no_std, no_main)]

extern crate alloc;

mod file;

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use core::time::Duration;

use thumbnail_chain::{
    ANSWER, DECODER, Fault, Letter, News, READER, SCALER, Stop, WORK, find, next, open, run, tell,
};
use usufruct_guest::program::{argument, now};
use usufruct_guest::{
    Ended, Error, Port, Reason, Shared, SmoId, TaskId, find_task, println, watch_task,
};

/// How long the decoder may be gone before it is taken not to come back.
const PATIENCE: Duration = Duration::from_secs(2);

usufruct_guest::main!(read);

fn read() -> i32 {
    run(READER, work)
}

fn work() -> Result<(), Stop> {
    let file = file::read(argument(1))?;
    println!("reader: {}, {} bytes", file.title, file.bytes.len());

    let answers = open(ANSWER)?;
    let scaler = find(SCALER, &answers)?;
    let title = Shared::readable(scaler, file.title.as_bytes()).map_err(lending)?;

    let mut last_end = None;
    loop {
        let decoder = next_decoder(&answers, scaler, last_end)?;
        if let Some(ended) = last_end {
            println!(
                "reader: the decoder {}; its next life gets the picture anew",
                how(ended)
            );
        }
        last_end = match order(decoder, &file.bytes, title.id(), (&answers, scaler))? {
            Life::Done => return Ok(()),
            Life::Over(ended) => Some(ended),
        };
    }
}

/// How a decoder's life went.
enum Life {
    Done,
    Over(Ended),
}

/// Lends the file to one life of the decoder and waits until it is done, or over.
fn order(
    decoder: TaskId,
    bytes: &[u8],
    title: SmoId,
    (answers, scaler): (&Port, TaskId),
) -> Result<Life, Stop> {
    watch_task(decoder, answers).map_err(|error| Fault::refused("watching the decoder", error))?;
    // A decoder that dies meanwhile is not an error: the kernel's word of its end comes.
    let shared = match Shared::readable(decoder, bytes) {
        Err(Error::InvalidTsk) => None,
        shared => Some(shared.map_err(lending)?),
    };
    if let Some(shared) = &shared {
        let object = shared.id();
        match tell(decoder, WORK, Letter::File { object, title }) {
            Ok(()) | Err(Error::InvalidTsk) => {}
            Err(error) => return Err(Fault::refused("the order to the decoder", error).into()),
        }
    }
    loop {
        match next(answers)? {
            News::Letter(sender, Letter::Done) if sender == decoder => return Ok(Life::Done),
            News::Ended(ended) if ended.task == scaler => return Err(Stop::Quietly),
            News::Ended(ended) if ended.task == decoder => return over(ended),
            News::Letter(..) | News::Ended(_) => {}
        }
    }
}

/// A decoder that chose to exit with 0 or 1 has nothing more to say. Any other end is
/// an accident, after which it may come back.
fn over(ended: Ended) -> Result<Life, Stop> {
    match (ended.reason, ended.status) {
        (Reason::Exit, 0 | 1) => Err(Stop::Quietly),
        _ => Ok(Life::Over(ended)),
    }
}

/// Waits until the decoder is there.
fn next_decoder(answers: &Port, scaler: TaskId, last_end: Option<Ended>) -> Result<TaskId, Stop> {
    let began = now();
    loop {
        if let Ok(decoder) = find_task(DECODER) {
            return Ok(decoder);
        }
        if now().saturating_sub(began) >= PATIENCE {
            let cause = last_end.map_or("is not there".to_owned(), |ended| {
                format!("{} and did not come back", how(ended))
            });
            let way_out = "give it restart = 1, or more time or memory, in the system file";
            return Err(Fault::new("the decoder", cause, way_out).into());
        }
        let message = answers
            .wait_for(Duration::from_millis(1))
            .map_err(|error| Fault::refused("waiting for the decoder", error))?;
        let ended = message.as_ref().and_then(Ended::from_message);
        if ended.is_some_and(|ended| ended.task == scaler) {
            return Err(Stop::Quietly);
        }
    }
}

fn how(ended: Ended) -> String {
    match ended.reason {
        Reason::Exit => format!("exited with {}", ended.status),
        Reason::Trap => "ended in a trap".to_owned(),
        Reason::Killed => "was ended by the machine".to_owned(),
        Reason::ForbiddenStore => "stored where it may not".to_owned(),
        Reason::Forgotten => "ended long ago".to_owned(),
    }
}

fn lending(error: Error) -> Stop {
    match error {
        Error::InvalidTsk => Stop::Quietly,
        error => Fault::refused("lending the picture", error).into(),
    }
}
