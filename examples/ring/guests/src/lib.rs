//! What both ends of the ring are: a task with pages that it may write, as long as it may,
//! and pages of the other end, which it reads.

use std::fmt;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use stream::{Order, PORT, Word};
use usufruct_guest::page::{Foreign, PageError, Received};
use usufruct_guest::{Error, Message, Port, TaskId, find_task, send};

/// How long an end that has nothing to do waits before it looks again; orders are heard at once.
const REST: Duration = Duration::from_millis(1);

/// Why an end can not go on.
#[derive(Debug)]
pub enum Fault {
    /// Its arguments are not what [`End::start`] says.
    Arguments,
    /// The other end's numbers can not be.
    Nonsense,
    /// The kernel refuses a call.
    Refused(Error),
    /// It refuses something with pages.
    Pages(PageError),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl From<PageError> for Fault {
    fn from(error: PageError) -> Self {
        Self::Pages(error)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arguments => f.write_str("these are not an end's arguments"),
            Self::Nonsense => f.write_str("the other end is where it can not be"),
            Self::Refused(error) => write!(f, "the kernel says {error}"),
            Self::Pages(error) => error.fmt(f),
        }
    }
}

/// One end of the ring.
#[derive(Debug)]
pub struct End {
    port: Port,
    supervisor: TaskId,
    /// The pages that this end may write.
    mine: Foreign,
    /// The other end's.
    pub theirs: Foreign,
    /// Decides what streams.
    pub seed: u64,
    /// How long the stream is, in bytes.
    pub total: u64,
}

impl End {
    /// Begins with the arguments: address and size of this end's pages, the same of the other
    /// one's, the seed, and how many bytes there are in all. Waits until it may store.
    ///
    /// # Errors
    ///
    /// Other arguments; whatever the kernel says.
    pub fn start() -> Result<Self, Fault> {
        let mut arguments = std::env::args().skip(1);
        let mine = pages(&mut arguments)?;
        let theirs = pages(&mut arguments)?;
        let end = Self {
            port: Port::open(PORT)?,
            supervisor: find_task("host")?,
            mine,
            theirs,
            seed: number(&mut arguments)?,
            total: number(&mut arguments)?,
        };
        end.tell(Word::Ready)?;
        end.wait_to_go_on(None)?;
        Ok(end)
    }

    /// This end's own pages.
    #[must_use]
    pub fn mine(&self) -> &Foreign {
        &self.mine
    }

    /// Does what the supervisor has ordered, if anything.
    ///
    /// # Errors
    ///
    /// Whatever the kernel says.
    pub fn obey(&self) -> Result<(), Fault> {
        while let Some(message) = self.port.receive()? {
            self.hear(&message)?;
        }
        Ok(())
    }

    /// The same, and waits a moment if there is no order.
    ///
    /// # Errors
    ///
    /// Whatever the kernel says.
    pub fn rest(&self) -> Result<(), Fault> {
        match self.port.wait_for(REST)? {
            Some(message) => self.hear(&message),
            None => Ok(()),
        }
    }

    /// Has `step` store to this end's pages. If it may not, this end says so, waits until it
    /// may, and the whole step is done again: a step must not mind that.
    ///
    /// Between the library's look whether it may and the store it can lose the right. Then
    /// the store ends this task, and the next one goes on from what was stored before.
    ///
    /// # Errors
    ///
    /// Whatever `step` says, but for [`PageError::NotWritable`]; whatever the kernel says.
    pub fn store(
        &mut self,
        step: impl Fn(&mut Foreign) -> Result<(), PageError>,
    ) -> Result<(), Fault> {
        loop {
            match step(&mut self.mine) {
                Err(PageError::NotWritable) => {
                    self.tell(Word::Refused)?;
                    self.wait_to_go_on(None)?;
                }
                done => return Ok(done?),
            }
        }
    }

    fn hear(&self, message: &Message) -> Result<(), Fault> {
        match self.order(message) {
            Some(Order::Pause(number)) => {
                // Nothing is stored between this and the order to go on, so the right can be
                // taken without harm.
                self.tell(Word::Paused(number))?;
                self.wait_to_go_on(Some(number))
            }
            // For something that this end has not noticed.
            Some(Order::GoOn(_)) | None => Ok(()),
        }
    }

    /// After a pause only the order of that number counts; others may be older.
    fn wait_to_go_on(&self, mut pause: Option<i32>) -> Result<(), Fault> {
        loop {
            match self.order(&self.port.wait()?) {
                Some(Order::GoOn(number)) if pause.is_none_or(|pause| pause == number) => {
                    return Ok(());
                }
                Some(Order::Pause(number)) => {
                    self.tell(Word::Paused(number))?;
                    pause = Some(number);
                }
                Some(Order::GoOn(_)) | None => {}
            }
        }
    }

    fn order(&self, message: &Message) -> Option<Order> {
        let is_from_supervisor = message.sender == Some(self.supervisor);
        Order::from_words(message.words).filter(|_| is_from_supervisor)
    }

    fn tell(&self, word: Word) -> Result<(), Error> {
        send(self.supervisor, PORT, word.words())
    }
}

fn pages(arguments: &mut impl Iterator<Item = String>) -> Result<Foreign, Fault> {
    let address = number(arguments)?;
    Ok(Received::new(address, number(arguments)?).visit()?)
}

fn number<N: FromStr>(arguments: &mut impl Iterator<Item = String>) -> Result<N, Fault> {
    let argument = arguments.next().ok_or(Fault::Arguments)?;
    argument.parse().map_err(|_| Fault::Arguments)
}

/// Runs an end to its end.
pub fn run(end: impl FnOnce() -> Result<(), Fault>) -> ExitCode {
    match end() {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("{fault}");
            ExitCode::FAILURE
        }
    }
}
