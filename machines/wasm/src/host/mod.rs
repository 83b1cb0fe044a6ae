//! The program that a system is part of, as the task `host`: it shares and is
//! shared with, sends and receives, and has pages. It is trusted; what keeps its
//! own bytes right are Rust's types:
//!
//! ```text
//!   buffer.rs   bytes that tasks may copy from or to: the kernel's, never borrowed ones
//!   object.rs   what tasks have shared with the host
//!   port.rs     messages, waited for by a thread or by a future
//!   pages.rs    a block of pages that the host owns, one value for each
//!   frozen.rs   such a block that nobody can change: a plain slice
//!   border.rs   the machine as a call of the host sees it (arena.rs, seats.rs)
//! ```
//!
//! Whatever is forgotten instead of dropped stays what it is: an object goes on
//! with its bytes, pages stay the host's, and nothing else gets their place.

mod arena;
mod border;
mod buffer;
mod error;
mod frozen;
mod object;
mod pages;
mod port;
mod seats;

use std::fmt;
use std::sync::Arc;

use tokio::sync::Notify;
use usufruct_abi::{Error as Code, MAX_TASK_NAME_BYTES, Number};
use usufruct_core::{
    Copier, CopyRequest, Denied, Machine, PageRequest, Progress, Request, SmoId, TaskId, TaskKey,
    carry_out, copy, serve,
};

pub(crate) use self::arena::Arena;
use self::border::{HostBorder, Window};
pub use self::buffer::{Buffer, Share};
pub use self::error::HostError;
pub use self::frozen::Frozen;
pub use self::object::Object;
use self::pages::InHand;
pub use self::pages::Pages;
pub use self::port::{Message, Port};
pub(crate) use self::seats::SEATS;
use self::seats::{Seat, Seats};
use crate::machine::Shared;

/// The task `host` of one system: a handle, to be cloned at will. It is good
/// for as long as anything of the system is.
#[derive(Clone)]
pub struct Host(Arc<Inside>);

struct Inside {
    shared: Arc<Shared>,
    key: TaskKey,
    id: TaskId,
    seats: Seats,
    /// Rung when a message comes on a port that somebody waits on.
    bell: Arc<Notify>,
    in_hand: InHand,
}

/// What a control call comes to that may have to wait.
enum Answer {
    Word(i32),
    Wait,
}

impl Host {
    /// The host of a system that has just been made, with its pins.
    pub(crate) fn new(shared: Arc<Shared>, copiers: Vec<Copier>) -> Self {
        let host = shared.kernel().host();
        let seats = copiers
            .into_iter()
            .map(|copier| Seat {
                copier,
                thread: shared.kernel().host(),
            })
            .collect();
        shared.spaces.publish(host.key(), shared.arena.memory());
        Self(Arc::new(Inside {
            key: host.key(),
            id: host.task(),
            seats: Seats::new(seats),
            bell: shared.wakers.insert_for_all(host.id()),
            in_hand: InHand::default(),
            shared,
        }))
    }

    /// The id under which tasks know the host; its name is `host`.
    #[must_use]
    pub fn id(&self) -> TaskId {
        self.0.id
    }

    /// The living task of a name, 1 to 31 bytes. (`find_task`)
    #[must_use]
    pub fn find_task(&self, name: &str) -> Option<TaskId> {
        let len = i32::try_from(name.len()).ok()?;
        let mut bytes = [0; MAX_TASK_NAME_BYTES];
        bytes
            .get_mut(..name.len())?
            .copy_from_slice(name.as_bytes());
        let name = Some(bytes);
        let raw = self.control(&Request::FindTask { len, name }).ok()?;
        TaskId::from_raw(raw)
    }

    /// Sends four words to a task's port, 0 to 31; never waits. (`send_msg`)
    ///
    /// # Errors
    ///
    /// [`HostError::Denied`]: no such task, a port that is closed or full.
    pub fn send(&self, task: TaskId, port: u8, words: [i32; 4]) -> Result<(), HostError> {
        let request = Request::SendMsg {
            task: task.raw(),
            port: i32::from(port),
            message: Some(port::bytes_of(words)),
        };
        self.control(&request)?;
        Ok(())
    }

    /// Opens one of the host's ports, 0 to 31. It is closed when the value is
    /// dropped. (`open_port`)
    ///
    /// # Errors
    ///
    /// [`HostError::Denied`]: no such port, or it is open already; the message
    /// table is full.
    pub fn open_port(&self, port: u8) -> Result<Port, HostError> {
        Port::open(self.clone(), port)
    }

    /// A buffer of zeroes, `len` bytes long.
    ///
    /// # Errors
    ///
    /// [`HostError::Length`], [`HostError::NoRoom`].
    pub fn buffer(&self, len: usize) -> Result<Buffer, HostError> {
        Buffer::new(self.clone(), len)
    }

