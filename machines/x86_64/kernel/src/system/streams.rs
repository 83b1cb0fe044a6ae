//! Streams of a task: its standard ones, the archive's files to read, and files that go out to
//! the host.

use super::archive::Archive;
use super::flight::Stopped;
use super::member::Member;
use super::output;
use crate::machine::Bare;
use core::sync::atomic::{AtomicU32, Ordering};
use usufruct_abi::{STREAM_READ, STREAM_WRITE, StreamError};
use usufruct_core::{Access, Machine, Span, TaskKey};
use usufruct_x86_64_wire::output::Kind;

/// Streams that a task may have open, the standard ones included.
const MOST: usize = 16;
/// Bytes that one call moves at most: a processor is in the kernel meanwhile.
const READ_BYTES: u64 = 256 << 10;
pub(super) const WRITE_BYTES: usize = 4 << 10;
/// Bytes that a revoker may have to wait for.
const PIECE_BYTES: usize = 16 << 10;
/// The longest path, in bytes.
pub(super) const PATH_BYTES: usize = 512;

#[derive(Clone, Copy, Debug, Default)]
enum Stream {
    #[default]
    Closed,
    /// Standard input, which is at its end.
    Nothing,
    /// Standard output, or standard error.
    Standard(Kind),
    Reads {
        bytes: &'static [u8],
        at: usize,
    },
    /// The file of this number on the host.
    Writes(u32),
}

/// All streams of one life, by their numbers.
#[derive(Debug)]
pub(super) struct Streams([Stream; MOST]);

impl Default for Streams {
    fn default() -> Self {
        let mut streams = [Stream::Closed; MOST];
        streams[..3].copy_from_slice(&[
            Stream::Nothing,
            Stream::Standard(Kind::Standard),
            Stream::Standard(Kind::Error),
        ]);
        Self(streams)
    }
}

/// Who makes a call on streams, and where.
#[derive(Clone, Copy)]
pub(super) struct Caller<'a> {
    pub(super) machine: &'a Bare,
    pub(super) processor: usize,
    pub(super) task: TaskKey,
    /// The task's place in the system file.
    pub(super) number: usize,
}

impl Streams {
    /// Ends all of a life's, and begins those of the next.
    pub(super) fn end(&mut self) {
        for number in 0..MOST as u64 {
            // One that is closed is what it is to be.
            let _ = self.close(number);
        }
        *self = Self::default();
    }

    fn of(&mut self, number: u64) -> Result<&mut Stream, StreamError> {
        let number = usize::try_from(number).ok();
        let stream = number.and_then(|number| self.0.get_mut(number));
        stream.ok_or(StreamError::BadStream)
    }

    /// `close_stream`.
    pub(super) fn close(&mut self, number: u64) -> Result<u64, StreamError> {
        match core::mem::take(self.of(number)?) {
            Stream::Closed => Err(StreamError::BadStream),
            Stream::Writes(file) => {
                output::send(Kind::Close, file as usize, &[]);
                Ok(0)
            }
            Stream::Nothing | Stream::Standard(_) | Stream::Reads { .. } => Ok(0),
        }
    }

    /// `open_stream`.
    pub(super) fn open(
        &mut self,
        (member, archive): (&Member, &Archive),
        path: &str,
        flags: i32,
    ) -> Result<u64, StreamError> {
        /// Numbers that no other file of the machine's has.
        static NEXT_FILE: AtomicU32 = AtomicU32::new(0);
        let is_closed = |stream: &Stream| matches!(stream, Stream::Closed);
        // The standard ones keep their numbers, closed or not.
        let free = self.0.iter().skip(3).position(is_closed);
        let number = free.ok_or(StreamError::TooManyStreams)? + 3;
        let (folder, inside) = folder_of(member, path)?;
        let of = member.folders[folder];
        self.0[number] = match flags {
            STREAM_READ => Stream::Reads {
                bytes: archive.find(of, inside).ok_or(StreamError::NoEntry)?,
                at: 0,
            },
            STREAM_WRITE if member.plan.dirs[folder].writable => {
                let file = NEXT_FILE.fetch_add(1, Ordering::Relaxed);
                let payload: [&[u8]; 2] = [&(of as u32).to_le_bytes(), inside.as_bytes()];
                output::send(Kind::Open, file as usize, &payload);
                Stream::Writes(file)
            }
            STREAM_WRITE => return Err(StreamError::NotCapable),
            _ => return Err(StreamError::Invalid),
        };
        Ok(number as u64)
    }

