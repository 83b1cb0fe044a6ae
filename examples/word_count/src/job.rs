//! The job in tasks: pieces of the text lie in pages that go to a mapper and come back.
//!
//! ```text
//!   host ══GIVE piece══> mapper       it fences the pages, and counts where they lie
//!        <══GIVE piece══
//!        <══GIVE tally══              when there are no more pieces
//! ```
//!
//! No byte of the text is copied, and no mapper can write what another one counts. A mapper
//! has a second piece while it counts the first.

use std::time::{Duration, Instant};

use counting::letter::{Answer, Order, PORT};
use counting::{Damaged, Tally, Words, join};
use thiserror::Error;
use usufruct::{
    Capture, Error, Host, HostError, Kernel, Message, Output, Pages, PoolError, PoolQuota, Port,
    Program, Task, TaskId, page_bytes,
};

/// Pieces that a mapper has at one time.
const IN_HAND: usize = 2;

/// What a mapper may need beside its pieces, in bytes of the pool: its tally.
pub(crate) const TALLY_BYTES: usize = 256 << 20;

/// How often the host looks whether a mapper that says nothing is still alive.
const LOOK: Duration = Duration::from_millis(100);

/// Why the words are not counted.
#[derive(Debug, Error)]
pub(crate) enum Fault {
    #[error(transparent)]
    Kernel(#[from] Error),
    #[error(transparent)]
    Pool(#[from] PoolError),
    #[error("'{name}' does not do its work: it {report}; it says: {said}")]
    Ended {
        name: String,
        report: String,
        said: String,
    },
    #[error("'{0}' says what no mapper says that does its work")]
    Nonsense(String),
    #[error("'{name}' has not done its work, and nothing was heard for {patience:?}")]
    Stuck { name: String, patience: Duration },
    #[error("a mapper's tally is damaged: {0}")]
    Tally(#[from] Damaged),
}

impl From<HostError> for Fault {
    fn from(error: HostError) -> Self {
        Self::Kernel(error.into())
    }
}

/// A piece of the text, in pages of its own.
#[derive(Debug)]
pub(crate) struct Piece {
    pages: Pages,
    len: usize,
}

impl Piece {
    /// Cuts a text into pieces, and copies each into pages.
    pub(crate) fn of_text(host: &Host, text: &[u8], len: usize) -> Result<Vec<Self>, HostError> {
        let piece = |text: &[u8]| {
            let pages = host.pages(text.len())?;
            pages.write_from(0, text)?;
            Ok(Self {
                pages,
                len: text.len(),
            })
        };
        text.chunks(len).map(piece).collect()
    }
}

/// One run of the job.
pub(crate) struct Job<'kernel> {
    host: &'kernel Host,
    port: Port,
    mappers: Vec<Mapper>,
    pieces: Vec<Place>,
    next: usize,
    tallies: Vec<Tally>,
}

struct Mapper {
    task: Task,
    said: Capture,
    is_done: bool,
}

/// Where a piece is.
enum Place {
    Here(Piece),
    Given {
        to: TaskId,
        address: u32,
        len: usize,
    },
}

impl<'kernel> Job<'kernel> {
    /// Starts the mappers.
    pub(crate) fn new(
        kernel: &'kernel Kernel,
        program: &Program,
        mappers: usize,
        pieces: Vec<Piece>,
    ) -> Result<Self, Fault> {
        let piece_bytes = pieces.iter().map(|piece| piece.pages.len()).max();
        let most = IN_HAND * piece_bytes.unwrap_or(0) + TALLY_BYTES;
        let quota = PoolQuota {
            pages: u32::try_from(most).unwrap_or(u32::MAX) / page_bytes()?,
            reserve: 0,
        };
        let port = kernel.host().open_port(PORT)?;
        let start = |number| {
            let said = Capture::new(4096);
            let task = kernel
                .task(format!("mapper {number}"), program)
                .pages(quota)
                .stderr(Output::Capture(said.clone()))
                .spawn()
                .map_err(Error::from)?;
            Ok(Mapper {
                task,
                said,
                is_done: false,
            })
        };
        Ok(Self {
            host: kernel.host(),
            port,
            mappers: (0..mappers).map(start).collect::<Result<_, Fault>>()?,
            pieces: pieces.into_iter().map(Place::Here).collect(),
            next: 0,
            tallies: Vec::new(),
        })
    }

    /// Has all words counted, if no mapper is silent for longer than `patience`; answers the
    /// pieces too, for the next run.
    pub(crate) fn run(mut self, patience: Duration) -> Result<(Words, Vec<Piece>), Fault> {
        let stuck = |mapper: &Mapper| Fault::Stuck {
            name: mapper.task.name().to_owned(),
            patience,
        };
        let mut heard = Instant::now();
        while let Some(busy) = self.mappers.iter().find(|mapper| !mapper.is_done) {
            match self.port.wait_for(LOOK)? {
                Some(message) => {
                    heard = Instant::now();
                    self.hear(&message)?;
                }
                None if heard.elapsed() > patience => return Err(stuck(busy)),
                None => self.look()?,
            }
        }
        for mapper in &self.mappers {
            mapper
                .task
                .join_for(patience)
                .ok_or_else(|| stuck(mapper))?;
        }
        let words = join(self.tallies)?;
        let pieces = self.pieces.into_iter().filter_map(|place| match place {
            Place::Here(piece) => Some(piece),
            Place::Given { .. } => None,
        });
        Ok((words, pieces.collect()))
    }

    fn hear(&mut self, message: &Message) -> Result<(), Fault> {
        let sent_it = |mapper: &Mapper| Some(mapper.task.id()) == message.sender;
        let Some(number) = self.mappers.iter().position(sent_it) else {
            return Ok(());
        };
        let task = self.mappers[number].task.clone();
        let nonsense = || Fault::Nonsense(task.name().to_owned());
        match Answer::from_words(message.words).ok_or_else(nonsense)? {
            Answer::Ready => (0..IN_HAND).try_for_each(|_| self.send_next(&task)),
            Answer::Counted(piece) => {
                self.take_back(piece, task.id()).ok_or_else(nonsense)??;
                self.send_next(&task)
            }
            Answer::Tally { address, len } => {
                let len = len as usize;
                let mut pages = self.host.accept(address, len)?;
                let bytes = pages.freeze()?;
                let tally = Tally::from_bytes(bytes.get(..len).ok_or_else(nonsense)?)?;
                self.tallies.push(tally);
                self.mappers[number].is_done = true;
                Ok(())
            }
        }
    }

    /// Gives a mapper the next piece; if there is none, and it has none, its last order.
    fn send_next(&mut self, task: &Task) -> Result<(), Fault> {
        let order = if let Some(place) = self.pieces.get_mut(self.next) {
            let number = u32::try_from(self.next).unwrap_or(u32::MAX);
            self.next += 1;
            give(place, number, task)?
        } else if self.has_pieces(task.id()) {
            return Ok(());
        } else {
            Order::Finish
        };
        // A mapper that has ended is found by `look`.
        let _ = self.host.send(task.id(), PORT, order.words());
        Ok(())
    }

    fn has_pieces(&self, task: TaskId) -> bool {
        let mut places = self.pieces.iter();
        places.any(|place| matches!(place, Place::Given { to, .. } if *to == task))
    }

    /// `None`: the task does not have that piece.
    fn take_back(&mut self, number: u32, task: TaskId) -> Option<Result<(), Fault>> {
        let place = self.pieces.get_mut(number as usize)?;
        let (address, len) = match place {
            Place::Given { to, address, len } if *to == task => (*address, *len),
            _ => return None,
        };
        let taken = self.host.accept(address, len).map(|pages| {
            *place = Place::Here(Piece { pages, len });
        });
        Some(taken.map_err(Fault::from))
    }

    /// Whether every mapper that has not done its work is alive.
    fn look(&self) -> Result<(), Fault> {
        for mapper in self.mappers.iter().filter(|mapper| !mapper.is_done) {
            if let Some(report) = mapper.task.report() {
                return Err(Fault::Ended {
                    name: mapper.task.name().to_owned(),
                    report: report.to_string(),
                    said: String::from_utf8_lossy(&mapper.said.contents()).into_owned(),
                });
            }
        }
        Ok(())
    }
}

fn give(place: &mut Place, number: u32, task: &Task) -> Result<Order, Fault> {
    let (address, len) = match place {
        Place::Here(piece) => (piece.pages.address(), piece.len),
        Place::Given { .. } => return Err(Fault::Nonsense(task.name().to_owned())),
    };
    let to = task.id();
    let here = std::mem::replace(place, Place::Given { to, address, len });
    if let Place::Here(Piece { pages, .. }) = here
        && let Err((pages, error)) = pages.give(to)
    {
        *place = Place::Here(Piece { pages, len });
        return Err(error.into());
    }
    Ok(Order::Count {
        number,
        address,
        len: u32::try_from(len).unwrap_or(u32::MAX),
    })
}
