//! Pictures that change hands where they lie, in pages.

use alloc::format;
use alloc::string::ToString;

use usufruct_guest::page::{Frozen, PageError, Pages, Received, Refused, available};
use usufruct_guest::{Port, SmoId, TaskId};

use crate::{Fault, Letter, Picture, Shape, Stop, WORK, answered, tell};

/// How often a neighbour is asked to make room. Whoever fills it up again each time can
/// keep a picture from it, as can whoever takes its processor; but not keep this program.
const REQUESTS: u32 = 16;

/// Pages for `bytes` bytes of samples.
///
/// # Errors
///
/// A fault if they are not to be had.
pub fn pages(bytes: usize) -> Result<Pages, Fault> {
    Pages::alloc(bytes).map_err(|error| match error {
        PageError::NoPool => Fault::new("the pages for samples", "this task has no pool", POOL),
        PageError::NoMemory => {
            let left = available().TaskLargest;
            Fault::new(
                "the pages for samples",
                format!("{bytes} bytes are wanted, and {left} are to be had in one piece"),
                "raise pool under [limits] in the system file, and pool_quota of this task",
            )
        }
        error => Fault::new("the pages for samples", error.to_string(), AS_A_WHOLE),
    })
}

const POOL: &str = "write pool = \"769 MiB\" under [limits] in the system file";

const AS_A_WHOLE: &str = "start all four programs of the system file, each in its own version";

/// Gives a picture to a neighbour and tells it. What it does with the picture is not
/// waited for.
///
/// # Errors
///
/// [`Stop::Quietly`] if the neighbour has ended, a fault if it can not be given the pages.
pub fn give(
    picture: Picture<Pages>,
    title: SmoId,
    (answers, neighbour): (&Port, TaskId),
) -> Result<(), Stop> {
    let shape = picture.shape();
    let mut pages = picture.into_samples();
    let [address, _] = pages.words();
    for _ in 0..REQUESTS {
        match pages.give(neighbour) {
            Ok(given) => {
                // This program has no more to do with them.
                given.let_go();
                let address = address.cast_unsigned();
                return say(
                    neighbour,
                    Letter::Picture {
                        address,
                        shape,
                        title,
                    },
                );
            }
            Err(Refused {
                pages: kept,
                error: PageError::NoMemory,
            }) => {
                pages = kept;
                say(neighbour, Letter::MakeRoom)?;
                answered(answers, neighbour, no_room)?;
            }
            Err(refused) => return Err(ungiven(refused.error, neighbour)),
        }
    }
    Err(no_room().into())
}

fn say(neighbour: TaskId, letter: Letter) -> Result<(), Stop> {
    tell(neighbour, WORK, letter).map_err(|error| match error {
        usufruct_guest::Error::InvalidTsk => Stop::Quietly,
        error => Fault::refused("telling a neighbour of its pages", error).into(),
    })
}

fn ungiven(error: PageError, neighbour: TaskId) -> Stop {
    if error != PageError::NoSuchTask {
        return Fault::new("the samples", error.to_string(), AS_A_WHOLE).into();
    }
    // It has ended, or has no pool. It may be told that it owns too much either way.
    match say(neighbour, Letter::MakeRoom) {
        Ok(()) => Fault::new("the samples", "the next program has no pool", POOL).into(),
        Err(stop) => stop,
    }
}

fn no_room() -> Fault {
    Fault::new(
        "the samples",
        "the next program can not be given so many pages",
        "raise its pool_quota in the system file",
    )
}

/// Takes delivery of a picture that a letter says has been given: from here on nobody can
/// change it. `None`: it has not.
#[must_use]
pub fn accept(address: u32, shape: Shape) -> Option<Picture<Frozen>> {
    let address = usize::try_from(address).ok()?;
    let pages = Received::new(address, shape.bytes())
        .accept_to_read()
        .ok()?;
    Picture::new(shape, pages)
}
