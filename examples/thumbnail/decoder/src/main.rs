//! Turns the bytes of a JPEG or PNG file into samples, with other people's decoders, and
//! writes them into pages, which it gives to the scaler.
//!
//! This is the program that nobody trusts: it has no folder, a time limit, a share of the
//! pool, and only the objects that are lent to it. With `DECODER=hostile` in its environment it shows
//! why (see [`hostile`]).

#![cfg_attr(target_os = "none", no_std, no_main)]

extern crate alloc;

mod chunks;
mod decode;
mod hostile;
mod inflated;
mod jpeg;
mod png;
#[cfg(test)]
mod tests;
mod turn;

use alloc::vec;
use alloc::vec::Vec;

use hostile::Surroundings;
use thumbnail_chain::{
    ANSWER, DECODER, Fault, Letter, News, READER, SCALER, Stop, WORK, answered, find, give, next,
    open, pages, run, tell,
};
use usufruct_guest::program::on_panic;
use usufruct_guest::{Error, Port, Received, SmoId, TaskId, println};

usufruct_guest::main!(work);

fn work() -> i32 {
    on_panic(decode::give_up);
    run(DECODER, || {
        let work = open(WORK)?;
        let answers = open(ANSWER)?;
        let reader = find(READER, &work)?;
        let scaler = find(SCALER, &answers)?;
        let (file, title) = order(&work, reader)?;
        hostile::take_over(&Surroundings {
            file,
            title,
            reader,
            scaler,
        });
        decode_and_give(file, title, (&answers, scaler))?;
        // The reader may have gone already: it watches the scaler too.
        let _ = tell(reader, ANSWER, Letter::Done);
        Ok(())
    })
}

/// Waits for the file.
fn order(work: &Port, reader: TaskId) -> Result<(SmoId, SmoId), Stop> {
    loop {
        match next(work)? {
            News::Letter(sender, Letter::File { object, title }) if sender == reader => {
                return Ok((object, title));
            }
            News::Ended(_) => return Err(Stop::Quietly),
            News::Letter(..) => {}
        }
    }
}

fn decode_and_give(
    file: SmoId,
    title: SmoId,
    (answers, scaler): (&Port, TaskId),
) -> Result<(), Stop> {
    let picture = decode::picture(copy(file)?, &pages)?;
    let (size, channels) = (picture.shape().size(), picture.shape().channels());
    println!(
        "decoder: {} x {} pixels of {channels} bytes",
        size.width(),
        size.height()
    );
    give(picture, title, (answers, scaler))?;
    answered(answers, scaler, || {
        Fault::new(
            "the picture",
            "the scaler could not take what the decoder gave it",
            "use the programs of one version together",
        )
    })
}

/// The bytes of the file, in this program's own memory.
fn copy(file: SmoId) -> Result<Vec<u8>, Stop> {
    let file = Received::new(file);
    let copied = file.size().and_then(|size| {
        let mut bytes = vec![0; size];
        file.read_at(0, &mut bytes).map(|()| bytes)
    });
    copied.map_err(|error| match error {
        // The reader took it back, or is gone.
        Error::InvalidSmo => Stop::Quietly,
        error => Fault::refused("the reader's file", error).into(),
    })
}