    /// `read_stream`.
    pub(super) fn read(
        &mut self,
        caller: Caller<'_>,
        number: u64,
        (buffer, size): (u64, u64),
    ) -> Result<u64, StreamError> {
        let (bytes, at) = match self.of(number)? {
            Stream::Reads { bytes, at } => (*bytes, at),
            Stream::Nothing => {
                caller.with_buffer(Access::Store, (buffer, size), |_| true)?;
                return Ok(0);
            }
            Stream::Closed | Stream::Standard(_) | Stream::Writes(_) => {
                return Err(StreamError::BadStream);
            }
        };
        let rest = &bytes[*at..];
        let most = size.min(READ_BYTES).min(rest.len() as u64) as usize;
        let part = &rest[..most];
        let store = |number: usize| {
            let from = number * PIECE_BYTES;
            let piece = &part[from..part.len().min(from + PIECE_BYTES)];
            let to = buffer + from as u64;
            // It is the task's, and nothing takes it away meanwhile.
            let is_stored = caller.machine.store(caller.task, to, piece).is_ok();
            !is_stored || from + piece.len() == part.len()
        };
        caller.with_buffer(Access::Store, (buffer, size), store)?;
        *at += most;
        Ok(most as u64)
    }

    /// `write_stream`; `bounce` is the processor's own.
    pub(super) fn write(
        &mut self,
        caller: Caller<'_>,
        number: u64,
        (buffer, size): (u64, u64),
        bounce: &mut [u8; WRITE_BYTES],
    ) -> Result<u64, StreamError> {
        let (kind, to) = match *self.of(number)? {
            Stream::Standard(kind) => (kind, caller.number),
            Stream::Writes(file) => (Kind::Data, file as usize),
            Stream::Closed | Stream::Nothing | Stream::Reads { .. } => {
                return Err(StreamError::BadStream);
            }
        };
        let most = size.min(WRITE_BYTES as u64) as usize;
        let taken = &mut bounce[..most];
        let mut is_taken = true;
        let take = |_| {
            is_taken = caller.machine.load(caller.task, buffer, taken).is_ok();
            true
        };
        caller.with_buffer(Access::Load, (buffer, size), take)?;
        if !is_taken {
            return Err(StreamError::Fault);
        }
        if most > 0 {
            output::send(kind, to, &[&bounce[..most]]);
        }
        Ok(most as u64)
    }
}

impl Caller<'_> {
    /// Has the pieces of a buffer moved, if the task may use it in this way: all `size` bytes
    /// must be its own, or pages that it owns.
    fn with_buffer(
        self,
        access: Access,
        (buffer, size): (u64, u64),
        mut piece: impl FnMut(usize) -> bool,
    ) -> Result<(), StreamError> {
        if size == 0 {
            return Ok(());
        }
        let whole = Span::new(buffer, size).ok_or(StreamError::Fault)?;
        let pool = self.machine.plane().pool();
        if pool.touches(whole) {
            if !self.task.is_attached() || !pool.contains(whole) {
                return Err(StreamError::Fault);
            }
            // All of it, also what stays as it is: who may not is refused before a byte moves.
            let run = pool.run_of(whole).ok_or(StreamError::Fault)?;
            let flown = self.machine.flights.fly(
                (self.machine, self.processor),
                (self.task, run, access),
                piece,
            );
            return flown.map_err(|stopped| match stopped {
                Stopped::Refused => StreamError::Fault,
                Stopped::Aborted => StreamError::Canceled,
            });
        }
        if !self.machine.reaches(self.task, whole, access) {
            return Err(StreamError::Fault);
        }
        let _ = (0..).find(|number| piece(*number));
        Ok(())
    }
}

/// The folder of the task's that a path is in, and the rest of the path.
fn folder_of<'p>(member: &Member, path: &'p str) -> Result<(usize, &'p str), StreamError> {
    let inside = |guest: &str| {
        let rest = path.strip_prefix(guest)?;
        let is_whole = guest.ends_with('/');
        rest.strip_prefix('/').or(is_whole.then_some(rest))
    };
    let folders = member.plan.dirs.iter().enumerate();
    let candidates = folders.filter_map(|(number, dir)| {
        let inside = inside(&dir.guest)?;
        Some((number, inside))
    });
    // The longest name of a folder leaves the shortest rest.
    let found = candidates.min_by_key(|(_, inside)| inside.len());
    let (folder, inside) = found.ok_or(StreamError::NoEntry)?;
    for part in inside.split('/') {
        match part {
            ".." => return Err(StreamError::NotCapable),
            "" | "." => return Err(StreamError::Invalid),
            _ => {}
        }
    }
    Ok((folder, inside))
}
