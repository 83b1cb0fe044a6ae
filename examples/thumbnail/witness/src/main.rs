//! An honest neighbour of the hostile decoder, who has no part in the job: it owns pages,
//! takes delivery of what it is given, and looks whether anybody changes what is its own.
//!
//! It serves whoever asks, for it has nothing to lose but its pages; they are what the
//! attempts are about. At the end it says whether one succeeded, and fails if so.

#![cfg_attr(target_os = "none", no_std, no_main)]

extern crate alloc;

use alloc::string::ToString;
use alloc::vec::Vec;

use thumbnail_chain::{Fault, SCALER, Stop, WORK, find, open, run};
use usufruct_guest::page::{Pages, Received, discard_unclaimed};
use usufruct_guest::{Ended, Port, TaskId, println, send};

/// Where answers go.
const TOLD: u8 = 12;

/// What can be asked for, as the first word. `decoder/src/hostile/witness.rs` asks.
const SHOW: i32 = 1;
const TAKE: i32 = 2;
const LEAK: i32 = 3;
const ALLOCATE: i32 = 4;

/// What the witness's own pages are full of.
const OWN: u8 = 0x5e;
/// What the pages are full of that it frees.
const SECRET: u8 = 0x5c;
const PAGES_BYTES: usize = 2 * 4096;

usufruct_guest::main!(watch);

fn watch() -> i32 {
    run("witness", || {
        let work = open(WORK)?;
        let scaler = find(SCALER, &work)?;
        let mut witness = Witness::new()?;
        witness.serve(&work, scaler)?;
        witness.judge()
    })
}

struct Witness {
    own: Pages,
    /// What it has taken delivery of, with what it was then.
    taken: Vec<(Pages, Vec<u8>)>,
}

impl Witness {
    fn new() -> Result<Self, Stop> {
        let mut own = pages(PAGES_BYTES)?;
        own.fill(OWN);
        let taken = Vec::new();
        Ok(Self { own, taken })
    }

    /// Until the scaler has ended, and with it the job.
    fn serve(&mut self, work: &Port, scaler: TaskId) -> Result<(), Stop> {
        loop {
            let message = work
                .wait()
                .map_err(|error| Fault::refused("waiting for work", error))?;
            match (message.sender, Ended::from_message(&message)) {
                (_, Some(ended)) if ended.task == scaler => return Ok(()),
                // If it has ended meanwhile, nobody waits for the answer.
                (Some(asker), _) => drop(send(asker, TOLD, self.answer(message.words))),
                (None, _) => {}
            }
        }
    }

    /// The first word says whether it could be done.
    fn answer(&mut self, [what, first, second, _]: [i32; 4]) -> [i32; 4] {
        let done = match what {
            SHOW => Some(self.own.words()),
            TAKE => self.take([first, second]),
            LEAK => leak(),
            ALLOCATE => allocate(first),
            _ => None,
        };
        done.map_or([0; 4], |[first, second]| [1, first, second, 0])
    }

    /// Takes delivery of pages; tells their first byte.
    fn take(&mut self, words: [i32; 2]) -> Option<[i32; 2]> {
        let pages = Received::from_words(words)
            .and_then(Received::accept)
            .ok()?;
        let then = pages.to_vec();
        let first = then.first().copied()?;
        self.taken.push((pages, then));
        Some([first.into(), 0])
    }

    fn judge(&self) -> Result<(), Stop> {
        let taken = self.taken.iter();
        let changed = taken.filter(|(now, then)| now[..] != then[..]).count();
        if changed > 0 || self.own.iter().any(|byte| *byte != OWN) {
            let cause = "another task has changed them";
            let way_out = "a check of the kernel or its machine is missing";
            return Err(Fault::new("the witness's pages", cause, way_out).into());
        }
        println!(
            "witness: its own pages and {} deliveries are what they were",
            self.taken.len()
        );
        Ok(())
    }
}

/// Writes a secret into pages and frees them: where they were.
fn leak() -> Option<[i32; 2]> {
    let mut secret = Pages::alloc(PAGES_BYTES).ok()?;
    secret.fill(SECRET);
    Some(secret.words())
}

/// Whether pages for so many bytes are to be had, once those have gone that nobody has told
/// the witness of.
fn allocate(bytes: i32) -> Option<[i32; 2]> {
    discard_unclaimed();
    let pages = Pages::alloc(usize::try_from(bytes).ok()?).ok()?;
    Some(pages.words())
}

fn pages(bytes: usize) -> Result<Pages, Stop> {
    Pages::alloc(bytes).map_err(|error| {
        let way_out = "give it a pool_quota in the system file";
        Fault::new("the witness's pages", error.to_string(), way_out).into()
    })
}
