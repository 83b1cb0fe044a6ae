//! Makes a small picture of a large one, and gives it to the encoder.

#![cfg_attr(target_os = "none", no_std, no_main)]

extern crate alloc;

mod filter;
mod scale;

use thumbnail_chain::{
    ANSWER, DECODER, ENCODER, Fault, Letter, News, Picture, READER, SCALER, Stop, WORK, accept,
    answered, find, give, next, open, pages, run, tell,
};
use usufruct_guest::page::{Frozen, Pages, discard_unclaimed};
use usufruct_guest::{Port, Received, SmoId, TaskId, find_task, println};

/// The longer side of a thumbnail, in pixels.
const LONGEST_SIDE: u16 = 256;

/// The most bytes that the samples of one take.
const MOST_BYTES: usize = LONGEST_SIDE as usize * LONGEST_SIDE as usize * 4;

usufruct_guest::main!(scale);

fn scale() -> i32 {
    run(SCALER, work)
}

fn work() -> Result<(), Stop> {
    // Before anybody hears of this program: whoever uses the pool up comes too late.
    let room = pages(MOST_BYTES)?;
    let work = open(WORK)?;
    let answers = open(ANSWER)?;
    let reader = find(READER, &work)?;
    let encoder = find(ENCODER, &answers)?;

    let order = order(&work, reader, encoder)?;
    let thumbnail = scale::down(&order.picture, LONGEST_SIDE, room)?;
    let size = thumbnail.shape().size();
    println!("scaler: {} x {} pixels", size.width(), size.height());
    // No longer needed, and never the decoder's again.
    drop(order.picture);
    give(trim(thumbnail)?, order.title, (&answers, encoder))?;
    answered(&answers, encoder, || {
        Fault::new(
            "the thumbnail",
            "the encoder could not take what the scaler gave it",
            "use the programs of one version together",
        )
    })?;
    // The decoder may have gone already; then nobody waits for this.
    let _ = tell(order.decoder, ANSWER, Letter::Done);
    Ok(())
}

/// The picture in as many pages as it needs.
fn trim(picture: Picture<Pages>) -> Result<Picture<Pages>, Fault> {
    let shape = picture.shape();
    let mut pages = picture.into_samples();
    let trimmed = pages.truncate(shape.bytes());
    trimmed
        .ok()
        .and_then(|()| Picture::new(shape, pages))
        .ok_or_else(|| Fault::new("the thumbnail", "it has no size", "use another picture"))
}

/// A picture that has arrived.
struct Order {
    picture: Picture<Frozen>,
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
        // A letter of a decoder that has died meanwhile names what is gone.
        if find_task(DECODER) != Ok(sender) {
            continue;
        }
        let answer = match letter {
            Letter::Picture {
                address,
                shape,
                title,
            } => {
                let taken = accept(address, shape);
                let passed = taken.filter(|_| Received::new(title).pass_to(encoder).is_ok());
                if let Some(picture) = passed {
                    return Ok(Order {
                        picture,
                        title,
                        decoder: sender,
                    });
                }
                Letter::Refused
            }
            Letter::MakeRoom => {
                discard_unclaimed();
                Letter::Done
            }
            _ => continue,
        };
        // If it is gone by now, nobody is there to be told.
        let _ = tell(sender, ANSWER, answer);
    }
}