    /// A buffer with these bytes in it.
    ///
    /// # Errors
    ///
    /// As [`Self::buffer`].
    pub fn buffer_of(&self, bytes: &[u8]) -> Result<Buffer, HostError> {
        let buffer = self.buffer(bytes.len())?;
        buffer.write_from(0, bytes)?;
        Ok(buffer)
    }

    /// An object that a task has shared with the host, by the id that came in a
    /// message. Whether there is one is seen when it is used.
    ///
    /// # Errors
    ///
    /// [`HostError::Denied`]: 0 and negative numbers are no ids.
    pub fn object(&self, id: i32) -> Result<Object, HostError> {
        let id = SmoId::from_raw(id).ok_or(Denied::NotAnId(id))?;
        Ok(Object::new(self.clone(), id))
    }

    /// Pages of the pool that nobody had, `len` bytes rounded up to whole pages:
    /// zeroes, which the host owns and alone may write. (`AllocMemBlocks`)
    ///
    /// # Errors
    ///
    /// [`HostError::NoPool`], [`HostError::Length`], [`HostError::Denied`].
    pub fn pages(&self, len: usize) -> Result<Pages, HostError> {
        Pages::allocate(self.clone(), len)
    }

    /// Pages that a task has given to the host, and whose address and length in
    /// bytes it has told in a message. When this returns the host alone may
    /// write them, whatever the giver kept. (Contract, section 4: taking delivery)
    ///
    /// # Errors
    ///
    /// [`HostError::NoPool`]; [`HostError::Denied`] if not all of them are the
    /// host's; [`HostError::AlreadyHeld`]; [`HostError::Length`].
    pub fn accept(&self, address: u32, len: usize) -> Result<Pages, HostError> {
        Pages::accept(self.clone(), address, len)
    }

    fn shared(&self) -> &Shared {
        &self.0.shared
    }

    /// A control call without a result in memory, to its end.
    fn control(&self, request: &Request) -> Result<i32, Denied> {
        match self.drive(request, Window::NONE)? {
            Answer::Word(word) => Ok(word),
            // Only `wait_msg` waits, and only `port.rs` asks for it.
            Answer::Wait => Ok(0),
        }
    }

    fn page_call(&self, request: PageRequest) -> Result<i32, Denied> {
        self.control(&Request::Page(request))
    }

    /// A control call whose result, if it has one, goes into `result`.
    fn drive(&self, request: &Request, result: Window) -> Result<Answer, Denied> {
        let shared = self.shared();
        // SAFETY: the window is `NONE`, or the caller's own array (`port.rs`), which
        // outlives this call and is borrowed for it alone.
        let border = unsafe { HostBorder::new(shared, self.0.key, result) };
        let mut progress = border.with_kernel(|kernel| {
            let host = kernel.host();
            kernel.begin(&host, request)
        });
        loop {
            match progress {
                Progress::Do(step) => {
                    let outcome = carry_out(&border, step.work());
                    progress = border.with_kernel(|kernel| kernel.done(step, outcome));
                }
                Progress::Answer(answer) => return answer.map(Answer::Word),
                Progress::Block(_) => return Ok(Answer::Wait),
            }
        }
    }

    /// A copy between an object and the host's own bytes.
    fn copy(&self, request: &CopyRequest, window: Window) -> Result<(), HostError> {
        let mut taken = self.0.seats.take();
        let seat = taken.seat();
        // SAFETY: `object.rs` makes the window of a slice that it has borrowed for
        // longer than this call: for good if the copy stores to it.
        let border = unsafe { HostBorder::new(self.shared(), self.0.key, window) };
        match copy(&border, &mut seat.copier, &mut seat.thread, request) {
            0 => Ok(()),
            _ => Err(HostError::Copy(seat.thread.last_error())),
        }
    }

    /// `mem_size`
    fn size_of(&self, object: SmoId) -> Result<usize, HostError> {
        let mut taken = self.0.seats.take();
        let seat = taken.seat();
        // SAFETY: there is no window.
        let border = unsafe { HostBorder::new(self.shared(), self.0.key, Window::NONE) };
        let words = [u64::from(object.raw().cast_unsigned()), 0, 0, 0];
        let (copier, thread) = (&mut seat.copier, &mut seat.thread);
        match serve(&border, copier, thread, Number::MemSize, words) {
            usufruct_core::Reply::Word(size) if size >= 0 => Ok(size.unsigned_abs() as usize),
            _ => Err(HostError::Copy(match seat.thread.last_error() {
                Code::Ok => Code::InvalidSmo,
                code => code,
            })),
        }
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Host({:?})", self.id())
    }
}

/// `offset..offset + len`, if it lies in `size_bytes`.
fn range_in(size_bytes: usize, offset: usize, len: usize) -> Result<usize, HostError> {
    match offset.checked_add(len) {
        Some(end) if end <= size_bytes => Ok(offset),
        _ => Err(HostError::OutOfRange {
            offset,
            len,
            size_bytes,
        }),
    }
}
