//! Bytes from another process, through two pipes or a Unix socket. The other
//! process is this program again, with [`serve`] for its work.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

/// The largest message.
const MOST_BYTES: usize = 16 << 20;

/// What the other process runs with as its one argument.
pub(crate) const SERVE: &str = "serve-stream";

/// How the bytes come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Manner {
    /// Each message is asked for by a byte, and comes then: as `read_mem` does it.
    Asked = 0,
    /// One message after the other, as fast as they can: the best case.
    Streamed = 1,
}

/// The other process, and the way to it.
pub(crate) struct Stream {
    process: Child,
    /// Dropped first, for that is what ends the process.
    ends: Option<(Box<dyn Read>, Box<dyn Write>)>,
    buffer: Vec<u8>,
}

impl Stream {
    /// Two pipes, one each way.
    pub(crate) fn by_pipes() -> io::Result<Self> {
        let mut process = Self::other()?
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let ends = process.stdout.take().zip(process.stdin.take());
        let (from, to) = ends.ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(Self::new(process, Box::new(from), Box::new(to)))
    }

    /// One socket, for both ways.
    pub(crate) fn by_socket() -> io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        let process = Self::other()?
            .stdin(OwnedFd::from(theirs.try_clone()?))
            .stdout(OwnedFd::from(theirs))
            .spawn()?;
        Ok(Self::new(
            process,
            Box::new(ours.try_clone()?),
            Box::new(ours),
        ))
    }

    fn other() -> io::Result<Command> {
        let mut other = Command::new(std::env::current_exe()?);
        other.arg(SERVE);
        Ok(other)
    }

    fn new(process: Child, from: Box<dyn Read>, to: Box<dyn Write>) -> Self {
        Self {
            process,
            ends: Some((from, to)),
            buffer: vec![0; MOST_BYTES],
        }
    }

    /// Nanoseconds that each of `times` messages of `bytes` took to come.
    pub(crate) fn time(&mut self, manner: Manner, bytes: u32, times: u32) -> io::Result<f64> {
        let (from, to) = self.ends.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        let message = &mut self.buffer[..bytes as usize];
        let mut order = Vec::new();
        for word in [manner as u32, bytes, times] {
            order.extend(word.to_le_bytes());
        }
        to.write_all(&order)?;
        from.read_exact(&mut [0])?;
        let begun = Instant::now();
        match manner {
            Manner::Asked => {
                for _ in 0..times {
                    to.write_all(&[1])?;
                    from.read_exact(message)?;
                }
            }
            Manner::Streamed => {
                to.write_all(&[1])?;
                for _ in 0..times {
                    from.read_exact(message)?;
                }
            }
        }
        Ok(begun.elapsed().as_nanos() as f64 / f64::from(times))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.ends.take();
        let _ = self.process.wait();
    }
}

/// The other process's work: to send what is asked for, until its input ends.
pub(crate) fn serve() -> io::Result<()> {
    // Without the buffer that looks for lines.
    let mut to = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let mut from = io::stdin().lock();
    let bytes = vec![0x5a; MOST_BYTES];
    let mut order = [0; 12];
    while from.read_exact(&mut order).is_ok() {
        let (words, _) = order.as_chunks::<4>();
        let [manner, size, times] = [0, 1, 2].map(|index| u32::from_le_bytes(words[index]));
        let message = bytes
            .get(..size as usize)
            .ok_or(io::ErrorKind::InvalidInput)?;
        let is_asked = manner == Manner::Asked as u32;
        to.write_all(&[0])?;
        for index in 0..times {
            if is_asked || index == 0 {
                from.read_exact(&mut [0])?;
            }
            to.write_all(message)?;
        }
    }
    Ok(())
}
