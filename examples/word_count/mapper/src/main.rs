//! Counts the words of the pages that the host gives it, and gives them back; in the end
//! it gives the host what it has counted, in pages as well.

use std::fmt;
use std::process::ExitCode;

use counting::Tally;
use counting::letter::{Answer, Order, PORT};
use usufruct_guest::page::{PageError, Pages, Received};
use usufruct_guest::{Error, Port, TaskId, find_task, send};

/// Why it can not go on.
enum Fault {
    Order,
    Message(Error),
    Pages(PageError),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Message(error)
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
            Self::Order => f.write_str("the host says what is no order"),
            Self::Message(error) => write!(f, "the kernel says {error}"),
            Self::Pages(error) => error.fmt(f),
        }
    }
}

fn main() -> ExitCode {
    match work() {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("{fault}");
            ExitCode::FAILURE
        }
    }
}

fn work() -> Result<(), Fault> {
    let port = Port::open(PORT)?;
    let host = find_task("host")?;
    let mut tally = Tally::default();
    tell(host, Answer::Ready)?;
    loop {
        let message = port.wait()?;
        // Anybody can send a message; only the host gives orders.
        if message.sender != Some(host) {
            continue;
        }
        match Order::from_words(message.words).ok_or(Fault::Order)? {
            Order::Count {
                number,
                address,
                len,
            } => {
                let pages = Received::new(address as usize, len as usize);
                // Now nobody can change them, not even the host.
                let pages = pages.accept_to_read()?;
                let text = pages.get(..len as usize).ok_or(Fault::Order)?;
                tally.count(number, text);
                pages.give(host).map_err(PageError::from)?.let_go();
                tell(host, Answer::Counted(number))?;
            }
            Order::Finish => return hand_in(host, &tally),
        }
    }
}

fn hand_in(host: TaskId, tally: &Tally) -> Result<(), Fault> {
    let bytes = tally.to_bytes();
    let mut pages = Pages::alloc(bytes.len())?;
    pages[..bytes.len()].copy_from_slice(&bytes);
    let [address, _] = pages.words();
    pages.give(host).map_err(PageError::from)?.let_go();
    let answer = Answer::Tally {
        address: address.cast_unsigned(),
        len: u32::try_from(bytes.len()).map_err(|_| Fault::Order)?,
    };
    tell(host, answer)
}

fn tell(host: TaskId, answer: Answer) -> Result<(), Fault> {
    Ok(send(host, PORT, answer.words())?)
}
