//! Writes the thumbnail as a PNG file.

#![cfg_attr(target_os = "none", no_std, no_main)]

extern crate alloc;

mod file;
mod png;

use alloc::string::String;
use alloc::vec;

use thumbnail_chain::{
    ANSWER, ENCODER, Fault, Letter, News, Picture, SCALER, Stop, WORK, accept, find, next, open,
    run, tell,
};
use usufruct_guest::page::{Frozen, discard_unclaimed};
use usufruct_guest::program::argument;
use usufruct_guest::{Error, Port, Received, SmoId, TaskId, println};

/// The longest title that goes into the file, in bytes.
const MAX_TITLE_BYTES: usize = 1024;

usufruct_guest::main!(encode);

fn encode() -> i32 {
    run(ENCODER, work)
}

fn work() -> Result<(), Stop> {
    let target = file::Target::new(argument(1))?;
    let work = open(WORK)?;
    let scaler = find(SCALER, &work)?;
    let (picture, title) = order(&work, scaler)?;
    let written = target.write(&picture, &title)?;
    println!("encoder: {}, {written} bytes", target.name());
    // The scaler can not have gone: it waits for this.
    let _ = tell(scaler, ANSWER, Letter::Done);
    Ok(())
}

/// Waits for a thumbnail and its title.
fn order(work: &Port, scaler: TaskId) -> Result<(Picture<Frozen>, String), Stop> {
    loop {
        let letter = match next(work)? {
            News::Letter(sender, letter) if sender == scaler => letter,
            News::Letter(..) => continue,
            News::Ended(_) => return Err(Stop::Quietly),
        };
        let answer = match letter {
            Letter::Picture {
                address,
                shape,
                title,
            } => match accept(address, shape) {
                Some(picture) => return Ok((picture, copy_title(title)?)),
                None => Letter::Refused,
            },
            Letter::MakeRoom => {
                discard_unclaimed();
                Letter::Done
            }
            _ => continue,
        };
        let _ = tell(scaler, ANSWER, answer);
    }
}

/// The title, straight from the reader's memory: the scaler passed the object on.
fn copy_title(title: SmoId) -> Result<String, Stop> {
    let title = Received::new(title);
    let copied = title.size().and_then(|size| {
        let mut bytes = vec![0; size.min(MAX_TITLE_BYTES)];
        title.read_at(0, &mut bytes).map(|()| bytes)
    });
    match copied {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        // The reader is gone.
        Err(Error::InvalidSmo) => Err(Stop::Quietly),
        Err(error) => Err(Fault::refused("the picture's title", error).into()),
    }
}
