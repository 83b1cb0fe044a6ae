//! Makes a small picture of a large one, and lends it to the encoder.

mod scale;

use std::process::ExitCode;

use thumbnail_chain::{
    ANSWER, DECODER, ENCODER, Fault, Letter, News, Picture, READER, SCALER, Stop, WORK, answered,
    find, next, open, run, tell,
};
use usufruct_guest::{Error, Port, Received, Shared, SmoId, TaskId, find_task};

/// The longer side of a thumbnail, in pixels.
const LONGEST_SIDE: u16 = 256;

fn main() -> ExitCode {
    run(SCALER, work)
}

fn work() -> Result<(), Stop> {
    let work = open(WORK)?;
    let answers = open(ANSWER)?;
    let reader = find(READER, &work)?;
    let encoder = find(ENCODER, &answers)?;

    let order = order(&work, reader, encoder)?;
    let thumbnail = scale::down(&order.picture, LONGEST_SIDE)?;
    let size = thumbnail.size();
    println!("scaler: {} x {} pixels", size.width(), size.height());
    let shared = Shared::readable(encoder, thumbnail.samples()).map_err(lending)?;
    let letter = Letter::Picture {
        object: shared.id(),
        size,
        title: order.title,
    };
    tell(encoder, WORK, letter).map_err(lending)?;
    answered(&answers, encoder, || {
        Fault::new(
            "the thumbnail",
            "the encoder could not read what the scaler lent it",
            "use the programs of one version together",
        )
    })?;
    // The decoder may have gone already; then nobody waits for this.
    let _ = tell(order.decoder, ANSWER, Letter::Done);
    Ok(())
}

/// A picture that has arrived.
struct Order {
    picture: Picture,
    /// Lent to the encoder by now.
    title: SmoId,
    decoder: TaskId,
}

/// Waits for a picture that can be worked on.
///
/// The decoder may lie, and may die and come back. Whether to go on waiting is the
/// reader's to decide: it keeps the file, and ends when no decoder is to be had.
fn order(work: &Port, reader: TaskId, encoder: TaskId) -> Result<Order, Stop> {
    loop {
        let (sender, letter) = match next(work)? {
            News::Letter(sender, letter) => (sender, letter),
            News::Ended(ended) if ended.task == reader => return Err(Stop::Quietly),
            News::Ended(_) => continue,
        };
        let Letter::Picture {
            object,
            size,
            title,
        } = letter
        else {
            continue;
        };
        // A letter of a decoder that has died meanwhile names what is gone.
        if find_task(DECODER) != Ok(sender) {
            continue;
        }
        let taken = Picture::copy_from(object, size);
        let passed = taken.filter(|_| Received::new(title).pass_to(encoder).is_ok());
        match passed {
            Some(picture) => {
                return Ok(Order {
                    picture,
                    title,
                    decoder: sender,
                });
            }
            // If it is gone by now, nobody is there to be told.
            None => drop(tell(sender, ANSWER, Letter::Refused)),
        }
    }
}

fn lending(error: Error) -> Stop {
    match error {
        Error::InvalidTsk => Stop::Quietly,
        error => Fault::refused("lending the thumbnail", error).into(),
    }
}
